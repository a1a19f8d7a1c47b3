"""Celery on Valkey."""

from benchmarks.contender import Contender, Setting

WORKER = ("celery", "-A", "benchmarks.apps.celery_app", "worker")
QUIET = ("-l", "WARNING", "--without-gossip", "--without-mingle", "--without-heartbeat")

CELERY = Contender(
    name="celery",
    app="celery_app",
    packages=("celery", "kombu", "redis", "hiredis"),
    store="valkey",
    server="valkey",
    durability="none: server without persistence",
    delivery="at most once: acknowledged when it is handed out (acks_late off, as it comes)",
    rounds=2,
    settings=(
        Setting(
            name="default",
            processes=2,
            words="celery worker: a process per core, which are two",
            command=(*WORKER, "-c", "2"),
            jobs=5_000,
        ),
        Setting(
            name="one",
            processes=1,
            words="-P solo, no log, gossip, mingle, heartbeat; prefetch 128",
            command=(*WORKER, "-P", "solo", *QUIET),
            jobs=5_000,
            environment={"PINION_BENCH_PREFETCH": "128"},
        ),
        Setting(
            name="best",
            processes=2,
            words="-c 2, no log, gossip, mingle, heartbeat; prefetch 128",
            command=(*WORKER, "-c", "2", *QUIET),
            jobs=5_000,
            environment={"PINION_BENCH_PREFETCH": "128"},
        ),
    ),
)
