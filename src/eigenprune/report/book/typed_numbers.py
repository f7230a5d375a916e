"""Find numbers typed into prose that a result could give: they would stay when the result changes.

Settings and names are left alone (SETTINGS); what reads like a result is found (RESULTS). A number
that only reads like a result is excused on its own line, with the reason:

    The lamp has 3 times the range. <!-- number: from the data sheet of the lamp -->

The check knows only these two lists. Each rule has a name, an example, and a pattern in which a
space stands for any white space within a paragraph.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eigenprune.lab.errors import UserError
from eigenprune.report.book import prose

_WORDS = (
    "one|two|three|four|five|six|seven|eight|nine|ten|twelve|twenty|fifty|a hundred|a thousand|"
    "half a|half an|one and a half|a dozen"
)
_N = r"(?<![\w.,])\d+(?:,\d{3})*(?:\.\d+)?"  # 12, 1,200, 1.3
_Q = rf"(?:{_N}|\b(?:{_WORDS}))"  # the same, or in words
_RATIO = r"\d*\.?\d+"


@dataclass(frozen=True)
class Rule:
    """One kind of number: its name, an example, and the pattern that finds it."""

    name: str
    example: str
    pattern: str

    def finditer(self, text: str) -> Iterator[re.Match[str]]:
        """All matches; none extends beyond the end of a paragraph."""
        space = r"(?:(?:[ \t\u00a0]|\n(?!\s*\n))+)"
        return re.finditer(self.pattern.replace(" ", space), text, re.IGNORECASE)


# Numbers that a person chose, or that are part of a name: blanked before RESULTS are looked for.
SETTINGS = [
    Rule(
        "version",
        "Python 3.11, 3.12 or 3.13",
        r"\b(?:Python|torch|PyTorch|CUDA|Debian|DVC|Sphinx|scikit-learn|version)(?: ?[<>=]=?)? ?"
        r"\d+(?:\.\d+)*(?:(?:, or |, | or | and | to )\d+\.\d+)*",
    ),
    Rule("architecture", "784-500-10", r"\b\d+(?:-\d+){2,}\b"),
    Rule(
        "reference",
        "doi 10.1038/s41598-022-14805-7, arXiv 2108.00940, section 3.2",
        r"\b10\.\d{4,}/\S+|\barXiv:? ?\d{4}\.\d{4,5}|\b(?:section|sect\.) \d+(?:\.\d+)*",
    ),
    Rule(
        "confidence",
        "95 % confidence interval",
        rf"{_N} ?% confidence\b|\bconfidence(?: level)? of {_N}(?: ?%)?",
    ),
    Rule(
        "level of significance",
        "p < 0.05",
        r"\bp(?:-values?)?(?: that)?(?: stays?| is| are)? ?(?:<|≤|below|under) ?0\.0[15]\b",
    ),
    Rule(
        "pruning ratio",
        "pruning ratios from 0.05 to 0.95 in steps of 0.05",
        rf"\bratios?(?: (?:of|from|up to|at|above|below|beyond|between|near))* {_RATIO}"
        rf"(?:(?: to |, | and | or ){_RATIO})*(?: in steps of {_RATIO})?",
    ),
    Rule(
        "range of ratios",
        "0.05 to 0.95 in steps of 0.05",
        rf"{_RATIO} to {_RATIO} in steps of {_RATIO}",
    ),
    Rule(
        "share removed",
        "90 % of the nodes removed",
        rf"{_N} ?% of (?:the |its |all |hidden )*nodes(?: are| is)? (?:removed|gone|pruned)\b",
    ),
    Rule(
        "setting of the training",
        "beta = (0.9, 0.999)",
        rf"\b(?:beta|epsilon|learning rate|momentum|weight decay)(?: of| =|=)? ?\(?{_RATIO}"
        rf"(?:(?:, ?| / ){_RATIO})*\)?",
    ),
    Rule("distribution", "U(-0.5, 0.5)", r"\bU\([^)]*\)"),
    Rule("layer", "one hidden layer of 100 nodes", r"\blayers? of (?:width )?\d+(?: nodes)?\b"),
]

RESULTS = [
    Rule("percentage", "97.3 %", rf"{_Q} ?(?:%|per ?cent\b)"),
    Rule(
        "accuracy, loss or correlation",
        "accuracy of 0.953",
        r"\b(?:accurac(?:y|ies)|loss|correlation) (?:of|is|was|reaches|reached|near|above|below|=)"
        rf" (?:about |only |nearly )?{_N}",
    ),
    Rule("count of successes", "12 of 19 points agree", rf"{_N} of (?:the |its )?\d+\b"),
    Rule(
        "points of accuracy",
        "12 points",
        rf"{_N} (?:percentage )?points?\b|\b(?:by|about|than|most|nearly|almost|within|only) "
        rf"(?:{_WORDS}) points?\b|\b(?:{_WORDS}) points? of (?:accuracy|a per ?cent)",
    ),
    Rule(
        "factor",
        "1.3 times faster",
        rf"{_N} ?[x×](?![\w]| ?\d)|{_N}(?: times|-?fold)\b"
        rf"|\b(?:{_WORDS}) times (?:as|faster|slower|smaller|larger|more|less|fewer|longer|shorter)"
        r"|\btwice as\b",
    ),
    Rule(
        "time",
        "about 5 minutes",
        rf"(?:{_Q}|\b(?:a few|some|several|many|a couple of)) "
        r"(?:[mµn]?s|sec|(?:milli|micro)?seconds?|min|minutes?|h|hours?|days?)\b"
        r"|\b(?:in|within|takes?|took|needs?) (?:minutes|hours|days)\b"
        r"|\b(?:minutes|hours|days) on\b",
    ),
    Rule(
        "count of nodes",
        "keeps 50 nodes",
        rf"{_N} (?:hidden |free )*(?:nodes|parameters|weights|connections)\b"
        rf"|\b(?:keeps?|kept|leaves?|retains?|needs?)(?: only| just| about)? (?:{_WORDS}) "
        r"(?:hidden )?nodes\b",
    ),
    Rule(
        "fraction in words",
        "more than half of the nodes",
        r"\b(?:about|more than|less than|nearly|almost|roughly) (?:(?:a|one|two|three) )?"
        r"(?:half|third|thirds|quarters?|fifths?|tenths?)\b(?! an?\b)",
    ),
    Rule("number with a decimal point", "0.86", r"(?<![\w.])\d*\.\d+(?![\w]|\.\d)"),
]

_EXCUSE = re.compile(r"<!--\s*number:(.*?)-->", re.DOTALL)
_REASON = 12  # the fewest letters of a reason
REMEDY = (
    "Numbers come from results: let a cell of the notebook write the sentence, or use a "
    "substitution of report/book/facts.py. A number that no result can give is excused on its "
    "line, with the reason: <!-- number: where it is from -->"
)


@dataclass(frozen=True)
class Found:
    """Words in a text that a result should give; `line` counts from 1."""

    line: int
    words: str
    kind: str


def typed_numbers(text: str, *, docstring: bool = False) -> list[Found]:
    """The numbers in the prose of a text that read like results, in order.

    Also found are excuses without a reason, and those that excuse nothing.

    Args:
        text: a page or cell in Markdown.
        docstring: whether the text is a docstring, whose examples and equations are not prose.

    Example:
        >>> typed_numbers("With 784 inputs and 100 epochs it is 97.3 % right.")
        [Found(line=1, words='97.3 %', kind='percentage')]
    """
    read = prose.of_docstring(text) if docstring else prose.of_page(text)
    for rule in SETTINGS:
        for match in rule.finditer(read):
            blank = re.sub(r"[^\n]", " ", match[0])
            read = read[: match.start()] + blank + read[match.end() :]
    excuses = {_line(text, m.end()): " ".join(m[1].split()) for m in _EXCUSE.finditer(text)}
    used, found = set(), []
    for rule in RESULTS:
        for match in list(rule.finditer(read)):
            lines = range(_line(read, match.start()), _line(read, match.end()) + 1)
            if excused := excuses.keys() & set(lines):
                used |= excused
            else:
                found.append(Found(lines[0], " ".join(match[0].split()), rule.name))
            blank = re.sub(r"[^\n]", " ", match[0])  # each word is found once
            read = read[: match.start()] + blank + read[match.end() :]
    for line, reason in excuses.items():
        if sum(letter.isalpha() for letter in reason) < _REASON:
            found.append(Found(line, f"number: {reason}", "excuse without a reason"))
        elif line not in used:
            found.append(Found(line, f"number: {reason}", "excuse of nothing"))
    return sorted(found, key=lambda each: each.line)


def refuse_typed_numbers(root: Path) -> None:
    """Check the pages of `root/book`, the notebooks and the package's docstrings.

    In notebooks, the captions and sentences in the code are checked too.

    Raises:
        UserError: if a sentence contains a number that reads like a result; it names every one.
    """
    faults = [
        f"{file}{f': cell {cell}, line ' if cell else ':'}{line}: {words!r} ({kind})"
        for file, cell, line, words, kind in sorted(_everywhere(root))
    ]
    if faults:
        raise UserError(
            "typed by hand, where a result could give it:\n  " + "\n  ".join(faults) + f"\n{REMEDY}"
        )


def _everywhere(root: Path) -> Iterator[tuple[str, int, int, str, str]]:
    """File, cell (0 where there is none), line, words and kind."""

    def named(path: Path, texts: Iterable[tuple[int, int, str]], *, docstring: bool = False) -> Any:
        for cell, first, text in texts:
            for found in typed_numbers(text, docstring=docstring):
                line = first + found.line - 1
                yield path.relative_to(root).as_posix(), cell, line, found.words, found.kind

    for page in (root / "book").rglob("*.md"):
        yield from named(page, [(0, 1, page.read_text(encoding="utf-8"))])
    for notebook in (root / "notebooks").glob("*.ipynb"):
        yield from named(notebook, prose.of_notebook(notebook))
    for source in (root / "src" / "eigenprune").rglob("*.py"):
        texts = ((0, first, text) for first, text in prose.docstrings(source))
        yield from named(source, texts, docstring=True)


def _line(text: str, position: int) -> int:
    return text.count("\n", 0, position) + 1
