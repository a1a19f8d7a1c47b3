"""Dramatiq on Valkey."""

from benchmarks.contender import Contender, Setting

WORKER = ("dramatiq", "benchmarks.apps.dramatiq_app")

DRAMATIQ = Contender(
    name="dramatiq",
    app="dramatiq_app",
    packages=("dramatiq", "redis", "hiredis"),
    store="valkey",
    server="valkey",
    durability="none: server without persistence",
    delivery="at least once",
    rounds=2,
    settings=(
        Setting(
            name="default",
            processes=2,
            words="dramatiq: a process per core (two), 8 threads each",
            command=(*WORKER, "-p", "2"),
            jobs=10_000,
        ),
        Setting(name="one", processes=1, words="-p 1 -t 8", command=(*WORKER, "-p", "1", "-t", "8"), jobs=10_000),
        Setting(
            name="best",
            processes=2,
            words="-p 2 -t 8, dramatiq_queue_prefetch=500",
            command=(*WORKER, "-p", "2", "-t", "8"),
            jobs=10_000,
            environment={"dramatiq_queue_prefetch": "500"},
        ),
    ),
)
