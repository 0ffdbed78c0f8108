# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many clients, first and converged, in three ways: one run, two slices side by side, one run for each client.

The last one is what AWX's bulk launch does; how many of them run at once is a matter of the controller's capacity.
Every way begins with clients of its own on one machine, which are removed again.
"""

from __future__ import annotations

import contextlib
import pathlib
import tempfile
import threading
import time
import typing as t

from tests.bench import many, onboarding
from tests.e2e.fleet import ONBOARDING, Fleet
from tests.hosts import project as projects
from tests.hosts.host import Host
from tests.hosts.project import Result, Run, descendants

SIZES = (1, 10, 50)
FORKS = 10  # of a run by itself, as ansible.cfg says
CAPACITY = 4
ONE, SLICES, EACH = "one run", "two slices", "one run for each client"
Batch = t.List[t.Tuple[str, ...]]


def measure(
    folder: pathlib.Path, latency_ms: float, tell: t.Callable[[str], None], sizes: t.Sequence[int] = SIZES
) -> dict[str, t.Any]:
    rows: list[dict[str, t.Any]] = []
    with onboarding.farm(folder, latency_ms) as (host, machine):
        many.give_networks(host)
        for size in sizes:
            for way in (ONE, SLICES, EACH) if size > 1 else (ONE,):
                fleet = _fleet(machine, host, folder / f"{way}-{size}", way, size)
                for state in (onboarding.FIRST, onboarding.CONVERGED):
                    rows.append(measured(fleet, way, state))
                    tell(f"{size} clients, {way}, {state}: {rows[-1]['seconds']:.0f} s, {rows[-1]['calls']} calls")
                host.exec("sh", "-c", onboarding.REMOVE)
    return {"rows": rows, "capacity": CAPACITY, "forks": FORKS}


def _fleet(machine: Fleet, host: Host, folder: pathlib.Path, way: str, size: int) -> Fleet:
    fleet = Fleet(machine.project, machine.openrouter, folder, {**onboarding.VARIABLES, "mai_monthly_limit": 50})
    word = {ONE: "run", SLICES: "slice", EACH: "each"}[way]
    for number in range(1, size + 1):
        slug = f"{word}-{size}-{number:02}"
        fleet.put(slug, host, mai_client_name=slug, mai_port=8100 + number, mai_admin_email=f"admin@{slug}.example")
    # Once: runs that are side by side would read what another one is just writing
    fleet.write_inventory()
    return fleet


def batch(way: str, slugs: list[str]) -> Batch:
    """What is started, each by its arguments."""
    if way == ONE:
        return [("-e", "client=all", "--forks", str(FORKS))]
    if way == SLICES:
        # Together no more connections to one machine than its sshd takes
        halves = (slugs[0::2], slugs[1::2])
        return [("-e", "client=all", "--limit", ",".join(half), "--forks", str(FORKS // 2)) for half in halves]
    return [("-e", f"client={slug}") for slug in slugs]


def measured(fleet: Fleet, way: str, state: str) -> dict[str, t.Any]:
    slugs = list(fleet.clients())
    fleet.control.clear_journal()
    started = time.monotonic()
    with Memory() as memory:
        results = _run(fleet, batch(way, slugs), memory)
    seconds = time.monotonic() - started
    if any(result.rc for result in results) or sum(len(result.stats) for result in results) != len(slugs):
        raise AssertionError("\n".join(result.output[-3000:] for result in results if result.rc))
    changed = sum(result.total("changed") for result in results)
    if state == onboarding.CONVERGED and changed:
        raise AssertionError(f"The second run changed something:\n{results[0].stdout}")
    figures = {"clients": len(slugs), "way": way, "run": state, "changed": changed, "seconds": seconds}
    return {**figures, "calls": len(fleet.control.journal()), "peak_mib": memory.peak_mib}


def _run(fleet: Fleet, jobs: Batch, memory: Memory) -> list[Result]:
    """All of them, so many at once; each as in a container of its own: no connection is shared or left."""
    waiting, running, results = list(jobs), [], []
    simulator = fleet.openrouter
    own = {"OPENROUTER_BASE_URL": simulator.url, "OPENROUTER_PROVISIONING_KEY": simulator.provisioning_key}
    with contextlib.ExitStack() as stack:
        while waiting or running:
            while waiting and len(running) < CAPACITY:
                sockets = stack.enter_context(tempfile.TemporaryDirectory(prefix="cp-"))
                env = {**own, "ANSIBLE_SSH_CONTROL_PATH_DIR": sockets, "ANSIBLE_SSH_ARGS": "-C -o ControlMaster=auto"}
                arguments = waiting.pop(0)
                run = projects.start_playbook(fleet.project, ONBOARDING, *arguments, inventory=fleet.folder, env=env)
                memory.watch(run)
                running.append(run)
            for run in [run for run in running if run.process.poll() is not None]:
                running.remove(run)
                results.append(run.wait())
            time.sleep(0.05)
    return results


class Memory:
    """What the controller's processes have at once, at most: pages that they share are counted once."""

    def __init__(self) -> None:
        self.peak_mib = 0.0
        self._runs: list[Run] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def watch(self, run: Run) -> None:
        self._runs.append(run)

    def _look(self) -> None:
        while not self._ended.wait(0.5):
            alive = [run.process.pid for run in list(self._runs) if run.process.poll() is None]
            pids = {pid for parent in alive for pid in (parent, *descendants(parent))}
            self.peak_mib = max(self.peak_mib, sum(map(_mib, pids)))


def _mib(pid: int) -> float:
    with contextlib.suppress(OSError):  # it has ended
        for line in pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) / 1024
    return 0.0
