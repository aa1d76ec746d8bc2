"""The built site: public names, llms.txt, and every page in a real Chromium on a desk and on a phone."""

from __future__ import annotations

import fcntl
import functools
import http.server
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.waiting import LONGEST

pytest.importorskip("mkdocs", reason="mkdocs is not installed")
# Building the site takes longer than ten seconds.
pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
MODULES = "metrics advantage evaluation judges adapters models report testing hacks workers".split()
NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
CHROMIUM = os.environ.get("CHROMIUM") or next(filter(None, map(shutil.which, NAMES)), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium, or set CHROMIUM")


def sources() -> list[Path]:
    folders = [path for folder in ("docs", "examples", "src", "schemas") for path in (ROOT / folder).rglob("*")]
    files = [*ROOT.glob("*.md"), ROOT / "mkdocs.yml", *(ROOT / "scripts").glob("site*.py")]
    return [path for path in (*folders, *files) if path.is_file() and path.suffix != ".pyc"]


@pytest.fixture(scope="session")
def site() -> Path:
    """Return the site that `make docs` built, or build it where a source is newer; one process at a time."""
    folder = ROOT / "build" / "site"
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / "site.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        last = folder / "llms-full.txt"
        if not last.exists() or last.stat().st_mtime < max(path.stat().st_mtime for path in sources()):
            done = subprocess.run(
                [sys.executable, "-m", "mkdocs", "build"],
                cwd=ROOT, env={**os.environ, "NO_MKDOCS_2_WARNING": "true"},
                capture_output=True, text=True, timeout=1800, check=False,
            )  # fmt: skip
            assert done.returncode == 0, done.stdout + done.stderr
    return folder


class Loader(yaml.SafeLoader):
    """Reads mkdocs.yml, and leaves out what tags such as `!!python` make."""


Loader.add_multi_constructor("", lambda *_: None)


def settings() -> dict[str, Any]:
    return yaml.load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"), Loader)


def pages() -> list[str]:
    """Return the addresses of the pages of the navigation, relative to the site."""

    def listed(item: Any) -> Iterator[str]:
        if isinstance(item, str):
            name = re.sub(r"(^|/)(index|README)\.md$", r"\1", item)
            yield name if name != item else item.removesuffix(".md") + "/"
        for value in item.values() if isinstance(item, dict) else item if isinstance(item, list) else ():
            yield from listed(value)

    return list(listed(settings()["nav"]))


def test_every_public_name_is_on_one_api_page(site: Path) -> None:
    shown: Counter[str] = Counter()
    for page in sorted((site / "api").rglob("index.html")):
        shown.update(set(re.findall(r'id="(onethinker_rewards\.[\w.]+)"', page.read_text(encoding="utf-8"))))
    wrong = []
    for package in ("onethinker_rewards", *(f"onethinker_rewards.{name}" for name in MODULES)):
        module = pytest.importorskip(package, reason=f"{package} needs what is not installed")
        for name in module.__all__:
            value = getattr(module, name)
            # A function that shares its name with its module is shown under its full path.
            paths = {f"{package}.{name}", f"{getattr(value, '__module__', package)}.{name}"}
            if sum(shown[path] for path in paths) != 1:
                wrong.append(f"{package}.{name}")
    assert wrong == []


def test_signatures_on_api_pages_are_short(site: Path) -> None:
    for page in (site / "api").rglob("index.md"):
        for block in re.findall(r"^```\n(\w+\(.*?)^```", page.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
            assert len(block) < 1_500, f"{page}: {block[:60]}"


def test_llms_txt_lists_every_page_and_its_links_lead_somewhere(site: Path) -> None:
    text = (site / "llms.txt").read_text(encoding="utf-8")
    links = re.findall(rf"^- \[[^\]]+\]\({re.escape(settings()['site_url'])}([^)]+)\)", text, re.MULTILINE)
    assert links == [page + "index.md" for page in pages()]
    assert [link for link in links if not (site / link).is_file()] == []
    assert (site / "llms-full.txt").stat().st_size > 100_000
    # The Markdown of a page, and of one made from docstrings.
    assert "`bad_order`" in (site / "codes" / "index.md").read_text(encoding="utf-8")
    assert "box_iou(predicted: Array" in (site / "api" / "metrics" / "index.md").read_text(encoding="utf-8")


class Handler(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture(scope="session")
def address(site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Serve the site as mike publishes it: a folder for each version, and their list."""
    root = tmp_path_factory.mktemp("published")
    (root / "dev").symlink_to(site)
    (root / "versions.json").write_text(json.dumps([{"version": "dev", "title": "dev", "aliases": ["latest"]}]))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory=str(root)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/dev/"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with playwright.sync_playwright() as driver:
        # A container's root user cannot have the sandbox.
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


class Visit:
    """A page in the browser; ``faults`` is what its console says and which requests fail or leave the host."""

    def __init__(self, browser: Any, address: str, width: int, scheme: str) -> None:
        self.page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme=scheme)
        self.page.set_default_timeout(1000 * LONGEST)
        self.address = address
        self.faults: list[str] = []
        self.page.on("console", lambda message: self.faults.append(f"console: {message.text}"))
        self.page.on("pageerror", lambda error: self.faults.append(str(error)))
        self.page.on("requestfailed", lambda request: self.faults.append(f"failed: {request.url}"))
        self.page.on("response", self._judge)

    def _judge(self, response: Any) -> None:
        home = self.address.removesuffix("dev/")
        if response.status >= 400 or not response.url.startswith((home, "data:", "blob:")):
            self.faults.append(f"{response.status}: {response.url}")

    def see(self, width: int, scheme: str) -> list[str]:
        """Return what is wrong with the open page at this width and in these colors."""
        self.page.set_viewport_size({"width": width, "height": 900})
        self.page.emulate_media(color_scheme=scheme)
        self.page.wait_for_function(SETTLED, arg={"width": width, "scheme": SCHEMES[scheme]})
        return self.page.evaluate(LOOK)


SCHEMES = {"light": "default", "dark": "slate"}
SETTLED = "now => innerWidth === now.width && document.body.dataset.mdColorScheme === now.scheme"
# Wide tables and code scroll in boxes of their own; nothing else is wider than the page.
LOOK = """
async () => {
    const faults = [];
    // What the theme does after a resize is done two frames later.
    for (let frame = 0; frame < 2; frame++) await new Promise(requestAnimationFrame);
    if (document.scrollingElement.scrollWidth > innerWidth) faults.push(`overflow at ${innerWidth}`);
    const scrolls = element => /auto|scroll/.test(getComputedStyle(element).overflowX);
    const article = document.querySelector("article");
    for (const element of article.querySelectorAll("p, li, h1, h2, h3, h4, pre, table, img")) {
        if (element.getBoundingClientRect().right <= innerWidth + 1) continue;
        let box = element;
        while (box !== article && !scrolls(box)) box = box.parentElement;
        if (box === article) faults.push(`${element.outerHTML.slice(0, 60)} sticks out at ${innerWidth}`);
    }
    for (const image of document.images) {
        image.loading = "eager";
        await image.decode().catch(() => faults.push(`broken picture ${image.src}`));
    }
    return faults;
}
"""


@needs_chromium
def test_every_page_fits_a_phone_and_a_desk_in_light_and_dark(browser: Any, address: str) -> None:
    visit = Visit(browser, address, 390, "light")
    faults: dict[str, list[str]] = {}
    for number, page in enumerate(pages()):
        visit.page.goto(address + page)
        found = visit.see(390, "light")
        # A phone is where pages stick out; of the other three views, samples.
        if number % 3 == 0:
            found += visit.see(1280, "dark")
        if number % 10 == 0:
            found += visit.see(390, "dark") + visit.see(1280, "light")
        if found or visit.faults:
            faults[page] = found + visit.faults
        visit.faults.clear()
    visit.page.close()
    assert faults == {}


@needs_chromium
@pytest.mark.parametrize("width", [1280, 390])
def test_search_finds_a_code(browser: Any, address: str, width: int) -> None:
    visit = Visit(browser, address, width, "light")
    visit.page.goto(address)
    if width == 390:
        visit.page.click("label[for=__search].md-header__button")
    visit.page.locator("input.md-search__input").fill("bad_order")
    # The first result is where the code is explained.
    visit.page.locator(".md-search-result__item a").first.click()
    visit.page.wait_for_url("**/codes/**")
    assert "bad_order" in visit.page.locator("article").inner_text()
    assert visit.faults == []
    visit.page.close()
