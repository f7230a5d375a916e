"""Compare a reader's own results of a quick study with the recorded ones, and give a verdict.

Results are the same bit by bit on machines of the same kind with the same versions and code.
Elsewhere sums are rounded differently, and training amplifies the differences: hardly at all with
one hidden layer, but with several now and then into another network. Single networks are therefore
compared bit by bit. A study that is not bitwise equal is still equal within tolerance if all means
over the seeds agree, by the rule for two means of `agreement.compare`, and most networks of each
method have the recorded accuracy to within one image of the test set (see MOVED). The first
condition alone would accept networks that have nothing in common but their settings.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from eigenprune.lab import datasets, project
from eigenprune.lab.plans import plan
from eigenprune.lab.records import manifest
from eigenprune.lab.records.recorded import RESULT, reference_of, rows_by_run
from eigenprune.lab.rows import COLUMNS, labels
from eigenprune.lab.runs import run_id
from eigenprune.lab.store import Store
from eigenprune.lab.studies import Params
from eigenprune.report.comparison.agreement import compare
from eigenprune.report.curves import read_curves
from eigenprune.report.provenance.staleness import Changes, since_recorded
from eigenprune.report.statistics import over_seeds

POINT = ["activation", "method", "pruning_ratio"]
KEY = [*POINT, "seed"]
# The share of a method's networks whose accuracy may differ by more than one image. Other vector
# instructions move up to half as many networks; other seeds move twice as many and more.
MOVED = 0.25

STATES = ["equal", "within", "different", "missing"]
# Not the commit, which differs from reader to reader: changes of code are found by its content.
TOLD = [key for key in manifest.MADE_BY if key != "commit"]
UNKNOWN = "unknown"


@dataclass(frozen=True)
class Reproduction:
    """How a recorded study came out here.

    Args:
        study: its name.
        networks: one row per network that is the same run on both sides: the columns of the tidy
            table, `recorded_accuracy`, `recorded_loss`, `same` (to the last bit), and `moved` (by
            more than one image of the test set); NaN where there is no result here.
        points: one row per point of a curve: POINT, `mean` and `recorded_mean` of the accuracies,
            `difference`, `tolerance` (see `agreement.compare`), and `state`: `equal` if all its
            networks are, to the last bit; `within` the tolerance; `different`; or `missing` if one
            of its networks has no result here.
        dropped: how many recorded networks the study no longer asks for.
        image: what one image of the test set is worth, as an accuracy from 0 to 1.
        changes: in the study's settings, the data and the code since it was recorded.
        machines: index TOLD, columns `recorded` and `here`: what the networks were made with.
    """

    study: str
    networks: pd.DataFrame
    points: pd.DataFrame
    dropped: int
    image: float
    changes: Changes
    machines: pd.DataFrame

    def count(self, *states: str) -> int:
        """How many points are in one of these states."""
        return int(self.points["state"].isin(states).sum())

    @property
    def verdict(self) -> str:
        """`bitwise equal`, `equal within tolerance` or `different`, for what can be compared.

        If nothing can: `another study` if its settings have changed, else `not recorded`.
        """
        moved = self.networks.groupby("method")["moved"].mean()
        if self.count("different", "missing") or (moved > MOVED).any():
            return "different"
        if self.count("within"):
            return "equal within tolerance"
        if self.count("equal"):
            return "bitwise equal"
        return "another study" if self.dropped else "not recorded"


def reproduction(name: str, params: Params) -> Reproduction:
    """Compare the results of a study in `results/` with those in `results/reference/`.

    Networks are compared if they have the same run id: the same settings, data and protocol.

    Args:
        name: of the study.
        params: `params.yaml` as it is now.

    Raises:
        UserError: if there is no such study, it has no results here, or a recorded file is damaged.
    """
    study = params.study(name)
    path = project.results_dir(name, params.quick) / "curves.csv"
    here = read_curves(path, "`dvc repro` makes it")
    asked = pd.DataFrame([{**labels(study, row), "run": run_id(row.run)} for row in plan(study)])
    columns = ["run", *COLUMNS, *TOLD]
    recorded = pd.DataFrame(rows_by_run(reference_of(study)).values(), columns=columns)
    shared = recorded[recorded["run"].isin(asked["run"])]
    theirs = shared[[*KEY, "run", *RESULT]].rename(columns={k: f"recorded_{k}" for k in RESULT})
    networks = asked.merge(theirs, on=[*KEY, "run"]).merge(
        here[[*KEY, *RESULT]], on=KEY, how="left"
    )
    same = [networks[key] == networks[f"recorded_{key}"] for key in RESULT]
    networks["same"] = pd.concat(same, axis=1).all(axis=1)
    image = 1 / len(datasets.load(study.dataset, project.data_dir()).test_targets)
    apart = (networks["accuracy"] - networks["recorded_accuracy"]).abs()
    networks["moved"] = apart > 1.5 * image  # a half more, because a quotient is not exact
    return Reproduction(
        study.name,
        networks,
        _points(networks),
        dropped=len(recorded) - len(shared),
        image=image,
        changes=since_recorded(reference_of(study), params),
        machines=_machines(shared, networks),
    )


def by_method(found: Reproduction) -> pd.DataFrame:
    """Count the points of each method by state, and measure how far its networks differ.

    Returns:
        Index method; the columns STATES (numbers of points), `networks`, `moved` (networks whose
        accuracy differs by more than one image), `accuracy` and `loss` (the largest absolute
        differences of a network, NaN where there is none to compare).
    """
    networks = found.networks
    gaps = pd.DataFrame(
        {
            "method": networks["method"],
            "networks": 1,
            "moved": networks["moved"],
            "accuracy": (networks["accuracy"] - networks["recorded_accuracy"]).abs(),
            "loss": (networks["loss"] - networks["recorded_loss"]).abs(),
        }
    )
    how = {"networks": "sum", "moved": "sum", "accuracy": "max", "loss": "max"}
    counts = pd.crosstab(found.points["method"], found.points["state"])
    counts = counts.reindex(columns=STATES, fill_value=0)
    table = counts.join(gaps.groupby("method").agg(how))
    return table.loc[networks["method"].unique()].rename_axis(columns=None)


def _points(networks: pd.DataFrame) -> pd.DataFrame:
    there = networks.dropna(subset="accuracy")
    reference = over_seeds(
        there.drop(columns="accuracy").rename(columns={"recorded_accuracy": "accuracy"})
    )
    means = compare(there, reference.drop(columns=["study", "nodes_kept", "parameters_kept"]))
    means = means.rename(columns={"published_mean": "recorded_mean"})
    whole = networks.assign(missing=networks["accuracy"].isna()).groupby(POINT, sort=False)
    points = whole.agg(same=("same", "all"), missing=("missing", "any")).reset_index()
    names = ["mean", "recorded_mean", "difference", "tolerance", "agrees"]
    points = points.merge(means[[*POINT, *names]], on=POINT, how="left")
    state = pd.Series("different", index=points.index, dtype=object)
    state = state.mask(points["agrees"].eq(True), "within").mask(points["same"], "equal")
    points["state"] = state.mask(points["missing"], "missing")
    return points.drop(columns=["same", "missing", "agrees"])


def _machines(recorded: pd.DataFrame, networks: pd.DataFrame) -> pd.DataFrame:
    """What both sides were made with; for the networks made here, the run store knows."""
    store = Store(project.store_dir())
    entries = [store.get(run) for run in networks["run"]]
    made: list[Mapping[str, Any]] = [entry.record["made_with"] for entry in entries if entry]
    all_same = bool(len(networks)) and bool(networks["same"].all())

    def told(key: str, values: Collection[object]) -> str:
        return ", ".join(sorted({_version(key, str(v), all_same) for v in values})) or UNKNOWN

    return pd.DataFrame(
        [
            [told(key, list(recorded[key])), told(key, [m.get(key, UNKNOWN) for m in made])]
            for key in TOLD
        ],
        index=pd.Index(TOLD, name="made with"),
        columns=["recorded", "here"],
    )


def _version(key: str, version: str, all_same: bool) -> str:
    """A version, shortened by the details that made no difference if every bit is the same.

    Machines of one kind thus write the same page, whatever build of torch and patch release of
    Python they have. Where something differs, every detail may be the cause, and all are kept.
    """
    if all_same and key == "torch":
        return version.partition("+")[0]
    if all_same and key == "python":
        return ".".join(version.split(".")[:2])
    return version
