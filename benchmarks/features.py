"""What each feature of Pinion costs on SQLite: the load test with one feature in use, beside the one with none."""

from collections.abc import Iterator
from dataclasses import replace

from benchmarks.contender import PYTHON, Bout, Setting
from benchmarks.contenders import PINION_SQLITE
from benchmarks.stage import Row, Stage

__all__ = ["FEATURES", "measure"]

FEATURES = (
    "none",
    "results",
    "hooks",
    "headers",
    "arguments of 1 kB",
    "priorities",
    "unique keys",
    "history of one retry",
    "kept for a day",
    "16 queues",
    "8 threads",
)
WORKER = Setting(name="features", processes=1, words="", command=(PYTHON, "-m", "benchmarks.apps.pinion_features"))


def measure(stage: Stage) -> Iterator[Row]:
    for feature in FEATURES:
        environment = {**PINION_SQLITE.environment, "PINION_BENCH_FEATURE": feature}
        contender = replace(PINION_SQLITE, app="pinion_features", environment=environment)
        with Bout(contender, WORKER, stage.place, {}) as bout:
            enqueued = bout.produce("many", stage.jobs)
            bout.start_workers()
            bout.wait(stage.jobs)
            bout.stop()
            verdict = bout.proof.verdict(stage.jobs)
        yield {
            "feature": feature,
            "enqueued_per_second": enqueued,
            "processed_per_second": verdict.per_second,
            "lost": verdict.lost,
            "repeated": verdict.repeated,
        }
