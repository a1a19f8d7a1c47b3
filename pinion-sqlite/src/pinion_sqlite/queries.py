"""Loads the statements of queries.sql, by name."""

import re
from pathlib import Path

__all__ = ["COLUMNS", "SQL"]

COLUMNS = (
    "id, func_name, queue, call, priority, status, attempts, failures, lost, created_at, run_at, started_at, "
    "finished_at, worker, error, result, unique_key, timeout, headers, progress, unique_while, unique_for, keep"
)
"""The columns of a whole job, in the order that `rows.whole_job` reads them."""

TELLS = (
    "started_at IS NOT NULL AND (status = 1 OR (status > 1 AND (outcome IN (1, 2, 6) OR coalesce(asked = token, 0))))"
)
"""Whether a row tells of its last attempt, which isn't among the attempts then. A job that was cancelled while it
waited tells of none."""

OUTCOME = "CASE status WHEN 1 THEN 5 WHEN 2 THEN 1 WHEN 3 THEN 2 ELSE 6 END"
"""How the attempt ended that a row tells of; one that runs does so by being released."""

HELD = """CASE WHEN unique_for IS NOT NULL THEN key_until IS NOT NULL
           WHEN unique_while = 'pending' THEN status = 0 AND token IS NULL
           ELSE status < 2 END"""
"""Whether a job holds its key, as the index pinion_keys has it: only then SQLite uses that."""

KEPT = "keep IS NOT NULL AND status IN (2, 4)"
GOES_AT = "max(finished_at + CAST(min(keep, 9e9) * 1000000 AS INTEGER), coalesce(key_until, 0))"
"""Which jobs are purged, and when, as the index pinion_kept has it."""

WANTED = """(:statuses >> status) & 1 AND (:queue IS NULL OR queue = :queue)
  AND (:task IS NULL OR pinion_lower(func_name) = :task)
  AND (:before IS NULL OR CASE WHEN status > 1 THEN finished_at ELSE created_at END < :before)
  AND (NOT :unasked OR status <> 1 OR asked IS NOT token)"""
"""The conditions of a search.Wanted but for `after` and `limit`."""

FRAGMENTS = {
    "columns": COLUMNS,
    "tells": TELLS,
    "outcome": OUTCOME,
    "held": HELD,
    "kept": KEPT,
    "goes_at": GOES_AT,
    "wanted": WANTED,
}


def _load() -> dict[str, str]:
    text = Path(__file__).with_name("queries.sql").read_text(encoding="utf-8")
    for name, fragment in FRAGMENTS.items():
        text = text.replace(f"{{{name}}}", fragment)
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {name: body.strip().removesuffix(";") for name, body in zip(parts[::2], parts[1::2], strict=True)}


SQL = _load()
