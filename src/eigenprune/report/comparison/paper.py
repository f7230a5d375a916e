"""The recorded results, as the chapters on the paper's scale read them: from Git alone."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from eigenprune.lab import project
from eigenprune.lab.errors import UserError
from eigenprune.lab.records import manifest
from eigenprune.lab.records.recorded import recorded_curves
from eigenprune.lab.studies import Study, change_study, make_study
from eigenprune.report.comparison.agreement import OF_STUDY, compare_study
from eigenprune.report.readable import span

FOLDER = "results/paper"
NOTHING = f"{FOLDER} holds none of the studies that were asked for: `eigenprune record` writes them"


def recorded_studies(names: Iterable[str]) -> list[Study]:
    """The named studies that are recorded, with their settings when they were recorded.

    Raises:
        UserError: if a manifest cannot be read as one.
    """
    studies = []
    for name in names:
        folder = project.root() / FOLDER / name
        if (folder / manifest.FILE).is_file():
            studies.append(recorded_study(folder))
    return studies


def recorded_study(folder: Path) -> Study:
    """The study that a folder of `results/paper` holds, with its settings when it was recorded.

    It may be of a dataset of the reader's own that `params.yaml` no longer names.

    Raises:
        UserError: if the manifest is not there or cannot be read as one.
    """
    file = folder / manifest.FILE
    if (found := manifest.read(folder)) is None:
        raise UserError(f"{file} is not there")
    values = {key: value for key, value in found["study"].items() if key != "name"}
    return make_study(found["study"]["name"], values, str(file), own=[values["dataset"]])


def narrowed(
    studies: Iterable[Study],
    dataset: str | None = None,
    methods: Sequence[str] = (),
    hidden: str | None = None,
) -> list[Study]:
    """The studies narrowed to some of their methods, to say what a figure shows.

    Args:
        studies: any.
        dataset: keep only studies of this dataset.
        methods: to keep; studies that have none of them are left out.
        hidden: keep only studies of these widths, as the tables write them, `500-500-500`.
    """
    return [
        change_study(study, {"methods": kept})
        for study in studies
        if dataset in (None, study.dataset)
        and hidden in (None, study.widths)
        and (kept := [name for name in study.methods if name in methods])
    ]


def curves_of(studies: Iterable[Study]) -> pd.DataFrame:
    """The tidy tables of recorded studies in one table.

    Raises:
        UserError: if there is no study.
    """
    tables = [recorded_curves(project.root() / FOLDER / study.name) for study in studies]
    if not tables:
        raise UserError(NOTHING)
    return pd.concat(tables, ignore_index=True)


def within_one_study(curves: pd.DataFrame, methods: Sequence[str]) -> pd.DataFrame:
    """The rows of some methods, each curve from one study, and as many as possible from the same.

    Two studies may have recorded one curve on two machines. It is then taken from the study that
    has the most of these methods, so that they are compared on networks of one machine if possible.

    Args:
        curves: the tidy table, of studies with the same settings.
        methods: to keep.

    Example:
        >>> where = {"dataset": "mnist", "hidden": "500", "activation": "relu"}
        >>> rows = pd.DataFrame({"study": ["main", "controls", "controls"],
        ...     "method": ["pre", "pre", "small"]}).assign(**where)
        >>> within_one_study(rows, ["pre", "small"])["study"].tolist()
        ['controls', 'controls']
    """
    where = ["dataset", "hidden", "activation"]
    rows = curves[curves["method"].isin(methods)].reset_index(drop=True)
    rows = rows.assign(most=rows.groupby([*where, "study"])["method"].transform("nunique"))
    ordered = rows.sort_values("most", ascending=False, kind="stable")
    best = ordered.groupby([*where, "method"])["study"].transform("first")
    return rows[rows["study"] == best.sort_index()].drop(columns="most")


def behind(curves: pd.DataFrame, studies: Iterable[Study]) -> list[Study]:
    """The studies narrowed to the methods whose rows a table has, to say where it comes from.

    Args:
        curves: the tidy table, or a part of it.
        studies: at least those of its rows.
    """
    found = curves.groupby("study")["method"].unique()
    return [
        its for study in studies for its in narrowed([study], methods=found.get(study.name, []))
    ]


def ratios_of(curves: pd.DataFrame, method: str) -> list[float]:
    """The pruning ratios at which a method is recorded."""
    return sorted(curves.loc[curves["method"] == method, "pruning_ratio"].unique())


def agreement_of(studies: Iterable[Study], *, exchanged: bool = False) -> pd.DataFrame:
    """Every point of recorded studies that was published at the same width, see `compare_study`.

    Args:
        studies: what `recorded_studies` returns.
        exchanged: compare `direct` with the published `post` and the other way round, see
            `agreement.exchanged_methods`.
    """
    points = [compare_study(study, curves_of([study]), exchanged=exchanged) for study in studies]
    points = [those for those in points if len(those)]
    return pd.concat(points, ignore_index=True) if points else pd.DataFrame(columns=OF_STUDY)


def recorded_table(studies: Sequence[Study]) -> pd.DataFrame:
    """How much of each study is recorded, one row per study.

    Returns:
        Index study; columns `hidden`, `activations`, `methods`, `seeds` (fewest and most per
        point), `rows`, `of` (planned) and `hours` (of one thread, or of one stack on a GPU; a
        network that two studies share counts in both).

    Raises:
        UserError: if there is no study.
    """
    if not studies:
        raise UserError(NOTHING)
    rows = []
    for study in studies:
        folder = project.root() / FOLDER / study.name
        recorded = manifest.read(folder) or {}
        curves = recorded_curves(folder)
        seeds = curves.groupby(["activation", "method", "pruning_ratio"], sort=False)[
            "seed"
        ].nunique()
        seconds = manifest.seconds(recorded)
        rows.append(
            {
                "study": study.name,
                "hidden": study.widths,
                "activations": ", ".join(curves["activation"].unique()),
                "methods": ", ".join(curves["method"].unique()),
                "seeds": span(seeds),
                "rows": recorded["rows"],
                "of": recorded["rows_planned"],
                "hours": round(seconds / 3600, 2),
            }
        )
    return pd.DataFrame(rows).set_index("study")
