"""Pinion on SQLite, as it comes: `Worker(open_storage(URL))` in a script."""

from dataclasses import replace

from benchmarks.contender import PYTHON, Contender, Setting

WORKER = (PYTHON, "-m", "benchmarks.apps.pinion_app")
SCRIPT = "Worker(storage) in a script: one thread"

PINION_SQLITE = Contender(
    name="pinion-sqlite",
    app="pinion_app",
    packages=("pinion-core", "pinion-sqlite"),
    store="sqlite",
    durability="WAL; enqueueing synced to disk, claims and settlements not",
    delivery="at least once, settled once; finished jobs kept",
    bulk=True,
    environment={"PINION_URL": "sqlite:///{folder}/jobs.db"},
    settings=(
        Setting(name="default", processes=1, words=SCRIPT, command=WORKER),
        Setting(name="best", processes=2, words=f"two processes, {SCRIPT}", command=WORKER, copies=2),
        Setting(name="four", processes=4, words=f"four processes on two cores, {SCRIPT}", command=WORKER, copies=4),
        Setting(
            name="command line",
            processes=1,
            words="`pinion worker` with its log, a line per job, written to a file",
            command=("pinion", "worker", "sqlite:///{folder}/jobs.db", "--import", "benchmarks.apps.pinion_app"),
        ),
    ),
)

PINION_SQLITE_NOFSYNC = replace(
    PINION_SQLITE,
    name="pinion-sqlite-nofsync",
    environment={"PINION_URL": "sqlite:///{folder}/jobs.db?synchronous=normal"},
)
"""To see what of a figure is the disk's; it takes no part in the load test."""
