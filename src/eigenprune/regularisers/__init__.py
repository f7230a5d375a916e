"""Regularisers: what is added to plain training so that nodes can be removed afterwards.

Each is a class whose one argument is its strength; `training.train` takes an instance as
`regulariser`.
"""

from eigenprune.regularisers.autoencoder import Autoencoder
from eigenprune.regularisers.averaged_pruning import (
    AveragedGradientPruning,
    AveragedRandomPruning,
    AveragedTaylorPruning,
)
from eigenprune.regularisers.averaging import Averaging
from eigenprune.regularisers.base import Regulariser
from eigenprune.regularisers.dropout import Dropout
from eigenprune.regularisers.feature_flow import FlowAngle, FlowCurvature, FlowLength
from eigenprune.regularisers.gate_l1 import GateL1
from eigenprune.regularisers.gradient_pruning import GradientPruning, TaylorPruning
from eigenprune.regularisers.group_lasso import GroupLasso
from eigenprune.regularisers.hard_concrete import HardConcrete
from eigenprune.regularisers.hard_threshold import HardThreshold
from eigenprune.regularisers.scheduled_pruning import (
    EigenvaluePruning,
    NormPruning,
    RandomPruning,
)
from eigenprune.regularisers.shuffled_pruning import AveragedShuffledPruning
from eigenprune.regularisers.spectral_penalties import (
    EigenvalueL1,
    EigenvalueL1EigenvectorL2,
    EigenvalueL2,
    EigenvalueL2EigenvectorL2,
    EigenvectorL1,
    EigenvectorL2,
)
from eigenprune.regularisers.weight_penalties import L1, L2, GroupLassoInLoss

__all__ = [
    "L1",
    "L2",
    "REGULARISERS",
    "Autoencoder",
    "AveragedGradientPruning",
    "AveragedRandomPruning",
    "AveragedShuffledPruning",
    "AveragedTaylorPruning",
    "Averaging",
    "Dropout",
    "EigenvalueL1",
    "EigenvalueL1EigenvectorL2",
    "EigenvalueL2",
    "EigenvalueL2EigenvectorL2",
    "EigenvaluePruning",
    "EigenvectorL1",
    "EigenvectorL2",
    "FlowAngle",
    "FlowCurvature",
    "FlowLength",
    "GateL1",
    "GradientPruning",
    "GroupLasso",
    "GroupLassoInLoss",
    "HardConcrete",
    "HardThreshold",
    "NormPruning",
    "RandomPruning",
    "Regulariser",
    "TaylorPruning",
]

# By the name that `params.yaml` uses.
REGULARISERS: dict[str, type[Regulariser]] = {
    "autoencoder": Autoencoder,
    "averaged_gradient_pruning": AveragedGradientPruning,
    "averaged_random_pruning": AveragedRandomPruning,
    "averaged_shuffled_pruning": AveragedShuffledPruning,
    "averaged_taylor_pruning": AveragedTaylorPruning,
    "averaging": Averaging,
    "dropout": Dropout,
    "eigenvalue_l1": EigenvalueL1,
    "eigenvalue_l1_eigenvector_l2": EigenvalueL1EigenvectorL2,
    "eigenvalue_l2": EigenvalueL2,
    "eigenvalue_l2_eigenvector_l2": EigenvalueL2EigenvectorL2,
    "eigenvalue_pruning": EigenvaluePruning,
    "eigenvector_l1": EigenvectorL1,
    "eigenvector_l2": EigenvectorL2,
    "flow_angle": FlowAngle,
    "flow_curvature": FlowCurvature,
    "flow_length": FlowLength,
    "gate_l1": GateL1,
    "gradient_pruning": GradientPruning,
    "group_lasso": GroupLasso,
    "group_lasso_in_loss": GroupLassoInLoss,
    "hard_concrete": HardConcrete,
    "hard_threshold": HardThreshold,
    "l1": L1,
    "l2": L2,
    "norm_pruning": NormPruning,
    "random_pruning": RandomPruning,
    "taylor_pruning": TaylorPruning,
}
