"""How numbers are written in the cells of the arena's tables; empty where there is none."""

import pandas as pd


def in_points(share: float, sign: str = "") -> str:
    """A difference of two accuracies in points.

    >>> in_points(-0.0125), in_points(0.0125, "+"), in_points(float("nan"))
    ('-1.25', '+1.25', '')
    """
    return "" if pd.isna(share) else f"{100 * share:{sign}.2f}"


def intervals(tests: pd.DataFrame) -> list[str]:
    """The difference of each test in points, with its confidence interval if it has one.

    >>> intervals(pd.DataFrame({"difference": [0.01], "low": [-0.002], "high": [0.022]}))
    ['+1.00 [-0.20, +2.20]']
    """
    columns = (tests[name] for name in ("difference", "low", "high"))
    cells = []
    for difference, low, high in zip(*columns, strict=True):
        interval = "" if pd.isna(low) else f" [{in_points(low, '+')}, {in_points(high, '+')}]"
        cells.append(in_points(difference, "+") + interval)
    return cells


def p_value(p: float) -> str:
    """A p-value to three digits.

    >>> p_value(0.0321), p_value(0.00002)
    ('0.032', '< 0.001')
    """
    if pd.isna(p):
        return ""
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def count(number: float) -> str:
    """A mean count, as a whole number.

    >>> count(12345.6)
    '12,346'
    """
    return "" if pd.isna(number) else f"{number:,.0f}"


def times_more(factor: float) -> str:
    """How many times more one is than another.

    >>> times_more(9.87)
    '9.9×'
    """
    return "" if pd.isna(factor) else f"{factor:.1f}×"
