"""Loads the statements of queries.sql, by name."""

import re
from pathlib import Path

__all__ = ["COLUMNS", "SQL"]

COLUMNS = (
    "id, func_name, queue, call, priority, status, attempts, failures, lost, created_at, run_at, started_at, "
    "finished_at, worker, error, result, unique_key, timeout, headers, progress"
)
"""The columns of a whole job, in the order that `rows.whole_job` reads them."""


def _load() -> dict[str, str]:
    text = Path(__file__).with_name("queries.sql").read_text(encoding="utf-8")
    parts = re.split(r"^-- name: (\w+)\n", text, flags=re.MULTILINE)[1:]
    return {
        name: body.strip().removesuffix(";").replace("{columns}", COLUMNS)
        for name, body in zip(parts[::2], parts[1::2], strict=True)
    }


SQL = _load()
