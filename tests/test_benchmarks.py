"""The benchmarks: that they count honestly, judge rightly, and run from end to end. Their figures are not tested."""

import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.gates import judge
from benchmarks.pickup import percentile
from benchmarks.proof import RECORD, Proof
from benchmarks.report import write
from benchmarks.results import Results
from benchmarks.run import PARTS
from benchmarks.tables import TABLES
from repository import ROOT


def proof_of(path: Path, *runs: tuple[int, float]) -> Proof:
    """Of the jobs with these numbers, each at that second."""
    path.write_bytes(b"".join(RECORD.pack(number, int(second * 1e9)) for number, second in runs))
    return Proof(path)


def test_jobs_that_did_not_run_and_jobs_that_ran_twice_are_counted(tmp_path: Path) -> None:
    proof = proof_of(tmp_path / "proof", (0, 1.0), (3, 1.5), (3, 1.6), (3, 1.7), (1, 2.0))

    verdict = proof.verdict(expected=5)

    assert (verdict.lost, verdict.repeated) == (2, 2)


def test_the_pace_is_taken_from_the_first_body_to_the_last(tmp_path: Path) -> None:
    proof = proof_of(tmp_path / "proof", (2, 11.0), (0, 10.0), (1, 12.0))

    assert proof.verdict(expected=3).per_second == pytest.approx(1.0)


def test_waiting_for_jobs_that_never_run_ends_after_a_silence(tmp_path: Path) -> None:
    proof = proof_of(tmp_path / "proof", (0, 1.0))

    assert proof.wait(1, silence=0.01)
    assert not proof.wait(2, silence=0.01)


@pytest.mark.parametrize(("percent", "value"), [(50, 50), (95, 95), (99, 99), (100, 100)])
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(percent: int, value: int) -> None:
    assert percentile(range(100, 0, -1), percent) == value


def test_a_gate_is_judged_by_the_median_of_the_rounds() -> None:
    rounds = [{"depth": [_depth(waiting=ratio)]} for ratio in (0.1, 0.95, 0.92)]

    waiting = next(each for each in judge(rounds) if "waiting" in each.what)

    assert (waiting.measured, waiting.least, waiting.greatest) == (0.92, 0.1, 0.95)
    assert waiting.passed


def test_a_gate_that_is_missed_is_said_to_be() -> None:
    judged = judge([{"depth": [_depth(waiting=0.899, peak=46.0)]}])

    assert {each.what: each.passed for each in judged} == {
        "1,000,000 waiting against 1,000": False,
        "1,000,000 finished against 1,000": True,
        "worker's peak memory over 1,000,000 jobs": False,
        "… after the last tenth of them against after the first": True,
    }


def _depth(waiting: float, peak: float = 30.0) -> dict[str, object]:
    return {
        "waiting_ratio": waiting,
        "finished_ratio": 1.0,
        "peak_rss_mb": peak,
        "rss_mb": [29.0, 30.0],
    }


def test_the_page_has_a_place_for_every_table_and_no_other() -> None:
    page = (ROOT / "docs" / "benchmarks.md").read_text()

    assert [line for line in page.splitlines() if line.startswith("<!--") and line != "<!-- end -->"] == [
        f"<!-- {name} -->" for name in TABLES
    ]


@pytest.mark.once
@pytest.mark.timeout(300)
@pytest.mark.skipif(sys.platform != "linux", reason="processor time and memory are read from /proc")
def test_a_quick_run_measures_everything_and_loses_no_job(tmp_path: Path) -> None:
    kept = str(tmp_path / "results.json")
    command = [sys.executable, "-m", "benchmarks", "--quick", "--only", "pinion", "--json", kept]
    subprocess.run(command, check=True, cwd=ROOT, timeout=280)
    page = tmp_path / "page.md"
    page.write_text("".join(f"<!-- {name} -->\n<!-- end -->\n" for name in TABLES))

    results = Results.read(Path(kept))
    write(results, page)

    assert set(results.rounds[0]) == set(PARTS)
    assert [row for row in results.rows("load") if row["lost"] or row["repeated"]] == []
    assert "| pinion-sqlite, default |" in page.read_text()
    assert (tmp_path / "img" / "benchmarks-load.svg").exists()
