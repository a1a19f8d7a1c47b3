"""Plugins that are given to `load_hooks`: who is told, and who is left out."""

import logging
from types import ModuleType

import pytest

from pinion.job import Job
from pinion.plugins import load_hooks


def _plugin(name: str, **functions: object) -> ModuleType:
    plugin = ModuleType(name)
    vars(plugin).update(functions)
    return plugin


def test_a_plugin_is_told_only_the_arguments_that_it_names() -> None:
    told: list[float] = []
    plugin = _plugin("one", pinion_job_succeeded=lambda seconds: told.append(seconds))

    hooks = load_hooks([plugin])
    assert hooks.job_succeeded is not None
    hooks.job_succeeded(job=Job("a"), seconds=0.5)

    assert told == [0.5]


def test_a_plugin_that_is_given_twice_is_told_once() -> None:
    told: list[Job] = []
    plugin = _plugin("twice", pinion_job_released=lambda job: told.append(job))

    hooks = load_hooks([plugin, plugin])
    assert hooks.job_released is not None
    hooks.job_released(job=Job("a"))

    assert len(told) == 1


def test_a_plugin_of_an_unknown_event_is_left_out_and_the_others_stay(caplog: pytest.LogCaptureFixture) -> None:
    unknown = _plugin("unknown", pinion_job_exploded=lambda job: None)
    known = _plugin("known", pinion_job_lost=lambda job: None)

    with caplog.at_level(logging.WARNING, "pinion.plugins"):
        hooks = load_hooks([unknown, known])

    assert hooks.job_lost is not None
    assert "pinion_job_exploded" in caplog.text


def test_what_a_plugin_raises_is_logged_and_goes_no_further(caplog: pytest.LogCaptureFixture) -> None:
    told: list[str] = []

    def fail(worker: str) -> None:
        raise ValueError("no luck")

    first = _plugin("first", pinion_worker_started=lambda worker: told.append(worker))
    last = _plugin("last", pinion_worker_started=lambda worker: told.append(worker))
    hooks = load_hooks([first, _plugin("broken", pinion_worker_started=fail), last])
    assert hooks.worker_started is not None

    hooks.worker_started(worker="w")

    assert told == ["w", "w"]
    assert "no luck" in caplog.text
