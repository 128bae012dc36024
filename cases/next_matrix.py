# SPDX-License-Identifier: Apache-2.0
"""cases/full.yaml on Debian's next release. `make test-next` runs it.

Each cell is expected to be as it is on today's release, but for those of the table in results/NEXT.md, which says what they are.
"""
import re

from conftest import CACHE, TOP, scratch, tception

FOLDER = scratch("tception-next-")
# | `td/docker` | what full.yaml expects | `{grade: none}`, or: not run | why |
DIFFERENCES = {cell: (expected, why) for cell, expected, why in
               re.findall(r"^\| `([^`]+)` \| (?:[^|]*) \| (`\{[^|]*\}`|not run) \| ([^|]+) \|$", (TOP / "results" / "NEXT.md").read_text(), re.M)}
OWN = ("@kernel=", "@image=", "@release=")  # they have a kernel or an image of their own


def of_next(cell):
    """The same cell on the next release."""
    layer0, *rest = cell.split("/", 1)
    kind, *axes = layer0.split("@")
    return "/".join(["@".join([kind, *sorted([*axes, "release=forky"])]), *rest])


def next_cases():
    """full.yaml with the cells of the next release in place of today's."""
    head, *items = re.split(r"^(?=  - cell: )", (TOP / "cases/full.yaml").read_text(), flags=re.M)
    out, seen = [head], set()
    for item in items:
        cell = re.match(r"  - cell: (\S+)", item)[1]
        if any(word in cell for word in OWN):
            continue
        if cell in DIFFERENCES:
            expected, why = DIFFERENCES[cell]
            seen.add(cell)
            if expected == "not run":
                continue
            item = re.sub(r"(?m)^    (expect|why):.*\n", "", item) + f"    expect: {expected[1:-1]}\n    why: {why!r}\n"
        out.append(item.replace(cell, of_next(cell), 1))
    assert seen == set(DIFFERENCES), "results/NEXT.md names cells that full.yaml has not"
    return "".join(out)


def test_matrix():
    assert (CACHE / "forky/root.squashfs").exists(), "make image-forky"
    (FOLDER / "next.yaml").write_text(next_cases())
    done = tception("run", FOLDER / "next.yaml", "--platform", "emulated", "-o", FOLDER / "run", seconds=3000)
    assert done.returncode == 0, done.stdout + done.stderr
