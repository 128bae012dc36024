# SPDX-License-Identifier: Apache-2.0
"""The examples of workflows: their options are the program's, and what they do with a run they do here with a recorded one."""
import os
import re
import shlex
import shutil
import subprocess

import pytest
import yaml

from conftest import GOLDEN, TCEPTION, TOP, tception

WORKFLOWS = ["github-hosted.yml", "github-tdx.yml"]


def steps(name):
    return yaml.safe_load((TOP / "scripts" / "ci" / name).read_text())["jobs"]["matrix"]["steps"]


def commands(name):
    """Each command line of tception, without where its output goes."""
    text = "\n".join(s.get("run", "") for s in steps(name))
    for line in re.findall(r"^(?:build/)?tception (.*)$", text, re.M):
        yield shlex.split(re.sub(r" *>.*", "", line))


@pytest.mark.parametrize("name", WORKFLOWS)
def test_options(name):
    """Options by their whole names, and case files that are there."""
    assert len(list(commands(name))) >= 4
    for verb, *rest in commands(name):
        known = tception(verb, "--help").stdout
        for word in rest:
            if word.startswith("-"):
                assert re.search(rf" {word}[= ]", known), (verb, word)
            elif word.endswith(".yaml"):
                assert (TOP / word.removeprefix("tception/")).exists()


@pytest.mark.parametrize("name", WORKFLOWS)
def test_shape(name):
    """Nothing of an event gets into a script; what tells of a run comes also when that failed; the artifact is all of it."""
    for step in steps(name):
        assert "${{" not in step.get("run", "")
        assert "run" in step or re.fullmatch(r"actions/[a-z-]+@v\d", step["uses"])
    upload = steps(name)[-1]
    assert upload["uses"].startswith("actions/upload-artifact@") and upload["if"] == "always()" == steps(name)[-2]["if"]


@pytest.mark.parametrize("name", WORKFLOWS)
def test_summary(name, tmp_path):
    """The step behind the run, on a recorded one: the summary is its Markdown and the bundle's hash, the files are for the artifact."""
    shutil.copytree(GOLDEN / "runs" / "layers", tmp_path / "run")
    (tmp_path / "build").symlink_to(TCEPTION.parent)
    (tmp_path / "junit.xml").touch()
    subprocess.run(["bash", "-e", "-o", "pipefail", "-c", steps(name)[-2]["run"]], cwd=tmp_path, check=True, env={
        **os.environ, "PATH": f"{TCEPTION.parent}:{os.environ['PATH']}", "GITHUB_STEP_SUMMARY": str(tmp_path / "summary")})
    summary = (tmp_path / "summary").read_text()
    assert summary.startswith(tception("report", "--format", "markdown", tmp_path / "run").stdout.splitlines()[0])
    assert re.search(r"^[0-9a-f]{64}  run.tar.zst$", summary, re.M)
    for file in steps(name)[-1]["with"]["path"].split():
        assert (tmp_path / file).exists()
