"""The conformance kit: shows whether a storage keeps what it promises. Needs the extra pinion-core[conformance].

On the command line, `pinion conformance TARGET`. Under pytest, a file of these lines:

    from pinion.conformance import conformance

    TestConformance = conformance("file:///{tmp}/jobs.log")

A case is a rule with a check, in `cases`, a file per promise; a trial is what a check works with; a judge tries cases in a
process of its own, and a sitting is a run of all of them.
"""

from pinion.conformance.command import command

__all__ = ["command"]
