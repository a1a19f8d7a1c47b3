"""The tables of docs/benchmarks.md, each from the results as Markdown."""

import statistics
from collections.abc import Callable, Sequence
from typing import Any

from benchmarks.figures import Key, grouped, median, number, spread, table
from benchmarks.results import Results
from benchmarks.stage import Row

__all__ = ["TABLES"]


def conditions(results: Results) -> str:
    there = results.conditions
    absent = "; ".join(f"{name}: {why}" for name, why in there["absent"].items()) or "none"
    servers = ", ".join(f"{name} {version}" for name, version in there.get("servers", {}).items()) or "none"
    changed = " with changes" if there["changed"] else ""
    lines = [
        f"{there['date']}, commit {there['commit']}{changed}",
        f"{len(results.rounds)} rounds in {there['minutes']} minutes",
        f"{there['cores']} cores of {there['processor']}, {there['memory_gb']} GB; {there['system']}; "
        f"load average before: {there['load_average']:.2f}",
        f"Python {there['python']}, SQLite {there['sqlite']}",
        f"files on {there['filesystem']}, where writing and syncing 4 kB takes {there['sync_ms']:.2f} ms",
        f"servers: {servers}",
        f"not measured: {absent}",
    ]
    return "\n".join(f"- {line}" for line in lines)


def gates(results: Results) -> str:
    def line(gate: dict[str, Any]) -> list[str]:
        sign = "at most " if gate["most"] else ""
        verdict = {True: "yes", False: "**no**", None: "-"}
        return [
            gate["what"],
            f"**{gate['measured']:.3g}** ({gate['least']:.3g} to {gate['greatest']:.3g}) {gate['unit']}",
            "-" if gate["gate"] is None else f"{sign}{gate['gate']:g}",
            "-" if gate["aim"] is None else f"{sign}{gate['aim']:g}",
            verdict[gate["passed"]],
            verdict[gate["aimed"]],
        ]

    return table(["what", "measured", "gate", "aim", "gate reached", "aim reached"], map(line, results.gates))


def load(results: Results) -> str:
    def line(key: Key, rows: Sequence[Row]) -> list[str]:
        faults = f"{sum(row['lost'] for row in rows)} / {sum(row['repeated'] for row in rows)}"
        cpu, server = median(rows, "cpu_seconds"), median(rows, "server_cpu_seconds")
        return [
            f"{key[0]}, {key[1]}",
            str(rows[0]["processes"]),
            f"{rows[0]['jobs']:,}",
            number(median(rows, "enqueued_per_second")),
            spread(rows, "processed_per_second"),
            f"{median(rows, 'seconds_to_first'):.2f}",
            f"{cpu:.3f}" + (f" + {server:.3f}" if server else ""),
            number(median(rows, "peak_rss_mb")),
            faults,
        ]

    head = ["contender, setting", "processes", "jobs", "enqueued/s", "processed/s", "start s", "CPU s per 1,000"]
    groups = grouped(results.rows("load"), "contender", "setting")
    return table([*head, "peak MB", "lost / repeated"], [line(key, rows) for key, rows in groups.items()])


def contenders(results: Results) -> str:
    def line(name: str, about: dict[str, Any]) -> list[str]:
        versions = ", ".join(f"{package} {version}" for package, version in about["versions"].items())
        settings = "; ".join(f"*{setting}*: {each['words']}" for setting, each in about["settings"].items())
        return [name, versions, about["durability"], about["delivery"], settings]

    there = results.conditions["contenders"]
    lines = [line(name, about) for name, about in there.items()]
    made = table(["contender", "versions", "durability", "delivery", "settings"], lines)
    return made.replace("--:", "---")


def limit(results: Results) -> str:
    rows = results.rows("limit")
    pinion = grouped(results.rows("load"), "contender", "setting").get(("pinion-sqlite", "default"), [])
    enqueued = grouped(results.rows("enqueue"), "how")
    beside: dict[str, float] = {}
    if pinion:
        beside |= dict.fromkeys(["claim_complete_100", "claim_delete_100"], median(pinion, "processed_per_second"))
    for name, how in LIKE.items():
        if (how,) in enqueued:
            beside[name] = median(enqueued[how,], "enqueued_per_second")
    lines = [
        [
            words,
            spread(rows, name),
            number(beside[name]) if name in beside else "-",
            f"{beside[name] / median(rows, name):.2f}" if name in beside else "-",
        ]
        for name, words in LIMITS.items()
    ]
    return table(["bare `sqlite3`", "rows per second", "Pinion, jobs per second", "ratio"], lines)


LIMITS = {
    "claim_complete_100": "claim 100, complete 100, rows kept",
    "claim_delete_100": "claim 100, delete 100",
    "claim_complete_1": "claim one, complete one",
    "insert_synced": "INSERT and COMMIT, synced",
    "insert_unsynced": "INSERT and COMMIT, not synced",
    "insert_many": "executemany of 1,000 and COMMIT, synced",
}

LIKE = {
    "insert_synced": "one by one, synced",
    "insert_unsynced": "one by one, not synced",
    "insert_many": "in bulk, synced",
}


def enqueue(results: Results) -> str:
    own = grouped(results.rows("enqueue"), "how")
    lines = [[f"pinion-sqlite: {key[0]}", spread(rows, "enqueued_per_second")] for key, rows in own.items()]
    bulk = grouped(results.rows("bulk"), "contender")
    lines += [[f"{key[0]}: in bulk", spread(rows, "enqueued_per_second")] for key, rows in bulk.items()]
    return table(["way", "jobs per second"], lines)


def durations(results: Results) -> str:
    def line(key: Key, rows: Sequence[Row]) -> list[str]:
        possible = rows[0]["possible_per_second"]
        measured = median(rows, "processed_per_second")
        share = f"{measured / possible:.1%}" if possible else "-"
        return [f"{key[0]:g} ms", str(key[1]), spread(rows, "processed_per_second"), share]

    groups = grouped(results.rows("durations"), "milliseconds", "processes")
    lines = [line(key, rows) for key, rows in groups.items()]
    return table(["a job takes", "processes", "processed/s", "of what is possible"], lines)


def async_tasks(results: Results) -> str:
    def line(key: Key, rows: Sequence[Row]) -> list[str]:
        possible, alone = rows[0]["possible_seconds"], median(rows, "asyncio_seconds")
        seconds = median(rows, "seconds")
        ratios = [f"{seconds / possible:.2f}", f"{seconds / alone:.2f}"]
        return [f"{key[0]:,}", f"{possible:g}", number(alone), spread(rows, "seconds"), *ratios]

    head = ["tasks", "possible, s", "asyncio alone, s", "Pinion, s", "of what is possible", "of asyncio alone"]
    return table(head, [line(key, rows) for key, rows in grouped(results.rows("async"), "jobs").items()])


def pickup(results: Results) -> str:
    def line(key: Key, rows: Sequence[Row]) -> list[str]:
        idle, server = median(rows, "idle_cpu_percent"), median(rows, "server_idle_cpu_percent")
        return [
            f"{key[0]}, {key[1]}",
            spread(rows, "p50_ms"),
            number(median(rows, "p95_ms")),
            number(median(rows, "p99_ms")),
            number(median(rows, "after_silence_ms")),
            f"{median(rows, 'cpu_ms'):.2f}",
            f"{idle:.2f}" + (f" + {server:.2f}" if server else ""),
        ]

    head = ["contender, setting", "p50 ms", "p95 ms", "p99 ms", "after silence ms", "CPU ms per job", "idle CPU, %"]
    groups = grouped(results.rows("pickup"), "contender", "setting")
    return table(head, [line(key, rows) for key, rows in groups.items()])


def depth(results: Results) -> str:
    groups = [rows for _, rows in sorted(grouped(results.rows("depth"), "deep").items())]
    lines = [
        [
            "1,000 jobs claimed and settled, none else in the file, per second",
            *(spread(rows, "per_second_shallow") for rows in groups),
        ],
        ["the same with so many waiting, per second", *(spread(rows, "per_second_waiting") for rows in groups)],
        ["against none else in the file", *(spread(rows, "waiting_ratio") for rows in groups)],
        [
            "the same beside as many finished ones, per second",
            *(spread(rows, "per_second_finished") for rows in groups),
        ],
        ["against none else in the file", *(spread(rows, "finished_ratio") for rows in groups)],
        ["all that were left, by a worker, per second", *(spread(rows, "drained_per_second") for rows in groups)],
        ["worker's memory after a tenth of them, MB", *(number(_memory(rows, 0)) for rows in groups)],
        ["after all of them, MB", *(number(_memory(rows, -1)) for rows in groups)],
        ["peak, MB", *(spread(rows, "peak_rss_mb") for rows in groups)],
        ["file, MB", *(number(median(rows, "file_mb")) for rows in groups)],
        ["write-ahead log, largest seen, MB", *(number(max(row["log_peak_mb"] for row in rows)) for rows in groups)],
        *(
            [f"`pinion {words}`: 1,000 finished jobs, and as many, ms", *(_looks(rows, name) for rows in groups)]
            for words, name in (("list", "list"), ("list --status --task", "list_finished"), ("show", "show"))
        ),
    ]
    return table(["jobs", *(f"{rows[0]['deep']:,}" for rows in groups)], lines)


def _memory(rows: Sequence[Row], step: int) -> float:
    return statistics.median(float(row["rss_mb"][step]) for row in rows)


def _looks(rows: Sequence[Row], name: str) -> str:
    return f"{number(median(rows, f'{name}_shallow_ms'))}, {number(median(rows, f'{name}_deep_ms'))}"


def features(results: Results) -> str:
    groups = grouped(results.rows("features"), "feature")
    plain = groups["none",]
    lines = [
        [
            key[0],
            number(median(rows, "enqueued_per_second")),
            f"{median(rows, 'enqueued_per_second') / median(plain, 'enqueued_per_second'):.2f}",
            spread(rows, "processed_per_second"),
            f"{median(rows, 'processed_per_second') / median(plain, 'processed_per_second'):.2f}",
        ]
        for key, rows in groups.items()
    ]
    return table(["feature in use", "enqueued/s in bulk", "of none", "processed/s", "of none"], lines)


TABLES: dict[str, Callable[[Results], str]] = {
    "conditions": conditions,
    "gates": gates,
    "load": load,
    "limit": limit,
    "enqueue": enqueue,
    "durations": durations,
    "async": async_tasks,
    "pickup": pickup,
    "depth": depth,
    "features": features,
    "contenders": contenders,
}
