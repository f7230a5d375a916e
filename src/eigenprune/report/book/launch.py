"""Buttons that open a chapter's notebook in Binder or Colab, where the repository is on GitHub.

The address of the repository is a fact of a clone, not of the study: a fork's book would differ
from the one recorded in `dvc.lock`. So the book that DVC makes has no buttons, and the published
one (`eigenprune book --publish`) has them.

The theme has such buttons, but expects the notebook of a page at the same path in the repository;
here many chapters come from one notebook of `notebooks/`.
"""

import re
import subprocess
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

GITHUB = re.compile(
    r"(?:https://(?:[^/@]+@)?|ssh://git@|git@)github\.com[/:]"
    r"(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?",
    re.ASCII,
)


@dataclass(frozen=True)
class Repository:
    """A repository on GitHub.

    Args:
        owner: the person or organisation.
        name: of the repository.
        revision: the tag or branch that is checked out, or its commit if there is neither.
        notebooks: the names in its folder `notebooks/`, without `.ipynb`.
    """

    owner: str
    name: str
    revision: str
    notebooks: tuple[str, ...] = ()

    def links(self, notebook: str) -> dict[str, str]:
        """Where a notebook opens, by the name of the service.

        >>> Repository("ada", "eigenprune", "main").links("train")["Colab"]
        'https://colab.research.google.com/github/ada/eigenprune/blob/main/notebooks/train.ipynb'
        """
        here, path = f"{self.owner}/{self.name}", f"notebooks/{notebook}.ipynb"
        colab = "https://colab.research.google.com/github"
        # For Binder, the revision is one part of the address: its slashes are escaped.
        revision = self.revision.replace("/", "%2F")
        return {
            "Binder": f"https://mybinder.org/v2/gh/{here}/{revision}?urlpath=lab/tree/{path}",
            "Colab": f"{colab}/{here}/blob/{self.revision}/{path}",
        }

    @property
    def versions(self) -> str:
        """The page that lists all published versions of the book."""
        return f"https://{self.owner.lower()}.github.io/{self.name}/"


def parse(remote: str) -> tuple[str, str] | None:
    """Owner and name in the address of a remote; None if it is not on GitHub.

    >>> parse("git@github.com:ada/eigenprune.git")
    ('ada', 'eigenprune')
    >>> parse("https://example.org/ada/eigenprune.git")
    """
    match = GITHUB.fullmatch(remote.strip())
    return (match["owner"], match["name"]) if match else None


def repository(root: Path) -> Repository | None:
    """The repository on GitHub that `origin` of the clone at `root` names, if it names one."""
    found = parse(_git(root, "remote", "get-url", "origin"))
    if found is None:
        return None
    revision = (
        _git(root, "describe", "--tags", "--exact-match")
        or _git(root, "symbolic-ref", "--short", "HEAD")
        or _git(root, "rev-parse", "HEAD")
    )
    notebooks = sorted(path.stem for path in (root / "notebooks").glob("*.ipynb"))
    return Repository(*found, revision, tuple(notebooks))


def _git(root: Path, *arguments: str) -> str:
    """What git says, or nothing."""
    run = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True)
    return run.stdout.strip() if run.returncode == 0 else ""


def configure(config: Path, repository: Repository) -> None:
    """Write the repository into the `_config.yml` of assembled sources."""
    import yaml

    content = yaml.safe_load(config.read_text(encoding="utf-8"))
    content["sphinx"]["config"]["launch"] = {
        **asdict(repository),
        "notebooks": list(repository.notebooks),
    }
    config.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")


def setup(app: "Sphinx") -> dict[str, bool]:
    """Add the buttons, if `launch` of the configuration names a repository; Sphinx calls this."""
    app.add_config_value("launch", None, "html", [dict])
    app.connect("html-page-context", _add_buttons, priority=502)  # after those of the theme
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _add_buttons(
    app: "Sphinx", page: str, template: str, context: dict[str, Any], doctree: object
) -> None:
    if app.config.launch is None:
        return
    here = Repository(**app.config.launch)
    added = [_link("All versions of this book", here.versions, "fa-solid fa-code-branch")]
    notebook = page.rpartition("/")[2]
    if "/" in page and notebook in here.notebooks:
        links = [
            {
                **_link(f"Open in {service}", url, "fa-solid fa-up-right-from-square"),
                "text": service,
            }
            for service, url in here.links(notebook).items()
        ]
        group = {
            "type": "group",
            "tooltip": "Open the notebook of this chapter",
            "icon": "fa-solid fa-rocket",
            "buttons": links,
            "label": "launch-buttons",
        }
        added.insert(0, group)
    context["header_buttons"][:0] = added


def _link(title: str, url: str, icon: str) -> dict[str, Any]:
    return {"type": "link", "tooltip": title, "icon": icon, "url": url}
