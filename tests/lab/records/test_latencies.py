"""Times of the arena's networks: those of one ratio were measured on one occasion."""

import json
from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest
from torch import nn

import eigenprune.networks
from eigenprune.lab.errors import UserError
from eigenprune.lab.records import latencies
from eigenprune.lab.studies import Params

SEVEN = 7.0


@pytest.fixture
def networks() -> pd.DataFrame:
    rows = [("digits", "relu", "8-4"), ("digits", "relu", "8-4"), ("digits", "tanh", "16")]
    return pd.DataFrame(rows, columns=list(latencies.NETWORK))


@pytest.fixture(autouse=True)
def recorded(arena_project: Callable[..., Params], networks: pd.DataFrame) -> None:
    arena_project()
    latencies.record(networks)


def edit(**changes: object) -> None:
    pd.read_csv(latencies.path()).assign(**changes).to_csv(latencies.path(), index=False)


def test_each_activation_and_shape_is_timed_once(networks: pd.DataFrame) -> None:
    found = latencies.read()
    assert sorted(found) == [("digits", "relu", "8-4"), ("digits", "tanh", "16")]
    assert min(found.values()) > 0
    assert latencies.machines() == {"digits": latencies._machine()}
    edit(latency=SEVEN)
    latencies.record(networks)
    assert set(latencies.read().values()) == {SEVEN}


def test_where_one_is_missing_all_of_its_dataset_are_timed_anew(networks: pd.DataFrame) -> None:
    """Times of two occasions must not be in one ratio; those of another dataset may stay."""
    other = networks.iloc[:1].assign(dataset="mnist")
    latencies.record(pd.concat([networks, other]))
    edit(latency=SEVEN)
    more = networks.iloc[:1].assign(nodes_by_layer="2")
    latencies.record(pd.concat([networks, other, more]))
    found = latencies.read()
    assert found.pop(("mnist", "relu", "8-4")) == SEVEN
    assert len(found) == 3 and SEVEN not in found.values()
    # What is no longer recorded is forgotten.
    latencies.record(more)
    assert list(latencies.read()) == [("digits", "relu", "2")]
    assert list(latencies.machines()) == ["digits"]


def test_another_kind_of_machine_leaves_the_times_and_what_is_new_without_one(
    networks: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit(latency=SEVEN)
    here = latencies._machine()
    monkeypatch.setattr(latencies, "_machine", lambda: {"processor": "another"})
    told: list[tuple[str, int]] = []
    more = networks.iloc[:1].assign(nodes_by_layer="2")
    other = networks.iloc[:1].assign(dataset="mnist")
    every = pd.concat([networks, more, other])
    assert latencies.record(every, lambda *timed: told.append(timed)) == {"digits": 1}
    assert told == [("mnist", 1)]  # a dataset that nobody timed yet
    found = latencies.read()
    assert found.pop(("mnist", "relu", "8-4")) != SEVEN
    assert len(found) == 2 and set(found.values()) == {SEVEN}
    assert latencies.machines()["digits"] == here
    # Without the file, the other machine times all networks.
    latencies.path().unlink()
    assert latencies.record(every) == {}
    assert len(latencies.read()) == 4
    assert latencies.machines()["digits"] == {"processor": "another"}


def test_times_of_a_machine_unknown_are_measured_anew(networks: pd.DataFrame) -> None:
    edit(latency=SEVEN)
    latencies.path().with_suffix(".json").unlink()
    assert latencies.machines() == {}
    latencies.record(networks)
    assert SEVEN not in latencies.read().values()
    assert latencies.machines()["digits"]["threads"] == 1


@pytest.mark.parametrize("text", ["[1]", '{"digits": 1}', "{"])
def test_a_damaged_file_is_named(text: str) -> None:
    file = latencies.path().with_suffix(".json")
    file.write_text(text)
    with pytest.raises(UserError, match=r"latency\.json names no machines .* restore it from Git"):
        latencies.machines()
    file.write_text(json.dumps({}))
    assert latencies.machines() == {}
    latencies.path().write_text("dataset,activation\ndigits,relu\n")
    with pytest.raises(UserError, match=r"latency\.csv: no column 'nodes_by_layer'"):
        latencies.read()


def test_each_network_is_timed_with_its_own_activation(monkeypatch: pytest.MonkeyPatch) -> None:
    made, plain = [], eigenprune.networks.mlp

    def mlp(widths: list[int], **options: Any) -> nn.Sequential:
        made.append((options["activation"], widths))
        return plain(widths, **options)

    monkeypatch.setattr(eigenprune.networks, "mlp", mlp)
    few, few_tanh, many = (
        ("digits", *of) for of in (("relu", "8"), ("tanh", "8"), ("relu", "400-400"))
    )
    found = latencies._measured([few, few_tanh, many])
    assert list(found) == [few, few_tanh, many] and found[few] < found[many]
    assert made == [("relu", [64, 8, 10]), ("tanh", [64, 8, 10]), ("relu", [64, 400, 400, 10])]
