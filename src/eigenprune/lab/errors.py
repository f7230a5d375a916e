"""What goes wrong, told to the person at the keyboard."""


class UserError(ValueError):
    """A mistake its reader can mend; the command line prints it as one sentence and exits 2."""


class Failure(RuntimeError):
    """Work that broke, with a message made for its reader; the command line exits 1."""


class ExecutorError(Failure):
    """The computing itself broke, through no fault of the runs; finished ones are kept."""


def did_you_mean(word: str, known: list[str]) -> str:
    """` (did you mean 'relu'?)` where a known word is near, else nothing.

    Nearest is one that differs in capital letters alone.

    >>> did_you_mean("rleu", ["relu", "tanh"])
    " (did you mean 'relu'?)"
    >>> did_you_mean("Relu", ["elu", "relu"])
    " (did you mean 'relu'?)"
    """
    from difflib import get_close_matches

    same = [each for each in known if each.lower() == word.lower()]
    near = same or get_close_matches(word, known, n=1)
    return f" (did you mean {near[0]!r}?)" if near else ""
