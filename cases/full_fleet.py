# SPDX-License-Identifier: Apache-2.0
"""Shards on a real cluster, slurmctld and two slurmd on this machine's loopback, and by GNU parallel: what is merged is what one
host says, also when a node is killed half-way. TCEPTION_FLEET_BOOTS: how many boots there are to share (4)."""
import contextlib
import getpass
import json
import os
import pathlib
import signal
import socket
import subprocess
import sys
import time

import pytest

from conftest import RUN, TCEPTION, TOP, cells, processes_of, result, scratch, tception, wait_for, write_cases

BOOTS = int(os.environ.get("TCEPTION_FLEET_BOOTS", "4"))
QUICK = ["vm", "vm@mem=1024", "vm@mem=1536", "vm@mem=768", "vm@mem=640", "vm@mem=896"][:BOOTS]
CONF = """\
ClusterName=tception
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={port[0]}
SlurmUser={user}
SlurmdUser={user}
AuthType=auth/munge
AuthInfo=socket={dir}/munge.sock,cred_expire=5
CredType=cred/munge
StateSaveLocation={dir}/state
SlurmctldPidFile={dir}/slurmctld.pid
SlurmdPidFile={dir}/slurmd-%n.pid
SlurmdSpoolDir={dir}/spool-%n
SlurmdTimeout=10
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
SelectType=select/linear
SwitchType=switch/none
MpiDefault=none
ReturnToService=2
GresTypes=tdx
NodeName=a NodeHostname={host} NodeAddr=127.0.0.1 Port={port[1]} CPUs=1 Gres=tdx:1 State=UNKNOWN
NodeName=b NodeHostname={host} NodeAddr=127.0.0.1 Port={port[2]} CPUs=1 Gres=tdx:1 State=UNKNOWN
PartitionName=all Nodes=a,b Default=YES State=UP MaxTime=INFINITE
"""


def free_ports(count):
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for s in sockets:
            s.bind(("127.0.0.1", 0))
        return [s.getsockname()[1] for s in sockets]


def watcher(pid):
    """The slurmstepd whose child a process is, or none."""
    with contextlib.suppress(OSError):
        parent = int(pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
        if pathlib.Path(f"/proc/{parent}/comm").read_text().startswith("slurmstepd"):
            return parent
    return None


class Cluster:
    """Two nodes of one processor each, in a folder of their own."""

    def __init__(self, folder):
        self.dir = folder
        self.started = {}
        (folder / "state").mkdir()
        (folder / "munge.key").touch(0o600)
        (folder / "munge.key").write_bytes(os.urandom(128))
        (folder / "slurm.conf").write_text(CONF.format(host=socket.gethostname().split(".")[0], port=free_ports(3),
                                                       user=getpass.getuser(), dir=folder))
        (folder / "gres.conf").write_text("Name=tdx Count=1\n")
        self.env = {**os.environ, "SLURM_CONF": str(folder / "slurm.conf"), "TCEPTION": str(TCEPTION), "SBATCH_GRES": "tdx:1"}

    def start(self, name, *command):
        with open(self.dir / f"{name}.log", "ab") as log:
            self.started[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env)

    def up(self):
        self.start("munged", "munged", "--foreground", "--force", "--num-threads=2", *(
            f"--{option}={self.dir}/{file}" for option, file in {
                "key-file": "munge.key", "socket": "munge.sock", "pid-file": "munged.pid", "log-file": "munged.log",
                "seed-file": "munge.seed"}.items()))
        wait_for((self.dir / "munge.sock").exists)
        self.start("slurmctld", "slurmctld", "-D")
        for node in "ab":
            self.start(node, "slurmd", "-D", "-N", node)
        wait_for(lambda: self.ask("sinfo", "-h", "-N", "-o", "%N %T").split() == ["a", "idle", "b", "idle"])
        return self

    def ask(self, *command):
        return subprocess.run(command, env=self.env, check=False, capture_output=True, text=True).stdout

    def kill_node(self, name):
        """As when its power goes: the daemon, what watches its tasks and would tell of their end, and then the tasks."""
        self.started.pop(name).kill()
        tasks = processes_of(f"SLURMD_NODENAME={name}")
        for pid in [*filter(None, map(watcher, tasks)), *tasks]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def down(self):
        for name in reversed(self.started):
            self.started[name].terminate()
        for process in self.started.values():
            process.wait(60)


@pytest.fixture(scope="module", name="cluster")
def two_nodes():
    cluster = Cluster(scratch("fleet-"))
    try:
        yield cluster.up()
    finally:
        cluster.down()
        assert not processes_of(f"SLURM_CONF={cluster.dir}/slurm.conf")


@pytest.fixture(scope="module", name="cases")
def quick():
    return write_cases(scratch("fleet-"), {cell: "{grade: none}" for cell in QUICK})


def said(folder):
    """What a run says of its cells, without what differs each time."""
    return {name: (c["outcome"], c["reason"], [(layer["grade"], layer["entered"], layer["kvm"]) for layer in c["layers"]])
            for name, c in cells(folder).items()}


@pytest.fixture(scope="module", name="alone")
def one_host(cases):
    """The same cells by one run, one boot after the other: its folder, and how long it took."""
    folder = scratch("fleet-") / "run"
    begin = time.monotonic()
    done = tception(*RUN, cases, "-j", "1", "-o", folder)
    assert done.returncode == 0, done.stdout
    return folder, time.monotonic() - begin


def submit(cluster, cases, out):
    done = subprocess.run([TOP / "scripts" / "fleet" / "slurm", "2", out, cases, *RUN[1:], "-j", "1"], env=cluster.env, check=True,
                          capture_output=True, text=True)
    assert f"the run will be in {out}/run" in done.stdout


def finish(cluster, out):
    wait_for(lambda: not cluster.ask("squeue", "-h").strip(), seconds=900)
    assert result(out / "run"), (out / "merge.log").read_text()


def spans(out):
    """When each shard began and ended, by its record."""
    for record in (result(f, "run.json") for f in sorted((out / "shards").iterdir())):
        yield record["started"], record["started"] + record["seconds"]


def test_nodes_share(cluster, cases, alone):
    """Both work at the same time, and the merged run is that of one host. Two nodes take half the time where each has the
    processor that it says; these two share what this machine has, so no more than the figure is told."""
    out = scratch("fleet-") / "out"
    submit(cluster, cases, out)
    finish(cluster, out)
    assert said(out / "run") == said(alone[0])
    first, second = spans(out)
    assert max(first[0], second[0]) < min(first[1], second[1])
    took = max(first[1], second[1]) - min(first[0], second[0])
    each = [end - begin for begin, end in (first, second)]
    print(f"\nfleet: {len(QUICK)} boots by one host {alone[1]:.0f} s, by two nodes {took:.0f} s ({took / alone[1]:.2f} of it; "
          f"shards {each[0]:.0f} and {each[1]:.0f} s), {len(os.sched_getaffinity(0))} processors for all", file=sys.stderr)


def done_cells(folder):
    """The cells that a shard has on record as done."""
    try:
        record = json.loads((folder / "run.json").read_text())
    except OSError:
        return []
    return [v["cell"] for b in record["boots"] for v in b["visits"] if v["state"] == "done"]


def test_node_killed(cluster, cases, alone):
    """Half-way through its shard: its task is queued again, the other node goes on with it, and nothing is lost or done twice."""
    out = scratch("fleet-") / "out"
    submit(cluster, cases, out)
    nodes = {}

    def half_way():
        nodes.update(line.split() for line in cluster.ask("squeue", "-h", "-t", "R", "-n", "tception", "-o", "%K %N").splitlines())
        return [task for task in nodes if done_cells(out / "shards" / task)]
    task = wait_for(half_way, seconds=600)[0]
    before = done_cells(out / "shards" / task)
    assert 0 < len(before) < BOOTS / 2
    evidence = {f: f.read_bytes() for f in (out / "shards" / task).glob("boots/*/channel.bin") if f.stat().st_size}
    cluster.kill_node(nodes[task])
    finish(cluster, out)
    assert said(out / "run") == said(alone[0])
    record = result(out / "shards" / task, "run.json")
    assert record["ended"] and sorted(done_cells(out / "shards" / task)) == sorted(set(done_cells(out / "shards" / task)))
    first = min(evidence, key=lambda f: f.stat().st_mtime)
    assert first.read_bytes()[:len(evidence[first])] == evidence[first]  # the cell that was done
    print(f"\nfleet: node {nodes[task]} killed with {len(before)} cell of shard {task} done; {len(record['boots'])} boots in its "
          f"record afterwards", file=sys.stderr)


def test_parallel(cases, alone, tmp_path):
    """By GNU parallel on this host alone, `:` in its list; no sshd is needed for that."""
    (tmp_path / "hosts").write_text("1/:\n# none\n")
    done = subprocess.run([TOP / "scripts" / "fleet" / "ssh", tmp_path / "hosts", tmp_path / "out", cases, *RUN[1:], "--cell", QUICK[0]],
                          env={**os.environ, "TCEPTION": str(TCEPTION)}, check=False, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stdout + done.stderr
    assert said(tmp_path / "out" / "run") == {QUICK[0]: said(alone[0])[QUICK[0]]}
    assert pathlib.Path(tmp_path / "out" / "shards" / "1.tar.zst").exists()
