"""The entry point: runs a verb and turns every error into one line on stderr and an exit code."""

from __future__ import annotations

import io
import sys

import typer

from wsolbench.cli import (  # noqa: F401  (they add verbs)
    agree,
    bench,
    data,
    diff,
    evaluate,
    listing,
    score,
    show,
    train,
)
from wsolbench.cli.app import app
from wsolbench.errors import WsolbenchError

# the base of what a wrong command line raises; typer brings a click of its own or uses the
# installed one, depending on its version
CommandLineError: type[Exception] = next(
    kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException"
)
INTERRUPTED = 130


def main() -> None:
    """Run the command line and exit."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # names in any script, on any terminal
    sys.exit(_run())


def _run() -> int:
    try:
        code = app(prog_name="wsolbench", standalone_mode=False)
    except WsolbenchError as error:
        return _fail(str(error), error.exit_code)
    except CommandLineError as error:
        return _refuse(error)
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    return _interrupted() if code == INTERRUPTED else int(code or 0)


def _refuse(error: Exception) -> int:
    """A command line that cannot be meant; one without a verb has shown the help already."""
    if type(error).__name__ == "NoArgsIsHelpError":
        sys.stderr.write(str(error) + "\n" * bool(str(error)))
        return 2
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "wsolbench"
    message = str(getattr(error, "format_message", error.__str__)())
    end = "" if message.endswith((".", "?")) else "."
    return _fail(f"{message}{end} `{command} --help` shows what there is.", 2)


def _fail(message: str, code: int) -> int:
    sys.stderr.write(f"wsolbench: error: {' '.join(message.split())}\n")
    return code


def _interrupted() -> int:
    sys.stderr.write("wsolbench: interrupted; nothing was written\n")
    return INTERRUPTED
