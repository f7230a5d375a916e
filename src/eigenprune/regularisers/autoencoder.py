"""Sparse autoencoders, layer by layer, before the training itself."""

import itertools

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from eigenprune import seeds
from eigenprune.adam import adam, forget_gradients, step
from eigenprune.networks import FullyConnected, fully_connected, hidden_layers
from eigenprune.onednn import faster_products
from eigenprune.regularisers.base import Regulariser


class Autoencoder(Regulariser):
    r"""Let each hidden layer first learn a sparse code of the outputs of the layers below.

    From the first hidden layer to the last, with x the outputs of the layers below, D of them, and
    :math:`h = f(w x + b)` the H activations of the layer, training minimises the mean over the
    examples of

    .. math:: \frac1D \lVert x - w^T h \rVert_2^2 + \frac sH \lVert h \rVert_1

    The decoder shares the weights of the encoder: if it had its own, the code could be made small
    at no cost. A spectral layer trains its eigenvalues and eigenvectors. Then the usual training
    starts from there, with nothing added. Strength 0 is not plain training but a start from
    autoencoders that are not sparse.

    Args:
        strength: s, 0 or more.

    Raises:
        ValueError: in `prepare`, if there is no hidden layer.

    Source: Bengio et al., NIPS 2006, greedy layer-wise training, there without sparsity; tied
    weights as in Vincent et al., JMLR 11:3371 (2010).

    Example:
        >>> import torch
        >>> from eigenprune import mlp, train
        >>> x, y = torch.rand(64, 8), torch.zeros(64, dtype=torch.long)
        >>> model, _ = train(mlp([8, 16, 2]), x, y, epochs=1, regulariser=Autoencoder(0.1))
    """

    # Few epochs, because this is only a start; the rest as in the published training settings.
    EPOCHS = 5
    BATCH_SIZE = 200
    LEARNING_RATE = 1e-3

    def prepare(self, model: nn.Sequential, inputs: Tensor, seed: int) -> nn.Sequential:
        """Train the hidden layers, one after the other."""
        hidden = hidden_layers(model)
        generator = seeds.generator(seed, "autoencoder")
        for layer, encoder in zip(hidden, encoders(model), strict=True):
            self._train(layer, encoder, inputs, generator)
            with torch.no_grad(), faster_products():
                inputs = encoder(inputs)
        return model

    def _train(
        self,
        layer: FullyConnected,
        encoder: nn.Sequential,
        inputs: Tensor,
        generator: torch.Generator,
    ) -> None:
        trainable = [parameter for parameter in encoder.parameters() if parameter.requires_grad]
        if not trainable:
            return
        optimiser = adam(trainable, self.LEARNING_RATE)
        products = faster_products()
        for _ in range(self.EPOCHS):
            order = torch.randperm(len(inputs), generator=generator, device="cpu").to(inputs.device)
            for rows in order.split(self.BATCH_SIZE):
                x = inputs.index_select(0, rows)
                with products:
                    code = encoder(x)
                    error = F.mse_loss(F.linear(code, layer.weight.T), x)
                    loss = error + self.strength * code.abs().mean()
                forget_gradients(optimiser)
                loss.backward()
                step(optimiser)


def encoders(model: nn.Sequential) -> list[nn.Sequential]:
    """Each hidden layer with what follows it up to the next layer; modules are shared.

    >>> from eigenprune import mlp
    >>> [len(encoder) for encoder in encoders(mlp([8, 5, 4, 2]))]
    [2, 2]
    """
    layers = fully_connected(model)
    places = [i for i, module in enumerate(model) if any(module is layer for layer in layers)]
    # What stands before the first layer belongs to it.
    # As a list: a subclass of nn.Sequential may not support slices.
    modules = list(model)
    parts = itertools.pairwise([0, *places[1:]])
    return [nn.Sequential(*modules[start:stop]) for start, stop in parts]
