"""Every exception that Pinion raises, under one root.

A class exists where a caller would act differently on it. A message says what was wrong, what was
given, and what to do next. `StorageUnavailable` is the only error that means "the same call may
succeed later"; everything else stays wrong until somebody changes something.
"""

from typing import Any


class PinionError(Exception):
    """The root: `except PinionError` catches whatever Pinion raises on its own account."""


# --- what the caller gave -------------------------------------------------------------------------


class InvalidJob(PinionError, ValueError):
    """A job, an option or a schedule has a value that can't be stored or would never run."""


class InvalidArguments(InvalidJob, TypeError):
    """The arguments don't fit the signature or the annotations of the task."""


class Unserializable(InvalidJob, TypeError):
    """An argument or a result has a type that the codec doesn't carry; the message names its place."""


class PayloadTooLarge(InvalidJob):
    """The encoded arguments or result are longer than the codec's limit."""


class UnknownTask(PinionError, LookupError):
    """No task is registered under the name of the job."""


class DuplicateTask(PinionError, ValueError):
    """Two different functions were registered under one task name."""


class DuplicateSchedule(PinionError, ValueError):
    """Two different schedules were declared under one name."""


class Unsupported(PinionError, NotImplementedError):
    """The storage doesn't promise what was asked for; nothing was changed."""


# --- finding a storage ----------------------------------------------------------------------------


class InvalidURL(PinionError, ValueError):
    """The URL of a storage can't be understood."""


class UnknownScheme(InvalidURL):
    """No installed distribution provides a storage for the scheme of the URL."""


class PluginError(PinionError):
    """A plugin is installed but can't be used: it is broken, built for another version, or disputed."""


class DistributionMissing(PinionError, ImportError):
    """A name of Pinion belongs to a distribution that isn't installed."""


# --- storages -------------------------------------------------------------------------------------


class StorageError(PinionError):
    """The storage can't do what was asked, and repeating the call won't help."""


class StorageUnavailable(StorageError):
    """The storage can't be reached just now. Nothing was changed, or it is unknown: the call may be repeated."""


class StorageClosed(StorageError):
    """The storage was closed; open a new one."""


class StorageCorrupt(StorageError):
    """What is stored can't be read: not a storage of this kind, damaged, or from a newer version."""


# --- jobs in a storage ----------------------------------------------------------------------------


class JobNotFound(PinionError, LookupError):
    """The storage holds no job of that id."""


class DuplicateJob(PinionError):
    """A job of that id is stored already and stays as it was. After a lost reply, this means "it was enqueued"."""


class UniqueKeyHeld(PinionError):
    """Another job holds the unique key.

    holder: the id of the job that holds it.
    """

    def __init__(self, message: str, holder: str = "") -> None:
        super().__init__(message)
        self.holder = holder


class ClaimLost(PinionError):
    """The claim is no longer held: its lease ran out and the job was claimed again, settled or deleted."""


class UndecodableJob(PinionError):
    """The stored bytes of a job can't be turned back into arguments."""


# --- what a task raises to say how it goes on -------------------------------------------------------


class Retry(PinionError):
    """Raised by a task: this attempt failed, try again. It counts against the retry policy.

    after: seconds until then; what the policy says if left out.
    """

    def __init__(self, message: str = "the task asked to be tried again", *, after: float | None = None) -> None:
        super().__init__(message)
        self.after = after


class Snooze(PinionError):
    """Raised by a task: call me again after so many seconds. It is no failure, and counts against nothing."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the task asked to be called again after {seconds} s")
        self.seconds = seconds


class Cancel(PinionError):
    """Raised by a task: this job is not to run any more. It ends CANCELLED."""

    def __init__(self, message: str = "the task cancelled its job") -> None:
        super().__init__(message)


# --- results ----------------------------------------------------------------------------------------


class JobFailed(PinionError):
    """The job whose result was asked for ended FAILED; the message says why.

    error: the job's `JobError`.
    """

    def __init__(self, message: str, error: Any = None) -> None:
        super().__init__(message)
        self.error = error


class InvalidResult(PinionError, TypeError):
    """The stored result of a job can't be made what the annotation of its task says."""


class JobCancelled(PinionError):
    """The job whose result was asked for ended CANCELLED: it has none."""


# --- running --------------------------------------------------------------------------------------


class TaskTimeout(PinionError, TimeoutError):
    """A task ran longer than its job's timeout."""

    def __init__(self, message: str = "the task ran longer than its job's timeout") -> None:
        super().__init__(message)


class TaskCancelled(PinionError):
    """Raised in a running task because its job was cancelled; let it through, or clean up and raise it again."""

    def __init__(self, message: str = "the job was cancelled while its task ran") -> None:
        super().__init__(message)


class ProcessDied(PinionError):
    """The child process of a process task died; the message says how. Only that attempt failed."""


class NotRunning(PinionError, RuntimeError):
    """What only a running task may ask was asked outside of one."""


class WorkerLost(PinionError):
    """The workers that ran the job kept dying: it is not run again."""


class EndlessJobs(PinionError, RuntimeError):
    """A rehearsal ran so many jobs at one moment that they seem to go on making new ones for ever."""
