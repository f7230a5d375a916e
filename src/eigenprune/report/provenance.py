"""The card below each figure and table of the book: what made it, and how to make it again.

Built from `dvc.lock`, the manifests of `results/paper` and what `show` left in the executed
notebook, when the book is assembled. The same files give the same card: no time of today, and no
commit but those of a recording.
"""

import hashlib
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from eigenprune.lab import datasets, manifest
from eigenprune.lab.origins import Origin
from eigenprune.lab.studies import Params
from eigenprune.report.shown import origins
from eigenprune.report.staleness import Changes, changed_parameters, since_recorded

DIGITS = 12  # shown of a checksum
LONG = 6  # a list of more values is shown by its ends


@dataclass(frozen=True)
class Card:
    """What the book says of one figure or table.

    Args:
        scale: `quick`, `paper` or `measured`.
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
        """In a word or two: `current`, `code has changed` or `outdated`."""
        if self.changes.outdated:
            return "outdated"
        return "code has changed" if self.changes.code else "current"

    def text(self) -> str:
        """The card in Markdown, folded; in the HTML pages alone, for a PDF cannot unfold it."""
        title = "Where this comes from"
        if self.changes.outdated:
            title += ": outdated since it was made"
        elif self.changes.code:
            title += "; the code has changed since"
        lines = [
            "````{only} html",
            f"```{{dropdown}} {title}",
            f":class-container: provenance provenance-{self.state.split()[-1]}",
            *(f"- **{word}**: {fact}" for word, fact in self.facts),
            "```",
            "````",
        ]
        return "\n".join(lines)


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

    def stage_of(self, file: Path) -> tuple[str, str] | None:
        """Name and md5 of the stage output that a file is, from `dvc.lock`."""
        path = file.relative_to(self.root).as_posix()
        for name, stage in self.lock.items():
            for out in stage.get("outs", []):
                if out["path"] == path:
                    return name, out["md5"]
        return None


def card(shown: Mapping[str, Any], notebook: Path, pipeline: Pipeline) -> Card:
    """The card of a figure or table.

    Args:
        shown: what `show` said of it.
        notebook: executed, in which it stands.
        pipeline: the project.
    """
    made_from = origins(shown)
    recorded = [each for each in made_from if each.recorded]
    files = list(shown["files"])
    facts: list[tuple[str, str]] = [_stage(notebook, pipeline, bool(recorded or files))]
    outdated: list[str] = []
    code: list[str] = []
    for each in made_from:
        name = each.study["name"]
        facts += [("Study", f"`{name}`: {_parameters(each.study)}"), _data(each), _runs(each)]
        if each.recorded:
            facts.append(_recording(name, each.commits, pipeline))
            found = since_recorded(pipeline.paper / name, pipeline.params, each.commits)
            outdated += found.outdated
            code += found.code
        else:
            outdated += changed_parameters(each.study, pipeline.params)
    for file in files:
        content = (pipeline.root / file).read_bytes()
        facts.append(
            ("File", f"`{file}`, SHA-256 `{hashlib.sha256(content).hexdigest()[:DIGITS]}`")
        )
    changes = Changes(tuple(dict.fromkeys(outdated)), tuple(dict.fromkeys(code)))
    for word, sentences in (("Outdated", changes.outdated), ("Code since then", changes.code)):
        facts += [(word, sentence) for sentence in sentences]
    facts.append(("Make it again", f"`{_command(made_from, files, notebook, pipeline)}`"))
    scale = "paper" if recorded else "measured" if files else "quick"
    runs = "; ".join(f"{each.runs}, `{each.common_hash}`" for each in made_from)
    return Card(scale, tuple(facts), changes, runs)


def _stage(notebook: Path, pipeline: Pipeline, recorded: bool) -> tuple[str, str]:
    found = pipeline.stage_of(notebook)
    scale = "Recorded results, drawn" if recorded else "Quick scale, made"
    if found is None:
        return "Stage", f"{scale} by no stage that `dvc.lock` knows"
    name, md5 = found
    same = hashlib.md5(notebook.read_bytes(), usedforsecurity=False).hexdigest() == md5
    other = "" if same else "; the notebook at hand is not the one of `dvc.lock`, see `dvc status`"
    return "Stage", f"{scale} by `{name}` of `dvc.yaml`{other}"


def _parameters(study: Mapping[str, Any]) -> str:
    return "; ".join(
        f"{key.replace('_', ' ')} {_value(key, value)}"
        for key, value in study.items()
        if key not in ("name", "dataset")
    )


def _value(key: str, value: Any) -> str:
    if not isinstance(value, Sequence) or isinstance(value, str):
        return str(value)
    if len(value) > LONG:
        return f"{value[0]} to {value[-1]} ({len(value)} values)"
    return ("-" if key == "hidden" else ", ").join(map(str, value))


def _data(each: Origin) -> tuple[str, str]:
    name = each.study["dataset"]
    return "Data", f"{name}, SHA-256 `{datasets.checksum(name)[:DIGITS]}`"


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


def _command(
    made_from: Sequence[Origin], files: Sequence[str], notebook: Path, pipeline: Pipeline
) -> str:
    stage = pipeline.stage_of(notebook)
    drawn = f"dvc repro {stage[0]}" if stage else "dvc repro"
    if files:
        return f"eigenprune bench --json > {shlex.quote(files[0])} && {drawn}"
    names = " ".join(dict.fromkeys(each.study["name"] for each in made_from if each.recorded))
    if not names:
        return drawn
    options = " ".join(
        f"{option} {','.join(dict.fromkeys(str(v) for each in made_from for v in each.study[key]))}"
        for option, key in (
            ("--activation", "activations"),
            ("--methods", "methods"),
            ("--seeds", "seeds"),
        )
    )
    run = f"eigenprune run {names} {options} --anew"
    return f"{run} && eigenprune record {names} && {drawn}"
