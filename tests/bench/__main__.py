# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Measures, and writes bench.json, bench.svg and report.d/bench.md: python -m tests.bench --help"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import pathlib
import shutil
import signal
import sys
import tempfile
import time
import typing as t
from datetime import datetime, timezone

from tests.bench import keys, lines, report
from tests.hosts.paths import REPOSITORY

# The repository is a working collection without being installed, for this process too.
sys.path.insert(0, str(REPOSITORY / ".ansible" / "collections"))

FIGURES = "## Figures of one run"
PARTS = ["keys", "onboarding", "fleet", "ways", "idle"]


def main() -> int:
    options = _options()
    plan = keys.QUICK if options.quick else keys.Plan()
    if options.latency_ms is not None:
        plan = dataclasses.replace(plan, latency_ms=options.latency_ms)
    if options.concurrency is not None:
        plan = dataclasses.replace(plan, concurrency=options.concurrency)
    # Asked to end, it takes down the hosts and simulators that it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    began = time.monotonic()
    figures: dict[str, t.Any] = {
        "when": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "machine": report.machine(),
        # Somebody else's work on this machine is in every second that is measured.
        "load_before": os.getloadavg()[0],
        "latency_ms": plan.latency_ms,
        "quick": options.quick,
        "lines": lines.counted(),
    }
    parts = options.only or (["keys"] if options.quick else PARTS)
    with tempfile.TemporaryDirectory(prefix="mai-bench-") as name:
        folder = pathlib.Path(name)
        if "keys" in parts:
            bench = keys.KeyBench(plan, folder, _tell)
            bench.run()
            figures["keys"] = report.of_keys(bench)
        if "onboarding" in parts:
            from tests.bench import onboarding  # an engine and hosts: only where they are wanted

            figures["onboarding"] = onboarding.measure(folder / "onboarding", plan.latency_ms, plan.repeats, _tell)
        if "fleet" in parts:
            from tests.bench import many

            figures["fleet"] = many.measure(folder / "fleet", plan.latency_ms, plan.repeats, _tell)
        if "ways" in parts:
            from tests.bench import ways

            figures["ways"] = ways.measure(folder / "ways", plan.latency_ms, _tell, options.clients or ways.SIZES)
        if "idle" in parts:
            from tests.bench import idle

            figures["idle"] = idle.measure(folder / "idle", _tell)
    figures["seconds"] = time.monotonic() - began
    _write(figures, options.output, options.docs)
    return 0


def _update_docs(text: str, picture: pathlib.Path) -> None:
    """The figures in docs/benchmark.md are those of one run, its picture with them."""
    page = REPOSITORY / "docs" / "benchmark.md"
    shutil.copyfile(picture, page.with_suffix(".svg"))
    kept, _mark, _former = page.read_text(encoding="utf-8").partition(FIGURES)
    figures = text.partition(report.HEADING)[2].lstrip()
    about = f"Of {datetime.now(timezone.utc):%Y-%m-%d}.\n\n![Keys: seconds and memory](benchmark.svg)"
    page.write_text(f"{kept}{FIGURES}\n\n{about}\n\n{figures}", encoding="utf-8")


def _write(figures: dict[str, t.Any], output: pathlib.Path, docs: bool) -> None:
    (output / "report.d").mkdir(parents=True, exist_ok=True)
    (output / "bench.json").write_text(json.dumps(figures, indent=1) + "\n")
    text = report.markdown(figures)
    if "keys" in figures:
        from tests.bench import plot  # a large library, after everything was measured

        plot.draw(figures["keys"], output / "bench.svg")
        text += "\n![Keys: seconds and memory](bench.svg)\n"
    (output / "report.d" / "bench.md").write_text(text)
    if docs:
        _update_docs(report.markdown(figures), output / "bench.svg")
    _tell(f"\n{text}\nWritten to {output}/bench.json, bench.svg and report.d/bench.md.")


def _tell(text: str) -> None:
    print(text, flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description="Benchmark (docs/benchmark.md)")
    parser.add_argument("--quick", action="store_true", help="a check of the benchmark itself: few keys, no host")
    parser.add_argument("--only", action="append", choices=PARTS, help="one part; default: all")
    parser.add_argument("--clients", action="append", type=int, help="a size of the part ways; default: 1, 10 and 50")
    parser.add_argument("--docs", action="store_true", help="put the figures into docs/benchmark.md, too")
    parser.add_argument("--latency-ms", type=float, help="delay of each of OpenRouter's answers (default: 50)")
    parser.add_argument("--concurrency", type=int, help="concurrency of openrouter_keys (default: 8)")
    parser.add_argument("--output", type=pathlib.Path, default=REPOSITORY / "build", help="folder (default: build)")
    options = parser.parse_args()
    if options.docs and (options.quick or options.only):
        parser.error("--docs needs a whole run")
    return options


if __name__ == "__main__":
    sys.exit(main())
