"""Preparing: verbs that are run at each start, in one process, because each would import the portal anew."""

import contextlib
import io
import json
import shlex
import sys
from collections.abc import Sequence

import alembic.config

from portal import cli


def main(verbs: Sequence[str]) -> None:
    """Run each verb (`alembic ...` or `portal ...`), and print what it said as a line of JSON.

    The first that fails ends the process: what is wrong stands on stderr, and its line is missing.
    """
    for verb in verbs:
        program, *words = shlex.split(verb)
        said = io.StringIO()
        with contextlib.redirect_stdout(said):
            _run(program, words)
        print(json.dumps(said.getvalue().strip()), flush=True)


def _run(program: str, words: Sequence[str]) -> None:
    if program == "alembic":
        alembic.config.main(words)
        return
    try:
        cli.main(words)
    except SystemExit as ending:
        if ending.code:
            raise


if __name__ == "__main__":
    main(sys.argv[1:])
