"""A page that compares the results of one study in several DVC experiments or Git revisions."""

import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from eigenprune.files import write_whole
from eigenprune.lab.errors import UserError
from eigenprune.report.readable import percents
from eigenprune.report.shown import svg_text
from eigenprune.report.statistics import over_seeds

WORKSPACE = "workspace"  # DVC's name for the files as they are on disk now

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: auto; max-width: 60rem; padding: 1rem; }}
div {{ overflow-x: auto; }}
figure {{ background: white; margin: 1rem 0; overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: 0.9rem; }}
th, td {{ border-bottom: 1px solid gray; padding: 0.2rem 0.6rem; text-align: right; }}
th, td {{ vertical-align: top; white-space: nowrap; }}
</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def write_page(
    root: Path,
    study: str,
    results: Path,
    revisions: Sequence[str],
    made_by: str,
) -> Path:
    """Write `build/side-by-side/STUDY.html`, a page that needs no other file.

    Args:
        root: the project.
        study: a name from `params.yaml`.
        results: the folder with the `curves.csv` of the study.
        revisions: names of DVC experiments, Git revisions, or WORKSPACE for the files as they are.
        made_by: the command that makes the results, for the message when they are missing.

    Raises:
        UserError: if a revision is not known or has no such results.
    """
    from eigenprune.report import figures

    path = (results / "curves.csv").relative_to(root).as_posix()
    means, settings = {}, {}
    for revision in revisions:
        settings[revision] = _settings(root, study, revision)
        there = "" if revision == WORKSPACE else f"with {revision} checked out, "
        text = _text(root, path, revision, f"{there}`{made_by}` makes it")
        means[revision] = over_seeds(pd.read_csv(io.StringIO(text), dtype={"hidden": str}))
    title, differing = f"{study}, side by side", _differing(settings)
    sections = [f"<h1>{title}</h1>", "<h2>What differs in the settings</h2>"]
    sections.append("<p>Nothing.</p>" if differing.empty else _table(differing))
    figures.use_style()
    together = pd.concat([table.assign(shown=name) for name, table in means.items()])
    for activation in together["activation"].unique():
        chosen = together[together["activation"] == activation]
        # This figure has a panel per activation; here each panel is a revision instead.
        drawn = figures.tradeoff(chosen.assign(activation=chosen["shown"]))
        alt = f"Test accuracy against the pruning ratio, {activation}, one panel per experiment."
        sections += [f"<h2>{activation}</h2>", _inline(svg_text(drawn), alt)]
    sections.append("<h2>The numbers</h2>")
    sections.append("<p>Test accuracy in per cent: mean ± sample standard deviation.</p>")
    sections.append(_table(pd.DataFrame({name: _accuracies(m) for name, m in means.items()})))
    page = root / "build" / "side-by-side" / f"{study}.html"
    write_whole(page, PAGE.format(title=title, body="\n".join(sections)).encode())
    return page


def _text(root: Path, path: str, revision: str, remedy: str) -> str:
    """The text of a file at a revision, from Git or from DVC's cache; the remedy if missing."""
    if revision == WORKSPACE:
        if not (root / path).is_file():
            raise UserError(f"{root / path} is missing: {remedy}")
        return (root / path).read_text(encoding="utf-8")
    import dvc.api
    from dvc.exceptions import DvcException, PathMissingError
    from scmrepo.exceptions import SCMError

    try:
        return dvc.api.read(path, repo=str(root), rev=revision)
    except PathMissingError as error:
        problem = f"{revision}: {path} is neither in Git nor in DVC's cache; {remedy}"
        raise UserError(problem) from error
    except (DvcException, SCMError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{revision}: {path} cannot be read there: {reason}") from error


def _settings(root: Path, study: str, revision: str) -> dict[str, Any]:
    """The settings of a study in a revision's `params.yaml`, including the defaults."""
    import yaml

    document = yaml.safe_load(_text(root, "params.yaml", revision, "choose one that has it"))
    studies = document.get("studies") or {}
    if study not in studies:
        raise UserError(f"{revision}: params.yaml has no study {study} there")
    return {**(document.get("defaults") or {}), **studies[study]}


def _differing(settings: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The settings that are not the same everywhere, one column for each revision."""
    columns = {n: {key: str(v) for key, v in its.items()} for n, its in settings.items()}
    table = pd.DataFrame(columns)
    return table[table.nunique(axis=1, dropna=False) > 1]


def _accuracies(means: pd.DataFrame) -> pd.Series:
    """One cell for each activation, method and pruning ratio."""
    keys = ["activation", "method", "pruning_ratio"]
    return pd.Series(percents(means), index=pd.MultiIndex.from_frame(means[keys]))


def _table(table: pd.DataFrame) -> str:
    return f'<div tabindex="0">{table.to_html(border=0, na_rep="")}</div>'


def _inline(svg: str, alt: str) -> str:
    picture = svg[svg.index("<svg") :].replace("<svg", '<svg aria-hidden="true"', 1)
    return f'<figure role="img" aria-label="{html.escape(alt)}">{picture}</figure>'
