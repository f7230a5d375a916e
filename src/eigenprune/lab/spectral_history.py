"""The eigenvalues of hidden nodes during training, read after epochs and kept.

Reading them changes nothing: the weights are the same, bit for bit. Networks that were trained
before this history was kept have none, and are not trained again to get one.
"""

from typing import TYPE_CHECKING

from eigenprune.lab.runs import Training

if TYPE_CHECKING:
    from torch import Tensor, nn

STEPS = 50  # at most this many, plus the start: 100 kB for 500 nodes


def epochs_kept(epochs: int) -> list[int]:
    """The epochs after which the eigenvalues are kept: evenly spaced from 0 to the last.

    Example:
        >>> epochs_kept(3), epochs_kept(0)
        ([0, 1, 2, 3], [0])
        >>> epochs_kept(100)[:4], epochs_kept(100)[-1], len(epochs_kept(100))
        ([0, 2, 4, 6], 100, 51)
    """
    steps = max(1, min(epochs, STEPS))
    return sorted({step * epochs // steps for step in range(steps + 1)})


class Watcher:
    """Watches a spectral network while it is trained, see `training.train`."""

    def __init__(self, epochs: int) -> None:
        """Choose the epochs to keep, given how many the training will have."""
        self._epochs = epochs_kept(epochs)
        self._seen: list[list[Tensor]] = []  # by epoch and layer

    def __call__(self, epoch: int, network: "nn.Sequential") -> None:
        """Record the hidden eigenvalues if this epoch is one of those to keep."""
        if epoch not in self._epochs:
            return
        from eigenprune.layers import SpectralLinear

        # The last layer is not hidden.
        layers = [module for module in network if isinstance(module, SpectralLinear)][:-1]
        self._seen.append([layer.eigenvalues_out.detach().clone().cpu() for layer in layers])

    def tensors(self) -> dict[str, "Tensor"]:
        """What was seen: `epoch` (steps,), and for each layer, from 1, `LAYER` (steps, nodes)."""
        import torch

        layers = zip(*self._seen, strict=True)
        spectra = {str(number): torch.stack(seen) for number, seen in enumerate(layers, start=1)}
        return {"epoch": torch.tensor(self._epochs), **spectra}


def watcher_of(run: Training) -> Watcher | None:
    """The watcher for the training of this network; None unless it is spectral and plainly trained.

    A regulariser may put gates between the layers, or remove nodes.
    """
    return Watcher(run.epochs) if run.layer == "spectral" and not run.regulariser else None
