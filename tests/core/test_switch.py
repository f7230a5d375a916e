"""The plain way is taken until the outermost `off` ends, whatever happens within."""

import pytest

from eigenprune.switch import Switch


def test_a_while_within_another_ends_nothing() -> None:
    fast = Switch()
    with fast.off():
        with fast.off():
            pass
        assert not fast.on
    assert fast.on


def test_an_error_puts_it_back() -> None:
    fast = Switch()
    with pytest.raises(RuntimeError), fast.off():
        raise RuntimeError
    assert fast.on


def test_two_are_apart() -> None:
    one, another = Switch(), Switch()
    with one.off():
        assert another.on
