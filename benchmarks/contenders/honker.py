"""honker on SQLite: a bare queue in Rust with a thin task layer. Its wheels need glibc 2.38 or newer."""

from benchmarks.contender import PYTHON, Contender, Setting

DURABILITY = "WAL, synchronous=NORMAL: not synced to disk"
DELIVERY = "at least once; finished jobs are deleted"

HONKER_QUEUE = Contender(
    name="honker-queue",
    app="honker_app",
    packages=("honker",),
    store="sqlite",
    durability=DURABILITY,
    delivery=DELIVERY,
    bulk=True,
    task_layer=False,
    environment={"PINION_BENCH_HONKER": "queue"},
    settings=(
        Setting(
            name="default",
            processes=1,
            words="no tasks: claim_batch(100), run, ack_batch",
            command=(PYTHON, "-m", "benchmarks.apps.honker_app"),
        ),
        Setting(
            name="best",
            processes=2,
            words="the same in two processes",
            command=(PYTHON, "-m", "benchmarks.apps.honker_app"),
            copies=2,
        ),
    ),
)

HONKER_TASKS = Contender(
    name="honker-tasks",
    app="honker_app",
    packages=("honker",),
    store="sqlite",
    durability=DURABILITY,
    delivery=DELIVERY,
    environment={"PINION_BENCH_HONKER": "tasks"},
    settings=(
        Setting(
            name="default",
            processes=1,
            words="python -m honker worker, store_result=False",
            command=(PYTHON, "-m", "honker", "worker", "benchmarks.apps.honker_app:database"),
            jobs=5_000,
        ),
    ),
)
