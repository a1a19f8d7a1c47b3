"""The cases, a file per promise, in the order in which they are tried: a failure further down may follow from one above."""

from pinion.conformance.case import Case
from pinion.conformance.cases import (
    base,
    claims,
    clocks,
    closing,
    delay,
    durable,
    histories,
    inserting,
    inspects,
    leases,
    modelled,
    order,
    power_safe,
    priority,
    queues,
    races,
    results,
    settling,
    shared,
    transactions,
    undecodable,
    unique,
    waiting,
    waits,
    wakeups,
)

__all__ = ["ALL", "FOUNDATION"]

CHAPTERS = (
    base.cases,
    waiting.cases,
    claims.cases,
    inserting.cases,
    leases.cases,
    settling.cases,
    races.cases,
    undecodable.cases,
    clocks.cases,
    order.cases,
    waits.cases,
    closing.cases,
    priority.cases,
    delay.cases,
    queues.cases,
    unique.cases,
    inspects.cases,
    results.cases,
    transactions.cases,
    wakeups.cases,
    shared.cases,
    durable.cases,
    power_safe.cases,
    modelled.cases,
    histories.among_threads,
    histories.among_processes,
)
ALL: tuple[Case, ...] = tuple(case for chapter in CHAPTERS for case in chapter)

FOUNDATION = ("base.opens", "base.zero_timeout", "base.fresh", "base.round_trip")
"""Where one of these fails, the others would tell nothing."""
