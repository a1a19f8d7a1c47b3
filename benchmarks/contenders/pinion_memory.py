"""Pinion in memory: jobs and worker in one process."""

from benchmarks.contender import PYTHON, Contender, Setting

PINION_MEMORY = Contender(
    name="pinion-memory",
    app="pinion_app",
    packages=("pinion-core", "pinion-memory"),
    store="memory",
    durability="none",
    delivery="at least once while the process lives; finished jobs kept",
    inside=True,
    environment={"PINION_URL": "memory://"},
    settings=(
        Setting(
            name="default",
            processes=1,
            words="Worker(storage) in the enqueueing process: one thread",
            command=(PYTHON, "-m", "benchmarks.apps.pinion_inside"),
        ),
    ),
)
