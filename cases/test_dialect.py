# SPDX-License-Identifier: Apache-2.0
"""One dialect for all verbs: what they do not take is refused by name, a letter means one thing, the manual has it all."""
import functools
import re
import subprocess

import pytest

from conftest import TCEPTION, TOP, tception

PAGE = TOP / "harness" / "cli" / "tception.1"
SEVERAL = [(), ("quote",), ("cloud",), ("collateral",), ("measure",), ("td",)]  # verbs that are several
NEEDS = {  # what each verb cannot do without, as its complaint calls it; None: nothing
    ("run",): None,
    ("list",): None,
    ("doctor",): None,
    ("judge",): "folder of a run",
    ("report",): "folder of a run",
    ("diff",): "folders of two runs",
    ("extract",): "folder of a run",
    ("history",): "no CELL",
    ("replay",): "folder of a run",
    ("bundle",): "folder of a run",
    ("merge",): "no OUT",
    ("shell",): "no CELL",
    ("compare",): "folder of a run",
    ("conformance",): "no report",
    ("grants",): "no CELL",
    ("quote", "parse"): "no quote",
    ("quote", "verify"): "FILE",
    ("quote", "fetch"): "--fmspc",
    ("cloud", "azure"): None,
    ("cloud", "gcp"): "no quote",
    ("collateral", "show"): "no collateral",
    ("eventlog",): "no event log",
    ("measure", "mrtd"): "no firmware",
    ("measure", "rtmr"): "--firmware",
    ("measure", "reference"): "--firmware",
    ("measure", "explain"): "--quote, --tdreport or --eventlog",
    ("measure", "acpi"): "--output",
    ("measure", "machine"): "--machine",
    ("td", "run"): "no PROGRAM",
    ("td", "boot"): "no DISK",
    ("td", "shell"): None,
    ("td", "up"): None,
    ("td", "exec"): "no TD and PROGRAM",
    ("td", "down"): "which one? a TD or --all",
    ("td", "list"): None,
    ("td", "trust"): "no DIR",
    ("agent-kit",): "no DIR",
    ("qgs",): "--key or --any-report",
    ("pccs",): None,
}
LETTERS = {"f": "format", "j": "jobs", "o": "output", "?": "help", "V": "version", "r": "registers"}
FORMATS = {"table", "json", "markdown", "junit", "html", "ktap", "sarif"}


@functools.cache
def help_of(*verb):
    return tception(*verb, "--help").stdout


def listed(*verb):
    """The verbs that a help text lists."""
    return re.findall(r"^  ([a-z-]+) ", help_of(*verb), re.M)


def options(*verb):
    """[letter or "", long name] of each option in a verb's help text."""
    return re.findall(r"^  (?:-(\S), |    )--([a-z-]+)", help_of(*verb), re.M)


def name(verb):
    return " ".join(("tception", *verb))


def test_verbs_are_these():
    """A new verb takes a place in the tables above and so in every test below."""
    first = listed()
    several = [(v,) for v in first if listed(v)]
    assert [(), *several] == SEVERAL
    assert {(v,) for v in first if not listed(v)} | {(*v, w) for v in several for w in listed(*v)} == set(NEEDS)


@pytest.mark.parametrize("verb", [*SEVERAL, *NEEDS], ids=name)
def test_help(verb):
    done = tception(*verb, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"Usage: {name(verb)} ")
    assert tception(*verb, "-h").stdout == done.stdout
    assert max(map(len, done.stdout.splitlines())) < 80


@pytest.mark.parametrize("verb", [*SEVERAL, *NEEDS], ids=name)
def test_help_that_cannot_be_written(verb):
    with open("/dev/full", "wb") as full:
        done = subprocess.run([TCEPTION, *verb, "--help"], stdout=full, stderr=subprocess.PIPE, check=False)
    assert done.returncode == 3 and b"No space left on device" in done.stderr


@pytest.mark.parametrize("verb", [*SEVERAL, *NEEDS], ids=name)
def test_unknown_option(verb):
    for option in ("--nope", "-Z"):
        done = tception(*verb, option)
        first, second = done.stderr.split("\n", 1)
        assert (done.returncode, done.stdout) == (2, "")
        assert first.startswith(f"{name(verb)}: ") and "option" in first and option.lstrip("-") in first
        assert f"{name(verb)} --help" in second.replace("\n", " ")


@pytest.mark.parametrize("verb", [*SEVERAL, *NEEDS], ids=name)
def test_too_much(verb):
    """Where arguments are not a list without end, one more than there should be is refused."""
    if verb in (("compare",), ("grants",), ("history",), ("merge",), ("measure", "acpi"), ("measure", "reference"), ("shell",), ("td", "run"), ("td", "exec")):
        pytest.skip("takes a list")
    done = tception(*verb, "nope", "nope", "nope")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{name(verb)}: ")


@pytest.mark.parametrize("verb", [v for v, what in NEEDS.items() if what], ids=name)
def test_missing_argument(verb):
    done = tception(*verb)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"{name(verb)}: ") and NEEDS[verb] in done.stderr


@pytest.mark.parametrize("verb", SEVERAL, ids=name)
def test_no_verb(verb):
    done = tception(*verb)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr == tception(*verb, "--help").stdout
    done = tception(*verb, "nope")
    assert done.returncode == 2 and done.stderr.startswith(f"{name(verb)}: unknown verb 'nope'")


@pytest.mark.parametrize("verb", NEEDS, ids=name)
def test_letters(verb):
    """A letter is the same option everywhere, and such an option has its letter everywhere."""
    letters = {long: letter for letter, long in LETTERS.items()}
    assert options(*verb)
    for letter, long in options(*verb):
        assert letter == letters.get(long, "")


@pytest.mark.parametrize("verb", [("run",), ("judge",), ("report",), ("compare",)], ids=name)
def test_formats(verb):
    """Every format is known to every verb that has formats, by the same names."""
    assert ("f", "format") in options(*verb)
    done = tception(*verb, "--format", "nope")
    assert done.returncode == 2
    assert done.stderr.splitlines()[0] == f"{name(verb)}: --format 'nope': expected table, json, markdown, junit, html, ktap or sarif"
    for form in (*FORMATS, "md"):
        said = tception(*verb, "-f", form, "/nonexistent").stderr
        assert "nonexistent" in said or f"--format {form} is not for this verb" in said


@pytest.mark.parametrize("args, says", [
    (("run", "-j", "0"), "--jobs '0': expected a number from 1 to 64"),
    (("run", "--shard", "3/2"), "--shard '3/2': expected M/N, the Mth of N parts"),
    (("run", "--shard", "1/2x"), "--shard '1/2x': expected M/N"),
    (("run", "--shard", "0/2"), "--shard '0/2': expected M/N"),
    (("run", "--shard", "1/1001"), "--shard '1/1001': expected M/N"),
    (("run", "--repeat", "many"), "--repeat 'many': expected a number from 1 to 1000"),
    (("run", "--platform", "moon"), "--platform 'moon': expected auto, emulated or hardware"),
    (("grants", "--platform", "moon", "td/crun"), "--platform 'moon': expected auto, emulated or hardware"),
    (("run", "--accel", "hvf"), "--accel 'hvf': expected auto, tcg or kvm"),
    (("grants", "--rung", "top", "td/crun"), "--rung 'top': expected device, tdreport, "),
    (("grants", "td/crun", "td/crun.moon"), "td/crun.moon"),
    (("grants", "--grants", "moon", "td/crun", "td/runc"), "--grants: 'moon' is no grant of crun"),
    (("grants", "--grants", "privileged", "td/crun"), "--grants: 'privileged' is no grant of crun"),
    (("grants", "--grants", "privileged", "td/nspawn", "td/crun"), "td/crun: crun has no grants to search"),
    (("grants", "--max", "10", "td/crun"), "--max '10': expected a number from 1 to 9"),
    (("eventlog", "--quote", "a", "--tdreport", "b", "c"), "--quote or --tdreport, not both"),
    (("measure", "rtmr", "--firmware", "/nonexistent"), "/nonexistent: No such file or directory"),
    (("measure", "rtmr", "--memory", "12x"), "--memory 12x: not a number of MiB"),
    (("measure", "rtmr", "--quote", "x"), "unrecognized option '--quote'"),
    (("measure", "explain", "--qemu-version", "new", "--quote", "x"), "--qemu-version new: not like 7.2 or 10.1.2"),
    (("td", "run", "--exits", "stage", "true"), "--exits 'stage': expected passthrough or ve"),
    (("td", "up", "--memory", "much"), "--memory 'much': expected a number from 1 to 1048576"),
    (("td", "trust", "--profile", "Fine", "x"), "--profile 'Fine': expected UpToDate, "),
    (("td", "run", "--profile", "TDRelaunchAdvised", "--quote", "v4", "true"), "only quotes of version 5 can advise a relaunch"),
    (("td", "run", "--share", "/:/", "true"), "/ is no place for a folder in a TD"),
    (("td", "run", "--root", "x", "--image", "y", "true"), "--root or --image: programs see one root"),
    (("td", "run", "--kernel", "jessie", "true"), "--kernel 'jessie': expected trixie, backports or a file with a '/'"),
    (("td", "run", "--memory", "100", "true"), "--memory 100: at least 512 MiB"),
    (("td", "up", "A b"), "'A b' is no name for a TD"),
    (("qgs", "--any-report", "--fault", "love"), "--fault 'love': expected none, silent, "),
])
def test_wrong_value(args, says):
    done = tception(*args)
    assert (done.returncode, done.stdout) == (2, "")
    assert says in done.stderr.splitlines()[0]


def sections():
    """The manual's section on each verb."""
    text = subprocess.run(["mandoc", "-T", "ascii", PAGE], capture_output=True, check=True).stdout.decode()
    parts = re.split(r"^   (\S.*)\n", re.sub(r".\x08", "", text), flags=re.M)
    return dict(zip(parts[1::2], parts[2::2]))


def test_manual_page():
    """It has a section for every verb and nothing else, and no fault that mandoc knows."""
    assert subprocess.run(["mandoc", "-T", "lint", "-W", "warning", PAGE], capture_output=True, check=False).stdout == b""
    assert set(sections()) == {" ".join(verb) for verb in NEEDS}


@pytest.mark.parametrize("verb", NEEDS, ids=name)
def test_manual_has_the_options(verb):
    """Those of the help text, with their letters, and no other."""
    text = sections()[" ".join(verb)]
    heads = "\n".join(line for line in text.splitlines() if line.startswith("     -"))
    assert set(re.findall(r"--([a-z][a-z-]+)", heads)) == {o for _, o in options(*verb)} - {"help", "usage", "version"}
    for letter, long in options(*verb):
        assert letter in ("", "?", "V") or f"-{letter}, --{long}" in heads
