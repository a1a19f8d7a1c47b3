"""PgQueuer on PostgreSQL."""

from benchmarks.contender import Contender, Setting

WORKER = ("pgq", "run", "benchmarks.apps.pgqueuer_app:worker")
BATCH = ("--batch-size", "500", "--log-level", "WARNING")

PGQUEUER = Contender(
    name="pgqueuer",
    app="pgqueuer_app",
    packages=("pgqueuer", "asyncpg", "uvloop"),
    store="postgres",
    server="postgres",
    durability="synchronous_commit=on, logged tables",
    delivery="at least once; statuses written in batches",
    bulk=True,
    settings=(
        Setting(name="default", processes=1, words="pgq run: batch size 10, async entrypoint", command=WORKER),
        Setting(name="one", processes=1, words="--batch-size 500, no log", command=(*WORKER, *BATCH)),
        Setting(
            name="best",
            processes=2,
            words="two processes, --batch-size 500, no log",
            command=(*WORKER, *BATCH),
            copies=2,
        ),
    ),
)
