# SPDX-License-Identifier: Apache-2.0
"""GRANTS.md's table, by searches on real guests, an hour or more of them. `make test-full` runs it; `-k usual:` is one column."""
import json
import re

import pytest

from conftest import TOP, scratch, tception

FOLDER = scratch("tception-grants-")
# Of each column: the rung, and what is searched.
ANY = ""
SITED = "report-at,tsm-at,tsm,tsmmode,sysrw,noapparmor,noseccomp,privileged"
COLUMNS = {
    "report": ("tdreport", ANY),
    "quote": ("chain", ANY),
    "own": ("chain", SITED),
    "usual": ("chain", "tsm,noapparmor,noseccomp"),
}


def grants(text):
    """"dev + devgroup" as a set; None where no grants help."""
    return None if text == "never" else set() if text == "none" else set(text.split(" + "))


def table():
    """{name: {column: its grants, "without": errors}} as GRANTS.md has it."""
    rows = {}
    for line in (TOP / "cases" / "GRANTS.md").read_text().splitlines():
        cells = [c.strip() for c in line.strip("|").split("|")]
        if line.startswith("| `") and len(cells) == 6:
            for name in re.findall(r"`([^`]+)`", cells[0]):
                rows[name] = {**{s: grants(c) for s, c in zip(COLUMNS, cells[1:5]) if c}, "without": cells[5]}
    return rows


def extra():
    """Kinds that are in the image `extra` alone, as the full matrix has them."""
    listed = json.loads(tception("list", "cases/full.yaml", "--json").stdout)
    of = {True: set(), False: set()}
    for cell in (c["cell"] for c in listed):
        first, *inner = cell.split("/")
        of["@image=extra" in first] |= {re.match("[a-z]+", layer)[0] for layer in inner}
    return of[True] - of[False]


@pytest.fixture(scope="module")
def found(request):
    """What one command says of all the layers: {their name: {rung: its answer}}."""
    only = request.param
    names = {f"{'td@image=extra' if re.match('[a-z]+', name)[0] in extra() else 'td'}/{name}": name
             for name, row in table().items() if any(c in row for c, (_, searched) in COLUMNS.items() if searched == only)}
    done = tception("grants", *names, "--platform", "emulated", "--json", "-o", FOLDER / f"search-{len(only)}",
                    *(["--grants", only] if only else []), seconds=3 * 3600)
    assert done.returncode == 0, done.stderr
    return {names[answer["cell"]]: {r["rung"]: r for r in answer["rungs"]} for answer in json.loads(done.stdout)}


@pytest.mark.parametrize("found, column, name", [pytest.param(COLUMNS[c][1], c, n, id=f"{c}:{n}")
                                                 for c in COLUMNS for n, row in table().items() if c in row], indirect=["found"])
def test_smallest(found, column, name):
    """The table's, and each of them needed: without it, for a reason that the table names."""
    row = table()[name]
    answer = found[name][COLUMNS[column][0]]
    assert (None if answer["grants"] is None else set(answer["grants"])) == row[column]
    assert {c["without"] for c in answer["confirmed"]} == (row[column] or set())
    for confirmed in answer["confirmed"]:
        trial = confirmed["trial"]
        assert trial["known"] and (not trial["entered"] or trial["rung"] or row["without"].startswith("nothing to try"))
        assert trial["errno"] is None or trial["errno"] in row["without"]
