"""When a failed attempt is tried again. Pure: the caller passes the source of randomness."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from pinion.errors import InvalidJob

__all__ = ["RetryPolicy"]

Kinds = type[BaseException] | tuple[type[BaseException], ...]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with a cap and full jitter, or a fixed list of delays; for all exceptions, or some.

    max_retries: attempts after the first; 0 means that the first failure is final.
    base_delay: seconds before the first retry; each further one doubles it.
    cap: the longest delay in seconds.
    jitter: spread the delay evenly between 0 and its value, so that jobs which failed together don't
        come back together ("full jitter", AWS Architecture Blog, "Exponential Backoff And Jitter", 2015).
    delays: instead of all these, the seconds before each retry, exactly; there are as many retries as delays.
    on: only these exceptions, and those derived from them, are retried; None means all.
    unless: these aren't, whatever `on` says. A task that raises `pinion.Retry` is tried again all the same.
    """

    max_retries: int = 3
    base_delay: float = 0.5
    cap: float = 10.0
    jitter: bool = True
    delays: Sequence[float] | None = field(default=None, kw_only=True)
    on: Kinds | None = field(default=None, kw_only=True)
    unless: Kinds = field(default=(), kw_only=True)

    def __post_init__(self) -> None:
        for name in ("max_retries", "base_delay", "cap"):
            if not _is_amount(value := getattr(self, name)):
                raise InvalidJob(f"RetryPolicy: {name} must be a number of at least 0, got {value!r}")
        if self.delays is not None:
            self._take_delays(self.delays)
        for name in ("on", "unless"):
            if (value := getattr(self, name)) is not None:
                object.__setattr__(self, name, _kinds(name, value))

    def _take_delays(self, given: Sequence[float]) -> None:
        delays = tuple(given) if isinstance(given, list | tuple) else (None,)
        if not all(_is_amount(delay) and delay < float("inf") for delay in delays):
            raise InvalidJob(f"RetryPolicy: delays must be a list of seconds such as (1, 60, 3600), got {given!r:.100}")
        if self.max_retries not in (3, len(delays)):
            raise InvalidJob(
                f"RetryPolicy: {len(delays)} delays are {len(delays)} retries, got max_retries={self.max_retries!r} "
                "too: leave it out"
            )
        object.__setattr__(self, "delays", delays)
        object.__setattr__(self, "max_retries", len(delays))

    def compute_delay(self, attempt: int, uniform: Callable[[float, float], float] | None = None) -> float:
        """Seconds to wait after the failure of the `attempt`-th try (1 is the first).

        uniform: the source of chance, given two bounds; the random module's if left out.
        """
        if self.delays:
            return self.delays[min(max(attempt, 1), len(self.delays)) - 1]
        doublings = min(max(attempt, 1) - 1, 1000)
        delay = min(self.cap, self.base_delay * 2.0**doublings)
        if not self.jitter:
            return delay
        return (uniform or _uniform())(0.0, delay)

    def allows(self, failures: int) -> bool:
        """Whether a job that has now failed so often is tried again."""
        return failures <= self.max_retries

    def covers(self, raised: BaseException | None) -> bool:
        """Whether this is an exception after which a job is tried again; None is one that nobody can tell."""
        if raised is None:
            return self.on is None
        return (self.on is None or isinstance(raised, self.on)) and not isinstance(raised, self.unless)


def _is_amount(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and value >= 0


def _kinds(name: str, given: object) -> tuple[type[BaseException], ...]:
    """The exception classes as a tuple. Raises InvalidJob."""
    kinds = tuple(given) if isinstance(given, tuple | list) else (given,)
    for kind in kinds:
        if not (isinstance(kind, type) and issubclass(kind, BaseException)):
            raise InvalidJob(f"RetryPolicy: {name} takes exception classes such as (OSError,), got {kind!r:.100}")
    return kinds


def _uniform() -> Callable[[float, float], float]:
    import random  # costs milliseconds that `import pinion` need not take

    return random.uniform
