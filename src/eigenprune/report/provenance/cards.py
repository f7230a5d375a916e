"""The card below each figure and table of the book: what made it, and how to make it again.

When the book is assembled, cards are built from `dvc.lock`, the manifests of `results/paper` and
what `show` left in the executed notebook. The same files give the same card: it contains no current
time, and no commits except those of a recording.
"""

import hashlib
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any

from eigenprune.files import state
from eigenprune.lab.fingerprint import DIGITS
from eigenprune.lab.records import manifest
from eigenprune.lab.studies import Params
from eigenprune.report.origins import Origin, code_now
from eigenprune.report.provenance.measured import (
    how_to_measure,
    is_measured,
    made_by,
    since_measured,
)
from eigenprune.report.provenance.staleness import (
    Changes,
    changed_data,
    changed_parameters,
    since_recorded,
    together,
)
from eigenprune.report.shown import origins

SCALES = {
    "quick": "Quick scale, made",
    "experiment": "An experiment, made",
    "own": "Made",
    "paper": "Recorded results, drawn",
    "measured": "Recorded times, drawn",
}
LONG = 6  # of a list with more values, only the first and the last are shown


@dataclass(frozen=True)
class Card:
    """What the book says about one figure or table.

    Args:
        scale: `quick`, `experiment`, `own`, `paper` or `measured`.
        facts: pairs of a word and what it stands for, in Markdown.
        changes: since it was made.
        runs: number and common hash, in Markdown.
    """

    scale: str
    facts: tuple[tuple[str, str], ...]
    changes: Changes
    runs: str

    @property
    def state(self) -> str:
        """In a few words: `current`, `outdated`, `code has changed` or `(partly) spot-checked`."""
        if self.changes.outdated:
            return "outdated"
        if not self.changes.code:
            return "current"
        if not self.changes.held:
            return "code has changed"
        return "partly spot-checked" if self.changes.unchecked else "spot-checked"

    def text(self) -> str:
        """The card in Markdown, folded; only in HTML pages, because a PDF cannot unfold it."""
        title = "Where this comes from"
        if self.changes.outdated:
            title += ": outdated since it was made"
        elif self.changes.code:
            title += "; the code has changed since"
            title += self._held()
        lines = [
            "````{only} html",
            f"```{{dropdown}} {title}",
            f":class-container: provenance provenance-{self.state.split()[-1]}",
            *(f"- **{word}**: {fact}" for word, fact in self.facts),
            "```",
            "````",
        ]
        return "\n".join(lines)

    def _held(self) -> str:
        if not self.changes.held:
            return ""
        but = ", but leave out the stacks on a GPU" if self.changes.unchecked else ""
        return f"; spot checks hold{but} ({'; '.join(self.changes.held)})"


@dataclass(frozen=True)
class Pipeline:
    """The project as the cards see it."""

    root: Path
    params: Params
    lock: Mapping[str, Any]

    @classmethod
    def of(cls, root: Path, params: Params) -> "Pipeline":
        """Of a repository; without a `dvc.lock` no stage is known."""
        import yaml

        path = root / "dvc.lock"
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        return cls(root, params, (yaml.safe_load(text) or {}).get("stages", {}))

    @property
    def paper(self) -> Path:
        """The folder of the recordings."""
        return self.root / "results" / "paper"

    @cached_property
    def since_recorded(self) -> Callable[[str, tuple[str, ...]], Changes]:
        """What has changed, by the name of a recording and the commits that made the rows.

        Answers are cached: many exhibits show the same rows, and nothing changes while a book is
        put together.
        """
        return cache(lambda name, commits: since_recorded(self.paper / name, self.params, commits))

    def stage_of(self, file: Path) -> tuple[str, str] | None:
        """The stage that makes a file and the file's md5, as in `dvc.lock`; None if none does."""
        path = file.relative_to(self.root).as_posix()
        for name, stage in self.lock.items():
            for out in stage.get("outs", []):
                if out["path"] == path:
                    return name, out["md5"]
        return None


def card(shown: Mapping[str, Any], notebook: Path, pipeline: Pipeline) -> Card:
    """The card of a figure or table.

    Args:
        shown: what `show` said about it.
        notebook: the executed notebook that shows it.
        pipeline: the project.
    """
    made_from = origins(shown)
    files = list(shown["files"])
    scale = _scale(shown, made_from, files, pipeline.params)
    facts: list[tuple[str, str]] = [_stage(notebook, pipeline, scale)]
    found: list[Changes] = []
    for each in made_from:
        name = each.study["name"]
        facts += [("Study", f"`{name}`: {_parameters(each.study)}"), _data(each), _runs(each)]
        if each.recorded:
            facts.append(_recording(name, each.commits, pipeline))
            found.append(pipeline.since_recorded(name, tuple(each.commits)))
        else:
            outdated = changed_parameters(each.study, pipeline.params, recorded=False)
            outdated += changed_data(each.study["dataset"], each.data_sha256)
            code = () if each.code == code_now() else ("the code that computes runs has changed",)
            found.append(Changes(tuple(outdated), code))
    measured: dict[str, bytes] = {}
    for file in files:
        content = (pipeline.root / file).read_bytes()
        sha256 = hashlib.sha256(content).hexdigest()
        facts.append(("File", f"`{file}`, SHA-256 `{sha256[:DIGITS]}`"))
        if is_measured(file):
            measured[file] = content
            facts.append(("Measured", made_by(file, content)))
            found.append(since_measured(pipeline.root, file, content))
    changes = together(found)
    facts += [("Outdated", sentence) for sentence in changes.outdated]
    facts += [("Code since then", sentence) for sentence in changes.code]
    meaning = "[what this means](/where-from.md)"
    facts += [("Spot checks", f"{sentence}; {meaning}") for sentence in changes.checks]
    facts += [("Measure it again", how_to_measure(*each)) for each in measured.items()]
    more = ", which also makes what is not recorded yet" if _more_than_shown(made_from) else ""
    again = "Draw it again" if measured else "Make it again"
    facts.append((again, f"`{_command(made_from, notebook, pipeline)}`{more}"))
    runs = "; ".join(f"{each.runs}, `{each.common_hash}`" for each in made_from)
    return Card(scale, tuple(facts), changes, runs)


def _scale(
    shown: Mapping[str, Any], made_from: Sequence[Origin], files: Sequence[str], params: Params
) -> str:
    if shown["recorded"]:
        return "paper"
    if not made_from:
        return "measured" if files else "own"
    name = made_from[0].study["name"]
    if name in (*params.quick, *params.quick_arena, *params.quick_trials):
        return "quick"
    return "experiment" if name in params.experiments else "own"


def _stage(notebook: Path, pipeline: Pipeline, scale: str) -> tuple[str, str]:
    found = pipeline.stage_of(notebook)
    said = SCALES[scale]
    if found is None:
        return "Stage", f"{said} by no stage that `dvc.lock` knows"
    name, md5 = found
    same = _md5(notebook, state(notebook)) == md5
    but = "" if same else "; this notebook is not the one in `dvc.lock`, see `dvc status`"
    return "Stage", f"{said} by `{name}` of `dvc.yaml`{but}"


@cache
def _md5(path: Path, found: tuple[int, ...]) -> str:
    """The hash by which DVC names contents. A notebook is read once, not for each exhibit."""
    return hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest()


def _parameters(study: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{key.replace('_', ' ')} {_value(key, value)}"
        for key, value in study.items()
        if key not in ("name", "dataset")
    )


def _value(key: str, value: Any) -> str:
    if key == "points":
        value = [" ".join(map(str, itertools.chain(*point))) for point in value]
    if not isinstance(value, Sequence) or isinstance(value, str):
        return str(value)
    if len(value) > LONG:
        return f"{value[0]} to {value[-1]} ({len(value)} values)"
    return ("-" if key == "hidden" else ", ").join(map(str, value))


def _data(each: Origin) -> tuple[str, str]:
    return "Data", f"{each.study['dataset']}, SHA-256 `{each.data_sha256[:DIGITS]}`"


def _runs(each: Origin) -> tuple[str, str]:
    return "Runs", f"{each.runs}, common hash of their ids `{each.common_hash}`"


def _recording(name: str, commits: Sequence[str], pipeline: Pipeline) -> tuple[str, str]:
    found = manifest.read(pipeline.paper / name) or {}
    groups = [group for group in found.get("made_with", []) if group["commit"] in commits]
    made = ", ".join(f"`{commit}`" for commit in commits)
    machines = dict.fromkeys(
        f"{group['device']} ({group['processor']}), threads: {group['threads']}, "
        f"torch {group['torch']}, Python {group['python']}"
        for group in groups
    )
    dated = f"on {found['recorded']}, " if "recorded" in found else ""
    return "Recorded", f"{dated}computed by commit {made} on {'; '.join(machines)}"


def _command(made_from: Sequence[Origin], notebook: Path, pipeline: Pipeline) -> str:
    stage = pipeline.stage_of(notebook)
    drawn = f"dvc repro {stage[0]}" if stage else "dvc repro"
    recorded = [each for each in made_from if each.recorded]
    if not recorded:
        return drawn
    runs = [f"eigenprune run {each.study['name']} {_options(each)} --anew" for each in recorded]
    names = " ".join(dict.fromkeys(each.study["name"] for each in recorded))
    return " && ".join([*runs, f"eigenprune record {names}", drawn])


def _options(each: Origin) -> str:
    words = {"--activation": "activations", "--methods": "methods", "--seeds": "seeds"}
    return " ".join(
        f"{option} {','.join(map(str, each.study[key]))}"
        for option, key in words.items()
        if key in each.study
    )


def _more_than_shown(made_from: Sequence[Origin]) -> bool:
    """Whether some combinations of activation, seed, method and ratio or point are not recorded."""
    return any(each.rows < _combinations(each.study) for each in made_from if each.recorded)


def _combinations(study: Mapping[str, Any]) -> int:
    several = ("activations", "methods", "seeds", "points")
    ratios = len({0, *study["pruning_ratios"]}) if "pruning_ratios" in study else 1
    return ratios * math.prod(len(study[key]) for key in several if key in study)
