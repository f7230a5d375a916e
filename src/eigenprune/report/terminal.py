"""Tables for the terminal."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

import pandas as pd
from rich import box
from rich.table import Table

from eigenprune.lab.execution.status import Status
from eigenprune.lab.trials.entries import Trials
from eigenprune.report.comparison.agreement import NAMED, by_curve
from eigenprune.report.readable import percent, span
from eigenprune.report.speed import CORES, training_table

SIDE_BY_SIDE = 7  # the most methods that get a column each


def tables(means: pd.DataFrame, published: pd.DataFrame) -> Iterator[Table]:
    """One table per activation: a line per pruning ratio, our accuracies and the published means.

    If there are too many methods for a column each, there is a line per method instead, with the
    means only.

    Args:
        means: what `statistics.over_seeds` returns.
        published: what `published.published_curves` returns; may be empty.
    """
    for activation, ours in means.groupby("activation", sort=False):
        first = ours.iloc[0]
        title = f"{first['dataset']}, hidden {first['hidden']}, {activation}: test accuracy in %"
        if ours["method"].nunique() > SIDE_BY_SIDE:
            yield _by_method(ours, title)
            continue
        table = Table(
            title=title,
            caption="mean ± sample standard deviation over n seeds; 0 is the unpruned control",
            title_justify="left",
        )
        table.add_column("pruned", justify="right")
        columns = []
        for method, curve in ours.groupby("method", sort=False):
            table.add_column(f"{method} (n={span(curve['n'])})", justify="right")
            columns.append(_cells(curve))
            theirs = published[
                (published["activation"] == activation) & (published["method"] == method)
            ]
            if len(theirs):
                table.add_column(f"published ({theirs.iloc[0]['hidden']})", justify="right")
                columns.append(_cells(theirs.assign(accuracy_std=float("nan"))))
        for ratio in ours["pruning_ratio"].unique():
            table.add_row(f"{ratio:g}", *(cells.get(ratio, "") for cells in columns))
        yield table


def _by_method(ours: pd.DataFrame, title: str) -> Table:
    caption = "mean over n seeds; 0 is the unpruned control"
    # Without padding, ten ratios and a name (on two lines if it is long) fit 80 columns.
    table = Table(
        title=title,
        caption=caption,
        title_justify="left",
        box=box.SIMPLE_HEAD,
        padding=0,
    )
    table.add_column("method", overflow="fold")
    ratios = ours["pruning_ratio"].unique()
    for name in ("n", *(f"{ratio:g}" for ratio in ratios)):
        table.add_column(name, justify="right", no_wrap=True)
    for method, curve in ours.groupby("method", sort=False):
        means = curve.set_index("pruning_ratio")["accuracy_mean"]
        cells = (f"{100 * means[ratio]:.1f}" if ratio in means else "" for ratio in ratios)
        table.add_row(str(method), span(curve["n"]), *cells)
    return table


def trials_tables(trials: Trials, rows: pd.DataFrame) -> Iterator[Table]:
    """One table per activation: a line for each thing tried, named by what distinguishes it.

    Args:
        trials: those that were carried out.
        rows: what `trials.tables.table` returns, not empty.
    """
    first, *options = trials.options
    options = [name for name in options if rows[name].nunique() > 1]
    told_by = [name for name in ("retraining_epochs", "network") if name in rows]
    sizes = [name for name in ("connections", "bytes") if name in rows]

    def name_of(row: Any) -> str:
        told = [f"{key} {row[key]}" for key in [*options, *told_by] if pd.notna(row[key])]
        return ", ".join([row[first], *told])

    named = rows.assign(tried=rows.apply(name_of, axis=1).str.replace("_", " "))
    for activation, ours in named.groupby("activation", sort=False):
        title = f"{trials.dataset}, hidden {trials.widths}, {activation}: test accuracy in %"
        caption = "mean ± sample standard deviation over n seeds"
        table = Table(title=title, caption=caption, title_justify="left", box=box.SIMPLE_HEAD)
        table.add_column(first)
        for column in ("n", *sizes, "accuracy"):
            table.add_column(column, justify="right")
        for name, those in ours.groupby("tried", sort=False):
            means = (f"{those[size].mean():.0f}" for size in sizes)
            accuracy = percent(those["accuracy"].mean(), those["accuracy"].std())
            table.add_row(str(name), str(len(those)), *means, accuracy)
        yield table


def _cells(curve: pd.DataFrame) -> dict[float, str]:
    points = curve[["pruning_ratio", "accuracy_mean", "accuracy_std"]].to_numpy()
    return {ratio: percent(mean, std) for ratio, mean, std in points}


def status_table(statuses: Iterable[Status]) -> Table:
    """One line per study: runs done, running and pending, and the time left."""
    table = Table()
    table.add_column("study")
    for name in ("done", "running", "pending", "time left"):
        table.add_column(name, justify="right")
    for status in statuses:
        left = status.seconds_left
        counts = (str(n) for n in (status.done, status.running, status.pending))
        told = "unknown" if left is None else str(timedelta(seconds=round(left)))
        table.add_row(status.study, *counts, told if status.pending or status.running else "")
    return table


def shares_table(shares: pd.DataFrame) -> Table:
    """One line per width: how many published points are compared, and how many agree.

    Args:
        shares: what `tables.shares` returns.
    """
    caption = (
        "share: of the points compared; without pre: the same for direct and post alone; "
        "exchanged: the same with our direct compared with the published post, "
    )
    table = Table(
        title="published settings",
        caption=f"{caption}and our post with the published direct",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column(str(shares.index.name))
    for name in shares.columns:
        table.add_column(name, justify="right", no_wrap=True)
    for hidden, cells in shares.iterrows():
        table.add_row(str(hidden), *cells)
    return table


def agreement_table(points: pd.DataFrame, title: str = "ours against published") -> Table:
    """One line per published curve: how many of its points agree, and where it is worst.

    Args:
        points: what `agreement.compare` returns, of one or more studies.
        title: of the table.
    """
    # Without lines between columns it fits the 80 columns of a terminal; long names wrap.
    table = Table(
        title=title,
        caption="n: our seeds; agree: of the points compared; differences in points of accuracy",
        title_justify="left",
        box=box.SIMPLE_HEAD,
    )
    table.add_column("curve")
    for name in ("n", "agree", "median", "worst"):
        table.add_column(name, justify="right", no_wrap=True)
    for curve in by_curve(points).to_dict("records"):
        table.add_row(
            " ".join(str(curve[name]) for name in NAMED),
            str(curve["n"]),
            f"{curve['agree']}/{curve['points']}",
            f"{100 * curve['median']:.2f}",
            f"{100 * curve['worst']:+.2f} at {curve['worst_ratio']:g}",
        )
    return table


def points_tables(points: pd.DataFrame) -> Iterator[Table]:
    """One table per curve: both means, their difference in points of accuracy and the verdict.

    Args:
        points: what `agreement.compare` returns.
    """
    for key, curve in points.groupby(NAMED, sort=False):
        first = curve.iloc[0]
        table = Table(title=f"{' '.join(map(str, key))}: test accuracy in %", title_justify="left")
        ours, theirs = f"ours (n={span(curve['n'])})", f"published (n={first['published_n']})"
        for name in ("pruned", ours, theirs, "difference", "tolerance", "agrees"):
            table.add_column(name, justify="right")
        for point in curve.to_dict("records"):
            table.add_row(
                f"{point['pruning_ratio']:g}",
                percent(point["mean"], point["std"]),
                percent(point["published_mean"], point["published_std"]),
                f"{100 * point['difference']:+.2f}",
                f"{100 * point['tolerance']:.2f}",
                "yes" if point["agrees"] else "NO",
            )
        yield table


def bench_tables(measured: dict[str, Any]) -> Iterator[Table]:
    """What `bench.bench` measured: one table for training, one for inference."""
    machine = measured["machine"]
    where = f"{machine['device']} ({machine['processor']}), {machine['threads']} threads"
    training = Table(title=f"one epoch, hidden {measured['hidden']}, {where}", title_justify="left")
    training.add_column("network")
    for words in CORES.values():
        training.add_column(f"{words}, s (x plain)", justify="right")
    for network, cells in training_table(measured).iterrows():
        training.add_row(str(network), *cells)
    yield training
    inference = Table(title=f"one batch, {where}", title_justify="left")
    for name in ("network", "pruned", "batch", "ms", "speed-up"):
        inference.add_column(name, justify="left" if name == "network" else "right")
    for row in measured["inference"]:
        inference.add_row(
            row["network"],
            f"{row['pruning_ratio']:g}",
            str(row["batch_size"]),
            f"{1000 * row['seconds']:.3f}",
            f"{row['speed_up']:.1f}",
        )
    yield inference
