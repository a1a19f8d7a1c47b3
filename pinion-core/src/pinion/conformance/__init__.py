"""The conformance kit: shows whether a storage keeps what it promises. Needs the extra pinion-core[conformance].

On the command line, `pinion conformance TARGET`. Under pytest, a file of these lines:

    from pinion.conformance import conformance

    TestConformance = conformance("file:///{tmp}/jobs.log")

A case is a rule with a check, in `cases`, a file per promise; a trial is what a check works with; a judge tries cases
in a process of its own, and a sitting is a run of all of them.
"""

from collections.abc import Callable, Sequence
from typing import Any

__all__ = ["command", "conformance"]

# What these need is imported when they are called: the processes of the kit start without pytest and Hypothesis.


def command(target: str | None, json_file: str | None, only: Sequence[str], list_cases: bool, seed: int | None) -> int:
    """What `pinion conformance` does; see `pinion.conformance.command`. Raises ModuleNotFoundError without the extra."""
    import hypothesis  # noqa: F401  # rather now than in the middle

    from pinion.conformance.command import command

    return command(target, json_file, only, list_cases, seed)


def conformance(target: str | Callable[..., Any], *, seed: int = 0) -> type:
    """A class of tests for pytest, one for each case; see `pinion.conformance.suite`."""
    from pinion.conformance.suite import conformance

    return conformance(target, seed=seed)
