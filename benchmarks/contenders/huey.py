"""huey on SQLite (as it comes, and without fsync), on Valkey, and in memory."""

from dataclasses import replace

from benchmarks.contender import PYTHON, Contender, Setting

CONSUMER = ("huey_consumer", "benchmarks.apps.huey_app.huey")
SETTINGS = (
    Setting(name="default", processes=1, words="huey_consumer: one thread, two log lines per job", command=CONSUMER),
    Setting(name="one", processes=1, words="-q: one thread, no log", command=(*CONSUMER, "-q")),
    Setting(
        name="best",
        processes=2,
        words="-w 2 -k process -q: two processes, no log",
        command=(*CONSUMER, "-q", "-w", "2", "-k", "process"),
    ),
)
AT_MOST_ONCE = "at most once: a job is deleted when it is handed out"

HUEY_SQLITE = Contender(
    name="huey-sqlite",
    app="huey_app",
    packages=("huey",),
    store="sqlite",
    durability="WAL, synchronous=FULL",
    delivery=AT_MOST_ONCE,
    environment={"PINION_BENCH_HUEY": "sqlite"},
    settings=SETTINGS,
)

HUEY_SQLITE_NOFSYNC = Contender(
    name="huey-sqlite-nofsync",
    app="huey_app",
    packages=("huey",),
    store="sqlite",
    durability="WAL, fsync=False: synchronous=OFF",
    delivery=AT_MOST_ONCE,
    environment={"PINION_BENCH_HUEY": "sqlite-nofsync"},
    settings=SETTINGS,
)

HUEY_REDIS = Contender(
    name="huey-redis",
    app="huey_app",
    packages=("huey", "redis", "hiredis"),
    store="valkey",
    server="valkey",
    durability="none: server without persistence",
    delivery=AT_MOST_ONCE,
    environment={"PINION_BENCH_HUEY": "redis"},
    rounds=2,
    settings=tuple(replace(setting, jobs=10_000) for setting in SETTINGS),
)

HUEY_MEMORY = Contender(
    name="huey-memory",
    app="huey_app",
    packages=("huey",),
    store="memory",
    durability="none",
    delivery=AT_MOST_ONCE,
    inside=True,
    environment={"PINION_BENCH_HUEY": "memory"},
    settings=(
        Setting(
            name="default",
            processes=1,
            words="consumer in the enqueueing process: one worker thread",
            command=(PYTHON, "-m", "benchmarks.apps.huey_inside"),
        ),
    ),
)
