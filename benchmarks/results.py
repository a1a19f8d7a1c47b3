"""Results: what a run measured, as one JSON file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.stage import Row

__all__ = ["Results"]


@dataclass
class Results:
    """Conditions, the rows of every round by part, and the judgement."""

    conditions: Row
    rounds: list[dict[str, list[Row]]] = field(default_factory=list)
    gates: list[dict[str, Any]] = field(default_factory=list)

    def add(self, number: int, part: str, row: Row) -> None:
        while len(self.rounds) <= number:
            self.rounds.append({})
        self.rounds[number].setdefault(part, []).append(row)

    def rows(self, part: str) -> list[Row]:
        """The rows of a part, of all rounds."""
        return [row for each in self.rounds for row in each.get(part, ())]

    def write(self, path: Path) -> None:
        """Replace the file in one step, so that an interrupted run leaves the last whole one."""
        content: Mapping[str, Any] = {"conditions": self.conditions, "rounds": self.rounds, "gates": self.gates}
        beside = path.with_suffix(".writing")
        beside.write_text(json.dumps(content, indent=1) + "\n")
        beside.replace(path)

    @classmethod
    def read(cls, path: Path) -> "Results":
        content = json.loads(path.read_text())
        return cls(content["conditions"], content["rounds"], content["gates"])
