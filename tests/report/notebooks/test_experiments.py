"""Experiments made and removed: on the real files, byte for byte, all or nothing."""

import json
import shutil
from difflib import SequenceMatcher
from pathlib import Path

import pytest
import yaml

from eigenprune import files
from eigenprune.lab.errors import UserError
from eigenprune.lab.studies import load_params
from eigenprune.report.notebooks import experiments
from eigenprune.report.notebooks.experiments import new_experiment, remove_experiment
from eigenprune.report.notebooks.stages import require_watched

Snapshot = dict[str, bytes]


@pytest.fixture
def project(tmp_path: Path, root: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The real files that an experiment touches."""
    (tmp_path / "notebooks").mkdir()
    for name in ("params.yaml", "dvc.yaml", "dvc.lock", "notebooks/template.ipynb"):
        shutil.copyfile(root / name, tmp_path / name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def snapshot(folder: Path) -> Snapshot:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def lines_taken_out(old: bytes, new: bytes) -> list[bytes]:
    """The lines of a file that were removed or moved."""
    lines, others = old.splitlines(), new.splitlines()
    same = SequenceMatcher(None, lines, others, autojunk=False).get_matching_blocks()
    kept = {number for block in same for number in range(block.a, block.a + block.size)}
    return [line for number, line in enumerate(lines) if number not in kept]


def add(project: Path, file: str, old: str, new: str) -> None:
    text = (project / file).read_text()
    assert text.count(old) == 1
    (project / file).write_text(text.replace(old, new))


def test_all_four_parts_fit_together(project: Path) -> None:
    made = new_experiment(project, "my-idea")
    assert sorted(path.name for path in made) == ["dvc.yaml", "my-idea.ipynb", "params.yaml"]
    params = load_params(project / "params.yaml")
    assert params.experiments == ("my-idea",) and params.study("my-idea").dataset == "digits"
    assert "my-idea" not in params.paper + list(params.quick)
    stages = yaml.safe_load((project / "dvc.yaml").read_text())["stages"]
    assert "results/experiments/my-idea" in stages["book"]["deps"]
    assert list(stages)[-1] == "book"
    notebook = json.loads((project / "notebooks" / "my-idea.ipynb").read_text())
    (parameters,) = [c for c in notebook["cells"] if "parameters" in c["metadata"].get("tags", [])]
    assert parameters["source"] == ['study = "my-idea"  # a name from params.yaml']
    assert notebook["cells"][0]["source"][0] == "# my-idea\n"
    require_watched(project, "my-idea", params)


def test_every_other_line_stays_as_it_is(project: Path) -> None:
    before = snapshot(project)
    new_experiment(project, "my-idea")
    after = snapshot(project)
    assert lines_taken_out(before["params.yaml"], after["params.yaml"]) == [b"experiments: []"]
    assert lines_taken_out(before["dvc.yaml"], after["dvc.yaml"]) == []
    assert after["dvc.lock"] == before["dvc.lock"]
    assert lines_taken_out(b"a\nb\nc", b"b\nc\na") == [b"a"]  # and a line that moved would be seen


def test_what_is_taken_back_leaves_no_byte(project: Path) -> None:
    states = [snapshot(project)]
    for name in ("one", "two", "three"):
        new_experiment(project, name)
        states.append(snapshot(project))
    remove_experiment(project, "three")
    assert snapshot(project) == states[2]
    remove_experiment(project, "one")
    remove_experiment(project, "two")
    assert snapshot(project) == states[0]


def test_results_and_lock_go_too(project: Path) -> None:
    before = snapshot(project)
    new_experiment(project, "my-idea")
    add(
        project,
        "dvc.lock",
        "stages:\n",
        "stages:\n  my-idea:\n    cmd: x\n    deps:\n    - path: y\n",
    )
    (project / "results" / "experiments" / "my-idea").mkdir(parents=True)
    (project / "results" / "experiments" / "my-idea" / "curves.csv").touch()
    remove_experiment(project, "my-idea")
    assert snapshot(project) == before
    assert not (project / "results" / "experiments").exists()


def test_lists_that_were_written_line_by_line(project: Path) -> None:
    add(project, "params.yaml", "experiments: []\n", "experiments:\n  - old # mine\n\n")
    add(project, "params.yaml", "studies:\n", "studies:\n  old: {dataset: digits, hidden: [3]}\n")
    before = snapshot(project)
    new_experiment(project, "my-idea")
    assert load_params(project / "params.yaml").experiments == ("old", "my-idea")
    remove_experiment(project, "my-idea")
    assert snapshot(project) == before


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("My_Idea", "the name may hold a-z, 0-9 and single hyphens"),
        ("my--idea", "the name may hold"),
        ("../idea", "the name may hold"),
        ("", "the name may hold"),
        ("2024", "is a number or a value in YAML, and no name"),
        ("2024-01-01", "is a number or a value"),
        ("true", "is a number or a value"),
        ("null", "is a number or a value"),
        ("digits-1x100", "is taken: params.yaml has a study digits-1x100"),
        ("book", "is taken: dvc.yaml has a stage book"),
        ("template", "is taken: notebooks/template.ipynb exists"),
        ("here", "is taken: results/experiments/here exists"),
    ],
)
def test_a_name_that_will_not_do(project: Path, name: str, sentence: str) -> None:
    (project / "results" / "experiments" / "here").mkdir(parents=True)
    before = snapshot(project)
    with pytest.raises(UserError) as refusal:
        new_experiment(project, name)
    assert sentence in str(refusal.value) and "\n" not in str(refusal.value)
    assert snapshot(project) == before


@pytest.mark.parametrize(
    ("file", "old", "new", "sentence"),
    [
        ("params.yaml", "experiments: []\n", "", "params.yaml: experiments is missing"),
        ("params.yaml", "experiments: []\n", "experiments: {}\n", "experiments"),
        ("params.yaml", "quick: [", "quikc: [", "did you mean 'quick'?"),
        ("dvc.yaml", "  book:\n", "  bok:\n", "dvc.yaml: stages.book is missing"),
        ("dvc.yaml", "stages:\n", "stages: [\n", "dvc.yaml: not valid YAML"),
        ("dvc.yaml", "      - build/book/html\n", "      - build/book/html", "line break"),
    ],
)
def test_files_that_cannot_be_edited_stay(
    project: Path, file: str, old: str, new: str, sentence: str
) -> None:
    add(project, file, old, new)
    before = snapshot(project)
    with pytest.raises(UserError) as refusal:
        new_experiment(project, "my-idea")
    assert sentence in str(refusal.value) and "\n" not in str(refusal.value)
    assert snapshot(project) == before


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_failure_in_between_leaves_nothing_half_done(
    project: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    whole, calls = files.write_whole, 0

    def fails_once(path: Path, content: bytes) -> None:
        nonlocal calls
        calls += 1
        if calls == number:
            raise OSError(28, "No space left on device", str(path))
        whole(path, content)

    before = snapshot(project)
    with monkeypatch.context() as patch:
        patch.setattr(files, "write_whole", fails_once)
        with pytest.raises(OSError):
            new_experiment(project, "my-idea")
    assert calls >= number
    assert snapshot(project) == before
    new_experiment(project, "my-idea")
    made, calls = snapshot(project), 0
    with monkeypatch.context() as patch:
        patch.setattr(files, "write_whole", fails_once)
        if number < 3:  # two files are written, one is deleted
            with pytest.raises(OSError):
                remove_experiment(project, "my-idea")
            assert snapshot(project) == made


def test_an_edit_that_does_not_say_what_was_meant_is_not_written(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = snapshot(project)

    append = experiments.yaml_text.append_entry

    def careless(text: str, keys: tuple[str, ...], entry: str) -> str:
        return append(text, keys, entry).replace("100", "101")

    monkeypatch.setattr(experiments.yaml_text, "append_entry", careless)
    with pytest.raises(UserError, match="cannot be edited here; nothing was changed"):
        new_experiment(project, "my-idea")
    assert snapshot(project) == before


@pytest.mark.parametrize(
    ("file", "old", "new", "part"),
    [
        ("notebooks/my-idea.ipynb", "largest_weight(", "mine(", "notebooks/my-idea.ipynb"),
        (
            "params.yaml",
            "    hidden: [40]\n",
            "    hidden: [41]\n",
            "studies.my-idea in params.yaml",
        ),
        ("dvc.yaml", "title: my-idea", "title: Mine", "stages.my-idea in dvc.yaml"),
    ],
)
def test_what_was_changed_is_removed_only_by_force(
    project: Path, file: str, old: str, new: str, part: str
) -> None:
    before = snapshot(project)
    new_experiment(project, "my-idea")
    add(project, file, old, new)
    changed = snapshot(project)
    with pytest.raises(UserError) as refusal:
        remove_experiment(project, "my-idea")
    assert f"my-idea: {part} changed since it was made, so nothing was removed" in str(
        refusal.value
    )
    assert snapshot(project) == changed
    remove_experiment(project, "my-idea", force=True)
    assert snapshot(project) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    dataset: digits\n", "    dataset: mnist\n"),
        ("    learning_rate: 0.01\n", "    learning_rate: 0.01\n    retraining_epochs: 3\n"),
    ],
)
def test_a_line_more_or_other_data_count_as_a_change(project: Path, old: str, new: str) -> None:
    before = snapshot(project)
    new_experiment(project, "my-idea")
    path = project / "params.yaml"
    start, mark, own = path.read_text().partition("  my-idea:\n")
    assert old in own
    path.write_text(start + mark + own.replace(old, new, 1))
    with pytest.raises(UserError, match=r"studies\.my-idea in params\.yaml changed since"):
        remove_experiment(project, "my-idea")
    remove_experiment(project, "my-idea", force=True)
    assert snapshot(project) == before


def test_other_standard_data_are_no_change(project: Path) -> None:
    before = snapshot(project)
    new_experiment(project, "my-idea", "mnist")
    remove_experiment(project, "my-idea")
    assert snapshot(project) == before


def test_only_experiments_are_removed(project: Path) -> None:
    new_experiment(project, "my-idea")
    before = snapshot(project)
    for name in ("digits-1x100", "mnist-1x500", "book", "nothing"):
        with pytest.raises(UserError, match=r"is not an experiment of params\.yaml.*: my-idea"):
            remove_experiment(project, name, force=True)
    assert snapshot(project) == before


def test_own_data_are_watched(project: Path) -> None:
    add(
        project,
        "params.yaml",
        "datasets: {}\n",
        "datasets:\n  wine: {csv: 'my/w: ine.csv', target: x}\n",
    )
    (project / "my").mkdir()
    (project / "my" / "w: ine.csv").write_text("a,x\n" + "1,red\n2,white\n" * 5)
    before = snapshot(project)
    with pytest.raises(UserError, match=r"'wien' is not known \(did you mean 'wine'\?\)"):
        new_experiment(project, "my-wine", "wien")
    assert snapshot(project) == before
    new_experiment(project, "my-wine", "wine")
    stage = yaml.safe_load((project / "dvc.yaml").read_text())["stages"]["my-wine"]
    assert "my/w: ine.csv" in stage["deps"] and "datasets.wine" in stage["params"]
    params = load_params(project / "params.yaml")
    require_watched(project, "my-wine", params)
    add(project, "dvc.yaml", '      - "my/w: ine.csv"\n', "")
    with pytest.raises(UserError, match=r"stages\.my-wine\.deps lacks my/w: ine\.csv"):
        require_watched(project, "my-wine", params)
    add(project, "dvc.yaml", ', "datasets.wine"]', "]")
    with pytest.raises(UserError) as refusal:
        require_watched(project, "my-wine", params)
    assert str(refusal.value) == (
        "dvc.yaml: stages.my-wine.deps lacks my/w: ine.csv and stages.my-wine.params lacks "
        "datasets.wine, which the study reads: add it, or DVC would not see when it changes"
    )
    remove_experiment(project, "my-wine", force=True)
    assert snapshot(project) == before


@pytest.mark.parametrize("listed", ["datasets", "datasets.wine", "params.yaml: [datasets.wine]"])
def test_an_experiment_moved_to_own_data_watches_how_they_are_read(
    project: Path, listed: str
) -> None:
    """Another target is another result, and the bytes of the file stay the same."""
    new_experiment(project, "my-idea")
    wine = "datasets: {wine: {csv: wine.csv, target: x}}\n"
    add(project, "params.yaml", "datasets: {}\n", wine)
    own = "  my-idea:\n    dataset: "
    add(project, "params.yaml", f"{own}digits\n", f"{own}wine\n")
    deps = "      - notebooks/my-idea.ipynb\n"
    add(project, "dvc.yaml", deps, f"{deps}      - wine.csv\n")
    params = load_params(project / "params.yaml")
    with pytest.raises(UserError, match=r"stages\.my-idea\.params lacks datasets\.wine, which"):
        require_watched(project, "my-idea", params)
    add(project, "dvc.yaml", '"studies.my-idea"]', f'"studies.my-idea", {listed}]')
    require_watched(project, "my-idea", params)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (None, "dataset 'wine': my/wine.csv is missing, or no file"),
        ("a,b\n1,red\n", "my/wine.csv: has no column 'x', the target"),
        ("a,x\noops,red\n", "my/wine.csv: line 2, column 'a': 'oops' is not a number"),
    ],
)
def test_own_data_that_cannot_be_read_begin_nothing(
    project: Path, text: str | None, sentence: str
) -> None:
    wine = "datasets: {wine: {csv: my/wine.csv, target: x}}\n"
    add(project, "params.yaml", "datasets: {}\n", wine)
    if text is not None:
        (project / "my").mkdir()
        (project / "my" / "wine.csv").write_text(text)
    before = snapshot(project)
    with pytest.raises(UserError) as refusal:
        new_experiment(project, "my-wine", "wine")
    assert sentence in str(refusal.value)
    assert snapshot(project) == before
