"""Pinion on the example storage, which is written to be read."""

from benchmarks.contender import Contender, Setting
from benchmarks.contenders.pinion_sqlite import SCRIPT, WORKER

PINION_FILE = Contender(
    name="pinion-file",
    app="pinion_app",
    packages=("pinion-core", "pinion-example-file"),
    store="files",
    durability="append-only log; enqueueing synced to disk",
    delivery="at least once, settled once; finished jobs kept",
    bulk=True,
    environment={"PINION_URL": "file:///{folder}/jobs.log"},
    settings=(
        Setting(name="default", processes=1, words=SCRIPT, command=WORKER),
        Setting(name="best", processes=2, words=f"two processes, {SCRIPT}", command=WORKER, copies=2),
    ),
)
