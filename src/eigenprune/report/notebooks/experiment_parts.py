"""What an experiment is made of: its study, its stage and its notebook, as text."""

import json
import re
from pathlib import Path

from eigenprune.lab.errors import UserError
from eigenprune.lab.own_datasets import OwnDataset

TITLE = "# An experiment"  # of the template

STUDY = """
  # of notebooks/{name}.ipynb, on {dataset}
  {name}:
    dataset: {dataset}
    hidden: [40]
    activations: [relu]
    methods: [post]
    seeds: [1, 2, 3]
    pruning_ratios: [0.2, 0.4, 0.6, 0.8, 0.9]
    epochs: 10
    batch_size: 50
    learning_rate: 0.01
"""

STAGE = """\
  {name}:
    cmd: {command}
    params: [defaults, "studies.{name}"{own_params}]
    deps:
      - notebooks/{name}.ipynb
      - requirements.lock
      - src/eigenprune
{own_deps}    outs:
      - results/experiments/{name}/{name}.ipynb
    metrics:
      - results/experiments/{name}/metrics.json
    plots:
      - results/experiments/{name}/tradeoff.svg
      - results/experiments/{name}/curves.csv:
          x: pruning_ratio
          y: accuracy
          template: tradeoff
          title: {name}

"""


def command(name: str) -> str:
    """What the stage runs."""
    return f"eigenprune notebook {name} --study {name}"


def study(name: str, dataset: str) -> str:
    """The lines of `params.yaml`."""
    return STUDY.format(name=name, dataset=dataset)


def made_on(text: str, name: str) -> str:
    """The dataset that a study was made for, as the comment above it in `params.yaml` says."""
    found = re.search(rf"# of notebooks/{re.escape(name)}\.ipynb, on (\S+)", text)
    return found[1] if found else "digits"


def stage(name: str, dataset: str, own: OwnDataset | None) -> str:
    """The lines of `dvc.yaml`; the files of a dataset of the reader's own are dependencies."""
    return STAGE.format(
        name=name,
        command=command(name),
        own_params=f', "datasets.{dataset}"' if own else "",
        own_deps="".join(f"      - {json.dumps(path)}\n" for path in own.paths) if own else "",
    )


def notebook(template: Path, name: str) -> bytes:
    """The template under another name, with that name as its parameter `study`.

    Raises:
        UserError: if the template is missing.
    """
    if not template.is_file():
        raise UserError(f"{template} is missing: `git checkout` brings it back")
    content = json.loads(template.read_bytes())
    for cell in content["cells"]:
        source = "".join(cell["source"]).replace(TITLE, f"# {name}")
        if "parameters" in cell["metadata"].get("tags", []):
            source = f'study = "{name}"  # a name from params.yaml'
        cell["source"] = source.splitlines(keepends=True)
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
