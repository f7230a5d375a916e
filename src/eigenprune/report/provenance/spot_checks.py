"""What spot checks say: whether recorded runs were reproduced, see `lab.spot_checks`."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from scipy import stats

# The probability that two seeds are no further apart than the limit in `verdicts`.
SURE = 0.99
ENOUGH_SEEDS = 3  # with fewer, their deviation is no useful estimate


def verdicts(found: pd.DataFrame) -> pd.Series:
    r"""The verdict on each run: `same` to the last bit, else `other`, `near`, `far` or `unknown`.

    A run that differs is `other` if it was recorded on a machine of the same kind, where every bit
    must agree. On another kind of machine sums are rounded differently, and training may turn this
    into as much as another seed changes. The run is then `near` if

    .. math:: |a - a'| \le t \sqrt{2}\, s

    with the sample standard deviation s of the recorded accuracies over n seeds, and t the quantile
    of Student's distribution of n - 1 degrees of freedom that two seeds exceed with a probability
    of 1 - SURE; otherwise it is `far`. With fewer than ENOUGH_SEEDS seeds it is `unknown`.

    Args:
        found: one row or more, with the columns `lab.spot_checks.COLUMNS`.

    Example:
        >>> verdicts(pd.DataFrame({"same": False, "alike": [True, False, False, False],
        ...     "difference": 0.01, "spread": 0.004, "seeds": [5, 5, 5, 2]}).assign(
        ...     spread=[0.004, 0.004, 0.001, 0.004])).tolist()
        ['other', 'near', 'far', 'unknown']
    """
    same, alike = found["same"].astype(bool), found["alike"].astype(bool)
    seeds = found["seeds"].astype(float)
    quantiles = stats.t.ppf((1 + SURE) / 2, np.maximum(seeds - 1, 1))
    near = found["difference"] <= quantiles * np.sqrt(2) * found["spread"].astype(float)
    unknown = (seeds < ENOUGH_SEEDS) | found["spread"].isna()
    said = np.select([same, alike, unknown, near], ["same", "other", "unknown", "near"], "far")
    return pd.Series(said, index=found.index)


def hold(found: pd.DataFrame) -> bool:
    """Whether there are checks, and each came out as it must: none `other`, `far` or `unknown`."""
    return len(found) > 0 and set(verdicts(found)) <= {"same", "near"}


def in_short(found: pd.DataFrame, networks: Mapping[str, str]) -> str:
    """How many networks are checked; arguments as for `sentence`.

    Example:
        >>> in_short(pd.DataFrame({"run": ["a", "b"]}), {"a": "one", "b": "one", "c": "other"})
        '1 of 2 networks'
    """
    checked, every = {networks[run] for run in found["run"]}, {*networks.values()}
    return f"{len(checked)} of {len(every)} networks"


def sentence(found: pd.DataFrame, networks: Mapping[str, str]) -> str:
    """What spot checks say, without a full stop.

    Args:
        found: one row or more, with the columns `lab.spot_checks.COLUMNS`.
        networks: those of all recorded runs, see `lab.spot_checks.networks`. Runs of one network
            are checked together, so that many runs may say little about other networks.

    Example:
        >>> found = pd.DataFrame({"run": ["a", "b"], "same": [True, False], "alike": True,
        ...     "difference": [0, 0.02], "spread": 0.01, "seeds": 5})
        >>> said = sentence(found, {"a": "one", "b": "one", "c": "other"})
        >>> said.partition(": ")[0]
        '2 of 3 runs, from 1 of 2 networks, computed again by the code as it is'
        >>> said.partition(": ")[2]
        '1 the same to the last bit, 1 had to be and is not; accuracies up to 2.00 points apart'
    """
    counts = verdicts(found).value_counts()
    parts = [f"{counts.get('same', 0)} the same to the last bit"]
    if other := int(counts.get("other", 0)):
        parts.append(f"{other} had to be and {'is' if other == 1 else 'are'} not")
    if elsewhere := int(counts.get("near", 0) + counts.get("far", 0)):
        near = int(counts.get("near", 0))
        parts.append(
            f"of {elsewhere} made by another kind of machine, {near} as close as two seeds"
        )
    if unknown := int(counts.get("unknown", 0)):
        parts.append(f"{unknown} made by another kind of machine, with too few seeds to tell")
    counted = f"{len(found)} of {len(networks)} runs, from {in_short(found, networks)}"
    said = f"{counted}, computed again by the code as it is: "
    apart = found.loc[~found["same"].astype(bool), "difference"].dropna()
    most = f"; accuracies up to {100 * apart.max():.2f} points apart" if len(apart) else ""
    return said + ", ".join(parts) + most
