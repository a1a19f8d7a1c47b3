"""tinyjobs on SQLite."""

from benchmarks.contender import Contender, Setting

WORKER = ("tinyjobs", "worker", "--app", "benchmarks.apps.tinyjobs_app:app")

TINYJOBS = Contender(
    name="tinyjobs",
    app="tinyjobs_app",
    packages=("tinyjobs",),
    store="sqlite",
    durability="WAL, as it comes",
    delivery="at least once; finished jobs and attempts kept",
    rounds=2,
    settings=(
        Setting(name="default", processes=1, words="tinyjobs worker: async task", command=WORKER, jobs=5_000),
        Setting(
            name="one",
            processes=1,
            words="--async-concurrency 64 --concurrency 8, no log",
            command=(*WORKER, "--async-concurrency", "64", "--concurrency", "8", "--log-level", "WARNING"),
            jobs=5_000,
        ),
        Setting(
            name="best",
            processes=2,
            words="two processes, --async-concurrency 64 --concurrency 8, no log",
            command=(*WORKER, "--async-concurrency", "64", "--concurrency", "8", "--log-level", "WARNING"),
            copies=2,
            jobs=5_000,
        ),
    ),
)
