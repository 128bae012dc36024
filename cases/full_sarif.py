# SPDX-License-Identifier: Apache-2.0
"""The SARIF report against the published JSON Schema of SARIF 2.1.0. `make test-full` runs it.

The schema is the one that Microsoft's @microsoft/jest-sarif (MIT) carries, fetched from npm and held against its digest.
"""
import hashlib
import json
import re
import subprocess
import tarfile

import jsonschema
import pytest

from conftest import GOLDEN
from test_reports import hostile, report

PACKAGE = "@microsoft/jest-sarif@1.0.0-beta.0"
SHA256 = "748e2c3d1a842e7bb258416685c7ea3a0da40005b72267b2052c2856d48ad102"
SCHEMA = "package/lib/schemas/sarif-2.1.0-rtm.5.json"


@pytest.fixture(scope="module")
def validator(tmp_path_factory):
    """Skips where npm's registry can't be reached."""
    folder = tmp_path_factory.mktemp("sarif")
    done = subprocess.run(["npm", "pack", PACKAGE], cwd=folder, timeout=300, capture_output=True, text=True, check=False)
    if done.returncode and re.search("ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH", done.stderr):
        pytest.skip("npm's registry can't be reached")
    assert done.returncode == 0, done.stderr
    packed, = folder.glob("*.tgz")
    assert hashlib.sha256(packed.read_bytes()).hexdigest() == SHA256
    with tarfile.open(packed) as tar:
        schema = json.load(tar.extractfile(SCHEMA))
    return jsonschema.validators.validator_for(schema)(schema)


def faults(validator, text):
    return [error.message for error in validator.iter_errors(json.loads(text))]


@pytest.mark.parametrize("run", ["layers", "measured"])
def test_valid(validator, run):
    text = report(GOLDEN / "runs" / run, "sarif")
    assert json.loads(text)["runs"][0]["results"]
    assert not faults(validator, text)


def test_hostile(validator, tmp_path):
    assert not faults(validator, report(hostile(tmp_path / "run"), "sarif"))


@pytest.mark.parametrize("change", [
    lambda run: run["results"][0].update(level="loud"),
    lambda run: run["results"][0]["message"].clear(),
    lambda run: run["tool"]["driver"].pop("name"),
    lambda run: run["results"][0]["locations"][0]["physicalLocation"]["region"].update(startLine=0),
])
def test_the_schema_refuses(validator, change):
    """It is the schema that it should be: what SARIF forbids is refused."""
    log = json.loads(report(GOLDEN / "runs" / "layers", "sarif"))
    change(log["runs"][0])
    assert faults(validator, json.dumps(log))
