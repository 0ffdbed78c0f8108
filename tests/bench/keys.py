# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Keys: created, looked at again, put right where one in a hundred differs, listed; in each way that there is."""

from __future__ import annotations

import contextlib
import dataclasses
import itertools
import json
import pathlib
import statistics
import sys
import typing as t

from tests.bench import measure
from tests.bench.account import Account, Key, wanted_keys
from tests.bench.measure import Cost

BULK, LOOP, SDK, INFO = "openrouter_keys", "openrouter_key in a loop", "SDK in a loop", "openrouter_key_info"


@dataclasses.dataclass(frozen=True)
class Plan:
    """How many of what."""

    latency_ms: float = 50
    concurrency: int = 8
    create: tuple[int, ...] = (1, 100, 1000)
    create_in_loop: tuple[int, ...] = (1, 100)
    converge: int = 1000
    converge_in_loop: int = 1000
    drift_percent: int = 1
    listed: int = 5000
    repeats: int = 3
    why_not_in_loop: str = "each key takes listings of its own there: more than ten minutes"


QUICK = Plan(
    latency_ms=5,
    create=(1, 101),
    create_in_loop=(1,),
    converge=101,
    converge_in_loop=3,
    listed=250,
    repeats=1,
    why_not_in_loop="left out of the quick run",
)


@dataclasses.dataclass
class Row:
    """One way to do one job. Of several runs the median is told, and all their seconds."""

    tool: str
    job: str
    keys: int
    concurrency: int
    calls: int
    by_method: dict[str, int]
    floor_seconds: float
    seconds: float
    seconds_of_runs: list[float]
    seconds_without_start: float
    cpu_seconds: float
    peak_mib: float
    others_share: float

    @property
    def ratio(self) -> float:
        return self.seconds / self.floor_seconds

    @property
    def ratio_without_start(self) -> float:
        return self.seconds_without_start / self.floor_seconds


class KeyBench:
    def __init__(self, plan: Plan, folder: pathlib.Path, tell: t.Callable[[str], None]) -> None:
        self.plan = plan
        self._folder = folder
        self._tell = tell
        self._numbers = itertools.count(1)
        self.rows: list[Row] = []
        self.not_run: list[dict[str, t.Any]] = []
        self.start = self._start()

    def run(self) -> None:
        self._create()
        self._converge()
        self._list()

    # The ways

    def _bulk(self, account: Account, keys: list[Key]) -> Cost:
        variables = {"api_keys": keys, "concurrency": self.plan.concurrency}
        return measure.playbook(self._folder, "bulk.yml", variables, **account.environment)

    def _loop(self, account: Account, keys: list[Key]) -> Cost:
        return measure.playbook(self._folder, "loop.yml", {"api_keys": keys}, **account.environment)

    def _sdk(self, account: Account, keys: list[Key]) -> Cost:
        path = self._folder / "keys.json"
        path.write_text(json.dumps({"api_keys": keys}))
        script = pathlib.Path(__file__).with_name("sdk_loop.py")
        return measure.command(self._folder, sys.executable, str(script), str(path), **account.environment)

    def _info(self, account: Account, keys: list[Key]) -> Cost:
        return measure.playbook(self._folder, "list.yml", {"expected": self.plan.listed}, **account.environment)

    # The jobs

    def _start(self) -> float:
        """What ansible-playbook takes for a task that does nothing."""
        costs = [measure.playbook(self._folder, "start.yml", {}) for _run in range(self.plan.repeats)]
        return statistics.median(cost.seconds for cost in costs)

    def _create(self) -> None:
        ways = ((BULK, self._bulk, self.plan.create), (LOOP, self._loop, self.plan.create_in_loop))
        for tool, way, sizes in (*ways, (SDK, self._sdk, self.plan.create)):
            for size in self.plan.create:
                if size not in sizes:
                    self._skip(tool, "create", size)
                    continue
                keys, runs = wanted_keys(size), []
                # What takes a minute is told apart from another minute without being repeated.
                for _run in range(self.plan.repeats if tool == BULK or size == 1 else 1):
                    with self._account() as account:
                        runs.append((way(account, keys), account.calls()))
                        account.assert_holds(keys)
                self._row(tool, "create", size, runs)

    def _converge(self) -> None:
        """All ways on one account."""
        size = self.plan.converge
        keys = wanted_keys(size)
        drifted = max(size * self.plan.drift_percent // 100, 1)
        with self._account() as account:
            account.put(keys)
            for job in ("converge", "drift"):
                for tool, way, count in (
                    (BULK, self._bulk, size),
                    (LOOP, self._loop, self.plan.converge_in_loop),
                    (SDK, self._sdk, size),
                ):
                    if job == "drift" and count < size:
                        self._skip(tool, job, size)
                        continue
                    runs = []
                    for _run in range(1 if tool == LOOP else self.plan.repeats):
                        if job == "drift":
                            account.drift(drifted)
                        account.control.clear_journal()
                        runs.append((way(account, keys[:count]), account.calls()))
                        account.assert_holds(keys)
                    self._row(tool, job, count, runs)

    def _list(self) -> None:
        with self._account() as account:
            account.put(wanted_keys(self.plan.listed))
            for tool, way in ((INFO, self._info), (SDK, self._sdk)):
                runs = []
                for _run in range(self.plan.repeats):
                    account.control.clear_journal()
                    runs.append((way(account, []), account.calls()))
                self._row(tool, "list", self.plan.listed, runs)

    def _account(self) -> contextlib.AbstractContextManager[Account]:
        return Account.fresh(self._folder / f"account-{next(self._numbers)}", self.plan.latency_ms)

    def _skip(self, tool: str, job: str, keys: int) -> None:
        self.not_run.append({"tool": tool, "job": job, "keys": keys, "reason": self.plan.why_not_in_loop})

    def _row(self, tool: str, job: str, keys: int, runs: list[tuple[Cost, dict[str, int]]]) -> None:
        calls = [made for _cost, made in runs]
        if any(made != calls[0] for made in calls):
            raise AssertionError(f"{tool}, {job} {keys}: not the same calls each time: {calls}")
        concurrency = self.plan.concurrency if tool == BULK else 1
        count = sum(calls[0].values())
        seconds = statistics.median(cost.seconds for cost, _made in runs)
        row = Row(
            tool=tool,
            job=job,
            keys=keys,
            concurrency=concurrency,
            calls=count,
            by_method=calls[0],
            floor_seconds=count * self.plan.latency_ms / 1000 / concurrency,
            seconds=seconds,
            seconds_of_runs=[cost.seconds for cost, _made in runs],
            # A script of its own starts too, but that is the whole of it.
            seconds_without_start=seconds if tool == SDK else seconds - self.start,
            cpu_seconds=statistics.median(cost.cpu_seconds for cost, _made in runs),
            peak_mib=statistics.median(cost.peak_mib for cost, _made in runs),
            others_share=statistics.median(cost.others_share for cost, _made in runs),
        )
        self.rows.append(row)
        self._tell(f"{tool}: {job} {keys}: {count} calls, {seconds:.2f} s, {row.ratio:.2f} x floor")
