# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What clients cost while nobody uses them: the CPU time of a machine with ten of them, its engine's work included.

It is counted by the kernel for everything in the machine's control group, so what else runs beside it does not count.
"""

from __future__ import annotations

import json
import pathlib
import time
import typing as t

import yaml

from tests.bench import onboarding
from tests.e2e.fleet import Fleet
from tests.hosts.host import Host

CLIENTS = 10
# Twice the collection's own interval: it is measured with two checks of each client.
SECONDS = 120
# What starting costs is over by then.
SETTLED = 15

Check = t.Dict[str, t.Any]

SCRIPT = "import sys, urllib.request as u; u.urlopen(sys.argv[1], timeout=4)"
PYTHON = {"test": ["CMD", "python3", "-c", SCRIPT, "http://127.0.0.1:8080/health"], "interval": "5s"}
# How health is checked: from what the collection writes to what is measured.
WAYS: dict[str, t.Callable[[Check], Check]] = {
    "no check": lambda _ours: {"disable": True},
    "a Python every 5 s": lambda ours: {
        **{name: value for name, value in ours.items() if name != "start_interval"},
        **PYTHON,
    },
    "as the collection does": lambda ours: ours,
}


def measure(folder: pathlib.Path, tell: t.Callable[[str], None]) -> dict[str, t.Any]:
    slugs = [f"idle-{number}" for number in range(1, CLIENTS + 1)]
    rows: list[dict[str, t.Any]] = []
    with onboarding.farm(folder, latency_ms=0) as (host, fleet):
        for port, slug in enumerate(slugs, 8101):
            fleet.put(slug, host, mai_client_name=slug, mai_port=port, mai_admin_email=f"admin@{slug}.example")
        fleet.run(",".join(slugs))
        recipes = {slug: yaml.safe_load(fleet.file(slug, "compose.yml")) for slug in slugs}
        for way, check in WAYS.items():
            for slug, recipe in recipes.items():
                [service] = recipe["services"].values()
                _start(fleet, slug, {**service, "healthcheck": check(service["healthcheck"])})
            for slug in slugs:
                _wait(fleet, slug, "" if way == "no check" else "healthy")
            time.sleep(SETTLED)
            began, used = time.monotonic(), _cpu_seconds(host)
            time.sleep(SECONDS)
            used, seconds = _cpu_seconds(host) - used, time.monotonic() - began
            percent = 100 * used / seconds / CLIENTS
            rows.append({"way": way, "cpu_seconds": used, "seconds": seconds, "percent_of_a_core": percent})
            tell(f"{CLIENTS} idle clients, {way}: {percent:.2f} % of a core each")
    return {"clients": CLIENTS, "rows": rows}


def _start(fleet: Fleet, slug: str, service: dict[str, t.Any]) -> None:
    """The client's own container, checked in another way. JSON is YAML."""
    recipe = {"name": f"client-{slug}", "services": {fleet.service(slug): service}}
    command = ("docker", "compose", "--project-directory", fleet.directory(slug), "--file", "-", "up", "--detach")
    fleet.host(slug).exec(*command, data=json.dumps(recipe))


def _wait(fleet: Fleet, slug: str, health: str) -> None:
    look = "docker inspect --format '{{.State.Running}} {{with .State.Health}}{{.Status}}{{end}}' "
    deadline = time.monotonic() + 60
    while (seen := fleet.sh(slug, look + fleet.service(slug)).strip()) != f"true {health}".strip():
        if time.monotonic() > deadline:
            raise AssertionError(f"{slug} is {seen!r}.")
        time.sleep(1)


def _cpu_seconds(host: Host) -> float:
    """Of everything that ever ran on that machine: control groups of version 1, or of version 2."""
    first = host.exec("cat", "/sys/fs/cgroup/cpuacct/cpuacct.usage", check=False)
    if first.returncode == 0:
        return int(first.stdout) / 1e9
    lines = host.exec("cat", "/sys/fs/cgroup/cpu.stat").stdout.splitlines()
    return int(dict(line.split() for line in lines)["usage_usec"]) / 1e6
