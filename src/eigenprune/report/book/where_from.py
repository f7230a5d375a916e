"""The page that lists every figure and table with its origin, and what is outdated."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from eigenprune.lab.records import manifest
from eigenprune.lab.studies import Params
from eigenprune.report.book.chapters import Exhibit
from eigenprune.report.provenance.staleness import Changes, since_recorded

HEAD = """# Where everything comes from

A card below each figure and table of this book gives its origin; this page lists them all.
A *common hash* stands for the set of runs that is shown: the same runs have the same hash.

## What has changed since it was recorded

The results at the scale of the paper were computed once and are kept in `results/paper`.
They are *outdated* if the parameters, the data or the protocol have changed since.
If only the code has changed, the results are meant to be the same up to rounding: a test compares
small networks with the numbers that belong to the version of the protocol.
The files that differ are named.
Spot checks show whether the numbers have changed too: `eigenprune spot-check STUDY` draws a run at
random and computes it again, with what else was made of its network, in minutes where the whole
took hours. The networks are counted besides the runs, because many runs may be of one network.
A run must be the same to the last bit if it is checked on the kind of machine that recorded it.
On another kind, where sums are rounded differently, it must be as close to the recorded run as two
seeds are in all but one case of a hundred.
Checks compute one network at a time on the CPU. Where code has changed that computes stacks of
networks on a GPU, and made what is recorded, the results are *partly spot-checked*.
`eigenprune verify` prints what has changed, and the spot checks, in the terminal.

Times are kept in `results/bench`, each file with the commit that was measured.
If the code has changed since, networks may take another time now; no check tells."""


def where_from(exhibits: Mapping[str, Sequence[Exhibit]], changes: Mapping[str, Changes]) -> str:
    """The page in Markdown.

    Args:
        exhibits: of each chapter, by its file in the book without the ending.
        changes: what `recorded_changes` and `measured_changes` return, together.
    """
    lines = [HEAD, ""]
    lines += [f"- {line}" for line in summary(changes)] or ["- Nothing is recorded."]
    checks = spot_check_lines(changes) or ["No run has been computed again by the code as it is."]
    lines += ["", "Spot checks:", "", *(f"- {line}" for line in checks)]
    for kind, title in (("fig", "Figures"), ("tab", "Tables")):
        lines += ["", f"## {title}", "", *_table(kind, title, exhibits)]
    return "\n".join(lines) + "\n"


def recorded_changes(root: Path, params: Params) -> dict[str, Changes]:
    """What has changed, for every study that is recorded in `results/paper` of a repository."""
    manifests = sorted((root / "results" / "paper").glob(f"*/{manifest.FILE}"))
    return {path.parent.name: since_recorded(path.parent, params) for path in manifests}


def summary(changes: Mapping[str, Changes]) -> list[str]:
    """Lines in Markdown: one for each outdated study, then one for each state of the code."""
    lines = [
        f"`{name}`: outdated: {'; '.join(found.outdated)}"
        for name, found in changes.items()
        if found.outdated
    ]
    alike: dict[tuple[str, ...], list[str]] = {}
    for name, found in changes.items():
        alike.setdefault(found.code, []).append(name)
    for sentences, names in alike.items():
        said = "; ".join(sentences) or "computed by the code as it is"
        lines.append(f"{', '.join(f'`{name}`' for name in names)}: {said}")
    return lines


def spot_check_lines(changes: Mapping[str, Changes]) -> list[str]:
    """One line for each study with runs that were computed again, in Markdown."""
    return [f"`{name}`: {said}" for name, found in changes.items() for said in found.checks]


def _table(kind: str, title: str, exhibits: Mapping[str, Sequence[Exhibit]]) -> list[str]:
    rows = [
        f"| {{exhibit}}`{shown.label}` | [](/{chapter}.ipynb) | {shown.card.scale} "
        f"| {shown.card.runs} | {shown.card.state} |"
        for chapter, those in exhibits.items()
        for shown in those
        if shown.kind == kind
    ]
    if not rows:
        return ["There are none."]
    head = [
        f"| {title[:-1]} | Chapter | Scale | Runs, common hash | State |",
        "|:--|:--|:--|:--|:--|",
    ]
    return [*head, *rows]
