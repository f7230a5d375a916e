"""Modules that stand between the layers while a network is trained, and are taken out again."""

from collections.abc import Collection, Mapping

from torch import nn


def insert(
    model: nn.Sequential,
    *,
    before: Mapping[nn.Module, nn.Module] | None = None,
    after: Mapping[nn.Module, nn.Module] | None = None,
) -> nn.Sequential:
    """The same modules, with new ones in between.

    Args:
        model: the network; its modules are shared, not copied.
        before: from a module of the network to the new one just before it.
        after: from a module of the network to the new one just after it.

    Example:
        >>> model = nn.Sequential(nn.Linear(3, 4, bias=False), nn.ReLU())
        >>> insert(model, after={model[0]: nn.Dropout(0.5)})
        Sequential(
          (0): Linear(in_features=3, out_features=4, bias=False)
          (1): Dropout(p=0.5, inplace=False)
          (2): ReLU()
        )
    """
    modules: list[nn.Module] = []
    for module in model:
        around = ((before or {}).get(module), module, (after or {}).get(module))
        modules.extend(one for one in around if one is not None)
    return nn.Sequential(*modules).train(model.training)


def remove(model: nn.Sequential, modules: Collection[nn.Module]) -> nn.Sequential:
    """The network without these modules; the others are shared, not copied.

    Example:
        >>> model = nn.Sequential(nn.ReLU(), nn.Dropout(0.5))
        >>> remove(model, [model[1]])
        Sequential(
          (0): ReLU()
        )
    """
    kept = [module for module in model if not any(module is one for one in modules)]
    return nn.Sequential(*kept).train(model.training)
