"""The command `pinion`: one file per group of commands, each thin: it parses, calls the API and prints.

Exit status: 0 fine, 1 the answer is no, 2 wrong use, 3 could not (the storage can't be reached, or a run is
incomplete). Errors are one line on stderr; PINION_DEBUG=1 adds the traceback.
"""

import os
import sys
import traceback

import click

from pinion.cli.backends import backends
from pinion.cli.conformance import conformance
from pinion.cli.demo import demo
from pinion.cli.enqueue import enqueue
from pinion.cli.inspection import list_jobs, show, stats
from pinion.cli.worker import worker
from pinion.errors import DuplicateJob, JobNotFound, PinionError, StorageError, UniqueKeyHeld

__all__ = ["main"]

ANSWER_IS_NO, WRONG_USE, COULD_NOT, INTERRUPTED = 1, 2, 3, 130


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pinion-core", prog_name="pinion")
@click.pass_context
def group(context: click.Context) -> None:
    """A job queue and worker whose storage is a URL, such as sqlite:///jobs.db or memory://.

    Without a command: a demonstration that runs one job and shows what happened.
    """
    if context.invoked_subcommand is None:
        demo()


for _command in (worker, enqueue, stats, list_jobs, show, backends, conformance):
    group.add_command(_command)


def main() -> None:
    """Run the command line and leave the process with its exit status."""
    sys.exit(_run())


def _run() -> int:
    try:
        _add_plugin_commands()
        status = group.main(standalone_mode=False, prog_name="pinion")
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as left:
        return left.exit_code
    except click.ClickException as wrong:
        return _say(wrong.format_message(), wrong.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough, as `head` does; nothing more can be said on it, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except PinionError as raised:
        return _say(str(raised), _status(raised))


def _add_plugin_commands() -> None:
    from pinion.plugins import load_hooks

    hooks = load_hooks()
    if hooks.commands:
        hooks.commands(group=group)


def _status(raised: PinionError) -> int:
    if isinstance(raised, JobNotFound | DuplicateJob | UniqueKeyHeld):
        return ANSWER_IS_NO
    return COULD_NOT if isinstance(raised, StorageError) else WRONG_USE


def _say(message: str, status: int) -> int:
    """One line on stderr, whatever the message holds."""
    if os.environ.get("PINION_DEBUG") == "1":
        traceback.print_exc()
    print("pinion: error: " + " ".join(message.split()), file=sys.stderr)
    return status
