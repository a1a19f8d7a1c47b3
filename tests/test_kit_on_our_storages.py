"""Our storages, judged by the kit under pytest, as a backend's own tests would do it."""

import pytest

from pinion.conformance import conformance

TestMemory = conformance("memory://")
TestSqlite = conformance("sqlite:///{tmp}/jobs.db")
TestSqliteWithoutSync = pytest.mark.once(conformance("sqlite:///{tmp}/jobs.db?synchronous=off"))
TestFile = pytest.mark.once(conformance("file:///{tmp}/jobs.log"))
