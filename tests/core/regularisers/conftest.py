"""What the tests of the regularisers share."""

import pytest
import torch
from torch import Tensor

Data = tuple[Tensor, Tensor]


@pytest.fixture(scope="session")
def data() -> Data:
    """Four clouds that overlap a little, in eight dimensions from 0 to 1."""
    generator = torch.Generator().manual_seed(5)
    targets = torch.arange(120) % 4
    centres = torch.rand(4, 8, generator=generator)
    noise = 0.15 * torch.randn(120, 8, generator=generator)
    return (centres[targets] + noise).clamp(0, 1), targets
