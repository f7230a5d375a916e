"""From `show` in a notebook to a chapter: numbered, labelled, with a card that tells the truth."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import nbformat
import pandas as pd
import pytest
from matplotlib.figure import Figure
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from eigenprune.lab.studies import Params, change_study, load_params, make_study
from eigenprune.report.book.chapters import Exhibit, write_chapter
from eigenprune.report.notebooks.runner import KERNELSPEC, run_notebook
from eigenprune.report.origins import of_runs
from eigenprune.report.provenance.cards import Pipeline, _more_than_shown
from eigenprune.report.shown import PLOTLY, show

VALUES: dict[str, Any] = {
    "dataset": "digits",
    "hidden": [8],
    "activations": ["relu"],
    "methods": ["direct", "post"],
    "seeds": [1, 2],
    "pruning_ratios": [0.5],
    "epochs": 2,
    "retraining_epochs": 1,
    "batch_size": 100,
    "learning_rate": 0.01,
    "initialisation": "2022",
}
STUDY = make_study("mine", VALUES, "test")
SHOW = f"""
import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import Markdown, display
from eigenprune.lab.studies import make_study
from eigenprune.report import figures
from eigenprune.report.shown import show

figures.use_style()
study = make_study("mine", {VALUES!r}, "test")
figure, panel = plt.subplots()
panel.plot([0, 1], [1, 0])
show(figure, name="curve", caption="A `curve`.", alt="A falling line.", of=[study],
     interactive={{"data": [{{"name": "</script>"}}], "layout": {{}}}})
display(Markdown("A sentence between."))
show(pd.DataFrame({{"|x|": ["1_0"]}}), name="numbers", caption="The `numbers`.", of=[study])
print("still here")
"""


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("root") / "results" / "quick" / "mine"
    folder.mkdir(parents=True)
    cells = [new_markdown_cell("# A chapter"), new_code_cell(SHOW.strip())]
    notebook = new_notebook(cells=cells, metadata={"kernelspec": KERNELSPEC})
    nbformat.write(notebook, folder / "source.ipynb")
    run_notebook(folder / "source.ipynb", folder / "train.ipynb", {})
    return folder / "train.ipynb"


def chapter(executed: Path, params: Params | None = None, lock: Any = None) -> list[Exhibit]:
    root = executed.parents[3]
    known = params or Params(("mine",), {"mine": STUDY})
    pipeline = Pipeline(root, known, lock or {})
    return write_chapter(executed, root / "book" / "train.ipynb", "mine-train", "Made.", pipeline)


def texts(executed: Path) -> list[str]:
    content = nbformat.read(executed.parents[3] / "book" / "train.ipynb", as_version=4)
    return [cell.source for cell in content.cells if cell.cell_type == "markdown"]


def test_the_notebook_shows_picture_and_caption(executed: Path) -> None:
    outputs = nbformat.read(executed, as_version=4).cells[1].outputs
    assert [sorted(output.get("data", {})) for output in outputs] == [
        [PLOTLY, "image/svg+xml", "text/plain"],
        ["text/markdown", "text/plain"],
        ["text/markdown", "text/plain"],
        ["text/html", "text/markdown", "text/plain"],
        ["text/markdown", "text/plain"],
        [],
    ]
    assert outputs[1].data["text/markdown"] == "*A `curve`.*"


def test_the_chapter_has_figure_sentence_and_table_in_their_order(executed: Path) -> None:
    figure, table = chapter(executed)
    assert (figure.kind, figure.label) == ("fig", "fig-mine-train-curve")
    assert (table.kind, table.label) == ("tab", "tab-mine-train-numbers")
    _, line, first, _, between, second, _ = texts(executed)
    assert line == "*Made.* {download}`Download this notebook <executed/mine-train.ipynb>`"
    assert first.startswith(
        "```{figure} figures/mine-train-curve.svg\n:name: fig-mine-train-curve\n"
        ":alt: A falling line.\n\nA `curve`.\n```"
    )
    assert between == "A sentence between."
    assert second.startswith(":::{text-table} The `numbers`.\n:name: tab-mine-train-numbers\n")
    assert r"\|x\|" in second and r"1\_0" in second
    book = executed.parents[3] / "book"
    assert (book / "figures" / "mine-train-curve.svg").read_text().startswith("<?xml")
    cells = nbformat.read(book / "train.ipynb", as_version=4).cells
    assert [output.output_type for output in cells[2].outputs] == ["stream"]


def test_a_long_table_is_folded_in_the_pages_alone(
    executed: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text inside is the same; a PDF leaves out the raw HTML around it."""
    shown = []
    monkeypatch.setattr(
        "IPython.display.display",
        lambda bundle, *, raw, metadata: shown.append((bundle, metadata)),
    )
    show(pd.DataFrame({"x": [1]}), name="numbers", caption="All.", folded="All of <x>")
    bundle, metadata = shown[0]
    opened = '<details class="folded"><summary>All of &lt;x&gt;</summary>'
    assert bundle["text/html"].startswith(opened + "<table")
    content = nbformat.read(executed, as_version=4)
    content.cells[1].outputs[3].update(data=bundle, metadata=metadata)
    folder = tmp_path / "results" / "quick" / "mine"
    folder.mkdir(parents=True)
    nbformat.write(content, folder / "train.ipynb")
    chapter(folder / "train.ipynb")
    text = texts(folder / "train.ipynb")[5]
    assert text.startswith(f"```{{raw}} html\n{opened}\n```\n\n:::{{text-table}} All.\n")
    assert "| 1 |\n:::\n\n````{only} html\n" in text  # its card is inside
    assert text.endswith("\n\n```{raw} html\n</details>\n```")


def test_a_figure_is_folded_in_the_pages_too(executed: Path) -> None:
    content = nbformat.read(executed, as_version=4)
    for output in content.cells[1].outputs:
        if output.get("metadata", {}).get("eigenprune", {}).get("name") == "curve":
            output["metadata"]["eigenprune"]["folded"] = "The curve"
    nbformat.write(content, executed)
    chapter(executed)
    text = texts(executed)[2]
    opened = '<details class="folded"><summary>The curve</summary>'
    assert text.startswith(f"```{{raw}} html\n{opened}\n```\n\n```{{figure}} ")
    assert text.endswith("\n\n```{raw} html\n</details>\n```")


def test_the_interactive_figure_cannot_end_its_element(executed: Path) -> None:
    chapter(executed)
    (script,) = re.findall(r"<script ([^>]*)>(.*)</script>", texts(executed)[2])
    assert 'data-figure="fig-mine-train-curve"' in script[0]
    assert json.loads(script[1])["data"] == [{"name": "</script>"}]


def test_the_card_says_what_made_it(executed: Path) -> None:
    lock = {"train@mine": {"outs": [{"path": "results/quick/mine/train.ipynb", "md5": "0"}]}}
    card = chapter(executed, lock=lock)[0].card
    facts = dict(card.facts)
    assert "`train@mine`" in facts["Stage"] and "is not the one in `dvc.lock`" in facts["Stage"]
    assert facts["Make it again"] == "`dvc repro train@mine`"
    assert "epochs 2" in facts["Study"] and "hidden 8" in facts["Study"]
    assert facts["Data"].startswith("digits, SHA-256 `87ff0c9e40dc")
    assert facts["Runs"].startswith("8, ") and of_runs(STUDY).common_hash in facts["Runs"]
    assert (card.scale, card.state) == ("quick", "current")
    assert "````{only} html" in card.text()


def test_a_card_of_other_parameters_says_so(executed: Path) -> None:
    now = Params(("mine",), {"mine": change_study(STUDY, {"epochs": 9})})
    card = chapter(executed, now)[0].card
    assert card.state == "outdated"
    assert dict(card.facts)["Outdated"] == "epochs was 2 and is 9"
    assert "outdated since it was made" in card.text()


def test_a_card_of_other_code_or_data_says_so(
    executed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("eigenprune.report.provenance.cards.code_now", lambda: "0")
    card = chapter(executed)[0].card
    assert card.state == "code has changed"
    assert dict(card.facts)["Code since then"] == "the code that computes runs has changed"
    monkeypatch.setattr("eigenprune.lab.datasets.checksum", lambda name: "0")
    card = chapter(executed)[0].card
    assert dict(card.facts)["Outdated"] == "the bytes of digits have changed"
    # The card still names the data that were used.
    assert dict(card.facts)["Data"].startswith("digits, SHA-256 `87ff0c9e40dc")


def test_the_common_hash_is_of_the_runs_and_not_of_their_order() -> None:
    turned = change_study(STUDY, {"seeds": [2, 1], "methods": ["post", "direct"]})
    assert of_runs(turned).common_hash == of_runs(STUDY).common_hash
    for changes in ({"seeds": [1]}, {"epochs": 3}, {"methods": ["post"]}):
        assert of_runs(change_study(STUDY, changes)).common_hash != of_runs(STUDY).common_hash


def test_rows_that_share_a_run_are_counted_by_themselves(root: Path) -> None:
    """A card must not call a complete recording incomplete because two rows share one run."""
    changes = {"methods": ["taylor", "taylor-reconstructed"], "activations": ["relu"]}
    whole = change_study(load_params(root / "params.yaml").study("rivals-mnist"), changes)
    origin = of_runs(whole, recorded=True)
    rows = 2 * len(whole.seeds) * (1 + len(whole.pruning_ratios))
    assert origin.runs < rows == origin.rows
    assert not _more_than_shown([origin])
    assert _more_than_shown([replace(origin, rows=rows - 1)])


def test_a_picture_needs_words_for_who_cannot_see_it() -> None:
    with pytest.raises(ValueError, match="name='a name': no spaces"):
        show(pd.DataFrame(), name="a name", caption="")
    with pytest.raises(ValueError, match="figure 'x': alt is missing"):
        show(Figure(), name="x", caption="X.")
