"""What a check says when a rule doesn't hold, and what the kit says when it was used wrongly."""

from pinion.errors import PinionError

__all__ = ["Broken", "WrongUse", "expect", "fail"]


class Broken(AssertionError):
    """A storage doesn't keep a rule. The message is the cause, in plain words."""


class WrongUse(PinionError, ValueError):
    """The kit was asked for something that makes no sense; the message says what to ask for instead."""


def expect(holds: bool, cause: str) -> None:
    """Raise Broken with that cause unless the rule holds."""
    if not holds:
        raise Broken(cause)


def fail(cause: str) -> None:
    """Raise Broken with that cause."""
    raise Broken(cause)
