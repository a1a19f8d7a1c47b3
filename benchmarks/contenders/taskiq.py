"""Taskiq on Valkey, with streams."""

from benchmarks.contender import Contender, Setting

WORKER = ("taskiq", "worker", "benchmarks.apps.taskiq_app:broker")
QUIET = ("--log-level", "WARNING", "--no-parse", "--max-prefetch", "100")

TASKIQ = Contender(
    name="taskiq",
    app="taskiq_app",
    packages=("taskiq", "taskiq-redis", "redis", "hiredis"),
    store="valkey",
    server="valkey",
    durability="none: server without persistence",
    delivery="at least once: RedisStreamBroker, acknowledged after running",
    rounds=2,
    settings=(
        Setting(
            name="default", processes=2, words="taskiq worker: two processes, async task", command=WORKER, jobs=10_000
        ),
        Setting(
            name="one",
            processes=1,
            words="-w 1 --no-parse --max-prefetch 100, no log",
            command=(*WORKER, "-w", "1", *QUIET),
            jobs=10_000,
        ),
        Setting(
            name="best",
            processes=2,
            words="-w 2 --no-parse --max-prefetch 100, no log",
            command=(*WORKER, "-w", "2", *QUIET),
            jobs=10_000,
        ),
    ),
)
