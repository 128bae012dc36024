# SPDX-License-Identifier: Apache-2.0
"""Emulated trust domains of many vCPUs: each comes up, runs programs and asks for a quote. `make test-full` runs it."""
import resource

import pytest

from td_common import Td

# A quote for each of the first and the last CPU.
THERE = """
n=$(nproc); echo $n
for i in $(seq 0 $((n - 1))); do taskset -c $i sh -c 'grep ^Cpus_allowed_list /proc/self/status'; done
for i in 0 $((n - 1)); do
    mkdir /sys/kernel/config/tsm/report/$i && head -c 64 /dev/zero >/sys/kernel/config/tsm/report/$i/inblob
    taskset -c $i wc -c </sys/kernel/config/tsm/report/$i/outblob
done
"""


@pytest.mark.parametrize("vcpus", [8, 16, 64])
def test_vcpus(vcpus, capsys):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = Td()("run", "--platform", "emulated", "--vcpus", vcpus, "--", "sh", "-c", THERE, seconds=3000)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    with capsys.disabled():
        print(f"\n{vcpus} vCPUs: {after.ru_utime - before.ru_utime:.0f} s of CPU time, at most {after.ru_maxrss // 1024} MiB")
    assert done.returncode == 0, done.stderr
    said = done.stdout.split("\n")
    assert said[0] == str(vcpus)
    assert said[1:vcpus + 1] == [f"Cpus_allowed_list:\t{i}" for i in range(vcpus)]
    assert all(int(size) > 4000 for size in said[vcpus + 1:vcpus + 3])
