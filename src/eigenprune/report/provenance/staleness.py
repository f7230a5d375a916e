"""What has changed since a result was recorded: its parameters, its data, or the code that made it.

A result is *outdated* if `params.yaml`, the data or the protocol has changed: made again, it would
be another result. If the code has changed but the protocol has not, the result is meant to be the
same up to rounding; the reader is told so, and learns what spot checks found, if any were made.
"""

import itertools
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eigenprune.lab import datasets
from eigenprune.lab.errors import UserError
from eigenprune.lab.records import code_state, manifest
from eigenprune.lab.runs import PROTOCOL_VERSION, trial_version
from eigenprune.lab.spot_checks import networks, of_code_now
from eigenprune.lab.studies import Params
from eigenprune.report.origins import SEVERAL
from eigenprune.report.provenance import spot_checks


@dataclass(frozen=True)
class Changes:
    """Sentences without a full stop, on what has changed since a recording.

    `checks` say how runs came out when the current code computed them again, and `held` says it in
    short if all came out as they must. `unchecked` are the files that have changed and that checks
    do not use, since they compute stacks of networks on a GPU.
    """

    outdated: tuple[str, ...] = ()
    code: tuple[str, ...] = ()
    checks: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    unchecked: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.outdated or self.code)


def together(changes: Sequence[Changes]) -> Changes:
    """All changes of several recordings; checks hold if those of every one with other code do."""

    def all_of(sentences: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(itertools.chain(*sentences)))

    holds = all(each.held for each in changes if each.code)
    return Changes(
        outdated=all_of(each.outdated for each in changes),
        code=all_of(each.code for each in changes),
        checks=all_of(each.checks for each in changes),
        held=all_of(each.held for each in changes) if holds else (),
        unchecked=all_of(each.unchecked for each in changes),
    )


def since_recorded(folder: Path, params: Params, commits: Collection[str] | None = None) -> Changes:
    """What has changed since a study, or trials, were recorded.

    Args:
        folder: the folder of the recording, named after the study.
        params: as they are now.
        commits: those that made the rows in question; all commits of the recording if None.

    Raises:
        UserError: if the manifest cannot be read as one.
    """
    found = manifest.read(folder)
    if found is None:
        return Changes()
    outdated = changed_parameters(found["study"], params)
    dataset = found["study"]["dataset"]
    outdated += changed_data(dataset, found["data_sha256"])
    if found["protocol"] != PROTOCOL_VERSION:
        outdated.append(
            f"the protocol has version {PROTOCOL_VERSION}, the recording has {found['protocol']}"
        )
    version = trial_version(found["study"].get("kind", ""))
    if (recorded := found.get("trial_version", 1)) != version:
        outdated.append(f"trials of this kind have version {version}, the recording has {recorded}")
    code, files = _code(found, commits)
    changes = Changes(tuple(outdated), tuple(code))
    if (checks := of_code_now(folder)).empty:
        return changes
    known = networks(folder)
    unchecked = tuple(file for file in files if file in code_state.AS_STACK)
    limit = f"; none uses the code for stacks on a GPU: {listed(unchecked)}"
    return replace(
        changes,
        checks=(spot_checks.sentence(checks, known) + limit * bool(unchecked),),
        held=(spot_checks.in_short(checks, known),) * spot_checks.hold(checks),
        unchecked=unchecked,
    )


def changed_data(dataset: str, then: str) -> list[str]:
    """Whether the bytes of a dataset have changed, as a list of sentences.

    Args:
        dataset: its name.
        then: SHA-256 of its bytes when the result was made.
    """
    try:
        now = datasets.checksum(dataset)
    except UserError:  # one of the reader's own that is gone
        return [f"the dataset {dataset} is not here"]
    return [] if now == then else [f"the bytes of {dataset} have changed"]


def changed_parameters(
    then: Mapping[str, Any], params: Params, *, recorded: bool = True
) -> list[str]:
    """The parameters of a study, or of trials, that have changed in `params.yaml`.

    Args:
        then: the fields of the study as it was; it may have had fewer seeds, ratios and the like.
        params: as they are now.
        recorded: whether it was recorded. If not, a notebook computed it; notebooks may choose
            seeds, ratios and the like that are not the study's, and that is no change.
    """
    name = str(then["name"])
    if name not in {*params.studies, *params.trials}:
        return [f"params.yaml has no study {name} any more"]
    study, found = params.find(name), []
    for key, before in _as_tuples(then).items():
        now = getattr(study, key, None)
        if key in SEVERAL and now is not None:
            # Ratio 0, the control, belongs to every study.
            gone = [value for value in before if value not in now and value != 0]
            if gone and recorded:
                found.append(f"{key} no longer has {', '.join(map(str, gone))}")
        elif now != before:
            found.append(f"{key} was {_text(before)} and is {_text(now)}")
    return found


def _code(found: Mapping[str, Any], commits: Collection[str] | None) -> tuple[list[str], list[str]]:
    """Sentences on how the code has changed, and the files that have."""
    now, states = code_state.current(), found.get("code") or {}
    which = manifest.code_that_counts(found)
    return code_changes(
        (
            (
                group["commit"],
                None
                if (state := states.get(group["commit"])) is None
                else code_state.changed(state, now, device=group["device"], **which),
            )
            for group in found["made_with"]
            if commits is None or group["commit"] in commits
        ),
        "part of it was computed",
    )


def code_changes(
    since: Iterable[tuple[str, Collection[str] | None]], made: str
) -> tuple[list[str], list[str]]:
    """Sentences on how the code has changed since some commits, and the files that have.

    Args:
        since: commits, as `machine.commit` gives them, and the files that have changed since each;
            None where the code of a commit is not known.
        made: what was done at these commits, in words.

    Example:
        >>> code_changes([("1a2b+changes", ["layers.py"])], "measured")[0]
        ['measured with uncommitted changes to 1a2b', 'changed: `layers.py`']
    """
    said, changed = list[str](), set[str]()
    for commit, files in since:
        if files is None:
            said.append(f"the code of commit {commit} is not known here")
            continue
        if commit.endswith("+changes"):
            said.append(f"{made} with uncommitted changes to {commit.removesuffix('+changes')}")
        changed.update(files)
    every = sorted(changed)
    return [*said, f"changed: {listed(every)}"] if every else said, every


def listed(files: Iterable[str]) -> str:
    """Names of files in Markdown."""
    return ", ".join(f"`{file}`" for file in files)


def _as_tuples(value: Any) -> Any:
    """A study as read from JSON, with its lists turned back into tuples."""
    if isinstance(value, Mapping):
        return {key: _as_tuples(item) for key, item in value.items()}
    return tuple(map(_as_tuples, value)) if isinstance(value, list | tuple) else value


def _text(value: Any) -> str:
    return "-".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
