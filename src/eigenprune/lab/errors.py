"""Errors with messages for the person at the keyboard."""


class UserError(ValueError):
    """A mistake that the user can correct; the command line prints one sentence and exits 2."""


class Failure(RuntimeError):
    """Work that failed, with a message for the user; the command line exits 1."""


class ExecutorError(Failure):
    """The computing itself failed, through no fault of the runs; finished runs are kept."""


def did_you_mean(word: str, known: list[str]) -> str:
    """` (did you mean 'relu'?)` if a known word is close, else an empty string.

    A word that differs only in capital letters is closest.

    >>> did_you_mean("rleu", ["relu", "tanh"])
    " (did you mean 'relu'?)"
    >>> did_you_mean("Relu", ["elu", "relu"])
    " (did you mean 'relu'?)"
    """
    from difflib import get_close_matches

    same = [each for each in known if each.lower() == word.lower()]
    near = same or get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
