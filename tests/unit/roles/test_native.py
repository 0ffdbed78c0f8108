# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a native instance is started with, as it is written to machines: real files, real processes."""

from __future__ import annotations

import json
import os
import pathlib
import signal
import subprocess
import sys
import time
import typing as t

import jinja2
import pytest
from ansible.plugins.filter.core import FilterModule as AnsibleFilters
from ansible_collections.mai.clients.plugins.module_utils import _envfile
from ansible_collections.mai.clients.plugins.module_utils._instance import folder, native, system
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256

from tests.unit.envfile.test_envfile import HOSTILE
from tests.unit.repository.tasks import ROOT

TEMPLATES = ROOT / "roles" / "instance" / "templates"
TELL = "import json, os; print(json.dumps(dict(os.environ)), flush=True)"


def rendered(name: str, directory: str, command: str, user: str | None = None, **variables: t.Any) -> str:
    environment = jinja2.Environment(trim_blocks=True, undefined=jinja2.StrictUndefined)
    environment.filters.update(AnsibleFilters().filters())
    plan = {"service": "mai-companyabc", "env_files": ["secrets.env", "settings.env"], "digest": "0123", "user": user}
    return environment.from_string((TEMPLATES / name).read_text(encoding="utf-8")).render(
        inventory_hostname="company-abc",
        mai_plan={"instance": {**plan, "command": sha256(command)}},
        mai_deployment_dir=directory,
        mai_start_command=command,
        **{"mai_memory_limit": None, "mai_cpu_limit": None, **variables},
    )


@pytest.fixture
def written(tmp_path: pathlib.Path) -> t.Callable[[str], pathlib.Path]:
    """written(command) → the client's directory with what it is started with."""
    directory = tmp_path / "client's $dir %x"
    directory.mkdir()
    (directory / "settings.env").write_text("")
    (directory / "secrets.env").write_text('WEBUI_SECRET_KEY="5ec2e7"\n')

    def written(command: str) -> pathlib.Path:
        start = directory / "start-mai-instance.sh"
        start.write_text(rendered("start-mai-instance.sh.j2", str(directory), command), encoding="utf-8")
        start.chmod(0o700)
        return directory

    return written


@pytest.fixture
def kept(written) -> t.Iterator[t.Callable[[str], pathlib.Path]]:
    """kept(command) → the directory of an instance that is kept running."""
    running: list[subprocess.Popen[bytes]] = []

    def kept(command: str) -> pathlib.Path:
        directory = written(command)
        with (directory / "instance.log").open("ab") as log:
            running.append(
                subprocess.Popen(
                    ["./start-mai-instance.sh", "--keep"], cwd=directory, stdout=log, stderr=log, start_new_session=True
                )
            )
        (directory / "instance.pid").write_text(f"{running[0].pid}\n")
        return directory

    yield kept
    for process in running:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def wait_for(what: t.Callable[[], t.Any]) -> t.Any:
    deadline = time.monotonic() + 20
    while not (found := what()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def main_pid(directory: pathlib.Path) -> int | None:
    """Of the instance, once it is one."""
    found = (native.process(str(directory)) or {}).get("main_pid")
    return found if found and system.process_environment(found).get("MAI_CONFIGURATION") == "0123" else None


def python(program: str) -> str:
    return f"'{sys.executable}' -c '{program}'"


def test_every_value_arrives_and_nothing_of_whoever_starts_it(written):
    directory = written(python(TELL))
    values = {f"VALUE_{number}": value for number, value in enumerate(HOSTILE)}
    assert len(values) >= 26
    (directory / "settings.env").write_text(_envfile.dump(values), encoding="utf-8")
    run = subprocess.run(
        [directory / "start-mai-instance.sh"],
        check=True,
        capture_output=True,
        env={**os.environ, "SUDO_USER": "somebody", "OPENROUTER_PROVISIONING_KEY": "sk-or-v1-hidden"},
    )
    told = json.loads(run.stdout)
    assert {name: value for name, value in told.items() if name.startswith("VALUE_")} == values
    assert told["MAI_CONFIGURATION"] == "0123" and told["WEBUI_SECRET_KEY"] == "5ec2e7"
    assert not [name for name in told if name.startswith(("SUDO_", "OPENROUTER_", "ANSIBLE_", "SSH_"))]


def test_a_command_with_quotes_is_what_it_is(written):
    directory = written("printf '%s|' \"a 'b' $HOME_OF\" 'c \"d\" $x' PYTHON \\\"")
    run = subprocess.run([directory / "start-mai-instance.sh"], check=True, capture_output=True, text=True)
    assert run.stdout == 'a \'b\' |c "d" $x|PYTHON|"|'
    assert folder.start_command(str(directory)) == sha256("printf '%s|' \"a 'b' $HOME_OF\" 'c \"d\" $x' PYTHON \\\"")


def test_what_ends_is_started_again_and_counted(kept):
    directory = kept(python('import time; print("once more", flush=True); time.sleep(0.1); raise SystemExit(3)'))
    wait_for(lambda: (native.process(str(directory)) or {}).get("restarts", 0) >= 2)
    assert (directory / "instance.log").read_text().count("once more") >= 2
    assert "It ended, and is started again in 1 s." in (directory / "instance.log").read_text()


def test_what_ends_well_stays_ended(kept):
    directory = kept(python('print("that was all", flush=True)'))
    wait_for(lambda: "that was all" in (directory / "instance.log").read_text())
    wait_for(lambda: not native.process(str(directory))["running"])


def test_what_is_killed_comes_back_and_what_is_asked_to_stop_stops(kept):
    directory = kept(python("import time; time.sleep(600)"))
    first = wait_for(lambda: main_pid(directory))
    os.kill(first, signal.SIGKILL)
    wait_for(lambda: native.process(str(directory))["main_pid"] != first)
    second = wait_for(lambda: main_pid(directory))
    assert native.process(str(directory))["restarts"] == 1
    keeper = native.process(str(directory))["pid"]
    os.kill(keeper, signal.SIGTERM)
    wait_for(lambda: not system.is_running(keeper) and not system.is_running(second))


def test_without_its_keeper_it_does_not_go_on(kept):
    directory = kept(python("import time; time.sleep(600)"))
    main = wait_for(lambda: main_pid(directory))
    os.kill(native.process(str(directory))["pid"], signal.SIGKILL)
    wait_for(lambda: not system.is_running(main))


def test_its_log_is_bounded(kept):
    directory = kept(python('import time\nwhile True: print("x" * 99999, flush=True); time.sleep(0.01)'))
    wait_for((directory / "instance.log.1").exists)
    wait_for(lambda: (directory / "instance.log").stat().st_size > 0)
    assert (directory / "instance.log").stat().st_size < 4 * 1024 * 1024
    assert (directory / "instance.log.1").stat().st_mode & 0o777 == 0o600


def test_the_unit_reads_what_its_user_cannot():
    unit = rendered("mai.service.j2", "/srv/a %b", "x", user="mai-companyabc", mai_memory_limit="512m")
    assert folder.labelled_client(unit) == "company-abc"
    lines = unit.splitlines()
    assert "User=mai-companyabc" in lines and "ProtectSystem=strict" in lines and "MemoryMax=512M" in lines
    assert [line for line in lines if line.startswith("EnvironmentFile")] == [
        "EnvironmentFile=/srv/a %%b/secrets.env",
        "EnvironmentFile=/srv/a %%b/settings.env",
    ]
    assert 'ReadWritePaths="/srv/a %%b/data"' in lines


def test_a_unit_of_root_is_left_its_rights():
    unit = rendered("mai.service.j2", "/srv/a", "x")
    assert "User=" not in unit and "CapabilityBoundingSet" not in unit and "NoNewPrivileges=true" in unit
