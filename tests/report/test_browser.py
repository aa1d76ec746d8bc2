"""The page in a real Chromium: no error, filters, keys, a phone, dark and light, hostile text, many rows."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from onethinker_rewards.report import render
from tests.report.scored_rows import examples, illustrated, scored
from tests.report.test_page import NASTY, hostile
from tests.waiting import wait_for

playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium, or set CHROMIUM")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        # A container's root user cannot have the sandbox.
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("report")
    rows = illustrated(folder)
    render(rows, folder / "report.html", against=rows, names=("a.jsonl", "b.jsonl"), media_root=folder)
    return folder / "report.html"


class Visit:
    """An open page; ``said`` is all that its console and its errors say, ``asked`` what it asks the network for."""

    def __init__(self, browser: Any, path: Path, width: int = 1200, scheme: str = "light") -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("dialog", lambda dialog: (self.said.append(dialog.message), dialog.dismiss()))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())

    def count(self) -> str:
        return self.page.locator("#count").inner_text()

    def numbers(self) -> list[str]:
        return self.page.eval_on_selector_all("#rows > li", "rows => rows.map(row => row.dataset.number)")

    def overflow(self) -> int:
        return self.page.evaluate("document.documentElement.scrollWidth - innerWidth")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1200, 390])
def test_the_page_opens(browser: Any, report: Path, width: int, scheme: str) -> None:
    visit = Visit(browser, report, width, scheme)
    while visit.page.locator("#more").is_visible():
        visit.page.evaluate("document.getElementById('more').click()")
    assert len(visit.numbers()) == len(set(visit.numbers())) > 40
    assert visit.overflow() <= 0
    background = visit.page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert background == ("rgb(255, 255, 255)" if scheme == "light" else "rgb(20, 23, 27)")
    # Every picture is there, with its shapes over it.
    visit.page.evaluate("Promise.all([...document.images].map(image => image.decode()))")
    assert visit.page.evaluate("[...document.images].every(image => image.naturalWidth > 40)")
    assert all(url.startswith(("file:", "data:")) for url in visit.asked)
    assert visit.said == []
    visit.page.close()


def test_shapes_lie_on_the_picture(browser: Any, report: Path) -> None:
    visit = Visit(browser, report, 390)
    visit.page.select_option("#task", "spatial_grounding")
    card = visit.page.locator("#rows > li").first
    card.scroll_into_view_if_needed()
    image, box = card.locator("img").bounding_box(), card.locator(".answer rect").bounding_box()
    # The answer is [105, 200, 300, 495] in thousandths.
    assert (box["x"] - image["x"]) / image["width"] == pytest.approx(0.105, abs=0.02)
    assert (box["y"] + box["height"] - image["y"]) / image["height"] == pytest.approx(0.495, abs=0.02)
    visit.page.close()


def test_filters(browser: Any, report: Path) -> None:
    visit = Visit(browser, report)
    page, whole = visit.page, visit.count()
    page.click("button[data-code=unclosed_answer]")
    assert visit.count() == "1 of 49 rows"
    assert "unclosed_answer" in page.locator("#rows > li .faults").text_content()
    page.click("button[data-code=clipped]")
    assert visit.count() == "2 of 49 rows"
    page.select_option("#task", "tracking")
    assert visit.count() == "1 of 49 rows"
    page.click("button[data-code=unclosed_answer]")
    assert visit.count() == "0 of 49 rows"
    page.click("button[data-code=clipped]")
    page.select_option("#task", "")
    assert visit.count() == whole == "49 of 49 rows"
    page.select_option("#order", "high")
    assert page.locator("#rows > li .total").first.text_content().startswith("4.838")
    page.select_option("#order", "low")
    assert page.locator("#rows > li .total").first.text_content().startswith("0.000")
    page.select_option("#stratum", "failure")
    assert "failure" in page.locator("#rows > li h3").first.text_content()
    page.close()


def test_keys(browser: Any, report: Path) -> None:
    visit = Visit(browser, report)
    page = visit.page
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the rows"
    page.keyboard.press("Enter")
    focused = "document.activeElement.dataset.number"
    for key, number in (("j", "1"), ("j", "2"), ("k", "1"), ("k", "1")):
        page.keyboard.press(key)
        assert page.evaluate(focused) == number
    is_open = "document.activeElement.querySelector('details').open"
    assert not page.evaluate(is_open)
    page.keyboard.press("o")
    assert page.evaluate(is_open)
    for _ in range(25):
        page.keyboard.press("j")
    assert page.evaluate(focused) == "26"
    page.focus("button[data-code=clipped]")
    page.keyboard.press("Space")
    assert page.get_attribute("button[data-code=clipped]", "aria-pressed") == "true"
    assert visit.count() == "1 of 49 rows"
    page.keyboard.press("Tab")
    page.close()


def test_a_mark_and_the_folded_thinking(browser: Any, report: Path) -> None:
    visit = Visit(browser, report)
    visit.page.click("button[data-code=bad_frame_key]")
    card = visit.page.locator("#rows > li")
    assert card.locator("mark").text_content() == '"'
    assert not card.locator("details pre").is_visible()
    card.locator("summary").click()
    assert card.locator("details pre").is_visible()
    visit.page.close()


def test_hostile_text_does_nothing(browser: Any, tmp_path: Path) -> None:
    rows = [hostile(text) for text in NASTY]
    render(rows, tmp_path / "report.html", names=(NASTY[0], ""))
    visit = Visit(browser, tmp_path / "report.html", 390)
    assert visit.count() == f"{len(NASTY)} of {len(NASTY)} rows"
    visit.page.evaluate("document.querySelectorAll('details').forEach(details => details.open = true)")
    assert visit.page.locator("#rows img, #rows script, #rows iframe").count() == 0
    card = visit.page.locator("#rows > li").nth(1)
    assert card.locator("pre").last.text_content() == "<answer><img src=x onerror=alert(1)></answer>"
    assert visit.overflow() <= 0
    assert visit.said == []
    # What would slip through the escaping could not run: the policy refuses it.
    with visit.page.expect_console_message():
        visit.page.evaluate("document.body.insertAdjacentHTML('beforeend', '<img src=data:, onerror=alert(1)>')")
    assert visit.said
    assert all("Content Security Policy" in text for text in visit.said)
    visit.page.close()


def test_5000_rows(browser: Any, tmp_path: Path) -> None:
    rows = [row for row in scored(examples()) if row["task"] in ("ocr", "spatial_grounding")]
    made = render((rows[index % len(rows)] for index in range(5_000)), tmp_path / "report.html", limit=5_000)
    assert made.shown == 5_000
    visit = Visit(browser, tmp_path / "report.html")
    assert visit.count() == "5000 of 5000 rows"
    # Few rows are in the document until they are asked for.
    assert len(visit.numbers()) <= 60
    visit.page.select_option("#order", "high")
    visit.page.click("button[data-code=clipped]")
    assert int(visit.count().split()[0]) > 50
    visit.page.locator("#more").scroll_into_view_if_needed()
    wait_for(lambda: len(visit.numbers()) > 20)
    assert visit.said == []
    visit.page.close()
