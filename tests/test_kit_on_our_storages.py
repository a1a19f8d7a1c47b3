"""Our storages, judged by the kit under pytest, as a backend's own tests would do it."""

from pinion.conformance import conformance

TestMemory = conformance("memory://")
TestSqlite = conformance("sqlite:///{tmp}/jobs.db")
TestSqliteWithoutSync = conformance("sqlite:///{tmp}/jobs.db?synchronous=off")
TestFile = conformance("file:///{tmp}/jobs.log")
