# SPDX-License-Identifier: Apache-2.0
"""Runs in shards: put together they are the run of one host, and what does not belong together is refused. The shards here are
a recorded run taken apart; full_fleet.py has them made by real nodes."""
import json
import shutil
import subprocess

import pytest

from conftest import GOLDEN, cells, result, tception

RUN = GOLDEN / "runs" / "layers"
PARTS = {1: "td-1", 2: "vm-1"}
TABLE = [2, 2, 2, 1, 1, 1]


def shard(folder, number, change=lambda record: None):
    """One boot of that run with what the run has besides."""
    shutil.copytree(RUN, folder, ignore=lambda path, names: set(PARTS.values()) - {PARTS[number]} if path.endswith("boots") else set())
    record = result(folder, "run.json")
    record["boots"] = [b for b in record["boots"] if b["id"] == PARTS[number]]
    record["shard"] = {"number": number, "of": 2, "cells": list(TABLE)}
    record["id"] += str(number)
    record["started"] += number
    change(record)
    (folder / "run.json").write_text(json.dumps(record))
    return folder


@pytest.fixture(name="parts")
def two(tmp_path):
    return [shard(tmp_path / str(number), number) for number in PARTS]


def merged(out, *runs):
    done = tception("merge", out, *runs)
    assert not list(out.parent.glob(f"{out.name}.*"))
    return done


def refused(out, *runs):
    done = merged(out, *runs)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.count("\n") == 1 and not out.exists()
    return done.stderr


@pytest.mark.parametrize("order", [1, -1])
def test_merge(parts, order, tmp_path):
    """The same cells with the same verdicts and registers as the whole run, whatever the order, and from bundles."""
    done = merged(tmp_path / "all", *parts[::order])
    whole = tception("report", "--json", RUN)
    assert done.returncode == 3  # some of the recorded cells are broken, see test_golden_runs.py
    assert cells(tmp_path / "all") == {c["id"]: c for c in json.loads(whole.stdout)["cells"]}
    assert tception("diff", "-r", RUN, tmp_path / "all").returncode == 0
    assert result(tmp_path / "all")["started"] == result(RUN)["started"] + 1
    for i, part in enumerate(parts):
        tception("bundle", part, "-o", tmp_path / f"{i}.tar.zst")
    merged(tmp_path / "packed", *tmp_path.glob("*.tar.zst"))
    assert tception("diff", "-r", RUN, tmp_path / "packed").returncode == 0


def test_missing(parts, tmp_path):
    done = merged(tmp_path / "one", parts[1])
    assert done.returncode == 3
    for name, cell in cells(tmp_path / "one").items():
        if name.startswith("td"):
            assert (cell["outcome"], cell["reason"]) == ("broken", "never run: shard 1/2 is missing")
        else:
            assert cell == cells(RUN)[name] or cell["outcome"] == cells(RUN)[name]["outcome"]
    assert not result(tmp_path / "one", "run.json")["ended"]


def test_killed(parts, tmp_path):
    """What a shard planned and never did is broken in the whole, too."""
    record = result(parts[0], "run.json")
    visit = record["boots"][0]["visits"][-1]
    visit.update(state="not-run", end=visit["begin"], reason="")
    visit.pop("evidence", None)
    record["boots"][0].pop("tail", None)
    record["ended"] = False
    (parts[0] / "run.json").write_text(json.dumps(record))
    assert merged(tmp_path / "all", *parts).returncode == 3
    assert cells(tmp_path / "all")[visit["cell"]]["outcome"] == "broken"
    assert "never run" in cells(tmp_path / "all")[visit["cell"]]["reason"]


def test_refused(parts, tmp_path):
    assert "both shard 1/2" in refused(tmp_path / "out", *parts, parts[0])
    assert "was run without --shard" in refused(tmp_path / "out", RUN, *parts)
    assert "is there already" in tception("merge", parts[0], *parts).stderr
    for key, value in (("of", 3), ("cells", [1, 2, 2, 1, 1, 1])):
        other = shard(tmp_path / key, 2, lambda record: record["shard"].update({key: value}))  # pylint: disable=cell-var-from-loop
        assert "are no parts of one run" in refused(tmp_path / "out", parts[0], other)
    other = shard(tmp_path / "cases", 2)
    (other / "cases.yaml").write_text((other / "cases.yaml").read_text() + "# other\n")
    assert "are no parts of one run" in refused(tmp_path / "out", parts[0], other)
    other = shard(tmp_path / "root", 2)
    (other / "root.pem").write_text((other / "root.pem").read_text() + "\n")
    assert "give all hosts one --state-dir" in refused(tmp_path / "out", parts[0], other)


def test_two_boots_of_one_name(parts, tmp_path):
    """By a record that lies about what it did."""
    other = shard(tmp_path / "lies", 1, lambda record: record["shard"].update(number=2))
    assert "boots/td-1/channel.bin: File exists" in refused(tmp_path / "out", parts[0], other)


def test_each_host(parts, tmp_path):
    """What a shard has of its own host is kept, also by a bundle of the whole."""
    for number, part in zip(PARTS, parts):
        (part / "host.json").write_text(f'{{"checks": {number}}}')
        (part / "parts.json").write_text(f'{{"append": "{number}"}}')
    merged(tmp_path / "out", *parts)
    found = {f.name: f.read_text() for f in (tmp_path / "out" / "shards").iterdir()}
    assert found == {f"{n}-{name}": text for n in PARTS for name, text in (
        ("host.json", f'{{"checks": {n}}}'), ("parts.json", f'{{"append": "{n}"}}'))}
    assert not (tmp_path / "out" / "host.json").exists()
    assert tception("bundle", tmp_path / "out", "-o", tmp_path / "b.tar.zst").returncode == 0
    listed = subprocess.run(["bsdtar", "-tf", tmp_path / "b.tar.zst"], check=True, capture_output=True, text=True).stdout.split()
    assert {f"shards/{name}" for name in found} <= set(listed)
    assert tception("judge", tmp_path / "b.tar.zst").returncode == 3  # as RUN


def test_hosts_differ(parts, tmp_path):
    other = shard(tmp_path / "other", 2, lambda record: record["host"].update(kernel="7.0.0"))
    merged(tmp_path / "out", parts[0], other)
    host = result(tmp_path / "out")["host"]
    assert host["kernel"] == "several" and host["cpu"] == result(RUN)["host"]["cpu"]


@pytest.mark.parametrize("change, says", [
    (lambda s: s.update(number=3), "shard.number"),
    (lambda s: s.update(of=0), "shard.of"),
    (lambda s: s.update(cells=[3] * 6), "shard.cells"),
    (lambda s: s.update(more=1), "shard"),
])
def test_record(change, says, tmp_path):
    bad = shard(tmp_path / "bad", 1, lambda record: change(record["shard"]))
    done = merged(tmp_path / "out", bad)
    assert done.returncode in (2, 3) and says in done.stderr and not (tmp_path / "out").exists()
