"""The command `pinion`: one file per group of commands, each thin: it parses, calls the API and prints.

Exit status: 0 fine, 1 the answer is no, 2 wrong use, 3 could not (the storage can't be reached, or a run is
incomplete). Errors are one line on stderr; PINION_DEBUG=1 adds the traceback.
"""

import io
import os
import sys
import traceback

import click

from pinion.cli.backends import backends
from pinion.cli.conformance import conformance
from pinion.cli.control import cancel, delete, purge, retry
from pinion.cli.drain import drain
from pinion.cli.enqueue import enqueue
from pinion.cli.health import health
from pinion.cli.inspection import list_jobs, show, stats
from pinion.cli.lines import job_lines
from pinion.cli.pausing import pause, resume
from pinion.cli.schedules import schedules
from pinion.cli.worker import worker
from pinion.cli.workers import workers
from pinion.errors import DuplicateJob, JobNotFound, PinionError, PluginError, StorageError, UniqueKeyHeld, Unsupported

__all__ = ["main"]

ANSWER_IS_NO, WRONG_USE, COULD_NOT, INTERRUPTED = 1, 2, 3, 130


class _Commands(click.Group):
    """Pinion's own commands, and behind them those of plugins, which are loaded only where they are looked for."""

    _complete = False

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, cmd_name) or self._with_plugins().commands.get(cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(self._with_plugins().commands)

    def _with_plugins(self) -> "_Commands":
        if not self._complete:
            self._complete = True
            own = dict(self.commands)
            self._add_plugin_commands()
            self.commands.update(own)
        return self

    def _add_plugin_commands(self) -> None:
        from pinion.plugins import load_hooks

        hooks = load_hooks()
        if hooks.commands:
            hooks.commands(group=self)


@click.group(cls=_Commands, invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="pinion-core", prog_name="pinion")
@click.pass_context
def group(context: click.Context) -> None:
    """A job queue and worker whose storage is a URL, such as sqlite:///jobs.db or memory://.

    Without a command: a demonstration that runs one job and shows what happened.
    """
    if context.invoked_subcommand is None:
        from pinion.cli.demo import demo  # brings the worker, which most commands don't need

        demo()


for _command in (
    *(worker, enqueue),
    *(stats, list_jobs, show, job_lines),
    *(retry, cancel, delete, purge, pause, resume, drain),
    *(schedules, workers, health),
    *(backends, conformance),
):
    group.add_command(_command)


def main() -> None:
    """Run the command line and leave the process with its exit status."""
    sys.exit(_run())


def _run() -> int:
    _replace_closed_streams()
    _show_what_cannot_be_encoded()
    try:
        if "_PINION_COMPLETE" in os.environ:
            group.main(prog_name="pinion")  # answers the shell, and exits
        with group.make_context("pinion", sys.argv[1:]) as context:
            status = group.invoke(context)
        sys.stdout.flush()
        return status if isinstance(status, int) else 0
    except click.exceptions.Exit as left:
        return left.exit_code
    except click.ClickException as wrong:
        return _say(_with_hint(wrong), wrong.exit_code)
    except (KeyboardInterrupt, click.Abort):
        return INTERRUPTED
    except BrokenPipeError:
        # Whoever read our output has enough, as `head` does; nothing more can be said on it, not even at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except PinionError as raised:
        return _say(str(raised), _status(raised))
    except Exception as raised:  # a defect, of Pinion or of a plugin; its traceback is for whoever mends it
        return _say(f"{type(raised).__name__}: {raised} (a defect; PINION_DEBUG=1 shows where)", COULD_NOT)


def _replace_closed_streams() -> None:
    """Whoever starts a command with its output closed, as some daemons are, wants to hear nothing."""
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115 - it stays open
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115 - it stays open


def _show_what_cannot_be_encoded() -> None:
    """Text of jobs may hold what the terminal's encoding lacks; that is written as an escape, and ends no command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _with_hint(wrong: click.ClickException) -> str:
    message = wrong.format_message()
    if isinstance(wrong, click.UsageError) and wrong.ctx is not None:
        return f"{message.rstrip('.')}; see {wrong.ctx.command_path} --help"
    return message


def _status(raised: PinionError) -> int:
    if isinstance(raised, JobNotFound | DuplicateJob | UniqueKeyHeld):
        return ANSWER_IS_NO
    return COULD_NOT if isinstance(raised, StorageError | PluginError | Unsupported) else WRONG_USE


def _say(message: str, status: int) -> int:
    """One line on stderr, whatever the message holds."""
    if os.environ.get("PINION_DEBUG") == "1":
        traceback.print_exc()
    print("pinion: error: " + " ".join(message.split()), file=sys.stderr)
    return status
