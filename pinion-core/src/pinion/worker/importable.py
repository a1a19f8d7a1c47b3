"""Whether a child process will find the process tasks of a worker; asked before the worker begins."""

import pickle
from collections.abc import Mapping
from typing import Any

from pinion.errors import InvalidJob
from pinion.reference import Reference
from pinion.registry import Definition
from pinion.retry import RetryPolicy

__all__ = ["check_process_tasks"]


def check_process_tasks(registry: Mapping[str, Definition[..., Any]], policy: RetryPolicy) -> None:
    """Raise InvalidJob for a process task that a child process could not find, or whose policy it could not have."""
    for task in registry.values():
        if task.process:
            _check_place(task)
            _check_policy(task, task.retry or policy)


def _check_place(task: Definition[..., Any]) -> None:
    reference = Reference.to(task.function)
    try:
        found = reference.find()
    except (ImportError, AttributeError):
        found = None
    if found is not task.function and getattr(found, "function", None) is not task.function:
        raise InvalidJob(
            f"process task {task.name!r}: what stands at {reference.module}.{reference.name} is something else, "
            "so that a child process can't find it: define it at the top of its module, under its own name"
        )


def _check_policy(task: Definition[..., Any], policy: RetryPolicy) -> None:
    try:
        pickle.dumps(policy)
    except Exception as refused:  # pickle raises whatever the policy's class makes it raise
        raise InvalidJob(
            f"process task {task.name!r}: its retry policy can't be sent to a child process ({refused}): "
            "its class and its exceptions must be defined at the top of a module"
        ) from None
