# SPDX-License-Identifier: Apache-2.0
"""The statuses of random TCB infos, QE identities and quotes against Intel's rules written anew."""
import collections
import json
import os
import random
import subprocess

from conftest import TOP
from qvl_rules import MISMATCH, NOT_SUPPORTED, UNKNOWN, case_at_random, verdict

LINES = TOP / "build" / "test" / "tcb_lines"
COUNT = int(os.environ.get("TCEPTION_QVL_CASES", "4000"))  # `make test-full`: 100,000
BLOCK = 500


def answers(cases):
    done = subprocess.run([LINES], input="".join(json.dumps(c) + "\n" for c in cases), capture_output=True, text=True,
                          check=True, timeout=600)
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_random_cases():
    r = random.Random(20260713)
    seen = collections.Counter()
    for _ in range(0, COUNT, BLOCK):
        cases = [case_at_random(r) for _ in range(BLOCK)]
        said = answers(cases)
        assert len(said) == len(cases)
        for case, answer in zip(cases, said):
            status, launch, current = verdict(case)
            assert "error" not in answer, (answer, case)
            if {status, answer["status"]} == {UNKNOWN, NOT_SUPPORTED}:
                status = answer["status"]  # to QVL one as the other: which is said first is our own
            assert answer["status"] == status, (answer, case)
            if launch:
                assert (answer["launch"], answer["current"]) == (launch, current), case
            assert answer["evaluation"] == min(case[k]["tcbEvaluationDataNumber"] for k in ("tcb_info", "qe_identity"))
            seen[status] += 1
    assert len(seen) == 12 and min(seen.values()) >= 3, seen  # every status there is
    assert seen[MISMATCH] < COUNT / 2
