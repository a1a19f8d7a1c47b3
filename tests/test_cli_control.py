"""What `pinion retry`, `cancel`, `delete`, `purge`, `pause`, `drain` and `logs` refuse, in real processes."""

import pytest

from command import Folder

FILE = "file:///jobs.log"
"""A storage that promises no controls."""


# --- what can't be meant --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "saying"),
    [
        (("retry",), "which jobs?"),
        (("cancel", "--limit", "3"), "which jobs?"),
        (("delete", "some-id", "--queue", "mail"), "ids or a filter"),
        (("delete", "some-id", "--all"), "ids or a filter"),
        (("delete", "--all", "--queue", "mail"), "--all or --queue"),
        (("retry", "--before", "2026-01-01", "--older-than", "7d"), "--before or --older-than"),
        (("retry", "--before", "yesterday"), "yesterday"),
        (("retry", "--older-than", "7"), "such as 90s"),
        (("purge", "--older-than", "-7d"), "such as 90s"),
        (("purge", "--older-than", "7 days"), "such as 90s"),
        (("purge", "--older-than", "99999999w"), "year 1"),
        (("purge", "--older-than", "9" * 30 + "w"), "longer than"),
        (("purge",), "--older-than"),
        (("purge", "some-id", "--older-than", "7d"), "pinion delete"),
        (("purge", "--older-than", "7d", "--status", "PENDING"), "PENDING"),
        (("pause",), "missing QUEUE"),
        (("resume",), "missing QUEUE"),
        (("drain", "--timeout", "soon"), "soon"),
        (("logs",), "missing ID"),
        (("enqueue", "add", "--unique-for", "60"), "--unique-key"),
        (("enqueue", "add", "--keep", "long"), "long"),
    ],
    ids=lambda value: " ".join(value)[:50] if isinstance(value, tuple) else None,
)
def test_what_cannot_be_meant_is_refused_and_changes_nothing(
    words: tuple[str, ...], saying: str, folder: Folder
) -> None:
    folder.enqueue("add")

    done = folder.pinion(words[0], folder.URL, *words[1:])

    assert done.status == 2
    assert saying in done.only_error()
    assert folder.total() == {"PENDING": 1}


@pytest.mark.parametrize(
    ("words", "promise"),
    [
        (("retry", "--all"), "CONTROLS"),
        (("purge", "--older-than", "1d"), "CONTROLS"),
        (("pause", "mail"), "CONTROLS"),
        (("resume", "mail"), "CONTROLS"),
        (("logs", "some-id"), "STEPS"),
    ],
)
def test_what_a_storage_does_not_promise_is_refused(words: tuple[str, ...], promise: str, folder: Folder) -> None:
    folder.pinion("enqueue", FILE, "add")

    done = folder.pinion(words[0], FILE, *words[1:])

    assert done.status == 3
    assert f"doesn't promise {promise}" in done.only_error()
