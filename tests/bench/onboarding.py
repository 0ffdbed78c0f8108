# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One client over SSH, first and converged: the playbook, and the same work in one hand-written script, in turn.

In turn with them the start of Ansible, too: what a hand-written script has no part in, and every playbook pays.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import pathlib
import shutil
import statistics
import subprocess
import time
import typing as t

from tests.bench import measure as measuring
from tests.bench import report
from tests.e2e.fleet import Fleet
from tests.hosts import engine as engines
from tests.hosts.engine import Engine
from tests.hosts.host import Host
from tests.hosts.paths import REPOSITORY
from tests.hosts.project import Project
from tests.openrouter_simulator import Simulator

PLAYBOOK, BY_HAND = report.OURS, report.BY_HAND
FIRST, CONVERGED = "first", "converged"
IMAGE = "mai-standin:bench"
VARIABLES = {"mai_image": IMAGE, "mai_image_pull": "never"}
BY_HAND_SCRIPT = pathlib.Path(__file__).with_name("by_hand.sh")
# Ansible asks its ssh once, in each process, whether it knows ControlPersist: that reaches no machine.
COUNTING = """#!/bin/sh
[ "$*" = "-o ControlPersist" ] || echo {name} >> {log}
exec {program} "$@"
"""
REMOVE = """
docker ps --all --quiet --filter name=^mai- | xargs --no-run-if-empty docker rm --force --volumes
docker network prune --force
rm -rf /opt/mai/deployments/client-* /opt/mai/deployments/.locks
"""


class Counter:
    """Programs in front of ssh, sftp and scp that count how often they are called."""

    def __init__(self, folder: pathlib.Path) -> None:
        folder.mkdir()
        self._log = folder / "calls"
        self.programs: dict[str, str] = {}
        for name in ("ssh", "sftp", "scp"):
            script = folder / name
            script.write_text(COUNTING.format(name=name, log=self._log, program=shutil.which(name)))
            script.chmod(0o755)
            self.programs[name] = str(script)

    def environment(self) -> dict[str, str]:
        return {f"ANSIBLE_{name.upper()}_EXECUTABLE": path for name, path in self.programs.items()}

    def restart(self) -> None:
        self._log.write_text("")

    def count(self) -> int:
        return len(self._log.read_text().split())


class OnboardingBench:
    def __init__(self, host: Host, fleet: Fleet, folder: pathlib.Path) -> None:
        self._folder = folder
        self._host = host
        self._fleet = fleet
        self._counter = Counter(folder / "counter")
        self.runs: dict[tuple[str, str], list[dict[str, t.Any]]] = {}
        self.starts: list[float] = []

    def run(self, repeats: int) -> None:
        ports = itertools.count(8101)
        for number in range(1, repeats + 1):
            self.starts.append(measuring.playbook(self._folder, "start.yml", {}).seconds)
            for way, once in ((PLAYBOOK, self._playbook), (BY_HAND, self._by_hand)):
                slug, port = f"{'ours' if way == PLAYBOOK else 'hand'}-{number}", next(ports)
                self._fleet.put(
                    slug,
                    self._host,
                    mai_client_name=slug,
                    mai_port=port,
                    mai_monthly_limit=50,
                    mai_admin_email=f"admin@{slug}.example",
                )
                for state in (FIRST, CONVERGED):
                    disconnect(self._fleet)
                    self._counter.restart()
                    self._fleet.control.clear_journal()
                    figures = once(slug, port, state)
                    figures["ssh"] = self._counter.count()
                    figures["calls"] = len(self._fleet.control.journal())
                    self.runs.setdefault((way, state), []).append(figures)
                self._assert_works(slug)
                self._host.exec("sh", "-c", REMOVE)

    def _playbook(self, slug: str, _port: int, state: str) -> dict[str, t.Any]:
        result = self._fleet.run(slug, **self._counter.environment())
        if state == CONVERGED and result.total("changed"):
            raise AssertionError(f"The second run changed something:\n{result.stdout}")
        counted = {"tasks": "ok", "skipped": "skipped", "changed": "changed"}
        return {"seconds": result.seconds, **{name: result.total(column) for name, column in counted.items()}}

    def _by_hand(self, slug: str, port: int, state: str) -> dict[str, t.Any]:
        _ssh, *options = self._host.ssh_command()
        command = [str(BY_HAND_SCRIPT), slug, str(port), IMAGE, self._counter.programs["ssh"], *options]
        simulator = self._fleet.openrouter
        own = {"OPENROUTER_BASE_URL": simulator.url, "OPENROUTER_PROVISIONING_KEY": simulator.provisioning_key}
        started = time.monotonic()
        done = subprocess.run(
            command, env={**os.environ, **own}, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        seconds = time.monotonic() - started
        said = f"changed={'no' if state == CONVERGED else 'yes'}"
        if done.returncode or said not in done.stdout:
            raise AssertionError(
                f"by_hand.sh ended with {done.returncode}, {said} expected:\n{done.stdout}{done.stderr}"
            )
        return {"seconds": seconds, "tasks": 0, "skipped": 0, "changed": 0}

    def _assert_works(self, slug: str) -> None:
        """Whichever way it was made: the key is stored, the row is right, the instance answers."""
        secret = self._fleet.secret(slug)
        row = self._fleet.organization(slug)
        expected = (f"{slug}-001", slug, secret, 1.3, 50)
        found = tuple(row[name] for name in ("id", "name", "openrouter_api_key", "markup_rate", "monthly_limit"))
        if found != expected:
            raise AssertionError(f"The row of {slug} is not as ordered.")
        with self._fleet.api(slug) as api:
            api.get("/health").raise_for_status()

    def rows(self) -> list[dict[str, t.Any]]:
        return [
            {
                "way": way,
                "run": state,
                "tasks": runs[0]["tasks"],
                "skipped": runs[0]["skipped"],
                "changed": runs[0]["changed"],
                "ssh": statistics.median_low(run["ssh"] for run in runs),
                "calls": statistics.median_low(run["calls"] for run in runs),
                "seconds": statistics.median(run["seconds"] for run in runs),
                "seconds_of_runs": [run["seconds"] for run in runs],
            }
            for (way, state), runs in self.runs.items()
        ]


def disconnect(fleet: Fleet) -> None:
    """A run begins without a connection, as the first of a day does."""
    for control in (fleet.project.ansible_home / "cp").glob("*"):
        command = ["ssh", "-o", f"ControlPath={control}", "-O", "exit", "-"]
        subprocess.run(command, capture_output=True, check=False)


def measure(folder: pathlib.Path, latency_ms: float, repeats: int, tell: t.Callable[[str], None]) -> dict[str, t.Any]:
    with farm(folder, latency_ms) as (host, fleet):
        bench = OnboardingBench(host, fleet, folder)
        bench.run(repeats)
    for row in bench.rows():
        tell(f"{row['way']}: {row['run']}: {row['ssh']} round trips, {row['seconds']:.1f} s")
    figures = {"rows": bench.rows(), "start_seconds": statistics.median(bench.starts), "starts": bench.starts}
    return {**figures, "goals": report.goals_of_onboarding(figures)}


@contextlib.contextmanager
def farm(folder: pathlib.Path, latency_ms: float) -> t.Iterator[tuple[Host, Fleet]]:
    """A machine that has Docker and the image, and an inventory without clients yet."""
    folder.mkdir()
    with contextlib.ExitStack() as stack:
        engine = stack.enter_context(engines.session())
        host = Host.up(f"bench-{os.getpid()}", engine)
        stack.callback(host.down)
        host.load_image(_image(engine, folder))
        simulator = Simulator(host="0.0.0.0", address=engine.address(), latency=latency_ms / 1000)
        stack.enter_context(simulator)
        project = stack.enter_context(Project.clone(folder / "project"))
        yield host, Fleet(project, simulator, folder / "inventory", VARIABLES)


def _image(engine: Engine, folder: pathlib.Path) -> pathlib.Path:
    """The stand-in for mAI, as a file from `docker save`."""
    engines.install_missing(mmdebstrap="mmdebstrap")
    script = REPOSITORY / "tests" / "mai_standin" / "build_image.sh"
    subprocess.run([str(script), IMAGE], env={**os.environ, **engine.environment}, check=True)
    archive = folder / "image.tar"
    engine.docker("save", "--output", str(archive), IMAGE)
    return archive
