# SPDX-License-Identifier: Apache-2.0
"""The HTML report in a real browser, without a window: what it shows, by keyboard, hostile text, narrow and dark."""
import subprocess

import html5lib
import pytest

from conftest import GOLDEN
from test_reports import HOSTILE, hostile, report

RUNS = GOLDEN / "runs"


def browse(folder, text, fragment="", script="", *options):
    """The page's elements after its script has run, and `script` of ours behind it."""
    policy_off = text.replace("</body>", f"<script>{script}</script></body>")
    (folder / "page.html").write_text(policy_off)
    done = subprocess.run(
        ["chromium", "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder}/profile",
         "--virtual-time-budget=5000", "--dump-dom", *options, f"file://{folder}/page.html{fragment}"],
        capture_output=True, text=True, timeout=300, check=True)
    return html5lib.parse(done.stdout, namespaceHTMLElements=False)


def words(element):
    return " ".join("".join(element.itertext()).split())


def by_id(tree, name):
    return tree.find(f".//*[@id='{name}']")


@pytest.fixture(scope="module")
def golden():
    return report(RUNS / "layers", "html")


def test_matrix(golden, tmp_path):
    tree = browse(tmp_path, golden)
    assert words(by_id(tree, "summary")).startswith("6 cells: 3 pass, 3 broken; 2 boots")
    assert [words(th) for th in by_id(tree, "matrix").iterfind("thead/tr/th")] == ["layers", "vm", "td"]
    assert [words(tr.find("th")) for tr in by_id(tree, "matrix").iterfind("tbody/tr")] == ["(layer 0)", "docker+dev", "nspawn", "lxc.privileged"]
    labels = {b.get("aria-label") for b in by_id(tree, "matrix").iter("button")}
    assert "vm: pass, grade none" in labels and len(labels) == 6
    assert words(by_id(tree, "shown")) == "6 of 6 cells"


def test_cell(golden, tmp_path):
    """A cell's address opens it: ladder, registers beside each other, quote, command."""
    detail = by_id(browse(tmp_path, golden, "#cell=td%2Fnspawn"), "detail")
    assert detail.get("hidden") is None
    said = words(detail)
    for what in ("td/nspawn", "no-cpu", "ENOENT", "RTMR2", "tee_tcb_svn", "report_data", "systemd-nspawn", "qemu-system-x86_64"):
        assert what in said, what
    assert not detail.findall(".//*[@class='differs']")


def test_filter_and_keyboard(golden, tmp_path):
    tree = browse(tmp_path, golden, "", """
        const first = document.querySelector(".cell"); first.focus();
        first.dispatchEvent(new KeyboardEvent("keydown", {key: "ArrowRight", bubbles: true}));
        document.title = document.activeElement.getAttribute("aria-label");
        document.activeElement.click();
        document.getElementById("text").value = "nspawn";
        document.getElementById("filter").dispatchEvent(new Event("input"));""")
    assert words(tree.find(".//title")) == "td: broken, grade verified"
    assert words(by_id(tree, "shown")) == "2 of 6 cells"
    assert [words(tr.find("th")) for tr in by_id(tree, "matrix").iterfind("tbody/tr") if tr.get("hidden") is None] == ["nspawn"]
    assert words(by_id(tree, "detail-title")) == "td"


def test_hostile(tmp_path):
    """What a guest or a console wrote is shown, and runs nothing."""
    text = report(hostile(tmp_path / "run"), "html")
    tree = browse(tmp_path, text, "#cell=td", "window.alert = () => { document.title = 'ran'; };")
    assert "ran" not in words(tree.find(".//title"))
    assert not list(tree.iter("img")) and len(list(tree.iter("script"))) == 3
    assert HOSTILE.split(" ", 1)[0] in words(by_id(tree, "detail"))


@pytest.mark.parametrize("width", [360, 1280])
def test_fits(golden, tmp_path, width):
    """Nothing but the matrix itself scrolls sideways, on a telephone neither."""
    tree = browse(tmp_path, golden, "#cell=td%2Fnspawn", """
        document.querySelectorAll("details").forEach((one) => { one.open = true; });
        document.title = `${document.documentElement.scrollWidth <= innerWidth} ${innerWidth}`;""", f"--window-size={width},800")
    assert words(tree.find(".//title")).startswith("true"), words(tree.find(".//title"))
