"""Measurements: Pinion beside its peers and beside the raw limit of SQLite, interleaved in one run.

`python -m benchmarks --help` lists what can be measured. The results are JSON, from which `docs/benchmarks.md` is made.
Nothing here is part of a distribution. Linux only: processor time and memory are read from /proc.
"""
