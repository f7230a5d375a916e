"""The code that the book shows to those with a network of their own runs as it stands."""

import re
from pathlib import Path

import torch
from torch import nn

PAGE = Path(__file__).parents[2] / "book" / "rerun.md"


def test_the_code_of_the_chapter_runs() -> None:
    chapter = PAGE.read_text(encoding="utf-8").partition("## Use the layer in your own network")[2]
    first, second = re.findall(r"```python\n(.*?)```", chapter, re.DOTALL)
    images, classes = torch.rand(20, 1, 28, 28), torch.arange(20) % 10
    names = {"inputs": images.flatten(1), "targets": classes, "loader": [(images, classes)] * 2}
    names |= {"test_inputs": names["inputs"], "test_targets": classes}
    exec(first, names)
    assert names["small"][0].out_features == 100 and 0 <= names["accuracy"] <= 1
    exec(second, names)
    head = names["net"].head
    assert head[0].eigenvectors.shape == (20, 8 * 13 * 13)
    assert names["net"](images).shape == (20, 10)
    assert not any(isinstance(layer, nn.Linear) for layer in head)
