"""Tables for readers: the numbers of the tables that they are made from, rounded and formatted."""

import pandas as pd

from eigenprune.lab.methods import Method
from eigenprune.lab.rivals import named
from eigenprune.report.arena import averages, rival_tables
from eigenprune.report.arena import leaderboard as boards
from eigenprune.report.paired import paired_tests, with_verdicts


def test_the_leaderboard_says_what_it_was_given(rivals: pd.DataFrame) -> None:
    board = boards.leaderboard(rivals, ratios=[0.9])
    board = board[(board["activation"] == "all") & (board["retraining"] == "none")]
    table = rival_tables.leaderboard(board)
    last, numbers = table.loc[("0.9", 6)], board.iloc[-1]
    assert (last["method"], last["family"], last["verdict"]) == ("random", "control", "worse")
    mean, std = 100 * numbers["accuracy_mean"], 100 * numbers["accuracy_std"]
    assert last["accuracy"] == f"{mean:.2f} ± {std:.2f}" and last["lost"].startswith("49.9")
    assert last["parameters"] == "740"
    difference, low, high = (100 * numbers[name] for name in ("difference", "low", "high"))
    assert last["against it"] == f"{difference:+.2f} [{low:+.2f}, {high:+.2f}]"
    assert last["p"] == "< 0.001"
    assert table["p"].iloc[0] == f"{board['p'].iloc[0]:.3f}"


def test_what_the_rival_keeps_stands_beside_it(rivals: pd.DataFrame) -> None:
    heavier = rivals["method"].eq("weight norm")
    unlike = rivals.assign(parameters_kept=rivals["parameters_kept"].mask(heavier, 1234.0))
    standing = boards.spectral_standing(unlike, ratios=[0.9])
    assert set(rival_tables.leaderboard(standing)["its parameters"]) == {"1,234"}
    spectral = rivals[rivals["family"] == "spectral"]
    alone = rival_tables.leaderboard(boards.spectral_standing(spectral, ratios=[0.9]))
    assert set(alone["its parameters"]) == {""}
    assert "its parameters" not in rival_tables.leaderboard(boards.leaderboard(rivals))


def test_what_is_not_known_is_left_empty(rivals: pd.DataFrame) -> None:
    alone = rivals[(rivals["method"] == "taylor") & (rivals["pruning_ratio"] > 0)]
    table = rival_tables.leaderboard(boards.leaderboard(alone[alone["seed"] == 1]))
    assert (table[["lost", "rival", "against it", "p"]] == "").all().all()
    assert not table["accuracy"].str.contains("±|nan").any()


def test_compute_is_in_minutes(rivals: pd.DataFrame) -> None:
    table = rival_tables.compute_spent(averages.compute_spent(rivals))
    row = table.loc[("digits", "100", "fine-tuned", "eigenvalue, lasso")]
    assert row.tolist() == [50, "20.8", "25.0"]


def test_checks_say_what_they_were_given() -> None:
    row = ["digits", "10", "taylor", "inverted", "hurt", 5, -0.25, -0.3, -0.2, 0.0123, -1.0, "yes"]
    names = ["dataset", "hidden", "method", "check", "must", "n", "difference", "low", "high", "p"]
    judged = pd.DataFrame([row], columns=[*names, "rank_correlation", "behaves"])
    table = rival_tables.behaviour(judged)
    found = table.loc[("taylor", "inverted")].tolist()
    assert found == ["hurt", "-25.00 [-30.00, -20.00]", "0.012", "-1.00", "yes"]


def standings(rivals: pd.DataFrame, marked: tuple[str, ...] = ()) -> pd.DataFrame:
    """Standings over all activations, without retraining."""
    networks = averages.over_activations(rivals)
    tables = [
        boards.leaderboard(rivals),
        averages.points(networks[networks["pruning_ratio"] == 0]),
        averages.plain_network(networks),
    ]
    rows = [t[(t["activation"] == "all") & (t["retraining"] == "none")] for t in tables]
    return rival_tables.standings(*rows, marked)


def test_standings_name_every_method_once_below_the_plain_network(rivals: pd.DataFrame) -> None:
    table = standings(rivals)
    assert list(table.columns) == ["unpruned", "0.5", "0.8", "0.9", "0.95", "n"]
    assert table.index[0] == averages.PLAIN and len(table) == 1 + 6 and table.index.is_unique
    board = boards.leaderboard(rivals)
    board = board[(board["activation"] == "all") & (board["retraining"] == "none")]
    best = board[(board["pruning_ratio"] == 0.9) & (board["rank"] == 1)].iloc[0]
    mean, std = 100 * best["accuracy_mean"], 100 * best["accuracy_std"]
    assert table.loc[best["method"], "0.9"] == f"{mean:.2f} ± {std:.2f} (1)○"
    assert table.loc["random", "0.9"].endswith("(6)")
    assert set(table["n"]) == {"5"}


def test_standings_show_each_control_as_it_was_measured(rivals: pd.DataFrame) -> None:
    """A method cannot hide a training that costs accuracy; the plain network is its own control."""
    rivals.loc[rivals["method"] == "taylor", "accuracy"] -= 0.1
    table = standings(rivals)
    # 0.9, plus 0.01 times the seed, plus 0.005 on average over activations; see the fixture.
    assert table.loc[averages.PLAIN].tolist() == ["93.50 ± 1.58", "", "", "", "", "5"]
    assert table.loc["taylor", "unpruned"] == "83.50 ± 1.58"
    assert table.loc["connectivity", "unpruned"] == "93.50 ± 1.58"


def test_standings_of_one_seed_have_no_deviation(rivals: pd.DataFrame) -> None:
    table = standings(rivals[rivals["seed"] == 1])
    assert not any("±" in cell or "nan" in cell for cell in table.to_numpy().ravel())
    # Nothing was tested: no method is said to be as good as the best.
    assert not any("○" in cell for cell in table.to_numpy().ravel())
    without = standings(rivals[(rivals["family"] != "weights") & (rivals["seed"] == 1)])
    assert len(without) == 4 and averages.PLAIN not in without.index


def test_standings_mark_methods_with_a_network_for_each_ratio(rivals: pd.DataFrame) -> None:
    table = standings(rivals, ("taylor",))
    marked = [name for name in table.index if name.endswith(rival_tables.PER_RATIO)]
    assert marked == [f"taylor {rival_tables.PER_RATIO}"]


def test_standings_say_of_how_many_seeds(rivals: pd.DataFrame) -> None:
    late = (rivals["method"] == "taylor") & (rivals["pruning_ratio"] == 0.9) & (rivals["seed"] > 3)
    seeds = standings(rivals[~late])["n"]
    assert (seeds["taylor"], seeds["connectivity"]) == ("3–5", "5")


def costs(rivals: pd.DataFrame) -> pd.DataFrame:
    """Costs over all activations, without retraining, at two ratios."""
    means = averages.points(averages.over_activations(rivals))
    means = means[(means["activation"] == "all") & (means["retraining"] == "none")]
    return rival_tables.costs(means[means["pruning_ratio"].isin([0.5, 0.9])])


def test_costs_are_sizes_and_how_many_times_more_there_was(rivals: pd.DataFrame) -> None:
    small = rivals["method"].eq("taylor") & rivals["pruning_ratio"].eq(0.9)
    rivals.loc[small, "parameters_kept"] = 1_480
    rivals.loc[small, "macs_kept"] = 3_700
    rivals.loc[small, "latency"] = 0.5
    rivals.loc[rivals["method"] == "connectivity", "parameters_kept"] -= 1
    rivals.loc[rivals["method"] == "random", "latency"] = float("nan")
    table = costs(rivals)
    assert list(table.columns) == ["parameters", "compression", "speed-up", "latency", "measured"]
    at = table.loc["0.9 (10 nodes)"]
    assert at.index[0] == "connectivity" and at.index[-1] == "taylor" and len(at) == 6
    # The unpruned network has 7,400 parameters and MACs, and takes 1 ms.
    assert at.loc["taylor"].tolist() == ["1,480", "5.0×", "2.0×", "0.50", "2.0×"]
    assert at.loc["eigenvalue"].tolist() == ["740", "10.0×", "10.0×", "0.10", "10.0×"]
    assert at.loc["random"].tolist() == ["740", "10.0×", "10.0×", "", ""]
    assert list(costs(rivals.assign(latency=float("nan"))).columns) == list(table.columns)[:3]


def test_costs_leave_out_what_is_not_there(rivals: pd.DataFrame) -> None:
    rivals.loc[rivals["method"] == "random", "nodes_kept"] += 1
    late = (rivals["method"] == "taylor") & (rivals["pruning_ratio"] == 0.9)
    table = costs(rivals[~late])
    assert "taylor" not in table.loc["0.9 (10–11 nodes)"].index
    assert "taylor" in table.loc["0.5 (50–51 nodes)"].index


def test_strengths_stand_beside_those_that_were_tried(rivals: pd.DataFrame) -> None:
    rivals.loc[rivals["activation"] == "tanh", "hyperparameters"] = "strength=0.01"
    tried = Method(label="l", regulariser="l1", strengths=(0.001, 0.01, 0.1))
    none = Method(label="n")
    one = Method(label="o", regulariser="averaging", strengths=(0.99,))  # no search
    methods = {"eigenvalue, lasso": tried, "connectivity": none, "taylor": one}
    told = rivals["hyperparameters"].mask(rivals["method"].eq("taylor"), "strength=0.99")
    table = rival_tables.strengths(rivals.assign(hyperparameters=told), methods)
    assert table.to_dict("index") == {  # * marks a strength at the edge of those tried
        "eigenvalue, lasso": {"relu": "0.001*", "tanh": "0.01", "tried": "0.001, 0.01, 0.1"}
    }


def test_differences_are_in_points_and_marked_where_told_apart(rivals: pd.DataFrame) -> None:
    plain = rivals[(rivals["retraining"] == "none") & (rivals["pruning_ratio"] > 0)]
    pairs = [("taylor", "random"), ("eigenvalue, lasso", "weight norm")]
    rows = with_verdicts(
        pd.concat(
            [paired_tests(plain, *pair).assign(pair=" - ".join(pair)) for pair in pairs],
            ignore_index=True,
        )
    )
    table = rival_tables.differences(rows)
    assert len(table) == 2 * 2 * 4 and set(table["n"]) == {5}
    for row, (index, line) in zip(rows.to_dict("records"), table.iterrows(), strict=True):
        difference, low, high = (
            f"{100 * row[name]:+.2f}" for name in ("difference", "low", "high")
        )
        mark = "*" if row["verdict"] != "open" else ""
        assert line["difference"] == f"{difference} [{low}, {high}]{mark}"
        assert index == (row["pair"], row["activation"], f"{row['pruning_ratio']:g}")
    assert table.loc[("taylor - random", "tanh", "0.9"), "p"] == "< 0.001"
    told_apart = table["difference"].str.endswith("*").groupby(level="pair", sort=False)
    assert told_apart.all().tolist() == [True, False]


def test_verdicts_are_counted_for_each_pair_and_dataset() -> None:
    def tests(**verdicts: list[str]) -> pd.DataFrame:
        return pd.DataFrame(
            [
                {"pair": pair, "activation": "relu", "verdict": verdict, "n": 2 + number}
                | {"difference": 0.01 * number, "size": 1 + number if pair == "a" else 1.0}
                for pair, those in verdicts.items()
                for number, verdict in enumerate(those)
            ]
        )

    table = rival_tables.verdicts(
        {
            "mnist": tests(a=["open", "better"], b=["worse"]),
            "digits": tests(b=["open", "open", "open"], c=["not tested"]),
        }
    )
    assert table.droplevel("activation").to_dict("index") == {
        "a": {"mnist": "better 1, worse 0, open 1 (2–3) +0.50, 1.0–2.0×", "digits": ""},
        "b": {
            "mnist": "better 0, worse 1, open 0 (2) +0.00",
            "digits": "better 0, worse 0, open 3 (2–4) +1.00",
        },
        "c": {"mnist": "", "digits": "better 0, worse 0, open 0, not tested 1 (2) +0.00"},
    }


def test_verdicts_that_an_activation_turns_round_are_not_pooled() -> None:
    """Better with one activation and worse with the other is not open with both."""
    rows = pd.DataFrame(
        {
            "question": "a score, or chance?",
            "pair": "a",
            "activation": ["relu", "relu", "tanh"],
            "verdict": ["better", "open", "worse"],
            "n": 2,
            "difference": 0.0,
            "size": 1.0,
        }
    )
    wanted = {"relu": "better 1, worse 0, open 1", "tanh": "better 0, worse 1, open 0"}
    short = rival_tables.verdicts_in_short({"mnist": rows})["mnist"]
    assert short["a score, or chance?"].to_dict() == wanted
    cells = rival_tables.verdicts({"mnist": rows})["mnist"]["a"]
    assert all(cells[activation].startswith(its) for activation, its in wanted.items())


def test_methods_are_told_as_the_parameters_say_them() -> None:
    entries = {
        "one": {"layer": "spectral", "initialisation": "ones", "score": "eigenvalue"},
        "two": {"score": "snip", "before": True},
    }
    table = rival_tables.methods(named(entries, "params.yaml"))
    assert table["family"].to_dict() == {"one": "spectral", "two": "before-training"}
    assert table.loc["one", "network"] == "spectral, eigenvalues start at one"
