"""How the worker's log looks: a readable line per event, or JSON lines."""

import json
import logging
import sys
from datetime import UTC, datetime

__all__ = ["configure"]


def configure(form: str) -> None:
    """Send the log of Pinion, and of the tasks, to stderr.

    form: "text" or "json".
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonLines() if form == "json" else TextLines())
    logging.basicConfig(level=logging.INFO, handlers=[handler], force=True)


def _moment(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


class TextLines(logging.Formatter):
    """`12:30:01.250 INFO    add[01a2...] queue=default attempt=1 succeeded in 0.003 s`"""

    def format(self, record: logging.LogRecord) -> str:
        moment = _moment(record).astimezone().strftime("%H:%M:%S.%f")[:-3]
        fields = getattr(record, "pinion", {})
        about = f"  (queue {fields['queue']}, attempt {fields['attempt']})" if "attempt" in fields else ""
        message = record.getMessage().replace("\n", "\\n")  # a line per event, whatever a task's exception says
        line = f"{moment} {record.levelname:7} {message}{about}"
        return line + ("\n" + self.formatException(record.exc_info) if record.exc_info else "")


class JsonLines(logging.Formatter):
    """One JSON object per line, with the event's own fields; times in ISO 8601, UTC."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, object] = {
            "time": _moment(record).isoformat(timespec="microseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": "log",
            "message": record.getMessage(),
            **getattr(record, "pinion", {}),
        }
        if record.exc_info:
            entry["exception"] = self.formatException(record.exc_info)
        return json.dumps(entry, default=str)
