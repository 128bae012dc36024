# SPDX-License-Identifier: Apache-2.0
"""`tception history`: a cell in all runs, with and without an index, which is never more than what the runs say."""
import json
import os
import shutil
import sqlite3

import pytest

from conftest import GOLDEN, result, tception

RUN = GOLDEN / "runs" / "measured"


def cell_of(run):
    return json.loads(tception("report", "--json", run).stdout)["cells"][0]


def earlier(folder, days, change=lambda text: text):
    """The recorded run as one of another day, with another case file."""
    shutil.copytree(RUN, folder)
    record = result(folder, "run.json")
    record["started"] += 86400 * days
    record["id"] = f"20260101T000000Z-{days:08x}"
    (folder / "run.json").write_text(json.dumps(record))
    cases = folder / "cases.yaml"
    cases.write_text(change(cases.read_text()))
    return folder


@pytest.fixture(name="runs")
def three(tmp_path):
    """Of the second one the expectation is another, so that its first cell fails."""
    for days in (0, 1, 2):
        earlier(tmp_path / "runs" / str(9 - days), days, (lambda t: t.replace("grade: ", "rung: device, grade: ", 1)) if days == 1 else lambda t: t)
    (tmp_path / "runs" / "README.md").write_text("not a run\n")
    return tmp_path / "runs"


def history(runs, *args, cell=None, **options):
    index = () if "--no-index" in args or "env" in options else ("--index", runs.parent / "index")
    return tception("history", *index, *args, cell or cell_of(RUN)["id"], runs, **options)


def rows(runs, *args, **options):
    done = history(runs, "--json", *args, **options)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return [(r["run"][-1], r["outcome"], r["reason"]) for r in json.loads(done.stdout)]


def test_history(runs):
    """By time, whatever the folders are called; where the verdict changed is marked, and what it is is what the run's report says."""
    was = cell_of(RUN)
    found = rows(runs)
    assert [r[0] for r in found] == ["0", "1", "2"]
    assert found[0][1:] == found[2][1:] == (was["outcome"], was["reason"])
    now = cell_of(runs / "8")
    assert found[1][1:] == (now["outcome"], now["reason"]) and now["outcome"] == "fail" != was["outcome"]
    lines = history(runs).stdout.splitlines()
    assert lines[0] == was["id"] and [line[0] for line in lines[1:4]] == [" ", "*", "*"] and lines[4].endswith("2 changes")
    assert rows(runs, cell="*") != found and set(rows(runs, cell="*")) >= set(found)
    assert rows(runs, "--no-index") == found


def test_index(runs):
    """It is used as long as nothing has changed, and only so long."""
    found = rows(runs)
    with sqlite3.connect(runs.parent / "index") as db:
        assert db.execute("SELECT count(*) FROM run").fetchone() == (3,)
        db.execute("UPDATE cell SET reason = 'of the index'")
    db.close()
    assert {r[2] for r in rows(runs)} == {"of the index"}
    assert rows(runs, "--no-index") == found
    channel = next((runs / "9").glob("boots/*/channel.bin"))
    channel.write_bytes(channel.read_bytes())  # as it was, at another time
    assert rows(runs)[0] == found[0] and rows(runs)[1][2] == "of the index"
    os.utime(runs / "8" / "cases.yaml")
    shutil.copytree(runs / "7", runs / "6")
    assert rows(runs)[1] == found[1] and len(rows(runs)) == 4


@pytest.mark.parametrize("damage", [lambda p: p.unlink(), lambda p: p.write_bytes(p.read_bytes()[:3000]),
                                    lambda p: p.write_bytes(p.read_bytes()[:100] + os.urandom(4000)), lambda p: p.write_bytes(b""),
                                    lambda p: sqlite3.connect(p).execute("DROP TABLE run"),
                                    lambda p: sqlite3.connect(p).execute("PRAGMA user_version = 99")])
def test_damaged_index(runs, damage):
    """Made anew."""
    found = rows(runs)
    damage(runs.parent / "index")
    assert rows(runs) == found
    with sqlite3.connect(runs.parent / "index") as db:
        assert db.execute("SELECT count(*) FROM run").fetchone() == (3,)


def test_no_index_to_be_had(runs):
    """Somebody's file is left alone; without a place for it, it goes without one."""
    notes = runs.parent / "index"
    notes.write_text("what I wanted to remember\n")
    done = history(runs)
    assert done.returncode == 0 and "without an index: " in done.stderr and "changes" in done.stdout
    assert notes.read_text() == "what I wanted to remember\n"
    env = {k: v for k, v in os.environ.items() if k not in ("HOME", "XDG_CACHE_HOME")}
    done = history(runs, env=env)
    assert done.returncode == 0 and "without an index: no place for it: --index FILE, or set HOME" in done.stderr
    cache = runs.parent / "cache"
    history(runs, env={**env, "XDG_CACHE_HOME": str(cache)})
    assert (cache / "tception" / "history.sqlite").exists()


def test_damaged_run(runs):
    """Told, left out, and exit 3; the others are there."""
    (runs / "8" / "run.json").write_text("{")
    done = history(runs, "--json")
    assert done.returncode == 3 and "left out: " in done.stderr and len(json.loads(done.stdout)) == 2


def test_bundles(runs):
    assert tception("bundle", runs / "8", "-o", runs / "8.tar.zst").returncode == 0
    shutil.rmtree(runs / "8")
    assert [r[0] for r in rows(runs)] == ["0", "1", "2"] and [r[0] for r in rows(runs)] == ["0", "1", "2"]


def test_nowhere(runs, tmp_path):
    done = history(runs, cell="td/nope")
    assert done.returncode == 3 and "none of 3 runs has a cell 'td/nope'; 'tception report RUN' shows a run's cells" in done.stderr
    assert "No such file" in history(tmp_path / "none").stderr
