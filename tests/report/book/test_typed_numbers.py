"""No number in prose that a result could give: what is found, what is not, and the message."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from eigenprune.lab.errors import UserError
from eigenprune.report.book.typed_numbers import (
    RESULTS,
    SETTINGS,
    Found,
    Rule,
    refuse_typed_numbers,
    typed_numbers,
)


def kinds(text: str) -> list[str]:
    return [found.kind for found in typed_numbers(text)]


def words(text: str) -> list[str]:
    return [found.words for found in typed_numbers(text)]


@pytest.mark.parametrize("rule", RESULTS, ids=lambda rule: rule.name)
def test_each_rule_knows_its_example(rule: Rule) -> None:
    assert kinds(f"Here one sees {rule.example} as always.") == [rule.name]


@pytest.mark.parametrize("rule", SETTINGS, ids=lambda rule: rule.name)
def test_each_setting_is_left_alone_and_nothing_else_would_do_it(rule: Rule) -> None:
    assert kinds(f"Here one sees {rule.example} as always.") == []
    assert rule.finditer(rule.example)


@pytest.mark.parametrize(
    ("sentence", "found"),
    [
        ("It reaches 97.3 % on the test set.", "97.3 %"),
        ("It reaches **97** per cent.", "97 per cent"),
        ("It reaches 97%.", "97%"),
        ("Ten per cent are lost.", "Ten per cent"),
        ("An accuracy of 0.953 remains.", "accuracy of 0.953"),
        ("The accuracy is about 97 there.", "accuracy is about 97"),
        ("The correlation is 0.86.", "correlation is 0.86"),
        ("Spearman's coefficient, 0.86, is high.", "0.86"),
        ("It is 1.3 times faster.", "1.3 times"),
        ("It is three times faster.", "three times faster"),
        ("It is twice as fast.", "twice as"),
        ("A speed-up of 6.2x was measured.", "6.2x"),
        ("A speed-up of 6 × was measured.", "6 ×"),
        ("It loses 12 points.", "12 points"),
        ("It loses about one point.", "about one point"),
        ("Half a point of accuracy is lost.", "Half a point of accuracy"),
        ("It takes 40 s on a laptop.", "40 s"),
        ("It takes about 5 minutes.", "5 minutes"),
        ("It takes a few minutes.", "a few minutes"),
        ("All is done in minutes.", "in minutes"),
        ("That is hours on two cores.", "hours on"),
        ("In all, 12 of 19 points agree.", "12 of 19"),
        ("The network keeps 50 nodes.", "50 nodes"),
        ("It keeps only five nodes.", "keeps only five nodes"),
        ("It has 1,200 parameters.", "1,200 parameters"),
        ("It fails once more than half of the nodes are gone.", "more than half"),
        ("It falls behind from about a third.", "about a third"),
        ("With p = 0.003 it differs.", "0.003"),
    ],
)
def test_a_result_is_found(sentence: str, found: str) -> None:
    assert words(sentence) == [found]


@pytest.mark.parametrize(
    "sentence",
    [
        "With 784 inputs, ten outputs and 100 epochs.",
        "Adam with beta = (0.9, 0.999), beta 0.9 / 0.999 and batches of 200.",
        "Pruning ratios from 0.05 to 0.95 in steps of 0.05, and five realisations.",
        "The ratio 0, up to a ratio of 0.95, at ratio 0.5 or 0.9, ratios of 0.5, 0.8 and 0.9.",
        "The 95 % confidence interval, and a p-value that stays below 0.05: p < 0.05.",
        "Python 3.11, 3.12 or 3.13, torch >= 2.14, Debian 12 and version 1.0.4.",
        "Eigenvalues are drawn from U(-0.5, 0.5).",
        "With 90 % of the nodes removed.",
        "# Fashion-MNIST, 784-500-10",
        "One hidden layer of 100 nodes; three hidden layers of 50 nodes.",
        "Images of 8 by 8 pixels, 1,797 of them, in 12 stages.",
        "Sci Rep 12:11201 (2022), doi 10.1038/s41598-022-14805-7, arXiv 2108.00940.",
        "Recorded on 2026-11-24.",
        "See [the paper](https://example.org/97.3%25/0.86).",
        "It has `97.3 %` and $0.953 \\times 1.3$ and {eq}`eq-0.86`.",
        "It took {{ quick_time }} in all.",
        "% 97.3 % in a comment of MyST",
        "$$\n0.97\n$$",
        "```python\naccuracy = 0.97  # 97 %\n```",
        "````{note}\n```\n97 %\n```\n````",
        "```{figure} a-0.97.svg\n:name: a-0.5\n:width: 97%\n\nText.\n```",
        "```{math}\n:label: a\n0.97\n```",
        "---\ntitle: 97 %\n---\nText.",
        "1. One.\n2. Two.",
        "Every layer keeps at least one node; two methods, one point each.",
    ],
)
def test_a_setting_a_name_or_code_is_not(sentence: str) -> None:
    assert words(sentence) == []


@pytest.mark.parametrize(
    "text",
    [
        "```{note}\nIt reaches 97 %.\n```",
        "```{list-table} It reaches 97 %.\n:header-rows: 1\n\n* - a\n```",
        "```{figure} a.svg\n:alt: It reaches 97 %.\n\nText.\n```",
        "```{figure} a.svg\n:name: a\n\nIt reaches 97 %.\n```",
        ":::{warning}\nIt reaches 97 %.\n:::",
        "````{note}\n```\n1 %\n```\nIt reaches 97 %.\n````",
        "# It reaches 97 %",
        "| a | b |\n|---|---|\n| it | 97 % |",
    ],
)
def test_captions_notes_headings_and_tables_are_prose(text: str) -> None:
    assert words(text) == ["97 %"]


def test_the_place_is_told_and_a_line_break_hides_nothing() -> None:
    text = "One.\n\nThe accuracy is less\nthan 2 % and it takes 5\nminutes.\n"
    assert typed_numbers(text) == [
        Found(4, "2 %", "percentage"),
        Found(4, "5 minutes", "time"),
    ]
    assert words("There are 5\n\nminutes later nothing.") == []


@given(
    st.text("ab .,-\n", max_size=20),
    st.integers(1, 100),
    st.sampled_from([" %", "%", " per cent", "x", " times faster", " minutes", " points"]),
    st.text("ab .,-\n", max_size=20),
)
def test_wherever_it_stands_it_is_found_unless_it_is_code(
    before: str, number: int, unit: str, after: str
) -> None:
    sentence = f"{before} {number}{unit} {after}"
    assert len(words(sentence)) == 1
    assert words(f"```text\n{sentence}\n```") == []
    assert typed_numbers(f"First.\n\n{sentence}")[0].line == 3 + before.count("\n")


# --- excuses ----------------------------------------------------------------------------------


def test_an_excuse_holds_for_its_line_alone() -> None:
    excused = "The lamp has 3 times the range. <!-- number: from the data sheet -->"
    assert typed_numbers(excused) == []
    assert words(f"{excused}\nThe lens has 4 times.") == ["4 times"]
    assert words(f"The lens has 4 times.\n{excused}") == ["4 times"]


@pytest.mark.parametrize("reason", ["", "so", "1, 2, 3, 4, 5, 6, 7, 8"])
def test_an_excuse_needs_a_reason(reason: str) -> None:
    text = f"The lamp has 3 times the range. <!-- number: {reason} -->"
    assert kinds(text) == ["excuse without a reason"]


def test_an_excuse_of_nothing_is_found() -> None:
    assert kinds("The lamp. <!-- number: from the data sheet -->") == ["excuse of nothing"]


# --- the whole --------------------------------------------------------------------------------

DOCSTRING = '''
def f():
    """Takes 12 s.

    .. math:: 0.97

    Example:
        >>> f()  # 97 %
        0.97

    And 13 s more.
    """
'''


CODE = """
%config x = 98
# 98 %
show(0.98, name="98 %", caption=f"{0.98} of "
    "98 % are right.")
display(Markdown(f"It keeps {n} nodes, in {n} % of 7 minutes."), Markdown(text))
"""


def plant(root: Path) -> None:
    (root / "book").mkdir()
    (root / "book" / "page.md").write_text("# Title\n\nIt reaches 97.3 %.\n")
    (root / "notebooks").mkdir()
    cells = [
        {"cell_type": "code", "source": [CODE]},
        {"cell_type": "markdown", "source": ["One.\n", "\n", "It takes 40 s.\n"]},
    ]
    (root / "notebooks" / "n.ipynb").write_text(json.dumps({"cells": cells}))
    (root / "src" / "eigenprune" / "lab").mkdir(parents=True)
    (root / "src" / "eigenprune" / "lab" / "m.py").write_text(DOCSTRING)


def test_all_that_is_typed_is_told_with_place_words_and_remedy(tmp_path: Path) -> None:
    plant(tmp_path)
    with pytest.raises(UserError) as caught:
        refuse_typed_numbers(tmp_path)
    first, *lines, remedy = str(caught.value).splitlines()
    assert "typed by hand" in first and "<!-- number:" in remedy
    assert [line.strip() for line in lines] == [
        "book/page.md:3: '97.3 %' (percentage)",
        "notebooks/n.ipynb: cell 1, line 4: '98 %' (percentage)",
        "notebooks/n.ipynb: cell 1, line 6: '7 minutes' (time)",
        "notebooks/n.ipynb: cell 2, line 3: '40 s' (time)",
        "src/eigenprune/lab/m.py:3: '12 s' (time)",
        "src/eigenprune/lab/m.py:11: '13 s' (time)",
    ]


def test_nothing_is_typed_in_this_project(root: Path) -> None:
    assert (root / "book" / "index.md").is_file() and list((root / "notebooks").glob("*.ipynb"))
    refuse_typed_numbers(root)
