"""The default queue for tests: one that is it until the end of a block."""

import contextlib
from collections.abc import Iterator

from pinion import Queue, Registry, set_default_queue


@contextlib.contextmanager
def default(url: str, registry: Registry) -> Iterator[Queue]:
    with Queue(url, registry=registry) as opened:
        before = set_default_queue(opened)
        try:
            yield opened
        finally:
            set_default_queue(before)
