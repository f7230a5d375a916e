"""The arena's tables for readers: leaderboard, spectral methods, compute spent, sanity checks."""

from collections.abc import Callable, Collection, Mapping, Sequence

import pandas as pd

from eigenprune.lab.methods import Method
from eigenprune.lab.rivals import entry_of, family
from eigenprune.report.arena.cells import count, in_points, intervals, p_value, times_more
from eigenprune.report.paired import TOLD_APART
from eigenprune.report.readable import percents, span, verdict_counts

PER_RATIO = "†"  # after the name of a method that trains a network for each pruning ratio
NEAR = "○"  # after what was tested against the best and is not told apart from it


def standings(
    board: pd.DataFrame,
    unpruned: pd.DataFrame,
    plain: pd.DataFrame,
    network_per_ratio: Collection[str] = (),
) -> pd.DataFrame:
    """All methods in a table that fits a page: accuracies in per cent and, in brackets, ranks.

    Args:
        board: what `leaderboard.leaderboard` returns, of one dataset, width, retraining and
            activation.
        unpruned: what `averages.points` returns, of the same at ratio 0.
        plain: what `averages.plain_network` returns, of the same; may be empty.
        network_per_ratio: methods that train a network for each ratio, marked by PER_RATIO.

    Returns:
        Index `method`, the plain network first, then the others by their mean rank, best first.
        Columns: `unpruned`, the method's own control; one per pruning ratio; and `n` (seeds; the
        least to the most where the ratios differ). Accuracies are mean ± sample standard deviation,
        without the latter for one seed. NEAR marks the best, and each method that was tested
        against it and is not told apart from it.
    """
    near = board["verdict"].isin(["best", "not told apart"])
    places = [
        f"{accuracy} ({rank}){NEAR if mark else ''}"
        for accuracy, rank, mark in zip(percents(board), board["rank"], near, strict=True)
    ]
    board = board.assign(cell=places, ratio=board["pruning_ratio"].map("{:g}".format))
    order = board.groupby("method", sort=False)["rank"].mean().sort_values(kind="stable").index
    wide = board.pivot(index="method", columns="ratio", values="cell").loc[order]
    controls = pd.concat([plain, unpruned])
    own = pd.Series(percents(controls), index=controls["method"])
    seeds = pd.concat([plain, board]).groupby("method")["n"].agg(span)
    wide = wide.reindex([*plain["method"], *order])
    wide.insert(0, "unpruned", own.reindex(wide.index))
    wide = wide.assign(n=seeds.reindex(wide.index)).fillna("")
    return wide.rename(index=marks(network_per_ratio)).rename_axis(
        index="method", columns="pruning ratio"
    )


def marks(network_per_ratio: Collection[str]) -> dict[str, str]:
    """How methods that train a network for each ratio are written, by their names."""
    return {name: f"{name} {PER_RATIO}" for name in network_per_ratio}


def costs(means: pd.DataFrame) -> pd.DataFrame:
    """What is left of the networks, means over the seeds, and how many times more there was before.

    Args:
        means: what `averages.points` returns, of one dataset, width and activation, each method
            with or without retraining and not with both.

    Returns:
        Index `ratio`, which says how many nodes are kept (the least to the most where methods
        differ), and `method`, the fewest parameters first; columns `parameters`, `compression`
        (parameters before over after) and `speed-up` (the same of MACs). Where it was measured,
        `latency` (milliseconds) and `measured` (latency before over after) as well.
    """
    nodes = means.groupby("pruning_ratio")["nodes_kept"].agg(span)
    means = means.sort_values(["pruning_ratio", "parameters_kept"], kind="stable")
    table = pd.DataFrame(
        {
            "ratio": [f"{ratio:g} ({nodes[ratio]} nodes)" for ratio in means["pruning_ratio"]],
            "method": means["method"],
            "parameters": means["parameters_kept"].map(count),
            "compression": [times_more(times) for times in means["compression_ratio"]],
            "speed-up": [times_more(times) for times in means["theoretical_speed_up"]],
        }
    )
    if means["latency"].notna().any():
        table["latency"] = ["" if pd.isna(ms) else f"{ms:.2f}" for ms in means["latency"]]
        table["measured"] = [times_more(times) for times in means["measured_speed_up"]]
    return table.set_index(["ratio", "method"])


def methods(rivals: Mapping[str, Method]) -> pd.DataFrame:
    """The arena's methods as `params.yaml` defines them.

    Args:
        rivals: by name, as `Params.rivals`; methods made from others, such as `-retrained`, are
            left out.

    Returns:
        Index `method`; columns `family`, `network`, `score` (over all layers unless it says
        otherwise) and `regulariser` (with the strengths that are tried).
    """
    rows = {
        name: {
            "family": family(its),
            "network": _network(its),
            "score": _score(its),
            "regulariser": _regulariser(its),
        }
        for name, its in rivals.items()
        if name == entry_of(name)
    }
    return pd.DataFrame.from_dict(rows, orient="index").rename_axis("method")


def strengths(table: pd.DataFrame, rivals: Mapping[str, Method]) -> pd.DataFrame:
    """The strengths that were chosen, a column per activation, and those that were tried.

    An asterisk marks the smallest and the largest tried: a better one might lie beyond.

    Args:
        table: of one study, see `lab.arena.table`; rows without a regulariser are left out, and
            those where the pruning ratio is the strength.
        rivals: by name, as `Params.rivals`.
    """
    searched = [name for name, its in rivals.items() if len(its.strengths) > 1]
    rows = table[(table["hyperparameters"].fillna("") != "") & table["method"].isin(searched)]
    if rows.empty:
        return pd.DataFrame(columns=["tried"])
    marked = [
        _marked(chosen, rivals[method].strengths)
        for method, chosen in zip(rows["method"], rows["hyperparameters"], strict=True)
    ]
    chosen = rows.assign(chosen=marked).groupby(["method", "activation"], sort=False)["chosen"]
    wide = chosen.first().unstack()
    wide = wide.reindex([name for name in searched if name in wide.index]).fillna("")
    tried = [", ".join(f"{s:g}" for s in rivals[str(name)].strengths) for name in wide.index]
    return wide.assign(tried=tried).rename_axis(columns=None)


def differences(rows: pd.DataFrame) -> pd.DataFrame:
    """Paired differences in points of accuracy; an asterisk marks what is told apart.

    Args:
        rows: what `paired.with_verdicts` returns, with KEY of `paired` and the column `pair` (what
            is compared); perhaps with `size`, see `pair_exhibits.tests_of_pairs`.

    Returns:
        Index `pair`, `activation` and `ratio`; columns `n` (shared seeds), `difference` (with its
        interval), `p` (corrected) and, if it was given, `size`.
    """
    marks = rows["verdict"].isin(TOLD_APART).map({True: "*", False: ""})
    table = pd.DataFrame(
        {
            "pair": rows["pair"],
            "activation": rows["activation"],
            "ratio": rows["pruning_ratio"].map("{:g}".format),
            "n": rows["n"],
            "difference": intervals(rows) + marks,
            "p": [p_value(p) for p in rows["p"]],
        }
    )
    if "size" in rows:
        table["size"] = rows["size"].map(times_more)
    return table.set_index(["pair", "activation", "ratio"])


def verdicts(rows: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """How often each pair has each verdict with each activation, a column for each dataset.

    Args:
        rows: by dataset, see `differences`.

    Returns:
        Index `pair` and `activation`, in the order of the rows; cells such as `better 3, worse 0,
        open 1 (5) +0.41, 1.2–1.7×`, with the shared seeds in brackets, then the mean difference in
        points of accuracy and, where the two differ in size, how many times as many parameters the
        first keeps. A cell is empty where there is no test.
    """
    return _by_activation(rows, "pair", _counted)


def verdicts_in_short(rows: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """How often each verdict is the answer to a question, over all pairs that answer it.

    Args:
        rows: by dataset, see `differences`, with the column `question`.

    Returns:
        Index `question` and `activation`, in the order of the rows; cells such as `better 3, worse
        0, open 1`. A cell is empty where there is no test.
    """
    return _by_activation(rows, "question", lambda tests: verdict_counts(tests["verdict"]))


def _by_activation(
    rows: Mapping[str, pd.DataFrame], name: str, cell: Callable[[pd.DataFrame], str]
) -> pd.DataFrame:
    # Not pooled over activations: with one of them a method can be better where with another it is
    # worse, and the two counts together would hide both.
    keys = [name, "activation"]
    everything = pd.concat(rows.values())
    index = pd.MultiIndex.from_product([everything[key].unique() for key in keys], names=keys)
    cells = {
        dataset: {key: cell(tests) for key, tests in those.groupby(keys)}
        for dataset, those in rows.items()
    }
    return pd.DataFrame(cells, index=index).dropna(how="all").fillna("")


def _counted(tests: pd.DataFrame) -> str:
    """The verdicts of some tests.

    >>> tests = {"verdict": ["open", "better"], "n": [3, 2], "difference": [0.01, 0.02]}
    >>> _counted(pd.DataFrame({**tests, "size": [1.21, 1.68]}))
    'better 1, worse 0, open 1 (2–3) +1.50, 1.2–1.7×'
    """
    mean = in_points(tests["difference"].mean(), "+")
    sizes = [f"{size:.1f}" for size in sorted(tests["size"].dropna())]
    ends = "–".join(dict.fromkeys([*sizes[:1], *sizes[-1:]]))
    told = "" if ends in ("", "1.0") else f", {ends}×"
    return f"{verdict_counts(tests['verdict'])} ({span(tests['n'])}) {mean}{told}"


def _marked(hyperparameters: str, tried: Sequence[float]) -> str:
    chosen = hyperparameters.removeprefix("strength=")
    return chosen + "*" * (float(chosen) in (min(tried), max(tried)))


def _words(name: str) -> str:
    return name.replace("_", " ")


def _score(method: Method) -> str:
    in_each = method.ranks_by and method.scope == "layer"
    return _words(method.ranks_by) + (", in each layer" if in_each else "")


def _regulariser(method: Method) -> str:
    tried = ", ".join(f"{strength:g}" for strength in method.strengths)
    tried = "to the pruning ratio" if method.to_ratio else tried
    return f"{_words(method.regulariser)}: {tried}" if method.regulariser else ""


def _network(method: Method) -> str:
    if method.before:
        return "dense, untrained"
    if method.from_scratch:
        return f"{method.layer}, small from the start"
    parts = [method.layer]
    if method.initialisation == "ones":
        parts.append("eigenvalues start at one")
    if method.eigenvalues_in == "first":
        parts.append("lambda_in in the first layer")
    if method.trainable == "eigenvalues":
        parts.append("only eigenvalues trained")
    if method.redrawn:
        parts.append("weights redrawn after pruning")
    return ", ".join(parts)


def leaderboard(board: pd.DataFrame) -> pd.DataFrame:
    """Ranks, accuracies and verdicts; accuracies in per cent, differences in points.

    Args:
        board: what `leaderboard.leaderboard` or `leaderboard.spectral_standing` returns, of one
            dataset, width, retraining and activation.

    Returns:
        Index `ratio` and `rank`; columns `method`, `family`, `accuracy` (mean ± sample standard
        deviation), `rival`, `against it` (difference and its interval), `verdict`, `p` (corrected),
        `n` (seeds), `lost`, `parameters` kept and, for `spectral_standing`, `its parameters`: the
        rival's.
    """
    its = {}
    if "rival_parameters" in board:
        its["its parameters"] = board["rival_parameters"].map(count)
    return pd.DataFrame(
        {
            "ratio": board["pruning_ratio"].map("{:g}".format),
            "rank": board["rank"],
            "method": board["method"],
            "family": board["family"],
            "accuracy": percents(board),
            # The result comes early, where a narrow screen still shows it.
            "rival": board["rival"],
            "against it": intervals(board),
            "verdict": board["verdict"],
            "p": [p_value(p) for p in board["p"]],
            "n": board["n"],
            "lost": [in_points(lost) for lost in board["lost"]],
            "parameters": board["parameters_kept"].map(count),
            **its,
        }
    ).set_index(["ratio", "rank"])


def compute_spent(spent: pd.DataFrame) -> pd.DataFrame:
    """Compute of each method; its sum as minutes.

    Args:
        spent: what `averages.compute_spent` returns.

    Returns:
        Index dataset, hidden, retraining and method; columns `networks`, `minutes` (sum) and
        `seconds per network`.
    """
    return pd.DataFrame(
        {
            **{name: spent[name] for name in ("dataset", "hidden", "retraining", "method")},
            "networks": spent["networks"],
            "minutes": spent["seconds"].div(60).map("{:,.1f}".format),
            "seconds per network": spent["seconds_per_network"].map("{:,.1f}".format),
        }
    ).set_index(["dataset", "hidden", "retraining", "method"])


def behaviour(judged: pd.DataFrame) -> pd.DataFrame:
    """What the sanity checks did to each score; differences in points of accuracy.

    Args:
        judged: what `behaviour.behaviour` returns, of one dataset and width.

    Returns:
        Index `method` and `check`; columns `must`, `against as is` (difference and its interval),
        `p` (corrected), `rank correlation` and `behaves`.
    """
    return pd.DataFrame(
        {
            "method": judged["method"],
            "check": judged["check"],
            "must": judged["must"],
            "against as is": intervals(judged),
            "p": [p_value(p) for p in judged["p"]],
            "rank correlation": [
                "" if pd.isna(value) else f"{value:.2f}" for value in judged["rank_correlation"]
            ],
            "behaves": judged["behaves"],
        }
    ).set_index(["method", "check"])
