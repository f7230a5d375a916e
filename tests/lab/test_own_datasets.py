"""The reader's own datasets: what is read, what enters the ids, and what is refused."""

import resource
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest
import torch
import yaml
from PIL import Image

from eigenprune.lab import datasets, own_datasets, params_file, runs
from eigenprune.lab.datasets import Dataset
from eigenprune.lab.errors import UserError
from eigenprune.lab.execution.sweep import run_study
from eigenprune.lab.runs import Training, run_id
from eigenprune.lab.studies import Params, load_params

STUDY: dict[str, Any] = {
    "hidden": [6],
    "activations": ["relu"],
    "methods": ["post"],
    "seeds": [1],
    "pruning_ratios": [0.5],
    "epochs": 2,
    "retraining_epochs": 1,
    "batch_size": 5,
    "learning_rate": 0.01,
    "initialisation": "2022",
}
TABLE = "a,kind,b\n" + "".join(f"{n},{'pear' if n % 2 else 'fig'},7\n" for n in range(20))


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A separate project for the test, with a folder for its data."""
    (tmp_path / "my").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def new_process() -> None:
    """Empty the caches, as they are in a new process."""
    own_datasets._first_seen.cache_clear()
    own_datasets._read.cache_clear()
    datasets.load_from.cache_clear()


def declare(project: Path, entry: object, **more: object) -> Params:
    document = {"datasets": {"mine": entry}, "studies": {"own": {**STUDY, "dataset": "mine"}}}
    (project / "params.yaml").write_text(yaml.safe_dump({**document, **more}))
    params_file._made.cache_clear()
    return load_params(project / "params.yaml")


def table(project: Path, text: str = TABLE, test: str | None = None) -> Dataset:
    (project / "my" / "table.csv").write_text(text)
    entry = {"csv": "my/table.csv", "target": "kind"}
    if test is not None:
        (project / "my" / "test.csv").write_text(test)
        entry["test"] = "my/test.csv"
    declare(project, entry)
    new_process()
    return datasets.load("mine", project / "no-data")


def images(project: Path, *classes: str) -> Path:
    folder = project / "my" / "shapes"
    for number, name in enumerate(classes):
        (folder / name).mkdir(parents=True, exist_ok=True)
        for each in range(5):
            image = Image.new("L", (4, 3), color=10 * number + each)
            image.save(folder / name / f"{each}.png")
    declare(project, {"images": "my/shapes"})
    new_process()
    return folder


# --- what is read -----------------------------------------------------------------------------


def test_a_table_becomes_numbers_from_0_to_1_by_its_training_part(project: Path) -> None:
    data = table(project)
    assert (data.features, data.classes) == (2, 2)
    # A fifth of each class of ten, rounded down.
    assert data.train_targets.bincount().tolist() == [8, 8]
    assert data.test_targets.bincount().tolist() == [2, 2]
    for inputs in (data.train_inputs, data.test_inputs):
        assert inputs.dtype == torch.float32 and inputs.min() >= 0 and inputs.max() <= 1
    assert (data.train_inputs[:, 0].min(), data.train_inputs[:, 0].max()) == (0, 1)
    assert data.train_inputs[:, 1].unique().tolist() == [0]  # constant


def test_classes_are_numbered_by_their_sorted_names(project: Path) -> None:
    text = "kind,a\n" + "".join(f"{name},{n}\n" for n, name in enumerate(["z", "b", "10", "9"] * 5))
    data = table(project, text)
    value = (19 * data.train_inputs[:, 0]).round().int()  # if neither end was drawn for the test
    low, high = value.min(), value.max()
    assert (low, high) == (0, 19)
    place = {"10": 2, "9": 3, "b": 1, "z": 0}  # in the list above, which tells the class of a value
    for number, name in enumerate(sorted(place)):
        assert set((value[data.train_targets == number] % 4).tolist()) == {place[name]}


def test_the_split_is_the_same_everywhere_and_no_row_is_lost(project: Path) -> None:
    first, again = table(project), table(project)
    assert torch.equal(first.test_inputs, again.test_inputs)
    assert len(first.train_inputs) + len(first.test_inputs) == 20
    literal = [round(19 * value) for value in first.test_inputs[:, 0].tolist()]
    assert literal == [6, 9, 10, 15]


def test_a_file_sorted_by_class_is_no_order_of_the_rows(project: Path) -> None:
    """Scores that look at the first rows see all classes; each row keeps its class."""
    text = "a,kind\n" + "".join(f"{n},{'fig' if n < 50 else 'pear'}\n" for n in range(100))
    data = table(project, text, test="a,kind\n0,fig\n99,pear\n")
    assert 5 < int(data.train_targets[:20].sum()) < 15
    rows = (99 * data.train_inputs[:, 0]).round().long()
    assert sorted(rows.tolist()) == list(range(100)), "none is lost"
    assert ((rows >= 50).long() == data.train_targets).all()
    again = table(project, text, test="a,kind\n0,fig\n99,pear\n")
    assert torch.equal(again.train_inputs, data.train_inputs), "the same in every process"


def test_a_test_part_of_its_own_is_scaled_by_the_training_part(project: Path) -> None:
    data = table(project, "a,kind\n0,x\n10,y\n", test="a,kind\n5,y\n-3,x\n30,x\n")
    assert data.train_inputs.flatten().tolist() == [0, 1]
    assert data.test_inputs.flatten().tolist() == [0.5, 0, 1]
    assert data.test_targets.tolist() == [1, 0, 0]


@pytest.mark.parametrize("delimiter", [";", "\t", ", "])
def test_other_delimiters_and_a_byte_order_mark(project: Path, delimiter: str) -> None:
    text = "﻿" + TABLE.replace(",", delimiter).replace("\n", "\r\n")
    assert table(project, text).features == 2


@pytest.mark.parametrize("header", ['"a;b;c;d",kind,b', 'a,kind,"b;c;d;e"'])
def test_what_is_quoted_in_the_header_separates_nothing(project: Path, header: str) -> None:
    assert table(project, TABLE.replace("a,kind,b", header)).features == 2


def test_a_header_may_be_longer_than_a_cell(project: Path) -> None:
    columns = [f"column-{number:0>9}" for number in range(9000)]
    rows = [",".join([*["1"] * len(columns), kind]) for kind in "xy" * 5]
    text = "\n".join([",".join([*columns, "kind"]), *rows])
    assert table(project, text).features == len(columns)


def test_images_are_bytes_by_255(project: Path) -> None:
    images(project, "dark", "bright")
    data = datasets.load("mine", project)
    assert (data.features, data.classes) == (12, 2)
    assert data.train_targets.bincount().tolist() == [4, 4]
    bright = data.train_inputs[data.train_targets == 0]  # sorted: bright, dark
    assert set((255 * bright).round().unique().tolist()) <= {10, 11, 12, 13, 14}


def test_one_coloured_image_makes_all_rgb(project: Path) -> None:
    folder = images(project, "dark", "bright")
    Image.new("RGB", (4, 3), (255, 0, 51)).save(folder / "dark" / "0.png")
    new_process()
    data = datasets.load("mine", project)
    assert data.features == 3 * 12
    pixels = torch.cat([data.train_inputs, data.test_inputs])
    assert any(torch.allclose(row[:3], torch.tensor([1.0, 0.0, 0.2])) for row in pixels)


def test_a_study_of_it_runs(project: Path) -> None:
    table(project)
    curves = run_study(load_params(project / "params.yaml").study("own"))
    assert curves["dataset"].tolist() == ["mine"] * 2
    assert curves["nodes_kept"].tolist() == [6, 3]


# --- what enters the ids ----------------------------------------------------------------------

TRAINING = Training(dataset="mine", hidden=(6,), activation="relu", layer="spectral", seed=1)


def test_the_id_is_that_of_bytes_and_target(project: Path) -> None:
    table(project)
    first = run_id(TRAINING)
    assert first == "299f4d5f0a8643e7"  # literal: finished runs must be found again
    (project / "my" / "table.csv").rename(project / "my" / "renamed.csv")
    declare(project, {"csv": "my/renamed.csv", "target": "kind"})
    assert run_id(TRAINING) == first
    declare(project, {"csv": "my/renamed.csv", "target": "b"})
    assert run_id(TRAINING) != first
    table(project, TABLE.replace("19,", "18,"))
    assert run_id(TRAINING) != first
    table(project, test=TABLE)
    assert run_id(TRAINING) != first


def test_other_rules_are_another_run(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table(project)
    first = run_id(TRAINING)
    monkeypatch.setattr(own_datasets, "RULES", own_datasets.RULES + 1)
    new_process()
    assert run_id(TRAINING) != first


def test_the_id_of_images_is_that_of_names_and_bytes(project: Path) -> None:
    folder = images(project, "a", "b")
    first = run_id(TRAINING)
    (folder / ".hidden").write_text("of an editor")
    new_process()
    assert run_id(TRAINING) == first
    (folder / "b" / "0.png").rename(folder / "b" / "9.png")
    new_process()
    assert run_id(TRAINING) != first


def test_a_file_that_changes_under_way_is_refused(project: Path) -> None:
    table(project)
    before = run_id(TRAINING)
    (project / "my" / "table.csv").write_text(TABLE + "3,fig,7\n")
    assert run_id(TRAINING) == before  # one process knows one dataset
    study = load_params(project / "params.yaml").study("own")
    with pytest.raises(UserError, match=r"my/table\.csv has changed since this process read it"):
        run_study(study)
    new_process()
    assert len(run_study(study)) == 2
    assert run_id(TRAINING) != before


def test_a_name_may_come_to_stand_for_something_else(project: Path) -> None:
    table(project)
    declare(project, {"csv": "my/table.csv", "target": "b"})
    with pytest.raises(UserError, match="'fig' is not a number"):
        datasets.load("mine", project)


def test_the_standard_datasets_are_what_they_were() -> None:
    assert {name: datasets.checksum(name)[:16] for name in datasets.NAMES} == {
        "digits": "87ff0c9e40dc7e2c",
        "fashion-mnist": "8f57370d08d99445",
        "mnist": "46ea36d09fbc0b05",
    }
    assert runs.PROTOCOL_VERSION == 1


# --- what is refused --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a,b\n1,2\n", "my/table.csv: has no column 'kind', the target; it has: a, b"),
        (f"{','.join(map(str, range(12)))}\n", "it has: 0, 1, 2, 3, 4, 5, 6, 7, 8, 9 and 2 more"),
        ("a,Kind\n1,2\n", "the target (did you mean 'Kind'?)"),
        ("a,kind\n1,x\n\nfour,y\n", "my/table.csv: line 4, column 'a': 'four' is not a number"),
        ("a,kind\n1,x\n,y\n", "line 3, column 'a': '' is not a number"),
        ("a,kind\nnan,x\n", "line 2, column 'a': 'nan' is not a number"),
        ("a,kind\n1,\n", "line 2, column 'kind': is empty"),
        ("a,kind\n1_4,x\n", "line 2, column 'a': '1_4' is not a number"),
        ("a;kind\n1,4;x\n", "'1,4' is not a number; decimals are written with a point, as in 1.5"),
        ("a,kind\n1e308,x\n", "line 2, column 'a': '1e308' is too large a number"),
        ("a,kind\n1,x,3\n", "line 2 has 3 cells, the header has 2, separated by commas"),
        ("a,kind\n1;x\n", "my/table.csv: line 2 has 1 cell, the header has 2"),
        (
            'a,kind\n1,x\n"2,y\n3,z\n',
            "line 3 has 1 cell, the header has 2, separated by commas; it goes on to line 4: is a "
            "quote open?",
        ),
        ("a,kind\n1,x\n2,x\n", "all examples are of the class 'x'; two needed"),
        ("a,kind\n1,x\n2,y\n", "no class has 5 examples"),
        ("a,a,kind\n1,2,x\n", "the column 'a' appears twice"),
        (
            ",a,kind\n0,1,x\n",
            "my/table.csv: column 1 has no name; if it is the row index of pandas, save with "
            "index=False",
        ),
        ("a,kind, \n1,x,\n", "my/table.csv: column 3 has no name"),
        (
            "a|kind\n1|x\n",
            "my/table.csv: has one column only, 'a|kind'; wanted are the target 'kind' and "
            "others, separated by commas, semicolons or tabs",
        ),
        ("kind\nx\n", "has one column only, 'kind'"),
        ('"a,kind\n1,x\n', "has one column only, 'a,kind\\n1,x'"),
        ("a,kind\n", "has no rows below its header"),
        ("", "my/table.csv: is empty"),
        ("\n \n", "my/table.csv: is empty"),
        ("\na,kind\n1,x\n", "my/table.csv: line 1 is empty; it must be the header"),
        ("a\0,kind\n", "my/table.csv: is not UTF-8 text"),
    ],
)
def test_a_table_with_a_mistake(project: Path, text: str, sentence: str) -> None:
    with pytest.raises(UserError) as refusal:
        table(project, text)
    assert sentence in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("test", "sentence"),
    [
        ("b,kind\n1,x\n", "my/test.csv: has the columns b, and my/table.csv has the columns a"),
        ("a,kind\n1,z\n", "my/test.csv: the class 'z' is not one of my/table.csv"),
    ],
)
def test_a_test_part_that_does_not_fit(project: Path, test: str, sentence: str) -> None:
    with pytest.raises(UserError) as refusal:
        table(project, "a,kind\n0,x\n10,y\n", test=test)
    assert sentence in str(refusal.value)


def test_a_table_that_is_no_text(project: Path) -> None:
    (project / "my" / "table.csv").write_bytes(b"a,kind\n\xff\xfe,x\n")
    declare(project, {"csv": "my/table.csv", "target": "kind"})
    with pytest.raises(UserError, match="is not UTF-8 text"):
        datasets.load("mine", project)


def test_images_with_a_mistake(project: Path) -> None:
    folder = images(project, "a", "b")

    def refused(sentence: str) -> None:
        new_process()
        with pytest.raises(UserError) as refusal:
            datasets.load("mine", project)
        assert sentence in str(refusal.value)

    odd = folder / "b" / "odd.png"
    Image.new("L", (5, 3)).save(odd)
    refused("my/shapes/b/odd.png: has 5 x 3 pixels, and the first image 4 x 3")
    odd.write_text("no image")
    refused("my/shapes/b/odd.png: is not an image")
    odd.write_bytes(b"P6 8")  # Pillow raises a ValueError
    refused("my/shapes/b/odd.png: is not an image")
    Image.fromarray(np.zeros((3, 4), dtype=np.uint16)).save(odd)
    refused("has more than eight bits")
    odd.rename(folder / "odd.png")
    refused("my/shapes/odd.png: is not in the folder of a class")
    (folder / "odd.png").unlink()
    (folder / "b" / "odd.png").symlink_to("elsewhere.png")
    refused("dataset 'mine': my/shapes/b/odd.png is a link to nothing")
    (folder / "b" / "odd.png").unlink()
    (folder / "c").symlink_to(folder / "b")
    refused("my/shapes/c is a link to a folder; only links to files are followed")


@pytest.mark.parametrize("parts", [["train"], ["test", "train"]])
def test_folders_of_parts_are_no_classes(project: Path, parts: list[str]) -> None:
    images(project, *(f"{part}/{name}" for part in parts for name in "ab"))
    with pytest.raises(UserError) as refusal:
        datasets.load("mine", project)
    assert str(refusal.value) == (
        f"my/shapes/{parts[0]}/a/0.png: is too deep, wanted is my/shapes/CLASS/0.png; if the "
        "folders of the classes are further down, name the folder that holds them"
    )


def test_many_gifs_are_not_open_at_once(project: Path) -> None:
    folder = images(project, "a", "b")
    for number in range(60):
        Image.new("P", (4, 3)).save(folder / "a" / f"{number}.gif")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (psutil.Process().num_fds() + 30, hard))
    try:
        assert len(datasets.load("mine", project).train_targets) > 0
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_links_to_images_are_followed(project: Path) -> None:
    folder = images(project, "a", "b")
    moved = (folder / "a" / "0.png").rename(project / "elsewhere.png")
    (folder / "a" / "0.png").symlink_to(moved)
    new_process()
    assert len(datasets.load("mine", project).train_inputs) == 8


def test_folders_without_images(project: Path) -> None:
    (project / "my" / "shapes").mkdir()
    declare(project, {"images": "my/shapes"})
    with pytest.raises(UserError, match="my/shapes: holds no images"):
        datasets.load("mine", project)
    images(project, "a")
    with pytest.raises(UserError, match="all examples are of the class 'a'"):
        datasets.load("mine", project)


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        ({"csv": "x.csv"}, "datasets.mine: {'csv': 'x.csv'} is not allowed; allowed: {csv: FILE"),
        ({"images": "x", "target": "kind"}, "is not allowed"),
        ({"csv": "x", "images": "x", "target": "y"}, "is not allowed"),
        ({"cvs": "x.csv", "target": "kind"}, "unknown key 'cvs' (did you mean 'csv'?)"),
        ({"csv": "/x.csv", "target": "kind"}, "datasets.mine.csv: '/x.csv' is not allowed"),
        ({"images": ["x"]}, "datasets.mine.images: ['x'] is not allowed"),
        ("x.csv", "datasets.mine: 'x.csv' must map keys to values"),
        *(
            (
                {"csv": "x.csv", "target": target},
                f"datasets.mine.target: {target!r} is not allowed; allowed: the name of a column, "
                'in quotes if YAML takes it for something else, such as "1" or "yes"',
            )
            for target in (None, True, 1, "", ["kind"])
        ),
    ],
)
def test_an_entry_with_a_mistake(project: Path, entry: object, sentence: str) -> None:
    with pytest.raises(UserError) as refusal:
        declare(project, entry)
    assert sentence in str(refusal.value)


def test_names_that_are_not_allowed(project: Path) -> None:
    entry = {"csv": "x.csv", "target": "kind"}
    with pytest.raises(UserError, match=r"datasets\.digits: this name is taken"):
        declare(project, entry, datasets={"digits": entry})
    with pytest.raises(UserError, match=r"datasets\.My_Data: the name may hold"):
        declare(project, entry, datasets={"My_Data": entry})
    with pytest.raises(UserError, match=r"dataset: 'mine' is not allowed.*mnist, other"):
        declare(project, entry, datasets={"other": entry})


def test_a_missing_file_is_named_when_it_is_needed(project: Path) -> None:
    params = declare(project, {"csv": "my/table.csv", "target": "kind"})
    with pytest.raises(UserError, match=r"dataset 'mine': my/table\.csv is missing, or no file"):
        run_study(params.study("own"))


def test_a_column_may_have_a_number_for_a_name(project: Path) -> None:
    (project / "my" / "table.csv").write_text(TABLE.replace("kind", "1"))
    declare(project, {"csv": "my/table.csv", "target": "1"})
    assert datasets.load("mine", project).features == 2


def test_quick_studies_keep_to_the_standard_datasets(project: Path) -> None:
    entry = {"csv": "my/table.csv", "target": "kind"}
    study = {**STUDY, "dataset": "mine", "methods": ["post", "pre"]}
    with pytest.raises(UserError, match="`eigenprune new-experiment` makes one that does"):
        declare(project, entry, studies={"own": study}, quick=["own"])
