"""The tidy table of the arena, and its means: over activations, seed by seed, and over seeds.

Methods compete where dataset, hidden widths and retraining are the same (GROUP), at the same
pruning ratio.
"""

import numpy as np
import pandas as pd

from eigenprune.lab.arena import MORE
from eigenprune.lab.errors import UserError
from eigenprune.lab.rivals import AS_PRUNED, FINE_TUNED, FITTED, TRAINED
from eigenprune.lab.rows import COLUMNS
from eigenprune.report.once import require_once

GROUP = ["dataset", "hidden", "retraining"]
POINT = [*GROUP, "pruning_ratio", "activation"]
METHOD = ["method", "family", "score", "regulariser"]
RIVALS_COLUMNS = (*COLUMNS, *MORE)
# Columns that a table may also have, measured when the results were recorded, see `lab.arena`.
MEASURED = ("latency", "seconds")
OVER_ACTIVATIONS = "all"
SPECTRAL = "spectral"
CONTROL = "control"
# Networks trained from scratch at their final size compete with those retrained after pruning.
WHEN_SMALL = {"retraining": {TRAINED: FINE_TUNED}}
# The plainly trained dense network with all its nodes: the control of every method.
PLAIN = "plain dense network"
# How many times more the unpruned network has, or takes: parameters, MACs and milliseconds.
TIMES = {
    "compression_ratio": "parameters_kept",
    "theoretical_speed_up": "macs_kept",
    "measured_speed_up": "latency",
}

_KEPT = ["nodes_kept", "parameters_kept", "macs_kept", "latency", *TIMES]
_WORDS = [*METHOD, "retraining", "hyperparameters"]


def controls_of(rivals: pd.DataFrame) -> pd.DataFrame:
    """The rows of plainly trained dense networks, unpruned: the control of every method.

    Args:
        rivals: the tidy table, see `lab.arena`.

    Returns:
        One row per dataset, widths, activation and seed, of family `weights`, nothing retrained,
        at ratio 0.
    """
    rivals = _checked(rivals)
    same = ["dataset", "hidden", "activation", "seed"]
    return rivals[_plain(rivals)].drop_duplicates(same)


def rankable(rivals: pd.DataFrame) -> pd.DataFrame:
    """The rows that can be ranked, with one word for all that are trained at the final size.

    Reconstructed networks are compared with the same method as it is, see
    `reconstruction_exhibits`.

    Args:
        rivals: the tidy table, see `lab.arena`.
    """
    return rivals[rivals["retraining"] != FITTED].replace(WHEN_SMALL)


def settled(rivals: pd.DataFrame) -> pd.DataFrame:
    """The `rankable` rows with the activations that most methods of a study have, retrained alike.

    A study is recorded bit by bit. With an activation that some methods lack, only the others would
    have a mean over it, and that mean could not be compared with anything. A method that lacks what
    most others have is left out itself, where means over the activations are compared.

    Args:
        rivals: the tidy table, see `lab.arena`.
    """
    rivals = rankable(rivals)
    group = ["study", *GROUP]
    having = rivals.groupby([*group, "activation"])["method"].transform("nunique")
    return rivals[having == having.groupby([rivals[name] for name in group]).transform("max")]


def timed_alike(rivals: pd.DataFrame) -> pd.DataFrame:
    """The table with the seconds of one kind of processor only, since others take other times.

    For each dataset, widths, activation and retraining, this is the processor that most methods
    were computed on. Seconds that include a search for a strength are left out, since other seeds
    had no search.

    Args:
        rivals: the tidy table, see `lab.arena`; it is returned as it is if it has no column
            `processor`.
    """
    if "processor" not in rivals:
        return rivals
    setting = [*GROUP, "activation"]
    methods = rivals.groupby([*setting, "processor"])["method"].nunique().reset_index()
    most = methods.sort_values("method").drop_duplicates(setting, keep="last")
    timing = rivals[setting].merge(most, on=setting, how="left")["processor"].to_numpy()
    alike = (rivals["processor"] == timing) & ~rivals["searched"].astype(bool)
    return rivals.assign(seconds=rivals["seconds"].where(alike))


def over_activations(rivals: pd.DataFrame, controls: pd.DataFrame | None = None) -> pd.DataFrame:
    """The networks of each activation, and the mean over the activations for each seed.

    One seed draws for all activations, so their mean counts as one realisation, not as several.
    Where a method or a seed lacks an activation of its group, there is no such mean.

    Args:
        rivals: the tidy table, see `lab.arena`.
        controls: what `controls_of` returns for a larger table that contains this one; if None, for
            this one.

    Returns:
        One row per method, activation, seed and point; `activation` is OVER_ACTIVATIONS for the
        means. Besides METHOD, POINT, `seed` and what is kept: `accuracy`; `unpruned`, the accuracy
        of the control of that seed, NaN where there is none; `lost`, `unpruned` minus `accuracy`;
        and TIMES, before pruning over after it: parameters (`compression_ratio`), MACs
        (`theoretical_speed_up`) and latency (`measured_speed_up`), NaN where the table has no
        unpruned network. `seconds` are those that `timed_alike` leaves.

    Raises:
        UserError: if a column is missing or a network appears in the table twice.
    """
    rivals = timed_alike(_checked(rivals))
    require_once(rivals, [*POINT, "method", "seed"], "average one study")
    same = ["dataset", "hidden", "activation", "seed"]
    # Not the method's own network at ratio 0: some methods have silenced nodes in it already.
    controls = controls_of(rivals) if controls is None else controls
    unpruned = controls[[*same, "accuracy"]].rename(columns={"accuracy": "unpruned"})
    table = rivals.merge(unpruned, on=same, how="left")
    table = _with_times(table.assign(lost=table["unpruned"] - table["accuracy"]))
    numbers = ["accuracy", "unpruned", "lost", "seconds", *_KEPT]
    of_activations = table[[*POINT, *METHOD, "seed", *numbers]]
    keys = [*GROUP, "pruning_ratio", *METHOD, "seed"]
    groups = table.groupby(keys, sort=False)
    wanted = table.groupby(GROUP)["activation"].transform("nunique")
    whole = table[groups["activation"].transform("size") == wanted]
    # Not the mean of those present: a control that lacks one activation cannot stand for them all.
    means = whole.groupby(keys, sort=False)[numbers].mean(skipna=False)
    means = means.reset_index().assign(activation=OVER_ACTIVATIONS)
    return pd.concat([means[of_activations.columns], of_activations], ignore_index=True)


def points(networks: pd.DataFrame) -> pd.DataFrame:
    """Means over the seeds.

    Args:
        networks: what `over_activations` returns.

    Returns:
        One row per method and point, with POINT, METHOD, `n` (seeds), `accuracy_mean`,
        `accuracy_std` (sample standard deviation over the seeds, NaN for one), and the means of
        `unpruned`, `lost`, `nodes_kept`, `parameters_kept`, `macs_kept`, `latency` (milliseconds)
        and TIMES; `seconds` is the median (of compute for one network), since a machine busy with
        other work made one of them many times longer. `unpruned` and `lost` are NaN where a seed
        has no control: a mean over the others would be of other networks than `accuracy_mean`.
    """
    groups = networks.groupby([*POINT, *METHOD], sort=False)
    beside_control = ["unpruned", "lost"]
    found = groups.agg(
        n=("accuracy", "size"),
        accuracy_mean=("accuracy", "mean"),
        accuracy_std=("accuracy", "std"),
        **{name: (name, "mean") for name in (*beside_control, *_KEPT)},
        seconds=("seconds", "median"),
    )
    has_all = groups[beside_control].count().eq(found["n"], axis=0)
    found[beside_control] = found[beside_control].where(has_all)
    return found.reset_index()


def activations(table: pd.DataFrame) -> list[str]:
    """The activations that a table has rows of, without the mean over them."""
    names = map(str, table["activation"].unique())
    return [name for name in names if name != OVER_ACTIVATIONS]


def means_alone(table: pd.DataFrame) -> pd.DataFrame:
    """The rows that are means over the activations, see `over_activations`."""
    return table[table["activation"] == OVER_ACTIVATIONS]


def plain_network(networks: pd.DataFrame) -> pd.DataFrame:
    """The plainly trained dense network, unpruned and not retrained: the control of all methods.

    Args:
        networks: what `over_activations` returns, of the controls alone or with others.

    Returns:
        What `points` returns, with PLAIN for a `method`: one row per dataset, widths and
        activation; none where the table has no such network.
    """
    rows = networks[_plain(networks)].assign(method=PLAIN, score="")
    return points(rows.drop_duplicates([*POINT, "seed"]))


def plain_beside(rivals: pd.DataFrame, controls: pd.DataFrame) -> pd.DataFrame:
    """What `plain_network` returns for controls, with the activations of the methods beside them.

    Args:
        rivals: the tidy table of those methods, see `lab.arena`.
        controls: what `controls_of` returns.
    """
    where = ["dataset", "hidden", "activation"]
    beside = controls.merge(rivals[where].drop_duplicates(), on=where)
    return plain_network(over_activations(beside))


def compute_spent(rivals: pd.DataFrame) -> pd.DataFrame:
    """What the results of each method cost.

    Args:
        rivals: the tidy table, see `lab.arena`.

    Returns:
        One row per group and method, the most expensive first, with GROUP, METHOD, `networks`
        (rows), `seconds` (sum over them, a training that several rows share counted once) and
        `seconds_per_network`. NaN where nothing was measured.

    Raises:
        UserError: if a column is missing.
    """
    rivals = _checked(rivals)
    keys = [*GROUP, *METHOD]
    if "training" in rivals:
        again = rivals.duplicated([*keys, "training"])
        shared = rivals["training_seconds"].where(again, 0)
        rivals = rivals.assign(seconds=rivals["seconds"] - shared)
    groups = rivals.groupby(keys, sort=False)["seconds"]
    spent = groups.agg(networks="size", seconds=lambda s: s.sum(min_count=1)).reset_index()
    spent["seconds_per_network"] = spent["seconds"] / spent["networks"]
    return spent.sort_values("seconds", ascending=False, ignore_index=True)


def _plain(table: pd.DataFrame) -> pd.Series:
    """Which rows are of plainly trained dense networks, unpruned."""
    plain = table["family"].eq("weights") & table["regulariser"].eq("")
    return plain & table["retraining"].eq(AS_PRUNED) & table["pruning_ratio"].eq(0)


def _with_times(table: pd.DataFrame) -> pd.DataFrame:
    """The table with TIMES: what the unpruned network of the same setting has, over the row."""
    network = ["dataset", "hidden", "activation"]
    kept = list(TIMES.values())
    unpruned = table[table["pruning_ratio"] == 0].groupby(network)[kept].max().add_suffix("_before")
    table = table.join(unpruned, on=network)
    times = {name: table[f"{of}_before"] / table[of] for name, of in TIMES.items()}
    return table.assign(**times)


def _checked(rivals: pd.DataFrame) -> pd.DataFrame:
    """The table, if it has all columns; words that are empty in a file are empty, not NaN."""
    if missing := [name for name in RIVALS_COLUMNS if name not in rivals]:
        needed = ", ".join(RIVALS_COLUMNS)
        raise UserError(f"the table of rivals: no column {missing[0]!r}; needed: {needed}")
    unknown = {name: np.nan for name in MEASURED if name not in rivals}
    return rivals.fillna(dict.fromkeys(_WORDS, "")).assign(**unknown)
