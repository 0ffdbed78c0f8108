# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of 1, of 10 and of 30 clients on one machine, all as they should be: what site.yml takes to say so.

The clients are thirty containers of the stand-in (some 32 MiB each), onboarded once, by site.yml. Each size has an
inventory of its own, with so many of them: what else runs on the machine meanwhile are idle containers.
"""

from __future__ import annotations

import pathlib
import re
import statistics
import typing as t

from tests.bench import onboarding, report
from tests.e2e.fleet import Fleet
from tests.hosts.host import Host
from tests.hosts.paths import REPOSITORY

SIZES = (1, 10, 30)
SITE = "playbooks/site.yml"
OURS = "as ansible.cfg says"
# What Ansible does where nothing says otherwise, and an operator who has no ansible.cfg of ours.
FEWER = 5
UNITS = {"B": 2**-20, "KiB": 2**-10, "MiB": 1, "GiB": 2**10}


def measure(
    folder: pathlib.Path,
    latency_ms: float,
    repeats: int,
    tell: t.Callable[[str], None],
    sizes: t.Sequence[int] = SIZES,
) -> dict[str, t.Any]:
    with onboarding.farm(folder, latency_ms) as (host, machine):
        give_networks(host)
        fleets = {size: _fleet(machine, host, folder / f"of-{size}", size) for size in sizes}
        first = fleets[max(sizes)].run("all", playbook=SITE, seconds=1800)
        tell(f"{max(sizes)} clients onboarded by site.yml in {first.seconds:.0f} s, which is not measured")
        counter = onboarding.Counter(folder / "counter")
        rows = [_converged(fleet, size, counter, repeats, tell) for size, fleet in fleets.items()]
        if max(sizes) > FEWER:
            rows.append(_converged(fleets[max(sizes)], max(sizes), counter, 1, tell, forks=FEWER))
        memory = _memory(host)
    figures = {"onboarded": max(sizes), "onboarding_seconds": first.seconds, "mib_of_a_container": memory}
    return {**figures, "rows": rows, "goals": report.goals_of_fleet(rows)}


def give_networks(host: Host) -> None:
    """As on a machine where the collection installed Docker: its own ranges of addresses are enough for thirty."""
    ranges = (REPOSITORY / "roles" / "machine" / "files" / "daemon.json").read_text()
    host.exec("sh", "-c", 'mkdir -p /etc/docker && printf %s "$1" > /etc/docker/daemon.json', "-", ranges)
    host.exec("systemctl", "restart", "docker")


def _fleet(machine: Fleet, host: Host, folder: pathlib.Path, size: int) -> Fleet:
    fleet = Fleet(machine.project, machine.openrouter, folder, {**onboarding.VARIABLES, "mai_monthly_limit": 50})
    for number in range(1, size + 1):
        slug = f"fleet-{number:02}"
        fleet.put(slug, host, mai_client_name=slug, mai_port=8100 + number, mai_admin_email=f"admin@{slug}.example")
    return fleet


def _converged(
    fleet: Fleet, size: int, counter: onboarding.Counter, repeats: int, tell: t.Callable[[str], None], forks: int = 0
) -> dict[str, t.Any]:
    results, trips, calls = [], [], []
    for _repeat in range(repeats):
        onboarding.disconnect(fleet)
        counter.restart()
        arguments = ["--forks", str(forks)] if forks else []
        results.append(fleet.run("all", *arguments, playbook=SITE, seconds=1200, **counter.environment()))
        trips.append(counter.count())
        calls.append(len(fleet.control.journal()))
    if any(len(result.stats) != size or result.total("unreachable") for result in results):
        raise AssertionError(f"Not all of {size} clients were looked at:\n{results[-1].stdout[-3000:]}")
    seconds = statistics.median(result.seconds for result in results)
    tell(f"{size} clients, converged, forks {forks or OURS}: {seconds:.1f} s, {max(calls)} calls")
    return {
        "clients": size,
        "forks": str(forks) if forks else OURS,
        # The worst of the runs: a goal is not met by one of three.
        "changed": max(result.total("changed") for result in results),
        "calls": max(calls),
        "ssh": max(trips),
        "tasks": results[0].total("ok"),
        "skipped": results[0].total("skipped"),
        "seconds": seconds,
        "seconds_of_runs": [result.seconds for result in results],
    }


def _memory(host: Host) -> float:
    """Of one container, the median of them all."""
    shown = host.exec("docker", "stats", "--no-stream", "--format", "{{.MemUsage}}").stdout
    used = re.findall(r"^([\d.]+)([KMG]?i?B) /", shown, re.MULTILINE)
    return statistics.median(float(number) * UNITS[unit] for number, unit in used)
