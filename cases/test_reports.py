# SPDX-License-Identifier: Apache-2.0
"""The forms of a report, each read by a program that others wrote; whatever a guest said stays text."""
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET

import html5lib
import pytest

from conftest import GOLDEN, tception

RUNS = GOLDEN / "runs"
HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)> <!-- ]]> ' \" | # & \u2028 {{data}}"


def report(folder, form):
    done = tception("report", "--format", form, folder)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def hostile(folder):
    """A run whose console, case file and command line say what would be markup."""
    shutil.copytree(RUNS / "layers", folder)
    record = json.loads((folder / "run.json").read_text())
    for boot in record["boots"]:
        boot["console_tail"] = boot["reason"] = HOSTILE
        boot["argv"].append(HOSTILE)
    record["host"]["cpu"] = HOSTILE
    (folder / "run.json").write_text(json.dumps(record))
    cases = (folder / "cases.yaml").read_text()
    (folder / "cases.yaml").write_text(re.sub("why: .*", lambda _: "why: " + json.dumps(HOSTILE), cases))
    return folder


def page(text):
    """The page's elements by an HTML parser, and the data in it."""
    tree = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False).parse(text)
    data = json.loads(tree.find(".//script[@id='data']").text)
    return tree, data["about"], data["cells"]


@pytest.mark.parametrize("name", ["layers", "measured"])
def test_html(name):
    """Well-formed, whole in itself, and it says what result.json says."""
    text = report(RUNS / name, "html")
    tree, about, cells = page(text)
    said = json.loads(report(RUNS / name, "json"))
    assert [(c["id"], c["outcome"], c["reason"]) for c in cells] == [(c["id"], c["outcome"], c["reason"]) for c in said["cells"]]
    layer0 = {boot["id"]: boot["layer"] for boot in about["boots"]}
    for cell, same in zip(cells, said["cells"]):
        layers = [layer0[cell["boot"]], *cell["layers"][1:]]
        for layer, other in zip(layers, same["layers"], strict=True):
            assert {key: layer[key] for key in other} == other
            assert (layer["quote"] is not None and layer["quote"]["version"] == 4) == (other["origin"] != "none")
        assert cell["grade"] == layers[-1]["grade"]
    for element in tree.iter():
        assert not {"src", "href", "action"} & set(element.attrib) or element.get("href") == "#matrix"
    assert "url(" not in text and "@import" not in text
    assert tree.get("lang") == "en"


def test_html_predictions_and_quotes_agree():
    """What stands side by side on the page: predicted registers and quoted ones."""
    _, about, _ = page(report(RUNS / "layers", "html"))
    boot, = (b for b in about["boots"] if b["predicted"])
    for register in ("rtmr0", "rtmr1", "rtmr2"):
        assert boot["predicted"][register] == boot["layer"]["quote"][register]
    assert boot["layer"]["quote"]["mrtd"] in boot["predicted"]["mrtd"]


def elements(text):
    tree, _, _ = page(text)
    return [element.tag for element in tree.iter()]


def test_html_escapes(tmp_path):
    """Nothing hostile becomes an element; it all is still there as text."""
    folder = hostile(tmp_path / "run")
    text = report(folder, "html")
    assert elements(text) == elements(report(RUNS / "layers", "html"))
    _, about, cells = page(text)
    assert all(HOSTILE.split(" ", 1)[0] in boot["console"] for boot in about["boots"])
    assert cells[0]["expected"]["why"] == HOSTILE and "alert(1)" in about["host"]["cpu"]


@pytest.mark.parametrize("name", ["layers", "hostile"])
def test_junit(name, tmp_path):
    folder = RUNS / name if name != "hostile" else hostile(tmp_path / "run")
    suite = ET.fromstring(report(folder, "junit")).find("testsuite")
    said = json.loads(report(folder, "json"))["cells"]
    assert [case.get("name") for case in suite.findall("testcase")] == [cell["id"] for cell in said]
    for case, cell in zip(suite.findall("testcase"), said):
        properties = {p.get("name"): p.get("value") for p in case.find("properties")}
        assert properties["outcome"] == cell["outcome"]
        assert properties["grade"] == (cell["layers"][-1]["grade"] if cell["layers"] else "none")
        assert (case.find("error") is not None) == (cell["outcome"] == "broken")
        assert "expected: " in case.find("system-out").text and "chain " in case.find("system-out").text


@pytest.mark.parametrize("name", ["layers", "hostile"])
def test_ktap(name, tmp_path):
    """By Perl's TAP parser, which takes KTAP's first line for a word of no meaning."""
    folder = RUNS / name if name != "hostile" else hostile(tmp_path / "run")
    text = report(folder, "ktap")
    assert text.startswith("KTAP version 1\n1..6\n")
    (tmp_path / "ktap").write_text(text)
    done = subprocess.run(["prove", "-v", "--exec", "cat", str(tmp_path / "ktap")], capture_output=True, text=True, check=False)
    said = json.loads(report(folder, "json"))["cells"]
    bad = [i + 1 for i, cell in enumerate(said) if cell["outcome"] in ("broken", "fail")]
    assert f"Failed tests:  {bad[0]}-{bad[-1]}" in done.stdout.replace("Failed test:", "Failed tests:"), done.stdout + done.stderr
    assert f"Failed {len(bad)}/{len(said)} subtests" in done.stdout


@pytest.mark.parametrize("name", ["layers", "hostile"])
def test_markdown(name, tmp_path):
    """What needs a look comes first, and no text of others makes markup."""
    folder = RUNS / name if name != "hostile" else hostile(tmp_path / "run")
    text = report(folder, "md")
    tags = re.findall(r"</?([a-z]+)[ >]", text)
    assert set(tags) == {"details", "summary", "code"}
    assert text.index("**broken**") < text.index("All 6 cells")
    assert text.count("\n| `") == 6 + 3


def test_sarif():
    """The isolation findings of each cell's innermost layer, each by a rule that is listed."""
    log = json.loads(report(RUNS / "layers", "sarif"))
    run, = log["runs"]
    assert log["version"] == "2.1.0" and run["tool"]["driver"]["name"] == "tception"
    rules = {rule["id"] for rule in run["tool"]["driver"]["rules"]}
    found = [(r["locations"][0]["logicalLocations"][0]["fullyQualifiedName"], r["ruleId"]) for r in run["results"]]
    said = json.loads(report(RUNS / "layers", "json"))["cells"]
    assert found == [(cell["id"], f["name"]) for cell in said if cell["layers"] for f in cell["layers"][-1]["findings"]]
    assert {rule for _, rule in found} == rules and len(found) > 10
