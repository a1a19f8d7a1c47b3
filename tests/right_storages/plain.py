"""A storage as plain as can be: it promises all that one process can, and is slow on purpose.

Most wrong storages are made from it. What it does is in the files of its nouns.
"""

from typing import ClassVar

from pinion.storage import Promise
from right_storages.controlling import PlainControls
from right_storages.living import PlainWorkers
from right_storages.row import Connection, Row
from right_storages.scheduling import PlainSchedules
from right_storages.telling import PlainSteps

__all__ = ["Connection", "PlainStorage", "Row"]


class PlainStorage(PlainControls, PlainSchedules, PlainSteps, PlainWorkers):
    """All in memory."""

    promises: ClassVar[frozenset[Promise]] = (
        PlainControls.promises | PlainSchedules.promises | PlainSteps.promises | PlainWorkers.promises
    )
