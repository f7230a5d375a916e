"""The leaderboard: means as they are defined, ranks, and verdicts that can go either way."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from eigenprune.lab.errors import UserError
from eigenprune.report.arena.averages import (
    POINT,
    compute_spent,
    over_activations,
    plain_network,
    points,
    settled,
)
from eigenprune.report.arena.leaderboard import (
    leaderboard,
    spectral_standing,
    write_leaderboard,
)


def at(table: pd.DataFrame, **values: object) -> pd.DataFrame:
    """The rows with these values; by default those not retrained, over all activations."""
    for name, value in {"retraining": "none", "activation": "all", **values}.items():
        table = table[table[name] == value]
    return table


def accuracies(rivals: pd.DataFrame, method: str, ratio: float) -> np.ndarray:
    """Accuracies without retraining, of shape (activations, seeds)."""
    chosen = rivals[(rivals["method"] == method) & (rivals["pruning_ratio"] == ratio)]
    chosen = chosen[chosen["retraining"] == "none"]
    return chosen.pivot(index="activation", columns="seed", values="accuracy").to_numpy()


def test_means_deviations_and_losses_are_those_over_seeds(rivals: pd.DataFrame) -> None:
    board = leaderboard(rivals)
    whole, found = accuracies(rivals, "taylor", 0.0), accuracies(rivals, "taylor", 0.9)
    for activation, ours, control in (
        ("tanh", found[1], whole[1]),
        ("all", found.mean(axis=0), whole.mean(axis=0)),
    ):
        [row] = at(board, method="taylor", pruning_ratio=0.9, activation=activation).to_dict(
            "records"
        )
        assert row["accuracy_mean"] == pytest.approx(ours.mean())
        assert row["accuracy_std"] == pytest.approx(ours.std(ddof=1))
        assert row["lost"] == pytest.approx((control - ours).mean())
        assert (row["n"], row["nodes_kept"], row["macs_kept"]) == (5, 10, 740)
        assert (row["latency"], row["seconds"]) == (pytest.approx(0.1), 10)


def test_every_point_has_its_own_ranks(rivals: pd.DataFrame) -> None:
    board = leaderboard(rivals)
    assert len(board) == 2 * 4 * 3 * 6
    for _, group in board.groupby(POINT):
        assert group["rank"].tolist() == [1, 2, 3, 4, 5, 6] and (group["of"] == 6).all()
        assert group["accuracy_mean"].is_monotonic_decreasing
        assert group["method"].iloc[-1] == "random"


def test_equal_means_share_a_rank_and_are_not_told_apart(rivals: pd.DataFrame) -> None:
    twin = rivals[rivals["method"] == "taylor"].assign(method="twin", score="twin")
    board = at(leaderboard(pd.concat([rivals, twin])), pruning_ratio=0.9)
    ranks = board.set_index("method")["rank"]
    assert ranks["twin"] == ranks["taylor"] == 3 and 4 not in set(ranks)
    alone = pd.concat([rivals[rivals["method"] == "taylor"], twin])
    assert set(leaderboard(alone)["verdict"]) == {"not tested"}  # no difference has a spread


def test_the_difference_is_that_of_the_paired_t_test(rivals: pd.DataFrame) -> None:
    board = at(leaderboard(rivals), pruning_ratio=0.9).set_index("method")
    best, second = board.index[:2]
    assert board.loc[best, "rival"] == second
    assert (board["rival"].drop(best) == best).all()
    one, other = (accuracies(rivals, name, 0.9).mean(axis=0) for name in ("random", best))
    test = stats.ttest_rel(one, other)
    low, high = test.confidence_interval(0.95)
    row = board.loc["random"]
    assert row[["shared", "difference", "low", "high"]].tolist() == pytest.approx(
        [5, (one - other).mean(), low, high]
    )
    assert test.pvalue < row["p"] < 1e-3


def test_verdicts_tell_the_worse_from_those_that_are_as_good(rivals: pd.DataFrame) -> None:
    verdicts = at(leaderboard(rivals), pruning_ratio=0.9).set_index("method")["verdict"]
    as_good = {"eigenvalue, lasso", "weight norm"}
    assert set(verdicts[verdicts == "not told apart"].index) == as_good
    assert (verdicts.drop(list(as_good)) == "worse").all()
    without = rivals[rivals["method"] != "weight norm"]
    verdicts = at(leaderboard(without), pruning_ratio=0.9).set_index("method")["verdict"]
    assert verdicts["eigenvalue, lasso"] == "best" and verdicts["taylor"] == "worse"


def test_among_many_comparisons_chance_does_not_look_like_a_winner(rivals: pd.DataFrame) -> None:
    # Thirty methods that differ only by noise: uncorrected, some would be told from the best.
    luck = np.random.default_rng(1)
    one = rivals[(rivals["method"] == "taylor") & (rivals["retraining"] == "none")]
    many = [
        one.assign(method=f"m{i}", accuracy=one["accuracy"] + luck.normal(0, 0.01, len(one)))
        for i in range(30)
    ]
    verdicts = leaderboard(pd.concat(many), ratios=[0.9])["verdict"]
    assert (verdicts == "not told apart").mean() > 0.9 and "best" not in set(verdicts)
    # Methods that are far behind do not lower the bar for those.
    far = [
        one.assign(method=f"far {i}", accuracy=one["accuracy"] - luck.normal(0.3, 0.01, len(one)))
        for i in range(150)
    ]
    board = leaderboard(pd.concat([*many, *far]), ratios=[0.9])
    behind = board["method"].str.startswith("far")
    assert (board.loc[behind, "verdict"] == "worse").all()
    assert board.loc[~behind, "verdict"].tolist() == verdicts.tolist()


def test_retraining_makes_a_competition_of_its_own(rivals: pd.DataFrame) -> None:
    board = leaderboard(rivals)
    alone = leaderboard(rivals[rivals["retraining"] == "fine-tuned"])
    both = at(board, retraining="fine-tuned").reset_index(drop=True)
    one = at(alone, retraining="fine-tuned").reset_index(drop=True)
    names = ["method", "rank", "rival", "difference", "low", "high"]
    pd.testing.assert_frame_equal(both[names], one[names])


def test_what_lacks_an_activation_or_a_control_has_no_mean_over_them(
    rivals: pd.DataFrame,
) -> None:
    only_relu = ~((rivals["method"] == "taylor") & (rivals["activation"] == "tanh"))
    board = leaderboard(rivals[only_relu])
    assert "taylor" not in set(at(board, pruning_ratio=0.9)["method"])
    assert (at(board, pruning_ratio=0.9)["of"] == 5).all()
    assert "taylor" in set(at(board, activation="relu")["method"])
    missing = (rivals["method"] == "taylor") & (rivals["seed"] == 2)
    [row] = at(leaderboard(rivals[~missing]), method="taylor", pruning_ratio=0.9).to_dict("records")
    assert row["n"] == row["shared"] == 4
    plain = rivals["family"].eq("weights") & rivals["pruning_ratio"].eq(0)
    uncontrolled = plain & (rivals["seed"] == 2) & (rivals["activation"] == "tanh")
    networks = at(over_activations(rivals[~uncontrolled]), method="taylor", pruning_ratio=0.9)
    assert networks.set_index("seed")["lost"].isna().tolist() == [False, True, False, False, False]
    # There is no mean over the seeds either: it would cover other networks than the accuracy.
    [mean] = points(networks[networks["retraining"] == "none"]).to_dict("records")
    assert mean["n"] == 5 and pd.isna(mean["lost"]) and pd.isna(mean["unpruned"])


def test_an_activation_that_some_methods_lack_is_left_out_until_they_have_it(
    rivals: pd.DataFrame, tmp_path: Path
) -> None:
    assert settled(rivals).equals(rivals)
    lacking = (rivals["method"] == "taylor") & (rivals["activation"] == "tanh")
    retrained = rivals["retraining"] == "fine-tuned"
    found = settled(rivals[~(lacking & retrained)])
    assert found.equals(rivals[~(retrained & (rivals["activation"] == "tanh"))])
    # What one method has beside the activation of all others takes nothing from these.
    begun = rivals[lacking & retrained].assign(method="begun", activation="elu")
    both = settled(pd.concat([rivals[~(lacking & retrained)], begun]))
    pd.testing.assert_frame_equal(both, found, check_dtype=False)
    # Retrained, means are those of the other activation; without retraining, nothing changes.
    board, whole = leaderboard(found), leaderboard(rivals)
    tested = ["p", "verdict"]  # corrected for the tests of the whole table
    assert at(board).drop(columns=tested).equals(at(whole).drop(columns=tested))
    both, relu = (
        at(board, retraining="fine-tuned", activation=name)
        .drop(columns="activation")
        .reset_index(drop=True)
        for name in ("all", "relu")
    )
    assert both.equals(relu) and len(both)
    written = tmp_path / "leaderboard.csv"
    write_leaderboard(written, rivals[~(lacking & retrained)].assign(study="arena"))
    table = pd.read_csv(written)
    kinds = table.groupby(["retraining", "activation"]).size().index.tolist()
    assert ("fine-tuned", "tanh") not in kinds and ("none", "tanh") in kinds


def test_what_is_small_from_the_start_counts_with_what_is_retrained(rivals: pd.DataFrame) -> None:
    small = rivals[rivals["retraining"] == "fine-tuned"].replace({"method": {"taylor": "small"}})
    small = small[small["method"].eq("small") & small["activation"].eq("relu")]
    table = pd.concat([rivals, small.assign(retraining="trained")])
    left = settled(table).groupby("retraining")["activation"].unique()
    assert {how: sorted(those) for how, those in left.items()} == {
        "fine-tuned": ["relu"],
        "none": ["relu", "tanh"],
    }


def test_what_is_reconstructed_is_not_ranked(rivals: pd.DataFrame, tmp_path: Path) -> None:
    more = rivals[rivals["retraining"] == "none"].assign(retraining="reconstructed", accuracy=1.0)
    table = pd.concat([rivals, more], ignore_index=True)
    assert settled(table).equals(rivals)
    boards = []
    for number, each in enumerate((rivals, table)):
        path = tmp_path / f"{number}.csv"
        write_leaderboard(path, each.assign(study="arena"))
        boards.append(path.read_bytes())
    assert boards[0] == boards[1]


def test_a_method_alone_and_a_single_seed_are_not_judged(rivals: pd.DataFrame) -> None:
    board = leaderboard(rivals[rivals["method"] == "taylor"])
    assert set(board["verdict"]) == {"no rival"} and board["difference"].isna().all()
    board = leaderboard(rivals[rivals["seed"] == 1])
    assert set(board["verdict"]) == {"not tested"} and board["p"].isna().all()
    assert board["accuracy_std"].isna().all() and board["difference"].notna().all()


def test_spectral_methods_are_held_against_the_best_other(rivals: pd.DataFrame) -> None:
    board, standing = leaderboard(rivals), spectral_standing(rivals)
    assert set(standing["method"]) == {"eigenvalue", "eigenvalue, lasso"}
    assert set(at(standing, pruning_ratio=0.9)["rival"]) == {"weight norm"}
    verdicts = at(standing, pruning_ratio=0.9).set_index("method")["verdict"]
    assert verdicts.to_dict() == {"eigenvalue": "worse", "eigenvalue, lasso": "open"}
    merged = standing.merge(board, on=[*POINT, "method"])
    assert (merged["rank_x"] == merged["rank_y"]).all() and len(merged) == len(standing)
    # A control is no rival, however good it is and whatever its network.
    chance = rivals[rivals["method"].eq("random")].assign(method="luck", accuracy=1.0)
    lucky = spectral_standing(pd.concat([rivals, chance], ignore_index=True))
    assert lucky["rival"].tolist() == standing["rival"].tolist()
    alone = spectral_standing(rivals[rivals["family"] == "spectral"])
    assert set(alone["verdict"]) == {"no rival"}
    weak = rivals[rivals["method"].isin(["eigenvalue", "taylor"])]
    taylor = weak["method"].eq("taylor")
    weak = weak.assign(accuracy=weak["accuracy"].where(~taylor, weak["accuracy"] / 2))
    assert set(at(spectral_standing(weak), pruning_ratio=0.9)["verdict"]) == {"better"}


def test_compute_is_the_sum_over_the_rows(rivals: pd.DataFrame) -> None:
    spent = compute_spent(rivals)
    assert spent["seconds"].sum() == rivals["seconds"].sum()
    assert spent["seconds"].is_monotonic_decreasing
    first = spent.iloc[0]
    assert (first["method"], first["retraining"]) == ("eigenvalue, lasso", "fine-tuned")
    assert (first["networks"], first["seconds_per_network"]) == (50, 25)


def test_a_table_from_a_file_is_ranked_alike(rivals: pd.DataFrame, tmp_path: Path) -> None:
    rivals.to_csv(tmp_path / "rivals.csv", index=False)
    # Read like this, empty strings become NaN; that must not lose any method.
    careless = pd.read_csv(tmp_path / "rivals.csv", dtype={"hidden": str})
    pd.testing.assert_frame_equal(leaderboard(careless), leaderboard(rivals))
    with pytest.raises(UserError, match="no column 'score'"):
        leaderboard(rivals.drop(columns="score"))


def test_networks_there_twice_and_ratios_that_are_not_are_refused(rivals: pd.DataFrame) -> None:
    with pytest.raises(UserError, match=r"digits, 100, none, 0\.0, relu, .* in the table twice"):
        leaderboard(pd.concat([rivals, rivals.assign(study="other")]))
    with pytest.raises(UserError, match=r"ratios: no network of the table is pruned by 0\.7"):
        leaderboard(rivals, ratios=[0.7])
    with pytest.raises(UserError, match="no column 'family'"):
        compute_spent(rivals.drop(columns="family"))


def test_what_was_not_measured_is_unknown(rivals: pd.DataFrame) -> None:
    unmeasured = rivals.drop(columns=["seconds", "latency"])
    assert leaderboard(unmeasured)[["seconds", "latency"]].isna().all().all()
    assert compute_spent(unmeasured)["seconds"].isna().all()


def test_compute_is_compared_on_one_kind_of_processor(rivals: pd.DataFrame) -> None:
    """Computing a method on a slow processor as well does not add to its cost on the other one."""
    slow = rivals["method"].eq("taylor") & rivals["seed"].eq(1)
    unlike = rivals.assign(
        processor=slow.map({True: "slow", False: "fast"}),
        searched=False,
        seconds=rivals["seconds"].mask(slow, 1e6),
    )
    found, plain = (
        points(over_activations(table)).set_index([*POINT, "method"]) for table in (unlike, rivals)
    )
    pd.testing.assert_frame_equal(found, plain)
    alike = over_activations(unlike.assign(processor="slow"))
    assert alike["seconds"].max() == 1e6, "of one kind, all of it counts"


def test_the_seed_that_searched_for_a_strength_says_nothing_of_what_a_network_costs(
    rivals: pd.DataFrame,
) -> None:
    searched = rivals["method"].eq("taylor") & rivals["seed"].eq(1)
    made = {"processor": "one", "seconds": rivals["seconds"].mask(searched, 1e6)}
    found, plain = (
        points(over_activations(table)).set_index([*POINT, "method"])
        for table in (rivals.assign(searched=searched, **made), rivals)
    )
    pd.testing.assert_frame_equal(found, plain)


def test_a_training_that_rows_share_is_counted_once(rivals: pd.DataFrame) -> None:
    spent = rivals.assign(
        training=rivals["method"] + rivals["activation"] + rivals["seed"].astype(str),
        training_seconds=9.0,
    )
    row = compute_spent(spent).set_index(["method", "retraining"]).loc["taylor", "none"]
    # Ten networks of five rows each: 9 seconds for the training, and 1 for each row.
    assert row["seconds"] == pytest.approx(10 * (9 + 5 * 1))


def test_a_loss_is_held_against_the_plainly_trained_network(rivals: pd.DataFrame) -> None:
    """A network with silent nodes has already lost accuracy, pruned or not."""
    silenced = rivals["method"].eq("taylor")
    rivals.loc[silenced, "accuracy"] -= 0.1
    unpruned = over_activations(rivals).query("method == 'taylor' and pruning_ratio == 0")
    assert unpruned.query("retraining == 'none'")["lost"].tolist() == pytest.approx(
        [0.1] * 10 + [0.1] * 5
    )


def test_means_of_all_ratios_are_there_for_figures(rivals: pd.DataFrame) -> None:
    means = points(over_activations(rivals))
    assert set(means["pruning_ratio"]) == {0.0, 0.5, 0.8, 0.9, 0.95}
    assert len(means) == 2 * 5 * 3 * 6


def test_the_plain_network_is_one_whatever_ranks_its_nodes(rivals: pd.DataFrame) -> None:
    networks = over_activations(rivals)
    assert networks["unpruned"].notna().all()
    [row] = at(plain_network(networks)).to_dict("records")
    ours = accuracies(rivals, "weight norm", 0.0).mean(axis=0)
    assert row["n"] == 5 and row["accuracy_std"] == pytest.approx(ours.std(ddof=1))
    assert row["accuracy_mean"] == row["unpruned"] == pytest.approx(ours.mean())
    assert plain_network(networks[networks["family"] == "spectral"]).empty


def test_ratios_of_size_and_time_are_to_the_unpruned_network_of_the_same_shape(
    rivals: pd.DataFrame,
) -> None:
    # tanh takes longer; the ratio is to its own unpruned network.
    rivals.loc[rivals["activation"] == "tanh", "latency"] *= 3
    found = over_activations(rivals).query("pruning_ratio == 0.8")
    for name in ("compression_ratio", "theoretical_speed_up", "measured_speed_up"):
        assert found[name].tolist() == pytest.approx([5.0] * len(found))
    pruned = over_activations(rivals[rivals["pruning_ratio"] > 0])
    assert pruned["compression_ratio"].isna().all()


def test_the_file_holds_the_leaderboard_of_each_study_by_itself(
    rivals: pd.DataFrame, tmp_path: Path
) -> None:
    """Another study changes no p-value; a study without any ratio of the board is left out."""
    other = rivals.assign(study="other", dataset="mnist")
    unranked = rivals[rivals["pruning_ratio"] == 0].assign(study="third", dataset="c")
    path = tmp_path / "leaderboard.csv"
    small = rivals["method"].eq("random") & rivals["retraining"].eq("fine-tuned")
    rivals.loc[small, "retraining"] = "trained"  # still competes
    board = leaderboard(rivals.replace({"retraining": {"trained": "fine-tuned"}}))
    rows = write_leaderboard(path, pd.concat([rivals, other, unranked]))
    found = pd.read_csv(path, dtype={"hidden": str}, keep_default_na=False, na_values={"p": [""]})
    assert rows == len(found) == 2 * len(board) and set(found["study"]) == {
        "rivals-digits",
        "other",
    }
    ours = found[found["study"] == "rivals-digits"]
    for name in ("method", "rank", "of", "n", "rival", "shared", "verdict"):
        assert ours[name].tolist() == board[name].tolist()
    for name in ("accuracy_mean", "accuracy_std", "unpruned", "lost", "difference", "p"):
        assert ours[name].astype(float).tolist() == pytest.approx(board[name].tolist(), abs=1e-5)
    assert not found[["compression_ratio", "low", "high", "latency"]].eq("").any().any()
    once = path.read_bytes()
    write_leaderboard(path, pd.concat([rivals, other, unranked]))
    assert path.read_bytes() == once
    assert write_leaderboard(path, unranked) == 0 and path.read_text().startswith("study,")
