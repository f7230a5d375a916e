"""Modules that stand between the layers while a network is trained, and are taken out again."""

from collections.abc import Collection, Mapping

from torch import nn

from eigenprune.networks import alike, placed


def insert(
    model: nn.Sequential,
    *,
    before: Mapping[nn.Module, nn.Module] | None = None,
    after: Mapping[nn.Module, nn.Module] | None = None,
) -> nn.Sequential:
    """The same modules under the same names, with new ones in between.

    Args:
        model: the network; its modules are shared, not copied.
        before: maps a module of the network to the new one just before it.
        after: maps a module of the network to the new one just after it.

    Raises:
        ValueError: see `networks.require_sequential_alone`.

    Example:
        >>> model = nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU())
        >>> insert(model, after={model[0]: nn.Dropout(0.5)})
        Sequential(
          (0): Linear(in_features=3, out_features=4, bias=False)
          (1): Dropout(p=0.5, inplace=False)
          (2): ReLU()
        )
    """
    modules: list[tuple[str, nn.Module]] = []
    for name, module in placed(model):
        if new := (before or {}).get(module):
            modules.append((f"before_{name}", new))
        modules.append((name, module))
        if new := (after or {}).get(module):
            modules.append((f"after_{name}", new))
    return alike(model, modules)


def remove(model: nn.Sequential, modules: Collection[nn.Module]) -> nn.Sequential:
    """The network without these modules; the others are shared, not copied.

    Example:
        >>> model = nn.Sequential(nn.ReLU(), nn.Dropout(0.5))
        >>> remove(model, [model[1]])
        Sequential(
          (0): ReLU()
        )
    """
    kept = [(name, each) for name, each in placed(model) if not any(each is m for m in modules)]
    return alike(model, kept)
