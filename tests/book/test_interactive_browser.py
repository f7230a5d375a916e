"""Interactive figures on a page of the book, in a real browser, from disk."""

import itertools
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect

from eigenprune.lab.methods import METHODS
from eigenprune.lab.rows import COLUMNS
from eigenprune.report import figures, interactive
from eigenprune.report.panels import copy_plotly
from eigenprune.report.statistics import over_seeds

SOURCES = Path(__file__).parents[2] / "book"
EPOCHS = (0, 1, 2, 3)
FAR = "\n".join(["Far away."] + ["<br>"] * 200)

# Messages that the theme itself writes on every page at a first visit.
OF_THE_THEME = re.compile(r"\[PST\]: Changed to|\[togglebutton\]")


def tables() -> tuple[pd.DataFrame, pd.DataFrame]:
    """Small curves and spectra; `direct` has one seed."""
    generator = np.random.default_rng(7)
    rows = [
        ["s", "digits", "100", activation, method, seed, ratio, round(100 * (1 - ratio)),
         round(7400 * (1 - ratio)), generator.uniform(0.5, 1), 0.1]
        for activation, method, seed, ratio in itertools.product(
            ("tanh", "elu", "relu"), ("direct", "post", "pre"), (1, 2), (0.0, 0.25, 0.5, 0.75)
        )
        if (method, seed) != ("direct", 2)
    ]  # fmt: skip
    spectra = [
        ["tanh", "post", 1, 1, node, epoch, generator.uniform(-0.5, 0.5) * (1 + epoch)]
        for epoch, node in itertools.product(EPOCHS, range(30))
    ]
    names = ["activation", "method", "seed", "layer", "node", "epoch", "eigenvalue"]
    return pd.DataFrame(rows, columns=list(COLUMNS)), pd.DataFrame(spectra, columns=names)


def figure_block(name: str, data: str) -> str:
    """A figure as the book writes it."""
    script = '<script type="application/json" class="interactive-figure"'
    return "\n".join(
        [
            f"```{{figure}} {name}.svg",
            f":name: fig-{name}",
            f":alt: The picture {name}.",
            "",
            f"The caption of {name}.",
            "```",
            "",
            "```{raw} html",
            f'{script} data-figure="fig-{name}">{data}</script>',
            "```",
        ]
    )


def encoded(figure: dict[str, Any]) -> str:
    return json.dumps(figure, separators=(",", ":")).replace("<", "\\u003c")


@pytest.fixture(scope="module")
def spectra() -> dict[str, Any]:
    return interactive.spectra_by_epoch(tables()[1])


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory, spectra: dict[str, Any]) -> Path:
    """The built pages, with the book's own settings, style sheet and script."""
    folder = tmp_path_factory.mktemp("book")
    source = folder / "source"
    shutil.copytree(SOURCES / "_static", source / "_static")
    for name in ("_config.yml", "references.bib"):
        shutil.copy(SOURCES / name, source)
    means = over_seeds(tables()[0])
    figures.use_style()
    for name in ("tradeoff", "broken"):
        figures.save(figures.tradeoff(means), source / f"{name}.svg")
    for name in ("spectra", "other", "below"):
        figures.save(figures.spectra_over_epochs(tables()[1]), source / f"{name}.svg")
    blocks = {
        "figures": [
            figure_block("tradeoff", encoded(interactive.tradeoff(means))),
            FAR,
            figure_block("spectra", encoded(spectra)),
        ],
        "broken": [
            figure_block("broken", '{"data": ['),
            figure_block("other", encoded(spectra)),
        ],
        "below": [FAR, figure_block("below", encoded(spectra))],
    }
    for page, content in blocks.items():
        (source / f"{page}.md").write_text("\n\n".join([f"# The page {page}", *content]))
    (source / "_toc.yml").write_text(
        "format: jb-book\nroot: figures\nchapters:\n- file: broken\n- file: below\n"
    )
    jupyter_book = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()"]
    options = ["build", "-W", "-n", "--quiet", "--path-output", str(folder)]
    built = subprocess.run([*jupyter_book, *options, str(source)], capture_output=True, text=True)
    assert not built.returncode, built.stderr
    html = folder / "_build" / "html"
    copy_plotly(html / "_static")
    return html


class Visit:
    """A page in a browser, with the browser's messages about it."""

    def __init__(self, browser: Browser, book: Path, name: str = "figures", **options: Any) -> None:
        options = {"viewport": {"width": 1280, "height": 800}, **options}
        self.page = browser.new_context(**options).new_page()
        self.messages: list[str] = []
        self.requests: list[str] = []
        self.page.on("console", lambda message: self._note(message.text))
        self.page.on("pageerror", lambda error: self._note(str(error)))
        self.page.on("requestfailed", lambda request: self._note(f"failed: {request.url}"))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.goto((book / f"{name}.html").as_uri())

    def _note(self, message: str) -> None:
        if not OF_THE_THEME.match(message):
            self.messages.append(message)

    def plotly_requests(self) -> int:
        return sum(url.endswith("plotly.min.js") for url in self.requests)

    def come_near(self, name: str) -> None:
        """Scroll to a figure and wait until it is interactive."""
        self.page.locator(f"#fig-{name}").scroll_into_view_if_needed()
        expect(self.page.locator(f"#fig-{name}.is-interactive")).to_be_visible(timeout=30_000)


@pytest.fixture
def visit(browser: Browser, book: Path) -> Iterator[Visit]:
    """The page with both figures on a large screen; it must cause no error."""
    made = Visit(browser, book)
    made.come_near("tradeoff")
    yield made
    assert made.messages == []
    assert all(url.startswith(("file:", "data:", "blob:")) for url in made.requests)
    made.page.context.close()


def plotted(page: Page, name: str, what: str) -> Any:
    """A property of what Plotly has drawn, e.g. `layout.width`."""
    return page.locator(f"#fig-{name} .interactive-plot").evaluate(f"plot => plot.{what}")


def points(page: Page, panel: str, curve: int) -> list[dict[str, float]]:
    """Where the markers of a curve are on the screen."""
    return page.locator(f"#fig-tradeoff .subplot.{panel} .scatterlayer").evaluate(
        """(layer, curve) => [...[...layer.querySelectorAll(".trace")]
             .filter(trace => trace.querySelector(".point"))[curve].querySelectorAll(".point")]
             .map(point => point.getBoundingClientRect())
             .map(box => ({ x: box.x + box.width / 2, y: box.y + box.height / 2 }))""",
        curve,
    )


def test_hovering_says_what_a_point_is(visit: Visit) -> None:
    visit.page.mouse.move(**points(visit.page, "x2y2", 1)[2])
    label = visit.page.locator("#fig-tradeoff .hoverlayer .hovertext")
    expect(label).to_have_count(1)
    means = over_seeds(tables()[0]).set_index(["activation", "method", "pruning_ratio"])
    row = means.loc[("elu", "post", 0.5)]
    mean, std = 100 * row["accuracy_mean"], 100 * row["accuracy_std"]
    for part in (
        METHODS["post"].label,
        "pruning ratio 0.5",
        "50 nodes, 3,700 parameters kept",
        f"accuracy {mean:.2f} ± {std:.2f} % (mean ± std, n = 2)",
    ):
        expect(label).to_contain_text(part)
    visit.page.mouse.move(**points(visit.page, "x2y2", 0)[2])
    expect(label).to_contain_text(METHODS["direct"].label)
    expect(label).to_contain_text("% (n = 1)")


def test_caption_number_and_alternative_text_stay(visit: Visit) -> None:
    figure = visit.page.locator("#fig-tradeoff")
    expect(figure.locator("figcaption")).to_contain_text("Fig. 1 The caption of tradeoff.")
    expect(figure.locator("img")).to_be_hidden()
    expect(figure.get_by_role("application")).to_have_attribute(
        "aria-label", re.compile(r"^The picture tradeoff\.")
    )


@pytest.mark.parametrize("by", ["mouse", "keyboard"])
def test_the_legend_switches_a_method_off_and_on_in_all_panels(visit: Visit, by: str) -> None:
    button = visit.page.get_by_role("button", name=METHODS["post"].label)
    shown = visit.page.locator("#fig-tradeoff .scatterlayer .trace")
    before = shown.count()

    def press() -> None:
        if by == "mouse":
            button.click()
        else:
            button.focus()
            visit.page.keyboard.press("Enter")

    press()
    expect(button).to_have_attribute("aria-pressed", "false")
    expect(shown).to_have_count(before - 6)  # a curve and a band in each of three panels
    hidden = "data.filter(t => t.visible === 'legendonly').map(t => t.legendgroup)"
    assert set(plotted(visit.page, "tradeoff", hidden)) == {"post"}
    press()
    expect(button).to_have_attribute("aria-pressed", "true")
    expect(shown).to_have_count(before)


def test_the_keyboard_goes_from_point_to_point(visit: Visit) -> None:
    visit.page.locator("#fig-tradeoff .interactive-plot").focus()
    label = visit.page.locator("#fig-tradeoff .hoverlayer .hovertext")
    said = visit.page.locator("#fig-tradeoff [aria-live]")
    for key, method, ratio in (
        ("ArrowRight", "direct", "0"),
        ("ArrowRight", "direct", "0.25"),
        ("ArrowDown", "post", "0.25"),
        ("ArrowLeft", "post", "0"),
        ("ArrowLeft", "post", "0"),
        ("ArrowUp", "direct", "0"),
    ):
        visit.page.keyboard.press(key)
        expect(label).to_contain_text(METHODS[method].label)
        expect(label).to_contain_text(f"pruning ratio {ratio}")
        expect(said).to_have_text(
            re.compile(rf"{METHODS[method].label}, pruning ratio {ratio}, \d+ nodes, .*accuracy")
        )
    visit.page.keyboard.press("Escape")
    expect(label).to_have_count(0)


def test_slider_and_play_button_step_through_the_epochs(
    visit: Visit, spectra: dict[str, Any]
) -> None:
    visit.come_near("spectra")
    figure = visit.page.locator("#fig-spectra")
    slider, epoch = figure.get_by_role("slider", name="Epoch"), figure.locator("output")

    def assert_shown(number: int) -> None:
        expect(epoch).to_have_text(f"epoch {number} of 3")
        assert slider.get_attribute("aria-valuetext") == f"epoch {number} of 3"
        assert (
            plotted(visit.page, "spectra", "data[1].y") == spectra["frames"][number]["data"][0]["y"]
        )

    visit.page.locator("#fig-spectra .interactive-plot").focus()
    visit.page.keyboard.press("ArrowRight")
    expect(figure.locator("[aria-live]")).to_have_text(re.compile(r"^\d+ nodes near -1\.\d+$"))

    path = figure.locator(".scatterlayer .trace path.js-line").nth(1)
    assert_shown(3)
    drawn = path.get_attribute("d")
    slider.focus()
    visit.page.keyboard.press("ArrowLeft")
    assert_shown(2)
    assert path.get_attribute("d") != drawn
    slider.fill("0")
    assert_shown(0)
    play = figure.get_by_role("button", name="Play")
    play.click()
    expect(figure.get_by_role("button", name="Pause")).to_be_visible()
    expect(play).to_be_visible()  # it has reached the end
    assert_shown(3)
    assert path.get_attribute("d") == drawn


def test_it_follows_the_theme(visit: Visit) -> None:
    def colours() -> list[str]:
        found = visit.page.evaluate(
            """() => {
              const style = getComputedStyle(document.querySelector("#fig-tradeoff"));
              const plot = document.querySelector("#fig-tradeoff .interactive-plot");
              const text = plot.querySelector(".xtick text");
              const ink = plot.data.find(trace => trace.legendgroup === "unpruned");
              return [style.color, getComputedStyle(text).fill, ink.line.color,
                      getComputedStyle(plot).backgroundColor];
            }"""
        )
        return list(found)

    light = colours()
    assert len(set(light[:3])) == 1 and light[3] != light[0]
    methods = plotted(visit.page, "tradeoff", "data.map(t => t.line.color)")
    switch = visit.page.locator(".theme-switch-button:visible")
    for _ in range(3):
        if visit.page.locator("html").get_attribute("data-theme") != "dark":
            switch.click()
    expect(visit.page.locator("html")).to_have_attribute("data-theme", "dark")
    visit.page.wait_for_function(
        "light => getComputedStyle(document.querySelector('#fig-tradeoff .xtick text')).fill"
        " !== light",
        arg=light[1],
    )
    dark = colours()
    assert len(set(dark[:3])) == 1 and not set(dark) & set(light)
    after = plotted(visit.page, "tradeoff", "data.map(t => t.line.color)")
    assert [c for c in after if c != dark[0]] == [c for c in methods if c != light[0]]


def test_the_static_picture_can_be_had_back(visit: Visit) -> None:
    figure = visit.page.locator("#fig-tradeoff")
    figure.get_by_role("button", name="Static picture").click()
    expect(figure.locator("img")).to_be_visible()
    for hidden in (".interactive-plot", ".interactive-legend"):
        expect(figure.locator(hidden)).to_be_hidden()
    visit.page.set_viewport_size({"width": 500, "height": 800})
    figure.get_by_role("button", name="Interactive figure").click()
    expect(figure.locator("img")).to_be_hidden()
    visit.page.wait_for_function(
        "() => { const plot = document.querySelector('#fig-tradeoff .interactive-plot');"
        " return plot.layout.width === plot.clientWidth; }"
    )


def test_plotly_is_loaded_once_and_only_when_a_figure_comes_near(
    visit: Visit, browser: Browser, book: Path
) -> None:
    assert visit.page.locator("#fig-spectra.is-interactive").count() == 0
    visit.come_near("spectra")
    assert visit.plotly_requests() == 1
    below = Visit(browser, book, "below")
    below.page.wait_for_timeout(500)
    assert below.plotly_requests() == 0
    below.come_near("below")
    assert below.plotly_requests() == 1


def panel_corners(page: Page, name: str) -> list[dict[str, float]]:
    return page.locator(f"#fig-{name} .nsewdrag").evaluate_all(
        "all => all.map(one => { const box = one.getBoundingClientRect();"
        " return { x: Math.round(box.x), y: Math.round(box.y), width: box.width }; })"
    )


def test_on_a_phone_panels_stand_one_below_the_other(browser: Browser, book: Path) -> None:
    phone = {"viewport": {"width": 360, "height": 700}, "is_mobile": True, "has_touch": True}
    visit = Visit(browser, book, **phone)
    for name in ("tradeoff", "spectra"):
        visit.come_near(name)
    wide = visit.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert wide == [360, 360]
    for figure in visit.page.locator("figure").all():
        assert figure.evaluate("it => it.scrollWidth <= it.clientWidth")
    corners = panel_corners(visit.page, "tradeoff")
    assert len({corner["x"] for corner in corners}) == 1 and corners[0]["width"] > 200
    assert len({corner["y"] for corner in corners}) == 3
    # A tap says what a point is, and a finger that moves over a figure scrolls the page.
    visit.page.evaluate("scrollTo({ top: 0, behavior: 'instant' })")
    point = points(visit.page, "xy", 2)[1]
    visit.page.touchscreen.tap(**point)
    label = visit.page.locator("#fig-tradeoff .hovertext")
    expect(label).to_contain_text(METHODS["pre"].label)
    touch = visit.page.context.new_cdp_session(visit.page)
    (corner, *_), kinds = panel_corners(visit.page, "tradeoff"), ["touchStart", *["touchMove"] * 9]
    for step, kind in enumerate(kinds):
        point = {"x": corner["x"] + 100, "y": corner["y"] + 150 - 20 * step}
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [point]})
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    visit.page.wait_for_function("scrollY > 50")
    assert visit.messages == []


def test_panels_move_when_the_window_becomes_narrow(visit: Visit) -> None:
    assert len({corner["y"] for corner in panel_corners(visit.page, "tradeoff")}) == 1
    visit.page.set_viewport_size({"width": 400, "height": 800})
    visit.page.wait_for_function(
        "() => new Set([...document.querySelectorAll('#fig-tradeoff .nsewdrag')]"
        ".map(panel => panel.getBoundingClientRect().y)).size === 3"
    )
    assert visit.page.evaluate("document.documentElement.scrollWidth") == 400


def assert_static(page: Page, name: str) -> None:
    expect(page.locator(f"#fig-{name} img")).to_be_visible()
    expect(page.locator(f"#fig-{name} figcaption")).to_be_visible()
    expect(page.locator(f"#fig-{name} .interactive")).to_have_count(0)


def test_without_javascript_the_static_picture_is_there(browser: Browser, book: Path) -> None:
    visit = Visit(browser, book, java_script_enabled=False)
    for name in ("tradeoff", "spectra"):
        assert_static(visit.page, name)
    assert "legendgroup" not in visit.page.locator("body").inner_text()


def test_printed_is_the_static_picture(visit: Visit) -> None:
    visit.page.emulate_media(media="print")
    expect(visit.page.locator("#fig-tradeoff img")).to_be_visible()
    expect(visit.page.locator("#fig-tradeoff .interactive")).to_be_hidden()
    visit.page.emulate_media(media="screen")
    expect(visit.page.locator("#fig-tradeoff .interactive")).to_be_visible()


def test_data_that_cannot_be_drawn_leave_the_static_picture(browser: Browser, book: Path) -> None:
    visit = Visit(browser, book, "broken")
    visit.come_near("other")
    told = sorted(visit.messages)
    assert len(told) == 1 and told[0].startswith("Figure fig-broken stays static: ")
    assert_static(visit.page, "broken")


def test_without_plotly_the_static_picture_stays(
    browser: Browser, book: Path, tmp_path: Path
) -> None:
    copy = shutil.copytree(book, tmp_path / "html")
    (copy / "_static" / "plotly.min.js").unlink()
    visit = Visit(browser, copy)
    with visit.page.expect_console_message(lambda message: "stays static" in message.text) as told:
        visit.page.locator("#fig-tradeoff").scroll_into_view_if_needed()
    assert told.value.type == "warning"
    assert told.value.text == "Figure fig-tradeoff stays static: plotly.min.js cannot be loaded"
    assert_static(visit.page, "tradeoff")


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_nothing_bars_the_way_of_a_reader(browser: Browser, book: Path, theme: str) -> None:
    visit = Visit(browser, book, color_scheme=theme)
    for name in ("tradeoff", "spectra"):
        visit.come_near(name)
        found = Axe().run(visit.page, context=f"#fig-{name}")
        assert found.violations_count == 0, found.generate_report()
