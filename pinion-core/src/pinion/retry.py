"""When a failed attempt is tried again. Pure: the caller passes the source of randomness."""

from collections.abc import Callable
from dataclasses import dataclass

from pinion.errors import InvalidJob

__all__ = ["RetryPolicy"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with a cap and full jitter.

    max_retries: attempts after the first; 0 means that the first failure is final.
    base_delay: seconds before the first retry; each further one doubles it.
    cap: the longest delay in seconds.
    jitter: spread the delay evenly between 0 and its value, so that jobs which failed together don't
        come back together ("full jitter", AWS Architecture Blog, "Exponential Backoff And Jitter", 2015).
    """

    max_retries: int = 3
    base_delay: float = 0.5
    cap: float = 10.0
    jitter: bool = True

    def __post_init__(self) -> None:
        for name in ("max_retries", "base_delay", "cap"):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int | float) or not value >= 0:
                raise InvalidJob(f"RetryPolicy: {name} must be a number of at least 0, got {value!r}")

    def compute_delay(self, attempt: int, uniform: Callable[[float, float], float] | None = None) -> float:
        """Seconds to wait after the failure of the `attempt`-th try (1 is the first).

        uniform: the source of chance, given two bounds; the random module's if left out.
        """
        doublings = min(max(attempt, 1) - 1, 1000)
        delay = min(self.cap, self.base_delay * 2.0**doublings)
        if not self.jitter:
            return delay
        return (uniform or _uniform())(0.0, delay)

    def allows(self, failures: int) -> bool:
        """Whether a job that has now failed so often is tried again."""
        return failures <= self.max_retries


def _uniform() -> Callable[[float, float], float]:
    import random  # costs milliseconds that `import pinion` need not take

    return random.uniform
