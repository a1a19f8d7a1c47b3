"""Running jobs: `Worker` is the public face; the engine behind it claims, runs, settles and keeps claims alive."""

from pinion.worker.worker import Worker

__all__ = ["Worker"]
