"""`pinion conformance`: is a storage right?"""

import sys
from pathlib import Path

import click

__all__ = ["conformance"]


@click.command()
@click.argument("target", required=False)
@click.option(
    "--json", "json_file", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE", help="Write the report."
)
@click.option(
    "--only", multiple=True, metavar="NAME", help="Run the cases of this name or group; no verdict. May be repeated."
)
@click.option("--list", "list_cases", is_flag=True, help="List the cases and what each of them asks.")
@click.option("--seed", type=int, metavar="N", help="Repeat a run that used chance.")
def conformance(
    target: str | None, json_file: Path | None, only: tuple[str, ...], list_cases: bool, seed: int | None
) -> int:
    """Tell whether the storage TARGET keeps what it promises.

    TARGET is a URL, in which {tmp} becomes a fresh folder and {unique} a fresh name for each case, or
    package.module:factory, a callable that returns a fresh, empty storage.
    """
    try:
        from pinion.conformance import command
    except ModuleNotFoundError as missing:
        if missing.name not in ("pytest", "hypothesis"):
            raise
        print(f"pinion: error: {missing.name} is missing: pip install 'pinion-core[conformance]'", file=sys.stderr)
        return 3
    if target is None and not list_cases:
        raise click.UsageError("which storage? Give a URL such as 'sqlite:///{tmp}/jobs.db', or package.module:factory")
    return command(target or "", json_file, only, list_cases, seed)
