# SPDX-License-Identifier: Apache-2.0
"""The fuzzers of the TDX module's rules come to every leaf, call and row of its tables, and to every function. `make test-full` runs it."""
import json
import os
import subprocess

import pytest

from conftest import TOP

CORE = sorted((TOP / "guests/tdxemu/core").glob("*.c"))
SOURCES = [*CORE, *(TOP / "harness/format" / name for name in ("code.c", "reader.c", "sha2.c", "tdreport.c"))]
MORE = {"fuzz_tdcall": [], "fuzz_cpu": [TOP / "guests/tdxemu/svm/decode.c"]}
SETUP = {"td_page_add", "td_pages_bytes", "td_msr_wanted"}  # called before a guest runs
FLAGS = ["-std=gnu11", "-O1", "-g", "-D_GNU_SOURCE", "-Iharness", "-Iguests", "-fsanitize=fuzzer", "-fprofile-instr-generate",
         "-fcoverage-mapping"]
RUNS = 300000  # ten million are `make test-full`'s


def reached(folder, name):
    """What one of them named, and functions of core/ -> how often called."""
    program, profile, table = folder / name, folder / f"{name}.raw", folder / f"{name}.txt"
    subprocess.run(["clang", *FLAGS, TOP / f"guests/tdxemu/test/{name}.c", *SOURCES, *MORE[name], "-o", program], cwd=TOP, check=True,
                   timeout=300)
    corpus = folder / f"{name}.corpus"
    corpus.mkdir()
    seeds = TOP / "cases/golden" / name.removeprefix("fuzz_")
    env = {**os.environ, "LLVM_PROFILE_FILE": str(profile), "TCEPTION_REACH": str(table)}
    subprocess.run([program, f"-runs={RUNS}", "-seed=1", corpus, seeds], env=env, check=True, timeout=900, capture_output=True)
    subprocess.run(["llvm-profdata", "merge", "-o", folder / f"{name}.prof", profile], check=True, timeout=60)
    said = subprocess.run(["llvm-cov", "export", program, f"-instr-profile={folder / name}.prof"], check=True, timeout=60,
                          capture_output=True).stdout
    return table.read_text(), {f["name"].rpartition(":")[2]: f["count"] for f in json.loads(said)["data"][0]["functions"]
                               if "/tdxemu/core/" in f["filenames"][0] and f["filenames"][0].endswith(".c")}


@pytest.fixture(scope="module", name="reach")
def fixture_reach(tmp_path_factory):
    folder = tmp_path_factory.mktemp("reach")
    return {name: reached(folder, name) for name in MORE}


def test_every_row_is_named(reach):
    assert {name: said for name, (said, _) in reach.items() if said} == {}


def test_every_function_is_called(reach):
    counts = [functions for _, functions in reach.values()]
    assert len(counts[0]) > 100
    assert {name for name in counts[0] if not any(c.get(name) for c in counts)} == SETUP
