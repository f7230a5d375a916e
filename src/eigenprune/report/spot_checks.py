"""What spot checks say: whether recorded runs came out again, see `lab.spot_checks`."""

import numpy as np
import pandas as pd


def as_recorded(found: pd.DataFrame) -> pd.Series:
    r"""Which runs came out as they must if the code gives what it gave.

    On a machine of the same kind bits decide. On another sums are rounded otherwise, and training
    makes of it what another seed might: accuracies then must not be further apart than two seeds
    are with hardly an exception,

    .. math:: |a - a'| \le 3 \sqrt{2}\, s

    with the sample standard deviation s of the recorded accuracies over the seeds.

    Args:
        found: one row or more, with the columns `lab.spot_checks.COLUMNS`.

    Example:
        >>> as_recorded(pd.DataFrame({"same": False, "alike": [False, True],
        ...     "difference": 0.01, "spread": 0.004})).tolist()
        [True, False]
    """
    near = found["difference"] <= 3 * np.sqrt(2) * found["spread"].astype(float)
    return found["same"].astype(bool) | (~found["alike"].astype(bool) & near)


def sentence(found: pd.DataFrame) -> str:
    """What spot checks say, without a full stop.

    Args:
        found: one row or more, with the columns `lab.spot_checks.COLUMNS`.

    Example:
        >>> sentence(pd.DataFrame({"same": [True, True], "alike": True, "difference": 0.0}))
        '2 runs computed again by the code as it is: 2 the same to the last bit'
    """
    count, same = len(found), int(found["same"].sum())
    runs = "1 run" if count == 1 else f"{count} runs"
    said = f"{runs} computed again by the code as it is: {same} the same to the last bit"
    if same == count:
        return said
    others = found[~found["same"].astype(bool)]
    apart = others["difference"].dropna()
    said += f"; accuracies up to {100 * apart.max():.2f} points apart" if len(apart) else ""
    if elsewhere := int((~others["alike"].astype(bool)).sum()):
        near = int(as_recorded(others).sum())
        said += (
            f"; of {elsewhere} that another kind of machine had made, {near} as near as two seeds"
        )
    return said
