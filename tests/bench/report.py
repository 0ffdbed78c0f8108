# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was measured, as data, as a table for people, and against the goals."""

from __future__ import annotations

import dataclasses
import math
import os
import platform
import typing as t
from importlib.metadata import version

from tests.bench.keys import BULK, KeyBench, Row

Figures = t.Dict[str, t.Any]

CREATION_RATIO = 1.3
CONVERGED_RATIO = 1.5
FIRST_TASKS = 25
FIRST_ROUND_TRIPS = 20
CONVERGED_SECONDS = 3.0
MEMORY_RATIO = 1.2
# More of the machine than the simulator takes: then somebody else's work is in the seconds, too.
BUSY = 0.25
# The ways to onboard a client.
OURS, BY_HAND = "onboard_client.yml", "one hand-written SSH script"
NOT_ALONE = "The machine was busy with something else: seconds and ratios say little, run it again."
HEADING = "## Benchmark"


def machine() -> Figures:
    return {
        "system": _system(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "ansible-core": version("ansible-core"),
        "openrouter": version("openrouter"),
    }


def _system() -> str:
    try:
        return platform.freedesktop_os_release()["PRETTY_NAME"]
    except (OSError, KeyError):
        return platform.system()


def of_keys(bench: KeyBench) -> Figures:
    return {
        "start_seconds": bench.start,
        "rows": [
            {**dataclasses.asdict(row), "ratio": row.ratio, "ratio_without_start": row.ratio_without_start}
            for row in bench.rows
        ],
        "not_run": bench.not_run,
        "goals": goals(bench.rows),
    }


def goals(rows: list[Row]) -> list[Figures]:
    """Each goal of the bulk module, what was measured, and whether it was met."""
    bulk = {(row.job, row.keys): row for row in rows if row.tool == BULK}
    created = [row for row in bulk.values() if row.job == "create"]
    judged = []
    for row in bulk.values():
        if row.job == "converge":
            most = math.ceil(row.keys / 100) + 2
            judged.append(_goal(f"calls for {row.keys} unchanged keys", row.calls, most))
            judged.append(_goal(f"{row.keys} unchanged keys, seconds with start", row.seconds, CONVERGED_SECONDS))
    for row in created:
        judged.append(_goal(f"creating {row.keys}: wall / floor, start included", row.ratio, CREATION_RATIO))
    if len(created) > 1:
        few, many = sorted(created, key=lambda row: row.keys)[-2:]
        name = f"peak memory, creating {many.keys} / {few.keys} keys"
        judged.append(_goal(name, many.peak_mib / few.peak_mib, MEMORY_RATIO))
    return judged


def goals_of_onboarding(onboarding: Figures) -> list[Figures]:
    """One client: the converged run beside Ansible's start and the script, and what the first run may take."""
    rows = {(row["way"], row["run"]): row for row in onboarding["rows"]}
    first, converged = rows[OURS, "first"], rows[OURS, "converged"]
    floor = onboarding["start_seconds"] + rows[BY_HAND, "converged"]["seconds"]
    name = "converged: seconds / (start of Ansible + the script)"
    return [
        _goal(name, converged["seconds"] / floor, CONVERGED_RATIO),
        _goal("first: tasks run", first["tasks"], FIRST_TASKS),
        _goal("first: round trips over SSH", first["ssh"], FIRST_ROUND_TRIPS),
    ]


def goals_of_fleet(rows: list[Figures]) -> list[Figures]:
    """Each converged fleet asks OpenRouter for pages of a hundred keys, and changes nothing."""
    judged = []
    for row in rows:
        name = f"{row['clients']} clients, forks {row['forks']}"
        judged.append(_goal(f"{name}: API calls", row["calls"], math.ceil(row["clients"] / 100) + 2))
        judged.append(_goal(f"{name}: changed", row["changed"], 0))
    return judged


def _goal(name: str, measured: float, most: float) -> Figures:
    return {"goal": name, "measured": measured, "at_most": most, "met": measured <= most}


def markdown(figures: Figures) -> str:
    about = figures["machine"]
    parts = [
        HEADING,
        f"{about['system']}, {about['cores']} cores, Python {about['python']}, ansible-core {about['ansible-core']},"
        f" SDK {about['openrouter']}; every answer of the simulated OpenRouter takes {figures['latency_ms']:g} ms more."
        f" Load of the machine before: {figures['load_before']:.1f}.",
    ]
    if "keys" in figures:
        parts += _keys(figures["keys"])
    if "onboarding" in figures:
        parts += ["### One client over SSH", *_onboarding(figures["onboarding"])]
    if "fleet" in figures:
        parts += ["### A converged fleet on one machine", *_fleet(figures["fleet"])]
    if "ways" in figures:
        parts += ["### Many clients: one run, slices, or a run for each", _ways(figures["ways"])]
    if "idle" in figures:
        parts += [f"### {figures['idle']['clients']} idle clients", _idle(figures["idle"]["rows"])]
    if "lines" in figures:
        cells = [[row["folder"], str(row["files"]), str(row["lines"])] for row in figures["lines"]]
        parts += ["### Lines", table(["folder", "files", "lines"], cells, words=1)]
    return "\n\n".join(parts) + "\n"


def _keys(keys: Figures) -> list[str]:
    rows = [
        [
            f"{row['job']} {row['keys']}",
            f"{row['tool']}" + (f", {row['concurrency']} at once" if row["concurrency"] > 1 else ""),
            str(row["calls"]),
            f"{row['seconds']:.2f}",
            f"{row['seconds_without_start']:.2f}",
            f"{row['floor_seconds']:.2f}",
            f"{row['ratio']:.2f}",
            f"{row['ratio_without_start']:.2f}",
            f"{row['cpu_seconds']:.2f}",
            f"{row['peak_mib']:.0f}",
            f"{row['others_share']:.0%}",
        ]
        for row in sorted(keys["rows"], key=_order)
    ]
    rows += [
        [f"{left['job']} {left['keys']}", left["tool"], f"not run: {left['reason']}", *[""] * 8]
        for left in keys["not_run"]
    ]
    head = ["job", "way", "calls", "seconds", "without start", "floor", "ratio", "without start"]
    head += ["CPU s", "peak MiB", "others"]
    busy = max(row["others_share"] for row in keys["rows"]) > BUSY
    return [
        "### Keys",
        table(head, rows, words=2),
        f"Start of `ansible-playbook`: {keys['start_seconds']:.2f} s." + (f" **{NOT_ALONE}**" if busy else ""),
        _verdicts(keys["goals"]),
    ]


def _verdicts(judged: list[Figures]) -> str:
    cells = [
        [goal["goal"], f"{goal['measured']:.4g}", f"{goal['at_most']:g}", "met" if goal["met"] else "**not met**"]
        for goal in judged
    ]
    return table(["goal", "measured", "at most", ""], cells, words=1)


def _order(row: Figures) -> tuple[int, int]:
    return ["create", "converge", "drift", "list"].index(row["job"]), row["keys"]


def _onboarding(onboarding: Figures) -> list[str]:
    cells = [
        [
            row["run"],
            row["way"],
            str(row["tasks"] or "–"),
            str(row["skipped"]) if row["tasks"] else "–",
            str(row["ssh"]),
            str(row["calls"]),
            f"{row['seconds']:.1f}",
            ", ".join(f"{seconds:.1f}" for seconds in row["seconds_of_runs"]),
        ]
        for row in sorted(onboarding["rows"], key=lambda row: row["run"] != "first")
    ]
    head = ["run", "way", "tasks run", "skipped", "round trips over SSH", "calls", "seconds (median)", "each"]
    starts = ", ".join(f"{seconds:.2f}" for seconds in onboarding["starts"])
    return [
        table(head, cells, words=2),
        f"Start of `ansible-playbook`, measured in turn with them: {onboarding['start_seconds']:.2f} s ({starts}).",
        _verdicts(onboarding["goals"]),
    ]


def _ways(ways: Figures) -> str:
    cells = [
        [
            str(row["clients"]),
            row["way"],
            row["run"],
            f"{row['seconds']:.0f}",
            f"{row['seconds'] / row['clients']:.1f}",
            str(row["calls"]),
            f"{row['peak_mib']:.0f}",
            f"{row['peak_mib'] / row['clients']:.0f}",
        ]
        for row in ways["rows"]
    ]
    columns = ["clients", "way", "run", "seconds", "for each client", "calls", "peak MiB", "for each client"]
    return table(columns, cells, words=3)


def _fleet(fleet: Figures) -> list[str]:
    cells = [
        [
            str(row["clients"]),
            row["forks"],
            *(str(row[name]) for name in ("tasks", "skipped", "changed", "ssh", "calls")),
            f"{row['seconds']:.1f}",
            f"{row['seconds'] / row['clients']:.2f}",
            ", ".join(f"{seconds:.1f}" for seconds in row["seconds_of_runs"]),
        ]
        for row in fleet["rows"]
    ]
    head = ["clients", "forks", "tasks run", "skipped", "changed", "round trips over SSH", "calls"]
    head += ["seconds (median)", "for each client", "each run"]
    return [
        table(head, cells, words=2),
        f"Onboarded before, by one run of site.yml: {fleet['onboarded']} clients in"
        f" {fleet['onboarding_seconds']:.0f} s. A container of the stand-in has {fleet['mib_of_a_container']:.0f} MiB.",
        _verdicts(fleet["goals"]),
    ]


def _idle(rows: list[Figures]) -> str:
    cells = [
        [row["way"], f"{row['cpu_seconds']:.2f}", f"{row['seconds']:.0f}", f"{row['percent_of_a_core']:.2f}"]
        for row in rows
    ]
    return table(["health is checked", "CPU s", "in seconds", "% of a core for each client"], cells, words=1)


def table(head: list[str], rows: list[list[str]], words: int) -> str:
    """Markdown; the first columns hold words, the others numbers."""
    rule = ["---"] * words + ["--:"] * (len(head) - words)
    return "\n".join("| " + " | ".join(cells) + " |" for cells in (head, rule, *rows))
