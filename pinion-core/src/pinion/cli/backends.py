"""`pinion backends`: which storages are installed, and what is wrong with them."""

from dataclasses import asdict

import click

from pinion.cli.options import json_option
from pinion.cli.output import print_json, table
from pinion.plugins import NOTHING_INSTALLED, installed_storages, neighbours

__all__ = ["backends"]


@click.command()
@json_option
def backends(as_json: bool) -> None:
    """List the installed storages by the scheme of their URLs."""
    found = installed_storages()
    if as_json:
        print_json([asdict(each) for each in found])
    else:
        rows = [
            [each.scheme, f"{each.distribution} {each.version}", each.error or " ".join(each.promises)]
            for each in found
        ]
        click.echo(table(["scheme", "distribution", "promises"], rows) if found else NOTHING_INSTALLED)
    for name in neighbours():
        click.echo(f"warning: {name} installs a package named pinion over ours; uninstall it", err=True)
