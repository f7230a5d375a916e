"""A page that shows a study as it is here beside what it was in DVC experiments or Git revisions."""

import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from eigenprune.files import write_whole
from eigenprune.lab.errors import UserError
from eigenprune.report.curves import read_curves
from eigenprune.report.readable import accuracies
from eigenprune.report.statistics import over_seeds

HERE = "workspace"  # as DVC calls the files that lie there now

PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>
:root {{ color-scheme: light dark; }}
body {{ font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 60rem; padding: 0 1rem; }}
div {{ overflow-x: auto; }}
figure {{ background: white; margin: 1rem 0; overflow-x: auto; }}
table {{ border-collapse: collapse; font-size: 0.9rem; }}
th, td {{ border-bottom: 1px solid gray; padding: 0.2rem 0.6rem; text-align: right; }}
</style>
</head>
<body>
<main>
{body}
</main>
</body>
</html>
"""


def write_page(root: Path, study: str, results: Path, revisions: Sequence[str]) -> Path:
    """Write `build/side-by-side/STUDY.html`, which needs nothing besides itself.

    Args:
        root: the project.
        study: a name from `params.yaml`.
        results: the folder with the `curves.csv` of the study.
        revisions: names of DVC experiments, or Git revisions, to show beside what lies there now.

    Raises:
        UserError: if there are no revisions, one is not known or holds no such results.
    """
    from eigenprune.report import figures

    if not revisions:
        raise UserError("EXPERIMENT: name one or more; `dvc exp show` lists them")
    path = (results / "curves.csv").relative_to(root).as_posix()
    curves = {HERE: read_curves(root / path)}
    settings = {HERE: _settings(root, study, None)}
    for revision in revisions:
        text = _at(root, path, revision)
        curves[revision] = pd.read_csv(io.StringIO(text), dtype={"hidden": str})
        settings[revision] = _settings(root, study, revision)
    means = {name: over_seeds(table) for name, table in curves.items()}
    together = pd.concat([table.assign(shown=name) for name, table in means.items()])
    figures.use_style()
    sections = [f"<h1>{study}, side by side</h1>", "<h2>What differs</h2>"]
    sections.append(
        _table(_differing(settings)) if _differing(settings).size else "<p>Nothing.</p>"
    )
    for activation in together["activation"].unique():
        chosen = together[together["activation"] == activation]
        # The panels of the figure are made for activations; here they are for the revisions.
        drawn = figures.tradeoff(chosen.assign(activation=chosen["shown"]))
        alt = f"Test accuracy over the pruning ratio, {activation}, one panel for each experiment."
        sections += [f"<h2>{activation}</h2>", _inline(svg_text(drawn), alt)]
    sections += [
        "<h2>The numbers</h2>",
        "<p>Test accuracy in per cent, mean ± standard deviation.</p>",
    ]
    sections.append(_table(pd.concat({n: accuracies(m) for n, m in means.items()}, axis=1)))
    page = root / "build" / "side-by-side" / f"{study}.html"
    write_whole(
        page, PAGE.format(title=f"{study}, side by side", body="\n".join(sections)).encode()
    )
    return page


def _at(root: Path, path: str, revision: str) -> str:
    """The text of a file as a revision has it, from Git or from DVC's cache."""
    import dvc.api
    from dvc.exceptions import DvcException
    from scmrepo.exceptions import SCMError

    try:
        return dvc.api.read(path, repo=str(root), rev=revision)
    except (DvcException, SCMError, OSError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise UserError(f"{revision}: {path} cannot be read there: {reason}") from error


def _settings(root: Path, study: str, revision: str | None) -> dict[str, Any]:
    """What a revision's `params.yaml` says of a study, the defaults included."""
    import yaml

    path = "params.yaml"
    text = (root / path).read_text() if revision is None else _at(root, path, revision)
    document = yaml.safe_load(text)
    return {**document.get("defaults", {}), **document["studies"].get(study, {})}


def _differing(settings: Mapping[str, Mapping[str, Any]]) -> pd.DataFrame:
    """The settings that are not the same everywhere, one column for each revision."""
    table = pd.DataFrame(
        {name: {k: str(v) for k, v in its.items()} for name, its in settings.items()}
    )
    return table[table.nunique(axis=1, dropna=False) > 1]


def _table(table: pd.DataFrame) -> str:
    return f"<div>{table.to_html(border=0, na_rep='', index_names=False)}</div>"


def _inline(svg: str, alt: str) -> str:
    picture = svg[svg.index("<svg") :].replace("<svg", '<svg aria-hidden="true"', 1)
    return f'<figure role="img" aria-label="{html.escape(alt)}">{picture}</figure>'
