"""`eigenprune ...` and `python -m eigenprune ...`: mistakes become sentences and exit codes."""

import sys

from eigenprune.lab.errors import Failure, UserError

# The package's extra `lab` installs these modules; `book` installs all others that may be missing.
_LAB = {
    *("filelock", "pandas", "rich", "scipy", "sklearn", "threadpoolctl", "torchvision"),
    *("typer", "yaml"),
}


def main() -> None:
    """Run the command line; a mistake of the user ends in one sentence and exit code 2."""
    try:
        from eigenprune.cli import app

        app()
    except KeyboardInterrupt:
        sys.exit(130)  # as a shell counts Ctrl-C; whatever can be carried on has said so
    except UserError as error:
        _end(str(error), 2)
    except Failure as error:
        _end(str(error), 1)
    except ModuleNotFoundError as error:
        module = (error.name or "").partition(".")[0]
        if module == "eigenprune":
            raise
        extra = "lab" if module in _LAB else "book"
        _end(
            f"{module} is not installed; `pip install '.[{extra}]'` in the folder of eigenprune "
            "brings it",
            2,
        )
    except OSError as error:
        if error.filename is None:
            raise
        _end(f"{error.filename}: {error.strerror}", 1)


def _end(sentence: str, code: int) -> None:
    print(f"eigenprune: {sentence}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
