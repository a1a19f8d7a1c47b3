"""CLAIMS and SHARED: what many workers do at once, recorded and checked as a whole."""

from pinion.conformance.broken import Broken, expect
from pinion.conformance.case import CLAIMS, chapter
from pinion.conformance.history import Operation, wrongs
from pinion.conformance.trial import Trial
from pinion.conformance.workload import LEASE, Workload
from pinion.storage import Promise

__all__ = ["among_processes", "among_threads"]

among_threads = chapter(CLAIMS)
among_processes = chapter(Promise.SHARED)
SECONDS = 1.0


@among_threads("history.threads", real_time=True)
def threads(trial: Trial) -> None:
    """Whatever threads do at once, late and forgetful ones among them, the history has a legal order and no job is lost."""
    book: list[Operation] = []

    def record(operation: Operation) -> None:
        book.append(operation)
        trial.progress()

    workers = [Workload(trial.claims, f"{trial.seed}-{number}", record) for number in range(4)]
    running = [trial.start(worker.work, SECONDS) for worker in workers]
    running.append(trial.start(Workload(trial.claims, f"{trial.seed}-p", record).produce, 120))
    for each in running:
        each.result(SECONDS + 20.0, "what one of several threads did")
    _check(trial, book)


@among_processes("history.processes", real_time=True)
def processes(trial: Trial) -> None:
    """Whatever processes do at once, some of which freeze or are killed, the history has a legal order and no job is lost."""
    book: list[Operation] = []
    workers = [trial.process("live", seed=f"{trial.seed}-{number}", seconds=SECONDS) for number in range(4)]
    for worker in workers:
        worker.line()
    for worker in workers:
        worker.say()
    trial.elapse(SECONDS * 0.3)
    workers[0].kill()
    workers[1].freeze()
    trial.elapse(LEASE * 1.5)
    workers[1].thaw()
    for worker in workers:
        book += [Operation.read(row) for row in worker.rows()]
    _check(trial, book)


def _check(trial: Trial, book: list[Operation]) -> None:
    trial.elapse(LEASE)
    Workload(trial.claims, "drain", book.append).drain(quiet=LEASE * 3)
    trial.progress()
    answered = {_key(operation) for operation in book if operation.ok is not None}
    history = [operation for operation in book if operation.ok is not None or _key(operation) not in answered]
    expect(
        any(operation.kind == "claim" for operation in history), "many jobs were inserted, and none was ever claimed"
    )
    for wrong in wrongs(history):
        raise Broken(f"among {len(history)} operations at once, {wrong}")


def _key(operation: Operation) -> tuple[str, str, str, float]:
    return operation.kind, operation.job, operation.token, operation.call
