# SPDX-License-Identifier: Apache-2.0
"""The kernel's attestation interfaces at their edges, on both kernels, held against the table of results/INTERFACES.md."""
import functools
import socket
import threading

import pytest

from conftest import CACHE, TOP, scratch
from td_common import Td, compiled

TABLE = [[cell.strip() for cell in line.strip("|\n").split("|")]
         for line in (TOP / "results" / "INTERFACES.md").read_text().splitlines() if line.startswith("| ")]
KERNELS = TABLE[0][1:]


# Who asks at the same moment, as a command in the TD: itself, and a container with the folder of report entries.
OWN = "./interfaces ask /sys/kernel/config/tsm/report"
CONTAINER = ("bwrap --unshare-all --ro-bind / / --dev /dev --proc /proc --tmpfs /tmp "
             "--bind /sys/kernel/config/tsm/report /tmp/report ./interfaces ask /tmp/report")
LAYERS = {"two containers at once": [CONTAINER, CONTAINER], "container and TD at once": [CONTAINER, OWN]}


class Service:
    """In place of a TD's quoting service: one that hangs up, or (`silent`) takes requests and never answers."""

    def __init__(self, path, silent):
        self.path, self.own, self.silent, self.held = path, path.with_name("qgs.away"), silent, []

    def __enter__(self):
        self.path.rename(self.own)
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.bind(str(self.path))
        self.socket.listen()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            try:
                client, _ = self.socket.accept()
            except OSError:
                return
            if self.silent:
                self.held.append(client)
            else:
                client.close()

    def __exit__(self, *_):
        self.socket.shutdown(socket.SHUT_RDWR)
        self.own.rename(self.path)
        for client in self.held:
            client.close()


def at_once(run, who):
    said = run("sh", "-c", " & ".join(who) + " & wait")
    good = len(said) == len(who) and all(line.startswith("ok, a quote, ") for line in said)
    return ["all got quotes" if good else "; ".join(said), "# " + "; ".join(said)]


@functools.cache
def said(kernel):
    """Lines of the program in a TD of this kernel."""
    if kernel == "backports" and not (CACHE / "vmlinuz-backports").exists():
        pytest.skip("the image has no second kernel")
    td, program = Td(), compiled(scratch("interfaces-"), "interfaces")

    def run(*words):
        done = td("exec", "edges", "--", *words, seconds=1000)
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines()

    done = td("up", "edges", "--platform", "emulated", "--kernel", kernel, "--network", "none", seconds=1000)
    assert done.returncode == 0, done.stderr
    try:
        assert td("exec", "--copy", program, "edges", "true", seconds=1000).returncode == 0
        lines = run("./interfaces")
        for name, who in LAYERS.items():
            verdict, times = at_once(run, who)
            lines += [f"{name}: {verdict}", times]
        service = next(td.runtime.rglob("qgs.socket"))
        with Service(service, silent=False):
            lines += run("./interfaces", "broken")
        with Service(service, silent=True):
            lines += run("./interfaces", "silent")
            lines += run("./interfaces", "interrupted")
        return lines + run("./interfaces", "again")
    finally:
        td("down", "--all")


def name(kernel):
    return kernel.strip("`")


def test_table():
    assert [name(k) for k in KERNELS] == ["trixie", "backports"] and len(TABLE) > 25


@pytest.mark.parametrize("row", TABLE[1:], ids=lambda row: row[0])
@pytest.mark.parametrize("kernel", KERNELS, ids=name)
def test_row(kernel, row):
    found = dict(line.split(": ", 1) for line in said(name(kernel)) if not line.startswith("#"))
    expected = row[1 + KERNELS.index(kernel)]
    assert found.get(row[0], "–") in expected.split(" or ")


@pytest.mark.parametrize("kernel", KERNELS, ids=name)
def test_nothing_more(kernel):
    """Every line has its row."""
    found = {line.split(": ", 1)[0] for line in said(name(kernel)) if not line.startswith("#")}
    assert found <= {row[0] for row in TABLE[1:]}
