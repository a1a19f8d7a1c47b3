"""Runs one program, and says what went wrong if it raises."""

import json
import sys
from collections.abc import Callable

from pinion.conformance.cause import cause
from pinion.conformance.programs import forking, full_disk, killing, working
from pinion.conformance.speaker import Speaker
from pinion.conformance.target import Address

__all__ = ["main"]

type Program = Callable[..., None]

PROGRAMS: dict[str, Program] = {
    program.__name__: program
    for program in (
        working.open_together,
        working.claim_all,
        working.produce_and_consume,
        working.hold,
        working.fire_all,
        working.settle_late,
        working.insert_and_die,
        working.insert_when_told,
        working.live,
        forking.use_after_fork,
        full_disk.fill_the_disk,
        killing.kill_at_every_line,
    )
}


def main(name: str, address: str, arguments: str) -> None:
    """Run the program of that name."""
    speaker = Speaker()
    speaker.say("started")
    try:
        PROGRAMS[name](speaker.say, Address.read(json.loads(address)), **json.loads(arguments))
    except Exception as raised:  # a storage may raise anything, and the kit reports it
        speaker.say({"broken": f"in another process, {cause(raised)}"})


if __name__ == "__main__":
    main(*sys.argv[1:])
