# SPDX-License-Identifier: Apache-2.0
"""Tables on terminals of any width: nothing is cut off, and nothing is coloured; what is piped is a line a row."""
import os
import re
import select

import pytest

from conftest import GOLDEN, TCEPTION, TOP, tception
from td_common import terminal

RUN = GOLDEN / "runs" / "layers"
TABLES = [("report", RUN), ("list", "cases/full.yaml"), ("doctor",), ("history", "--no-index", "*", RUN)]


def steady(text):
    """Without the one figure that is measured anew each time, the counter's rate of `doctor`."""
    return re.sub(r"TSC: \d+ kHz", "TSC: N kHz", text)


def shown(columns, *args, **more):
    """What is on a terminal, line by line."""
    with terminal(TCEPTION, *map(str, args), rows=50, columns=columns, cwd=TOP, env={**os.environ, **more}) as (fd, child):
        said = b""
        while select.select([fd], [], [], 60)[0]:
            try:
                more = os.read(fd, 65536)
            except OSError:  # the other end is closed
                break
            said += more
        child.wait(60)
    assert b"\x1b" not in said
    return said.decode().split("\r\n")


@pytest.mark.parametrize("args", TABLES, ids=lambda a: a[0])
@pytest.mark.parametrize("columns", [60, 100, 130, 400])
def test_columns(args, columns):
    """Every word is there as it is piped; a line is longer only where it is one that can't be broken."""
    lines = shown(columns, *args)
    piped = tception(*args).stdout
    if columns == 400:
        assert steady("\n".join(lines)) == steady(piped)
    reasons = [c for c in ("device: ENOENT: no /dev/tdx_guest", "was cut off in the guest") if c in piped]
    text = " ".join(" ".join(lines).split())
    assert all(reason in text for reason in reasons)
    if args[0] == "report":
        lines = lines[:lines.index("")]  # without what stands below the table
    assert not [line for line in lines if len(line) > columns and line.rstrip().rfind(" ") >= columns]


def test_columns_of_the_environment():
    """COLUMNS goes over what the terminal says; into a pipe a row is one line whatever it says."""
    narrow, wide = shown(400, "report", RUN, COLUMNS="60"), shown(60, "report", RUN, COLUMNS="400")
    assert max(map(len, wide)) > 150 and len(narrow) > len(wide)
    assert narrow == shown(60, "report", RUN) and all(len(line) <= 60 for line in narrow if " " in line.strip() and line.startswith("  "))
    env = {**os.environ, "COLUMNS": "60"}
    assert tception("report", RUN, env=env).stdout == tception("report", RUN).stdout == "\n".join(wide)


def test_no_colour():
    """Never, so NO_COLOR changes nothing (https://no-color.org)."""
    assert shown(100, "report", RUN) == shown(100, "report", RUN, NO_COLOR="1")
