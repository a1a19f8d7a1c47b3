"""How a worker works; see `Worker` for the meaning."""

from dataclasses import dataclass

from pinion.retry import RetryPolicy

__all__ = ["Settings"]


@dataclass(frozen=True, slots=True)
class Settings:
    """What the parts of one worker go by."""

    name: str
    threads: int
    queues: tuple[str, ...] | None
    lease: float
    grace: float
    policy: RetryPolicy
    async_tasks: int = 1000
    max_jobs: int | None = None
    max_memory: float | None = None
