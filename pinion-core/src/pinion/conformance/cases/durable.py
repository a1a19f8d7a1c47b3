"""DURABLE: what `insert` accepted is there after every process died by SIGKILL."""

import os
import shutil
from pathlib import Path

from pinion.conformance.broken import Broken, expect
from pinion.conformance.case import chapter
from pinion.conformance.cause import cause
from pinion.conformance.trial import Trial, names
from pinion.errors import PinionError
from pinion.job import JobError
from pinion.outcome import Done, Failed, Retry
from pinion.storage import Promise, Settled

__all__ = ["cases"]

cases = chapter(Promise.DURABLE)


@cases("durable.can_be_tested")
def can_be_tested(trial: Trial) -> None:
    """A storage that promises DURABLE can be opened again: by a URL with {tmp} or {unique}, or by a factory with a directory."""
    trial.check_reopens(Promise.DURABLE)


@cases("durable.reopened")
def reopened(trial: Trial) -> None:
    """A storage that was closed and opened again holds what it held: jobs, their order, counts and claims."""
    trial.put("done", "failed", "retried", "held")
    done, failed, retried, held = trial.take(4)
    trial.settle(done, Done())
    trial.settle(failed, Failed(JobError("ValueError")))
    trial.settle(retried, Retry(0.0, JobError("ValueError")))
    trial.put(*(f"new-{number}" for number in range(12)), args=(1, "two"))
    trial.claims.close()
    again = trial.open()
    came = trial.take(100, of=again)
    wanted = ", ".join(["retried", *(f"new-{number}" for number in range(12))])
    expect(
        sorted(names(came).split(", ")) == sorted(wanted.split(", ")),
        f"after closing and opening again, a claim got {names(came)}",
    )
    new = [job.func_name for job in came if job.args]
    expect(new == [f"new-{number}" for number in range(12)], f"after closing and opening again, the order was {new}")
    counts = next((job.attempts, job.failures) for job in came if job.func_name == "retried")
    expect(
        counts == (2, 1),
        f"a job that was tried once and failed must have attempts and failures 2 and 1, but has {counts}",
    )
    settled = trial.settle(held, Done(), of=again)
    expect(
        settled is Settled.SETTLED,
        f"a claim made before closing must hold until its lease runs out; settling it was {settled}",
    )


@cases("durable.killed", real_time=True)
def killed(trial: Trial) -> None:
    """What insert and enqueue accepted is there after the process died by SIGKILL, closed or not."""
    for closing in (False, True):
        sent = [f"{'closed' if closing else 'open'}-{number}" for number in range(8)]
        place = trial.elsewhere()
        expect(trial.process("insert_and_die", place, names=sent, closing=closing).rows() == [], "it did not die")
        came = trial.take(100, of=trial.open(place))
        lost = sorted(set(sent) - {job.func_name for job in came})
        expect(not lost, f"a process inserted {len(sent)} jobs and was killed; these were lost: {lost}")
        torn = [job for job in came if job.args != (job.func_name,)]
        expect(not torn, f"a process inserted jobs and was killed; their arguments changed: {torn!r:.200}")


@cases("durable.kill_insert")
def kill_insert(trial: Trial) -> None:
    """A process that is killed at any line of insert leaves the job absent or whole, and all others as they were."""
    _kill(trial, "insert")


@cases("durable.kill_insert_batch")
def kill_insert_batch(trial: Trial) -> None:
    """A process that is killed at any line of inserting several jobs leaves all of them or none."""
    _kill(trial, "insert_batch")


@cases("durable.kill_claim")
def kill_claim(trial: Trial) -> None:
    """A process that is killed at any line of a claim loses no job: it is claimable when the lease has run out."""
    _kill(trial, "claim")


@cases("durable.kill_settle")
def kill_settle(trial: Trial) -> None:
    """A process that is killed at any line of a settlement leaves it done, with what it brings, or not done."""
    _kill(trial, "settle")


@cases("durable.kill_retry")
def kill_retry(trial: Trial) -> None:
    """A process that is killed at any line of a retry leaves the job there, once."""
    _kill(trial, "retry")


@cases("durable.kill_extend")
def kill_extend(trial: Trial) -> None:
    """A process that is killed at any line of an extension leaves the job there, once."""
    _kill(trial, "extend")


@cases("durable.kill_replace", besides=(Promise.UNIQUE, Promise.CONTROLS))
def kill_replace(trial: Trial) -> None:
    """A process that is killed at any line of replace leaves the old job or the new one."""
    _kill(trial, "replace")


@cases("durable.kill_open")
def kill_open(trial: Trial) -> None:
    """A process that is killed at any line of opening a new storage leaves one that can be opened and used."""
    _kill(trial, "open")


@cases("durable.kill_close")
def kill_close(trial: Trial) -> None:
    """A process that is killed at any line of close loses nothing."""
    _kill(trial, "close")


def _kill(trial: Trial, operation: str) -> None:
    modules = [kind.__module__ for kind in type(trial.storage).__mro__ if kind.__module__ != "__main__"]
    killing = trial.process(
        "kill_at_every_line", operation=operation, seed=trial.seed, modules=modules, clock=trial.facts.clock
    )
    while (said := killing.line(within=15.0)) is not None:
        trial.progress()
        if wrong := said.get("wrong"):
            raise Broken(f"a process was killed {said['stop']}; {wrong}")
        if "points" in said:
            expect(said["points"] > 0, f"not one line of {operation} in the storage's own code was seen")


@cases("durable.no_place")
def no_place(trial: Trial) -> None:
    """Where no storage can be, opening one raises an error of Pinion's, at once."""
    place = trial.elsewhere()
    shutil.rmtree(place.directory)
    Path(place.directory).touch()  # a file, where a folder should be
    try:
        storage = place.open()
    except PinionError:
        return
    except Exception as raised:
        raise Broken(
            f"its folder is a file, so opening must raise an error of pinion.errors, but {cause(raised)}"
        ) from raised
    finally:
        Path(place.directory).unlink()
    _expect_elsewhere(trial, storage)


def _expect_elsewhere(trial: Trial, storage: object) -> None:
    """It keeps nothing in the folder, as a server's does; then it must be usable."""
    expect(bool(trial.facts.makes(Promise.SHARED)), "its folder is a file, and it was opened all the same")
    trial.put("task", into=storage)


@cases("durable.garbage")
def garbage(trial: Trial) -> None:
    """Files that hold something else, or were cut off, raise an error of Pinion's, or lose what was cut off; nothing hangs."""
    for damage in (_replace, _cut_in_half, _append):
        place = trial.elsewhere()
        storage = trial.open(place)
        trial.put(*(f"job-{number}" for number in range(5)), into=storage)
        storage.close()
        damage(Path(place.directory))
        try:
            trial.take(10, of=trial.open(place))
        except PinionError:
            continue
        except Exception as raised:
            raise Broken(
                f"its files were damaged ({damage.__name__.strip('_').replace('_', ' ')}); what follows must be "
                f"an error of pinion.errors, but {cause(raised)}"
            ) from raised


def _files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def _replace(folder: Path) -> None:
    for path in _files(folder):
        path.write_bytes(b"\x00\xff not yours {[<\n" * 300)


def _cut_in_half(folder: Path) -> None:
    for path in _files(folder):
        os.truncate(path, path.stat().st_size // 2)


def _append(folder: Path) -> None:
    for path in _files(folder):
        with path.open("ab") as file:
            file.write(b'{"cut off')


@cases("durable.torn_end")
def torn_end(trial: Trial) -> None:
    """After an error, or a write that was cut off, no later job is lost or refused for ever."""
    for number in range(3):
        trial.put(f"before-{number}")
    trial.claims.close()
    for path in _files(Path(trial.address.directory)):
        with path.open("ab") as file:
            file.write(b"{")
    try:
        again = trial.open()
    except PinionError:
        return  # it says so, and somebody can act
    trial.put("after", into=again)
    again.close()
    came = names(trial.take(10, of=trial.open()))
    wanted = "before-0, before-1, before-2, after"
    expect(came == wanted, f"a byte was appended to its files; jobs were inserted before and after; a claim got {came}")


@cases("durable.full_disk")
def full_disk(trial: Trial) -> None:
    """When the disk is full, insert raises an error of Pinion's; what was accepted stays, and there is no half a job."""
    [said] = trial.process("fill_the_disk").rows(within=10.0)
    expect(bool(said["error"]), "no file could grow any more, but 400 jobs of 2 kB were accepted")
    lost = sorted(set(said["accepted"]) - set(said["left"]))
    expect(
        not lost, f"the disk was full; of {len(said['accepted'])} jobs that were accepted, these are gone: {lost[:5]}"
    )
    made_up = sorted(set(said["left"]) - set(said["accepted"]))
    expect(len(made_up) <= 1, f"the disk was full; these jobs were refused, but are there: {made_up}")
