"""RQ on Valkey."""

from benchmarks.contender import Contender, Setting

SIMPLE = ("-w", "rq.worker.SimpleWorker", "-q")

RQ = Contender(
    name="rq",
    app="rq_app",
    packages=("rq", "redis", "hiredis"),
    store="valkey",
    server="valkey",
    durability="none: server without persistence",
    delivery="at least once; a job whose worker dies is failed or put back by a clean-up",
    bulk=True,
    rounds=2,
    settings=(
        Setting(
            name="default",
            processes=1,
            words="rq worker: forks for each job",
            command=("rq", "worker", "-u", "{valkey}"),
            jobs=1_000,
        ),
        Setting(
            name="one",
            processes=1,
            words="SimpleWorker (no fork) -q",
            command=("rq", "worker", "-u", "{valkey}", *SIMPLE),
            jobs=2_000,
        ),
        Setting(
            name="best",
            processes=2,
            words="worker-pool -n 2, SimpleWorker -q",
            command=("rq", "worker-pool", "-u", "{valkey}", "-n", "2", *SIMPLE),
            jobs=2_000,
        ),
    ),
)
