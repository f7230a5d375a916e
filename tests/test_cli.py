"""The command line as its users see it."""

import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pandas as pd
import pytest

from eigenprune.cli.verify import verify
from eigenprune.lab.bench import ENSEMBLES, NETWORKS, WITHOUT
from eigenprune.lab.rows import COLUMNS
from eigenprune.report.comparison.agreement import GRANTED
from eigenprune.report.notebooks.experiment_parts import stage

PARAMS = """\
quick: [tiny]
defaults: {epochs: 2, retraining_epochs: 1, batch_size: 50, learning_rate: 0.01}
studies:
  tiny:
    dataset: digits
    hidden: [8]
    activations: [relu]
    methods: [direct, pre]
    seeds: [1, 2]
    pruning_ratios: [0.5]
    initialisation: "2022"
"""


@pytest.fixture
def project(tmp_path: Path, root: Path) -> Path:
    (tmp_path / "params.yaml").write_text(PARAMS)
    published = tmp_path / "results" / "published"
    published.mkdir(parents=True)
    (published / "curves.csv").write_bytes((root / "results/published/curves.csv").read_bytes())
    return tmp_path


def eigenprune(folder: Path, *words: str, code: int = 0, **variables: str) -> str:
    environment = {k: v for k, v in os.environ.items() if not k.startswith("EIGENPRUNE_")}
    done = subprocess.run(
        [sys.executable, "-m", "eigenprune", *words],
        cwd=folder,
        env={**environment, "COLUMNS": "200", "NO_COLOR": "1", **variables},
        capture_output=True,
        text=True,
    )
    told = done.stdout + done.stderr
    assert done.returncode == code, told
    assert "Traceback" not in told
    return told


def test_run_computes_reports_and_resumes(project: Path) -> None:
    words = ["run", "tiny", "--output", "curves.csv", "--plot", "curves.svg"]
    first = eigenprune(project, *words)
    assert "0 of 12 runs are done" in first
    assert "direct (n=2)" in first
    curves = pd.read_csv(project / "curves.csv")
    assert tuple(curves.columns) == COLUMNS
    assert len(curves) == 8
    assert (project / "curves.svg").read_text().lstrip().startswith("<?xml")
    table, picture = (project / "curves.csv").read_bytes(), (project / "curves.svg").read_bytes()
    assert "12 of 12 runs are done" in eigenprune(project, *words)
    assert (project / "curves.csv").read_bytes() == table
    assert (project / "curves.svg").read_bytes() == picture


def test_several_studies_in_one_command(project: Path) -> None:
    second = PARAMS[PARAMS.index("  tiny:") :].replace("tiny", "second").replace("[8]", "[4]")
    (project / "params.yaml").write_text(PARAMS + second)
    words = ["--methods", "direct", "--seeds", "1"]
    told = eigenprune(project, "run", "second", "tiny", *words)
    assert "hidden 4" in told and "hidden 8" in told
    paper = eigenprune(project, "run", "--paper", *words)
    assert "hidden 4" in paper and "hidden 8" not in paper
    stopped = eigenprune(project, "run", "tiny", "second", "--seeds", "7", "--max-seconds", "1e-6")
    assert "The time is up" in stopped
    assert "one file" in eigenprune(project, "run", "tiny", "second", "--plot", "a.svg", code=2)
    assert "name one study or more" in eigenprune(project, "run", code=2)
    assert "not allowed together" in eigenprune(project, "run", "tiny", "--paper", code=2)


def test_options_narrow_a_study(project: Path) -> None:
    eigenprune(
        project, "run", "tiny", "--methods", "direct", "--seeds", "3-4", "--ratios", "0.25",
        "--hidden", "6-5", "--activation", "tanh", "--epochs", "1", "--output", "c.csv",
    )  # fmt: skip
    curves = pd.read_csv(project / "c.csv")
    assert set(curves["seed"]) == {3, 4}
    assert set(curves["pruning_ratio"]) == {0, 0.25}
    assert set(curves["hidden"]) == {"6-5"}
    assert set(curves["activation"]) == {"tanh"}


def test_what_diverged_is_not_called_unfinished(project: Path) -> None:
    params = (PARAMS + TRIALS).replace("learning_rate: 0.01", "learning_rate: 1.0e+30")
    (project / "params.yaml").write_text(params)
    for name, rows in (("tiny", 8), ("small", 6)):
        told = eigenprune(project, "run", name, "--device", "cpu")
        assert f"{rows} rows are missing: the numbers ceased to be finite" in told
        assert "finished yet" not in told
    told = eigenprune(project, "record", "small")
    assert "0 still to be computed, 6 without results: their numbers ceased to be finite" in told


def test_parts_times_and_status(project: Path) -> None:
    assert "unknown" in eigenprune(project, "status", "tiny")
    told = eigenprune(project, "run", "tiny", "--epochs", "100000", "--max-seconds", "1")
    assert "The time is up: 12 runs are left; no run was finished, and all that were begun" in told
    # The workers are still starting when the time is up.
    words = ["--seeds", "9", "--executor", "process", "--max-seconds", "0.01"]
    assert "The time is up" in eigenprune(project, "run", "tiny", *words)
    # The first study is quick, and the second is not finished in days.
    long = PARAMS[PARAMS.index("  tiny:") :].replace("tiny", "long") + "    epochs: 1000000\n"
    (project / "params.yaml").write_text(PARAMS + long)
    words = ["tiny", "long", "--seeds", "8", "--executor", "inline", "--max-seconds", "10"]
    told = eigenprune(project, "run", *words)
    assert "runs are left; the same command resumes from there, and networks that were" in told
    (project / "params.yaml").write_text(PARAMS)
    one = ["tiny", "--seeds", "1", "--methods", "direct", "--hidden", "7"]
    assert "this part has no network of tiny" in eigenprune(project, "run", *one, "--shard", "2/2")
    eigenprune(project, "run", "tiny", "--shard", "1/2", "--output", "half.csv")
    assert len(pd.read_csv(project / "half.csv")) == 4
    assert "0:00:0" in eigenprune(project, "status")
    eigenprune(project, "run", "tiny", "--shard", "2/2", "--output", "whole.csv")
    assert len(pd.read_csv(project / "whole.csv")) == 8
    assert "8 rows recorded, 8 of them from this run store, 0 still" in eigenprune(
        project, "record", "tiny"
    )
    # A quick study is recorded for comparison, and does not count as done elsewhere.
    assert (project / "results" / "reference" / "tiny" / "manifest.json").is_file()
    assert not (project / "results" / "paper").exists()


def test_status_leaves_out_what_notebooks_of_experiments_decide(project: Path) -> None:
    mine = PARAMS[PARAMS.index("  tiny:") :].replace("tiny", "mine")
    (project / "params.yaml").write_text(f"experiments: [mine]\n{PARAMS}{mine}")
    told = eigenprune(project, "status")
    assert "tiny" in told and "mine" not in told
    assert "mine" in eigenprune(project, "status", "mine")


def test_status_shows_the_others_if_a_file_is_missing(project: Path) -> None:
    own = "datasets: {gone: {csv: gone.csv, target: kind}}\n"
    mine = PARAMS[PARAMS.index("  tiny:") :].replace("tiny", "mine").replace("digits", "gone")
    (project / "params.yaml").write_text(own + PARAMS + mine)
    told = eigenprune(project, "status")
    missing = "eigenprune: mine: dataset 'gone': gone.csv is missing"
    assert any("tiny" in line and " 12 " in line for line in told.splitlines())
    assert told.splitlines()[-1].startswith(missing)
    assert eigenprune(project, "status", "mine", code=2).startswith(missing)


TRIALS = """
trials:
  small:
    kind: compression
    dataset: digits
    hidden: [8]
    activations: [relu]
    seeds: [1, 2]
    grid: [{method: [none]}, {method: [quantised], bits: [8, 4]}]
"""


def test_side_by_side_of_a_study_whose_results_are_not_kept(project: Path) -> None:
    (project / "params.yaml").write_text(PARAMS.replace("quick: [tiny]\n", ""))
    assert "curves.csv is missing: `eigenprune notebook template --study tiny` makes it" in (
        eigenprune(project, "side-by-side", "tiny", "workspace", code=2)
    )
    told = eigenprune(project, "side-by-side", "tiny", "workspace", "HEAD", code=2)
    assert told == (
        "eigenprune: HEAD: tiny is neither a quick study nor an experiment, so Git and DVC do not "
        "keep its results; allowed: workspace\n"
    )


def test_the_arena_is_one_table_and_is_ranked(project: Path) -> None:
    methods = "methods: [norm, gain]"
    text = PARAMS.replace("quick: [tiny]\n", "").replace("methods: [direct, pre]", methods)
    rivals = "rivals: {norm: {score: weight_norm}, gain: {score: eigenvalue, layer: spectral}}\n"
    (project / "params.yaml").write_text(f"{rivals}{text}    held_out: 0.2\n")
    paper = project / "results" / "paper"
    assert "rivals.csv: 0 rows" in eigenprune(project, "tables")
    eigenprune(project, "run", "tiny", "--device", "cpu")
    assert "rivals.csv: 8 rows" in eigenprune(project, "record")
    written = {name: (paper / name).read_bytes() for name in ("rivals.csv", "leaderboard.csv")}
    for name in written:
        (paper / name).unlink()
    eigenprune(project, "tables")
    assert written == {name: (paper / name).read_bytes() for name in written}
    networks, board = (pd.read_csv(paper / name) for name in written)
    assert (networks["latency"] > 0).all() and set(networks["nodes_by_layer"]) == {8, 4}
    assert sorted(board["method"].unique()) == ["gain", "norm"] and board["rank"].min() == 1


def test_trials_are_run_shown_and_recorded_like_studies(project: Path) -> None:
    (project / "params.yaml").write_text(PARAMS + TRIALS)
    words = ["run", "small", "--seeds", "1", "--device", "cpu"]
    told = eigenprune(project, *words, "--output", "table.csv")
    assert "0 of 4 runs are done" in told
    assert "none, retraining epochs 0" in told and "quantised, bits 4" in told
    assert len(pd.read_csv(project / "table.csv")) == 4
    status = eigenprune(project, "status").splitlines()
    assert any("small" in line and " 4 " in line for line in status)
    assert (
        "small: 3 runs recorded, 3 of them from this run store, 3 still to be computed"
        in eigenprune(project, "record")
    )
    assert (project / "results" / "paper" / "small" / "table.csv").is_file()
    for wrong, sentence in (
        (["--plot", "a.svg"], "--plot: draws the curves of studies"),
        (
            ["--methods", "post"],
            "--methods: not an option for the trials small, only for studies; allowed: "
            "--activation, --seeds, --hidden, --epochs",
        ),
        (["--ratios", "0.5"], "--ratios: not an option for the trials small"),
        (["--epochs", "0"], "trials small.epochs: 0 is not allowed"),
    ):
        assert sentence in eigenprune(project, "run", "small", *wrong, code=2)


@pytest.mark.parametrize(
    ("kind", "grid", "wanted"),
    [
        (
            "modules",
            "{clustering: [spectral], modules: [9], gamma: [1], sparsity: [0.5]}",
            "trials.small.grid.modules: 9 is not allowed; allowed: no more than the nodes of the "
            "smallest layer, which is 8",
        ),
        (
            "growing",
            "{algorithm: [nodes], choice: [random], wanted_loss: [1], connectivity: [0.5], "
            "new_connections: [0.5], tolerance: [0], patience: [1], first_nodes: [9], "
            "new_nodes: [1]}",
            "trials.small.grid.first_nodes: 9 is not allowed; allowed: no more than the hidden "
            "width, which is 8",
        ),
    ],
)
def test_trials_that_cannot_be_are_refused_before_any_work(
    project: Path, kind: str, grid: str, wanted: str
) -> None:
    trials = TRIALS.replace("compression", kind)
    trials = trials[: trials.index("    grid:")] + f"    grid: {grid}\n"
    (project / "params.yaml").write_text(PARAMS + trials)
    for words in (["run", "small"], ["run", "tiny"], ["status"]):
        assert eigenprune(project, *words, code=2) == f"eigenprune: params.yaml: {wanted}\n"
    assert not (project / ".eigenprune").exists()


@pytest.mark.parametrize(
    "words",
    [
        ["verify", "small"],
        ["verify", "tiny", "small"],
        ["notebook", "train", "--study", "small"],
        ["side-by-side", "small", "workspace"],
    ],
)
def test_trials_where_a_study_is_wanted(project: Path, words: list[str]) -> None:
    (project / "params.yaml").write_text(PARAMS + TRIALS)
    told = eigenprune(project, *words, code=2)
    assert told == "eigenprune: 'small' names trials, and a study is wanted here: tiny\n"


def test_an_experiment_takes_no_name_of_trials(project: Path) -> None:
    (project / "params.yaml").write_text(PARAMS + TRIALS)
    (project / "dvc.yaml").write_text("stages: {book: {deps: []}}\n")
    told = eigenprune(project, "new-experiment", "small", code=2)
    assert told == "eigenprune: NAME: 'small' is taken: params.yaml has trials small\n"


def test_your_run_against_the_record(project: Path) -> None:
    path = project / "results" / "quick" / "tiny" / "curves.csv"
    assert "curves.csv is not there; `dvc repro` makes it" in eigenprune(
        project, "verify", "--quick", code=2
    )
    path.parent.mkdir(parents=True)
    eigenprune(project, "run", "tiny", "--output", str(path))
    assert "tiny: not recorded." in eigenprune(project, "verify", "--quick")
    assert "8 rows recorded" in eigenprune(project, "record", "--quick")
    assert "tiny: bitwise equal." in eigenprune(project, "verify", "--quick")
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(lines[:-1]))
    assert "tiny: different." in eigenprune(project, "verify", "--quick", code=1)
    for wrong in (["verify", "--quick", "tiny"], ["record", "--quick", "tiny"]):
        assert "--quick" in eigenprune(project, *wrong, code=2)


def test_spot_checks_of_what_is_recorded(project: Path) -> None:
    assert "nothing is recorded" in eigenprune(project, "spot-check", code=2)
    told = eigenprune(project, "spot-check", "--seed", "-1", code=2)
    assert "Invalid value for '--seed'" in told
    assert "study 'paper' is not in params.yaml" in eigenprune(
        project, "spot-check", "paper", code=2
    )
    assert "`eigenprune verify --quick`" in eigenprune(project, "spot-check", "tiny", code=2)
    (project / "params.yaml").write_text(PARAMS.replace("quick: [tiny]\n", ""))
    assert "tiny: none of its runs" in eigenprune(project, "spot-check", "tiny", code=2)
    eigenprune(project, "run", "tiny", "--methods", "direct")
    eigenprune(project, "record", "tiny")
    told = eigenprune(project, "spot-check", "--runs", "9", "--record")
    same = "computed again by the code as it is: 4 the same to the last bit"
    assert f"tiny: 4 of 4 runs, from 2 of 2 networks, {same}" in told
    kept = pd.read_csv(project / "results" / "paper" / "tiny" / "spot_checks.csv")
    assert kept["same"].all()
    # The recording is changed: the runs are computed already and only compared once more.
    curves = project / "results" / "paper" / "tiny" / "curves.csv"
    curves.write_text(curves.read_text().replace("direct,1,0.5,4,", "direct,1,0.5,4,1"))
    told = eigenprune(project, "spot-check", "tiny", "--runs", "9", code=1)
    assert "6 of 6 runs are done" in told
    assert "3 the same to the last bit, 1 had to be and is not; accuracies up to 0.00" in told


def publish(project: Path, *points: str) -> None:
    with (project / "results/published/curves.csv").open("a") as file:
        file.writelines(f"{point}\n" for point in points)


def test_verify_compares_with_what_is_published(project: Path) -> None:
    assert "nothing to compare" in eigenprune(project, "verify", code=2)
    eigenprune(project, "run", "tiny", "--methods", "direct")
    assert "nothing to compare" in eigenprune(project, "verify", code=2)
    publish(project, "digits,8,relu,direct,0.5,2.0,0.01,5")
    told = eigenprune(project, "verify", "tiny", "--points", "--output", "new/points.csv")
    assert "0/1" in told and "NO" in told
    points = pd.read_csv(project / "new" / "points.csv")
    assert points[["n", "published_mean"]].to_numpy().tolist() == [[2, 2.0]]


def test_verify_says_that_own_data_were_not_published(project: Path) -> None:
    own = PARAMS.replace("quick: [tiny]\n", "").replace("dataset: digits", "dataset: mine")
    own += "datasets: {mine: {csv: mine.csv, target: kind}}\n"
    (project / "params.yaml").write_text(own)
    assert "nothing to compare" in eigenprune(project, "verify", code=2)


def test_verify_keeps_other_settings_out_of_every_share(project: Path) -> None:
    """Two epochs are not the published hundred: the study is shown separately, with the reason."""
    publish(project, "digits,8,relu,direct,0.5,2.0,0.01,5")
    eigenprune(project, "run", "tiny", "--methods", "direct", "--seeds", "1")
    told = eigenprune(project, "verify")
    assert "in no share" in told and "tiny: epochs 2 (published: 100)" in told
    assert "one hidden layer, 2000" in told and "0 of 228" in told
    assert "no published point is compared yet" in told


def test_verify_counts_what_is_published_and_not_compared(project: Path) -> None:
    ours = PARAMS.splitlines()[1]
    settings = "epochs: 100, retraining_epochs: 20, batch_size: 200, learning_rate: 0.001"
    (project / "params.yaml").write_text(PARAMS.replace(ours, f"defaults: {{{settings}}}"))
    publish(
        project,
        "digits,8,relu,direct,0.5,2.0,0.01,5",
        "digits,8,relu,direct,0.7,2.0,0.01,5",
        "digits,8,relu,pre,0.5,0.9,0.01,5",
    )
    eigenprune(project, "run", "tiny", "--methods", "direct", "--seeds", "1")
    told = eigenprune(project, "verify", "tiny")
    assert "1 of 3" in told and "0 of 1" in told and "0.0 %" in told
    assert "nothing of ours yet for digits relu pre" in told
    assert "a part for digits relu direct (1 of 2 points)" in told
    assert "in no share" not in told and "the aim" not in told
    whole = eigenprune(project, "verify")
    assert "0.0 % of the 1 points compared agree; the aim is 95 %, not reached so far" in whole
    assert "three hidden layers, no width yet: nothing of ours yet" in whole


def test_bench_times_every_kind_of_network(project: Path) -> None:
    words = ["bench", "--dataset", "digits", "--hidden", "8", "--rounds", "1"]
    measured = json.loads(eigenprune(project, *words, "--json"))
    assert measured["training"][0]["side_by_side_times_plain"] == 1
    kinds = len(NETWORKS) + len(WITHOUT) + len(ENSEMBLES)
    assert len(measured["training"]) == kinds and len(measured["inference"]) == 3 * 7
    assert all(row["alone"] > 0 and row["side_by_side"] > 0 for row in measured["training"])
    assert all(row["seconds"] > 0 for row in measured["inference"])
    assert all(row["speed_up"] == 1 for row in measured["inference"] if not row["pruning_ratio"])
    assert measured["machine"]["threads"] >= 1
    table = eigenprune(project, *words)
    assert "eigenvalues only" in table and "ensemble of 20, lambda_out" in table


@pytest.mark.parametrize(
    ("words", "wanted"),
    [
        (["run", "tyny"], "study 'tyny' is not in params.yaml (did you mean 'tiny'?)"),
        (["run", "tiny", "--activation", "rleu"], "did you mean 'relu'?"),
        (["run", "tiny", "--ratios", "1.5"], "pruning_ratios: [1.5] is not allowed"),
        (["run", "tiny", "--ratios", "half"], "--ratios: 'half'"),
        (["run", "tiny", "--seeds", "a-b"], "--seeds: 'a-b'"),
        (["run", "tiny", "--hidden", "8,8"], "--hidden: '8,8'"),
        (["run", "tiny", "--executor", "gpu"], "--executor: 'gpu' is not one of process, inline"),
        (
            ["run", "tiny", "--executor", "inline", "--workers", "3", "--device", "cpu"],
            "--workers: 3 with --executor inline; on the CPU, inline is one process",
        ),
        (["run", "tiny", "--device", "gpu"], "--device: 'gpu' is not one of auto, cpu, cuda"),
        (
            ["run", "tiny", "--device", "cuda:99"],
            "--device: 'cuda:99' is not available; torch finds cpu",
        ),
        (["run", "tiny", "--shard", "3/2"], "--shard: '3/2' is not of the form 2/4"),
        (["run", "tiny", "--shard", f"1/{5000 * '9'}"], "is not of the form 2/4"),
        (["run", "tiny", "--max-seconds", "0"], "--max-seconds: 0 is not above 0"),
        (["run", "tiny", "--max-seconds", "inf"], "--max-seconds: inf is not above 0 and finite"),
        (["run", "tiny", "--hidden", "0"], "--hidden: '0' is not of the form 500"),
        (["run", "tiny", "--address", "1.2.3.4:1"], "--address: 1.2.3.4:1 belongs to a Dask"),
        (
            ["run", "tiny", "--executor", "dask", "--address", "1.2.3.4:1", "--workers", "7"],
            "--workers: 7 with --address; a running cluster has its own number",
        ),
        (["run", "tiny", "--seeds", "5-1"], "--seeds: '5-1'"),
        (["run", "tiny", "--seeds", f"1-{10**30}"], " are too many; allowed: at most 10000"),
        (["run", "tiny", "--hidden", "9" * 10], "widths from 1 to 2147483647"),
        (["run", "tiny", "--hidden", "9" * 5000], "widths from 1 to 2147483647"),
        (["spot-check", "--max-seconds", "0"], "--max-seconds: 0 is not above 0"),
        (["bench", "--hidden", "x"], "--hidden: 'x' is not of the form 500"),
        (["bench"], "is missing; `eigenprune data fetch` downloads it"),
        (["status", "tyny"], "did you mean 'tiny'?"),
        (["run", "tiny", "--plot", "curves.doc"], "must end in .svg, .png or .pdf"),
        (
            ["run", "tiny", "--output", "params.yaml/new/c.csv"],
            "--output: params.yaml/new/c.csv cannot be written: ",
        ),
        (["run", "tiny", "--plot", "params.yaml/c.svg"], "params.yaml is not a folder"),
        (["run", "tiny", "--output", "/proc/new/c.csv"], "created in /proc (No such file"),
        (["verify", "--output", "params.yaml/c.csv"], "--output: params.yaml/c.csv cannot be"),
        (["notebook", "tarin", "--study", "tiny"], "tarin.ipynb does not exist"),
        (["book"], "is missing: `dvc repro` makes it"),
        (["new-experiment", "tiny"], "NAME: 'tiny' is taken: params.yaml has a study tiny"),
        (["new-experiment", "My_Idea"], "the name may hold a-z, 0-9 and single hyphens"),
        (["new-experiment", "x", "--remove"], "'x' is not an experiment of params.yaml; there are"),
        (["new-experiment", "x", "--force"], "--force: allowed only with --remove"),
        (["new-experiment", "x", "--remove", "--dataset", "y"], "not allowed with --remove"),
        (["side-by-side", "tiny", "workspace"], "curves.csv is missing: `dvc repro` makes it"),
        (["data", "fetch", "--from", "nowhere"], "--from: nowhere is not a folder"),
        (["data", "check"], "is missing; `eigenprune data fetch` downloads it"),
    ],
)
def test_mistakes_end_in_one_sentence(project: Path, words: list[str], wanted: str) -> None:
    (project / "book").mkdir()
    (project / "notebooks").mkdir()
    (project / "dvc.yaml").write_text("stages: {book: {deps: []}}\n")
    told = eigenprune(project, *words, code=2)
    assert wanted in told
    assert told.startswith("eigenprune: ")
    assert len(told.splitlines()) == 1
    assert not (project / ".eigenprune").exists()


@pytest.mark.parametrize(
    ("words", "variable", "value", "wanted"),
    [
        (["run", "tiny"], "WORKERS", "abc", "allowed is a whole number, 1 or more"),
        (["run", "tiny"], "WORKERS", "0", "allowed is a whole number, 1 or more"),
        (["spot-check", "tiny"], "WORKERS", "1.5", "allowed is a whole number, 1 or more"),
        (["run", "tiny"], "STORE", "params.yaml", "params.yaml is not a folder"),
        (["status"], "STORE", "params.yaml/x", "params.yaml is not a folder"),
        (["data", "check"], "DATA", "params.yaml/x/y", "params.yaml is not a folder"),
    ],
)
def test_variables_that_cannot_be_are_named(
    project: Path, words: list[str], variable: str, value: str, wanted: str
) -> None:
    variable = f"EIGENPRUNE_{variable}"
    told = eigenprune(project, *words, code=2, **{variable: value})
    assert told.startswith(f"eigenprune: {variable}={value!r}: ") and wanted in told
    assert len(told.splitlines()) == 1
    assert not (project / ".eigenprune").exists()


@pytest.mark.parametrize("words", [("run", "tiny"), ("record",), ("tables",)])
def test_an_old_pandas_is_refused_before_anything_is_written(
    project: Path, tmp_path_factory: pytest.TempPathFactory, words: tuple[str, ...]
) -> None:
    """As where eigenprune is not installed, and nothing asked for a newer one."""
    old = tmp_path_factory.mktemp("old") / "pandas-2.2.3.dist-info"
    old.mkdir()
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: pandas\nVersion: 2.2.3\n")
    paths = filter(None, (str(old.parent), os.environ.get("PYTHONPATH")))
    before = sorted(project.rglob("*"))
    told = eigenprune(project, *words, code=2, PYTHONPATH=os.pathsep.join(paths))
    assert told.startswith("eigenprune: pandas 2.2.3 does not read every recorded number")
    assert len(told.splitlines()) == 1 and sorted(project.rglob("*")) == before


def test_a_folder_that_is_not_there_yet_is_made(project: Path) -> None:
    eigenprune(project, "run", "tiny", "--seeds", "1", EIGENPRUNE_STORE="new/store")
    assert (project / "new" / "store").is_dir()


def test_data_that_a_later_study_lacks_is_named_before_the_first_is_computed(project: Path) -> None:
    second = PARAMS[PARAMS.index("  tiny:") :].replace("tiny", "real").replace("digits", "mnist")
    (project / "params.yaml").write_text(PARAMS + second)
    assert "eigenprune data fetch" in eigenprune(project, "run", "tiny", "real", code=2)
    assert not (project / ".eigenprune").exists()


def test_data_that_a_later_study_lacks_is_named_before_the_first_is_recorded(
    project: Path,
) -> None:
    both = PARAMS.replace("quick: [tiny]", "datasets: {mine: {csv: mine.csv, target: y}}")
    second = PARAMS[PARAMS.index("  tiny:") :].replace("tiny", "other").replace("digits", "mine")
    (project / "params.yaml").write_text(both + second)
    assert "mine.csv" in eigenprune(project, "record", code=2)
    assert not (project / "results" / "paper").exists()


def test_recorded_results_are_shown_without_the_data(root: Path, tmp_path: Path) -> None:
    """As in a fresh clone, where nobody has fetched anything yet."""
    bare = {"EIGENPRUNE_DATA": str(tmp_path), "EIGENPRUNE_STORE": str(tmp_path / "runs")}
    words = ["run", "mnist-1x500", "--activation", "relu", "--methods", "direct", "--seeds", "1"]
    assert "0.95" in eigenprune(root, *words, **bare)
    assert "eigenprune data fetch" in eigenprune(root, *words, "--epochs", "1", code=2, **bare)


def test_a_notebook_wants_a_study_that_it_can_show(project: Path, root: Path) -> None:
    (project / "notebooks").mkdir()
    for name in ("train", "prune-before"):
        source = root / "notebooks" / f"{name}.ipynb"
        (project / "notebooks" / source.name).write_bytes(source.read_bytes())
    params = PARAMS.replace("quick: [tiny]\n", "").replace("[direct, pre]", "[small]")
    (project / "params.yaml").write_text(params)
    for name in ("train", "prune-before"):
        told = eigenprune(project, "notebook", name, "--study", "tiny", code=2)
        assert "methods: ['small'] is not allowed" in told and "it needs `pre`" in told
    assert "--study is missing" in eigenprune(project, "notebook", "train", code=2)


def test_the_template_leaves_quick_results_alone(project: Path, root: Path) -> None:
    (project / "notebooks").mkdir()
    source = root / "notebooks" / "template.ipynb"
    (project / "notebooks" / source.name).write_bytes(source.read_bytes())
    eigenprune(project, "notebook", "template", "--study", "tiny")
    assert not (project / "results" / "quick").exists()
    made = {path.name for path in (project / "results" / "own" / "tiny").iterdir()}
    assert made == {"template.ipynb", "curves.csv", "metrics.json", "tradeoff.svg"}


def test_an_experiment_that_fails_leaves_no_results(project: Path, root: Path) -> None:
    params = PARAMS.replace("quick: [tiny]", "experiments: [tiny]")
    (project / "params.yaml").write_text(params)
    (project / "dvc.yaml").write_text("stages:\n" + stage("tiny", "digits", None))
    (project / "notebooks").mkdir()
    notebook = json.loads((root / "notebooks" / "template.ipynb").read_text())
    notebook["cells"][-1]["source"] += ["\n1 / 0"]
    (project / "notebooks" / "tiny.ipynb").write_text(json.dumps(notebook))
    told = subprocess.run(
        [sys.executable, "-m", "eigenprune", "notebook", "tiny", "--study", "tiny"],
        cwd=project,
        env={k: v for k, v in os.environ.items() if not k.startswith("EIGENPRUNE_")},
        capture_output=True,
        text=True,
    )
    assert told.returncode == 1 and "ZeroDivisionError" in told.stderr
    left = [path.name for path in (project / "results" / "experiments" / "tiny").iterdir()]
    assert left == ["tiny.failed.ipynb"]


def test_an_absent_dataset_is_named_before_any_work(project: Path) -> None:
    params = project / "params.yaml"
    params.write_text(PARAMS.replace("dataset: digits", "dataset: mnist"))
    for words in (["run", "tiny"], ["notebook", "train", "--study", "tiny"]):
        told = eigenprune(project, *words, code=2)
        assert "train-images-idx3-ubyte is missing; `eigenprune data fetch`" in told
    assert not (project / ".eigenprune").exists()


def test_own_data_with_a_mistake_are_refused_before_any_work(project: Path, root: Path) -> None:
    (project / "notebooks").mkdir()
    source = root / "notebooks" / "template.ipynb"
    (project / "notebooks" / source.name).write_bytes(source.read_bytes())
    own = PARAMS.replace("quick: [tiny]\n", "").replace("dataset: digits", "dataset: mine")
    own += "datasets: {mine: {csv: mine.csv, target: kind}}\n"
    (project / "params.yaml").write_text(own)
    (project / "mine.csv").write_text("a,kind\n1,x\noops,y\n")
    for words in (["run", "tiny"], ["notebook", "template", "--study", "tiny"]):
        told = eigenprune(project, *words, code=2)
        assert told == "eigenprune: mine.csv: line 3, column 'a': 'oops' is not a number\n"
    assert not (project / ".eigenprune").exists()
    assert not (project / "results" / "own").exists()


def test_outside_the_project(tmp_path: Path) -> None:
    assert "no params.yaml in" in eigenprune(tmp_path, "run", "tiny", code=2)


def test_the_version_is_that_of_the_package(root: Path) -> None:
    wanted = tomllib.loads((root / "pyproject.toml").read_text())["project"]["version"]
    assert eigenprune(root, "--version") == f"eigenprune {wanted}\n"


def test_help_names_the_fixed_error_of_the_rule() -> None:
    assert GRANTED == 1 / 200
    said = "a fixed error of one test example in two hundred"
    assert said in " ".join((verify.__doc__ or "").split())


def test_help_shows_examples_and_does_not_wait_for_torch(root: Path) -> None:
    told = eigenprune(root, "run", "--help")
    assert "fashion-mnist-1x500" in told and "in training is not saved and begins again" in told
    heavy = "torch", "pandas", "scipy", "sklearn", "matplotlib", "papermill", "sphinx", "yaml"
    script = (
        "import sys; from eigenprune.cli import app; from typer.testing import CliRunner; "
        "assert CliRunner().invoke(app, ['--help']).exit_code == 0; "
        f"print([name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stdout + done.stderr
