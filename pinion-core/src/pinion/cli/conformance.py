"""`pinion conformance`: is a storage right?"""

import sys

import click

__all__ = ["conformance"]


@click.command()
@click.argument("target", required=False)
@click.option("--json", "json_file", metavar="FILE", help="Write the report; - is stdout.")
@click.option(
    "--only",
    multiple=True,
    metavar="NAME",
    help="Run one case, a group, or a promise; may be repeated; there is no verdict then.",
)
@click.option("--list", "list_cases", is_flag=True, help="List the cases and what each of them asks.")
@click.option("--seed", type=int, metavar="N", help="Repeat a run that used chance.")
def conformance(
    target: str | None, json_file: str | None, only: tuple[str, ...], list_cases: bool, seed: int | None
) -> int:
    """Tell whether the storage TARGET keeps what it promises.

    TARGET is a URL, in which {tmp} becomes a fresh folder and {unique} a fresh name for each case, or
    package.module:factory, a callable that returns a fresh, empty storage.
    """
    try:
        from pinion.conformance import command

        return command(target, json_file, only, list_cases, seed)
    except ModuleNotFoundError as missing:
        if missing.name not in ("pytest", "hypothesis"):
            raise
        print(f"pinion: error: {missing.name} is missing: pip install 'pinion-core[conformance]'", file=sys.stderr)
        return 3
