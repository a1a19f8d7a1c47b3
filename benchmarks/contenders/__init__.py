"""Who takes part, in the order of the tables."""

from benchmarks.contender import Contender
from benchmarks.contenders.celery import CELERY
from benchmarks.contenders.dramatiq import DRAMATIQ
from benchmarks.contenders.honker import HONKER_QUEUE, HONKER_TASKS
from benchmarks.contenders.huey import HUEY_MEMORY, HUEY_REDIS, HUEY_SQLITE, HUEY_SQLITE_NOFSYNC
from benchmarks.contenders.pgqueuer import PGQUEUER
from benchmarks.contenders.pinion_file import PINION_FILE
from benchmarks.contenders.pinion_memory import PINION_MEMORY
from benchmarks.contenders.pinion_sqlite import PINION_SQLITE, PINION_SQLITE_NOFSYNC
from benchmarks.contenders.rq import RQ
from benchmarks.contenders.taskiq import TASKIQ
from benchmarks.contenders.tinyjobs import TINYJOBS

__all__ = ["CONTENDERS", "PINION", "PINION_SQLITE", "PINION_SQLITE_NOFSYNC"]

PINION: tuple[Contender, ...] = (PINION_SQLITE, PINION_MEMORY, PINION_FILE)

CONTENDERS: tuple[Contender, ...] = (
    *PINION,
    HUEY_SQLITE,
    HUEY_SQLITE_NOFSYNC,
    HUEY_MEMORY,
    HUEY_REDIS,
    TINYJOBS,
    HONKER_TASKS,
    HONKER_QUEUE,
    RQ,
    CELERY,
    DRAMATIQ,
    TASKIQ,
    PGQUEUER,
)
