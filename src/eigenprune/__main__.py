"""`eigenprune ...` and `python -m eigenprune ...`: mistakes become sentences and exit codes."""

import sys
import traceback

from eigenprune.lab.errors import Failure, UserError

# The modules that each of the package's extras brings.
EXTRAS = {
    "lab": {
        *("filelock", "pandas", "PIL", "rich", "scipy", "sklearn", "threadpoolctl", "torchvision"),
        *("typer", "yaml"),
    },
    "book": {
        *("docutils", "dvc", "IPython", "jupyter_client", "markdown_it", "matplotlib"),
        *("matplotlib_inline", "nbclient", "nbformat", "papermill", "scmrepo", "sphinx", "tqdm"),
        *("traitlets", "zmq"),
    },
    "cluster": {"distributed"},
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
        _end(_how_to_get(module, error), 2)
    except OSError as error:
        if error.filename is None:
            raise
        _end(f"{error.filename}: {error.strerror}", 1)


def _how_to_get(module: str, error: ModuleNotFoundError) -> str:
    for extra, modules in EXTRAS.items():
        if module in modules:
            return (
                f"{module} is not installed; `pip install '.[{extra}]'` in the folder of "
                "eigenprune brings it"
            )
    *_, last = [at for at in traceback.extract_tb(error.__traceback__) if at.filename[0] != "<"]
    return f"{module} is not installed; {last.filename}, line {last.lineno}, imports it"


def _end(sentence: str, code: int) -> None:
    print(f"eigenprune: {sentence}", file=sys.stderr)
    sys.exit(code)


if __name__ == "__main__":
    main()
