"""Which arguments of a job are secret, and what is shown in their place. Pure.

A task says which of its parameters are secret; the job carries it in a header, in terms of its own arguments, so that
whoever prints a job knows without the task. Secret arguments are stored as they are: this is about what is shown.
"""

import inspect
from collections.abc import Iterable, Mapping
from typing import Any

from pinion.errors import InvalidJob

__all__ = ["OURS", "REDACTED", "SECRET", "marks", "redacted"]

OURS = "pinion."
"""What the names of Pinion's own headers begin with."""

SECRET = "pinion.secret"
"""The header that says which arguments are secret: their names, and their places among the positional ones, with commas
between. `2:` is the third and all that follow, `*` is whatever is given by name."""

REDACTED = "[secret]"
"""What is shown instead."""


def marks(signature: inspect.Signature, secret: Iterable[str], task: str) -> str:
    """What the header says for these parameters of a task. Raises InvalidJob for one that it doesn't have."""
    names = list(signature.parameters)
    takes_any = any(each.kind is each.VAR_KEYWORD for each in signature.parameters.values())
    said: list[str] = []
    for name in secret:
        if name in names:
            said += _mark(signature.parameters[name], names.index(name))
        elif takes_any and isinstance(name, str) and name.isidentifier():
            said.append(name)
        else:
            raise InvalidJob(f"task {task!r}: secret={name!r} is none of its parameters: {', '.join(names) or 'none'}")
    return ",".join(said)


def _mark(parameter: inspect.Parameter, place: int) -> list[str]:
    match parameter.kind:
        case parameter.POSITIONAL_ONLY:
            return [str(place)]
        case parameter.POSITIONAL_OR_KEYWORD:
            return [str(place), parameter.name]
        case parameter.VAR_POSITIONAL:
            return [f"{place}:"]
        case parameter.VAR_KEYWORD:
            return ["*"]
        case _:
            return [parameter.name]


def redacted(
    headers: Mapping[str, str], args: tuple[Any, ...], kwargs: dict[str, Any]
) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """The arguments of a job with these headers, as they may be shown."""
    said = headers.get(SECRET)
    if not said:
        return args, kwargs
    marked = set(said.split(","))
    first = min((int(each[:-1]) for each in marked if each[:-1].isdecimal() and each[-1] == ":"), default=len(args))
    hidden = {place for place in range(len(args)) if place >= first or str(place) in marked}
    shown = tuple(REDACTED if place in hidden else value for place, value in enumerate(args))
    return shown, {name: REDACTED if "*" in marked or name in marked else value for name, value in kwargs.items()}
