"""Unique keys: what they are made of. How long they are held is the storage's business (`pinion.job.Job`)."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from pinion.errors import InvalidArguments, InvalidJob

__all__ = ["Unique", "check_text", "key_of"]

type Unique = bool | str | Callable[..., str | None] | None
"""True: of the task's name and all arguments. A text: with arguments filled in, as in "mail-{address}". A function: of
the task's arguments; it returns the key, or None for a job that has none."""


def key_of(
    unique: Unique, name: str, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]
) -> str | None:
    """The key of a job of the task of this name and signature, called with these arguments; None if it has none.

    Raises InvalidArguments if the text can't be filled in.
    """
    if callable(unique):
        return unique(*args, **kwargs)
    if isinstance(unique, str):
        return _filled(unique, name, _named(signature, args, kwargs))
    return _digest(name, signature, args, kwargs)


def _filled(text: str, name: str, values: Mapping[str, Any]) -> str:
    try:
        return text.format_map(values)
    except (LookupError, ValueError, TypeError, AttributeError) as raised:
        raise InvalidArguments(f"task {name!r}: unique={text!r} can't be filled in: {raised!r}") from raised


def _named(signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """All arguments by name, the defaults among them."""
    bound = signature.bind(*args, **kwargs)
    bound.apply_defaults()
    for each in signature.parameters.values():
        if each.kind is each.VAR_KEYWORD:
            return {**bound.arguments, **bound.arguments[each.name]}
    return bound.arguments


def _digest(name: str, signature: inspect.Signature, args: tuple[Any, ...], kwargs: dict[str, Any]) -> str:
    """The same text for the same arguments, however they are given."""
    try:
        digest = _digester()([name.lower(), _named(signature, args, kwargs)])
    except ValueError:  # the storage says what it is that can't be stored
        return "?"
    return f"{name[:200]}-{digest}"


@functools.cache
def _digester() -> Callable[[list[Any]], str]:
    """Made at the first use, since what it needs takes milliseconds to import, and few tasks need it."""
    import json
    from hashlib import blake2b

    from pinion.plain import to_plain

    def digest(values: list[Any]) -> str:
        text = json.dumps(to_plain(values), sort_keys=True, separators=(",", ":"))
        return blake2b(text.encode(), digest_size=16).hexdigest()

    return digest


def check_text(text: str, name: str, signature: inspect.Signature, secret: tuple[str, ...]) -> None:
    """Raise InvalidJob for a text that could never be filled in, or would show what is secret."""
    names = signature.parameters
    takes_any = any(each.kind is each.VAR_KEYWORD for each in names.values())
    for wanted in _wanted(text, name):
        if wanted in secret:
            raise InvalidJob(f"task {name!r}: unique={text!r} would show {wanted!r}, which is secret; leave it out")
        if wanted not in names and not (takes_any and wanted.isidentifier()):
            raise InvalidJob(
                f"task {name!r}: unique={text!r} names {wanted!r}, which is none of its parameters: "
                f"{', '.join(names) or 'none'}"
            )


def _wanted(text: str, name: str) -> list[str]:
    import string  # few tasks need it

    try:
        fields = [each for _, each, _, _ in string.Formatter().parse(text) if each is not None]
    except ValueError as raised:
        raise InvalidJob(f"task {name!r}: unique={text!r} isn't a text that can be filled in: {raised}") from None
    return [each.replace("[", ".").split(".")[0] for each in fields]
