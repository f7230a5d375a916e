"""Adam with the settings of the published study, and its step without torch's overhead.

`torch.optim.Adam.step` checks every option that an optimiser can have before it calls the kernel
that does the work. For a small network these checks take longer than the kernel, and longer than
any matrix product of the step.
"""

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn


def adam(parameters: Iterable[nn.Parameter], learning_rate: float) -> torch.optim.Adam:
    """Adam with beta 0.9 / 0.999 and epsilon 1e-7, in the form that `step` expects."""
    return torch.optim.Adam(list(parameters), lr=learning_rate, eps=1e-7, fused=True)


@torch.no_grad()
def step(optimiser: torch.optim.Adam) -> None:
    """Do what `optimiser.step()` does, bit for bit, by the same kernel.

    Hooks of the optimiser are not called.

    Args:
        optimiser: made by `adam`; all parameters of a group are on one device and of one type.

    Example:
        >>> weight = nn.Parameter(torch.tensor([1.0]))
        >>> weight.grad = torch.tensor([5.0])
        >>> step(adam([weight], learning_rate=0.1))
        >>> round(weight.item(), 3)
        0.9
    """
    groups = []
    for group in optimiser.param_groups:
        moved = [parameter for parameter in group["params"] if parameter.grad is not None]
        states: list[Any] = [optimiser.state.get(parameter) for parameter in moved]
        if None in states:
            optimiser.step()  # the first step: torch sets up the optimiser's state
            return
        if moved:
            groups.append((group, moved, states))
    for group, moved, states in groups:
        steps = [state["step"] for state in states]
        # torch would turn a plain number into a new tensor for each of them.
        torch._foreach_add_(steps, [torch.ones_like(steps[0])] * len(steps))
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
    """Do what `optimiser.zero_grad()` does, in less time.

    `zero_grad` takes longer than the smallest matrix products of a step.

    Args:
        optimiser: any optimiser; the gradients of all its parameters become None.
    """
    for group in optimiser.param_groups:
        for parameter in group["params"]:
            parameter.grad = None
