"""Adam with the settings of the published study, and its step without the way there.

`torch.optim.Adam.step` looks at every option that an optimiser can have before it calls the kernel
that does the work. For a small network that takes longer than the work, and than every product of
the step.
"""

from collections.abc import Iterable

import torch
from torch import nn


def adam(parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Adam:
    """Adam with beta 0.9 / 0.999 and epsilon 1e-7, in the form that `step` knows."""
    return torch.optim.Adam(list(parameters), lr=learning_rate, eps=1e-7, fused=True)


@torch.no_grad()
def step(optimiser: torch.optim.Adam) -> None:
    """Do what `optimiser.step()` does, bit for bit, by the same kernel.

    Hooks of the optimiser are not called.

    Args:
        optimiser: as `adam` makes it; the parameters of one group on one device and of one type.

    Example:
        >>> weight = nn.Parameter(torch.tensor([1.0]))
        >>> weight.grad = torch.tensor([5.0])
        >>> step(adam([weight], learning_rate=0.1))
        >>> round(weight.item(), 3)
        0.9
    """
    groups = [
        (group, [parameter for parameter in group["params"] if parameter.grad is not None])
        for group in optimiser.param_groups
    ]
    if any(parameter not in optimiser.state for _, moved in groups for parameter in moved):
        optimiser.step()  # the first step: torch sets up what is remembered
        return
    for group, moved in groups:
        if not moved:
            continue
        states = [optimiser.state[parameter] for parameter in moved]
        steps = [state["step"] for state in states]
        torch._foreach_add_(steps, 1)
        beta1, beta2 = group["betas"]
        torch._fused_adam_(
            moved,
            [parameter.grad for parameter in moved],
            [state["exp_avg"] for state in states],
            [state["exp_avg_sq"] for state in states],
            [],
            steps,
            lr=group["lr"],
            beta1=beta1,
            beta2=beta2,
            weight_decay=group["weight_decay"],
            eps=group["eps"],
            amsgrad=False,
            maximize=False,
        )


def forget_gradients(optimiser: torch.optim.Optimizer) -> None:
    """Do what `optimiser.zero_grad()` does, which takes longer than a step's smallest products.

    Args:
        optimiser: any; the gradients of all its parameters become None.
    """
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            parameter.grad = None
