# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Native instances on a machine without Docker: one kept running by systemd, one as a plain process."""

from __future__ import annotations

import io
import json
import re
import shlex
import tarfile
import time
from collections.abc import Callable

import pytest
import yaml

from tests.e2e.fleet import Fleet
from tests.hosts.host import Host
from tests.hosts.paths import REPOSITORY
from tests.hosts.project import Result
from tests.kit.figures import NATIVE
from tests.unit.envfile.test_envfile import HOSTILE

SLUG, PROCESS = "native-one", "native-two"
BOTH = (SLUG, PROCESS)
UNIT = "mai-nativeone.service"
USERS = {SLUG: "mai-nativeone", PROCESS: "mai-nativetwo"}
PACKAGES = "python3-starlette python3-uvicorn python3-httpx python3-jwt python3-bcrypt python3-websockets"
# YAML takes this sign for the end of a line, with the blanks around it
VALUES = {f"HOSTILE_{number}": value.replace(" \u2028 ", "\u2028") for number, value in enumerate(HOSTILE)}
# Quotes, blanks and a dollar sign: it is a shell's line
COMMAND = "env \"QUOTED=a 'b' c\" 'DOLLAR=$HOME \"x\"' python3 /opt/mai_standin"
RELEASE = COMMAND.replace("env ", "env RELEASE=2 ", 1)
# Asked of a machine, they say whether an instance's user reads what is not its own
SECRETS = ("settings.env", "api_key.env", "secrets.env", "admin.env", "HANDOVER.md", ".mai-clients", "instance.log")


def install_standin(host: Host) -> None:
    host.exec("sh", "-c", "apt-get update -qq")
    host.exec("sh", "-c", f"DEBIAN_FRONTEND=noninteractive apt-get install -qqy --no-install-recommends {PACKAGES}")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w") as tar:
        for path in sorted((REPOSITORY / "tests" / "mai_standin").glob("*.py")):
            tar.add(path, f"mai_standin/{path.name}")
    host.exec("tar", "-C", "/opt", "-xf", "-", data=archive.getvalue())


@pytest.fixture(scope="module")
def fleet(boot: Callable[..., Host], new_fleet: Callable[..., Fleet]) -> Fleet:
    """Two clients, onboarded as root's, as earlier versions made them."""
    host = boot("mai-test-host-bare:trixie")
    install_standin(host)
    fleet = new_fleet(mai_deployment="native", mai_monthly_limit=40)
    for slug in BOTH:
        fleet.put(
            slug,
            host,
            mai_client_name=f"Client {slug}",
            mai_admin_email="admin@native.example",
            mai_start_command=COMMAND,
            mai_extra_env=VALUES,
            mai_native_user="root",
        )
    fleet.change(SLUG, mai_memory_limit="512m")
    fleet.change(PROCESS, mai_native_service="process")
    record("onboard_client", "all", fleet.run("all"))
    return fleet


def unit(fleet: Fleet, name: str) -> str:
    return fleet.host(SLUG).exec("systemctl", "show", UNIT, f"--property={name}", "--value").stdout.strip()


def pid(fleet: Fleet, slug: str) -> str:
    """Of the instance itself."""
    if slug == SLUG:
        return unit(fleet, "MainPID")
    keeper = fleet.file(slug, "instance.pid").strip()
    return fleet.sh(slug, f"cat /proc/{keeper}/task/{keeper}/children").strip()


def environment(fleet: Fleet, slug: str) -> dict[str, str]:
    entries = fleet.host(slug).exec("cat", f"/proc/{pid(fleet, slug)}/environ").stdout.split("\0")
    return dict(entry.split("=", 1) for entry in entries if entry)


def status(fleet: Fleet, slug: str, name: str) -> list[str]:
    lines = fleet.host(slug).exec("cat", f"/proc/{pid(fleet, slug)}/status").stdout.splitlines()
    return next(line.split()[1:] for line in lines if line.startswith(f"{name}:"))


def pids(fleet: Fleet) -> dict[str, str]:
    return {slug: pid(fleet, slug) for slug in BOTH}


def play(fleet: Fleet, name: str, *arguments: str, client: str = "all", check: bool = True) -> Result:
    result = fleet.run(client, *arguments, playbook=f"playbooks/{name}.yml", check=check)
    if check and "--check" not in arguments:
        record(name, client, result)
    return result


def record(name: str, client: str, result: Result) -> None:
    kept = "systemd, and without it" if client == "all" else "without systemd" if client == PROCESS else "systemd"
    NATIVE.add(f"{name}, {kept}", "stand-in", f"{result.seconds:.1f}")


def test_systemd_keeps_it_running_after_a_reboot(fleet: Fleet) -> None:
    assert unit(fleet, "ActiveState") == "active"
    assert unit(fleet, "UnitFileState") == "enabled"
    assert unit(fleet, "MemoryMax") == str(512 * 1024**2)


def test_what_ran_as_root_becomes_its_own_users_with_one_restart(fleet: Fleet) -> None:
    before = pids(fleet)
    fleet.change(SLUG, mai_memory_limit="600m")
    for slug in BOTH:
        assert status(fleet, slug, "Uid")[0] == "0"
        fleet.sh(
            slug, f"cd {fleet.directory(slug)}/data && mkdir -p up && echo kept > up/file && ln -s /etc/shadow up/link"
        )
        fleet.change(slug, mai_native_user="")
    fleet.run("all")
    after = pids(fleet)
    for slug, user in USERS.items():
        number = fleet.sh(slug, f"id -u {user}").strip()
        assert after[slug] != before[slug] and status(fleet, slug, "Uid") == [number] * 4
        assert fleet.sh(slug, f"find {fleet.directory(slug)}/data ! -user {user}") == ""
        assert fleet.sh(slug, "stat -c %U /etc/shadow") == "root\n"
        assert fleet.sh(slug, f"stat -c '%a %U %G' {fleet.directory(slug)}") == f"710 root {user}\n"
        assert fleet.organization(slug)["name"] == f"Client {slug}"
    assert unit(fleet, "MemoryMax") == str(600 * 1024**2)
    again = fleet.run("all")
    assert (again.total("changed"), fleet.writes, pids(fleet)) == (0, [], after)


@pytest.mark.parametrize("slug", BOTH)
def test_its_environment_is_what_the_inventory_says_and_nothing_of_whoever_started_it(fleet: Fleet, slug: str) -> None:
    variables = environment(fleet, slug)
    assert {name: value for name, value in variables.items() if name.startswith("HOSTILE")} == VALUES
    assert (variables["QUOTED"], variables["DOLLAR"]) == ("a 'b' c", '$HOME "x"')
    assert variables["OPENAI_API_KEY"] == variables["OPENROUTER_API_KEY"]
    assert fleet.openrouter.provisioning_key not in str(variables)
    assert not [name for name in variables if name.startswith(("SSH_", "SUDO_", "ANSIBLE_"))]


@pytest.mark.parametrize("slug", BOTH)
def test_its_user_reaches_its_data_and_nothing_else(fleet: Fleet, slug: str) -> None:
    user, own = USERS[slug], fleet.directory(slug)
    [other] = set(BOTH) - {slug}
    attempts = {
        f"echo x > {own}/data/written": True,
        f"cat {own}/data/written": True,
        f"ls {own}": False,
        f"echo x > {own}/new": False,
        **{f"cat {own}/{name}": False for name in SECRETS},
        f"cat {fleet.directory(other)}/data/webui.db": False,
        f"ls {fleet.directory(other)}": False,
    }
    tried = "; ".join(f"(runuser -u {user} -- sh -c {shlex.quote(one)}) >/dev/null 2>&1; echo $?" for one in attempts)
    codes = fleet.sh(slug, tried).split()
    assert {one: code == "0" for one, code in zip(attempts, codes, strict=True)} == attempts
    assert status(fleet, slug, "NoNewPrivs") == ["1"] and status(fleet, slug, "CapEff") == ["0" * 16]
    assert status(fleet, slug, "Groups") in ([], [fleet.sh(slug, f"id -g {user}").strip()])


def test_the_unit_is_hardened(fleet: Fleet) -> None:
    found = fleet.sh(SLUG, f"systemd-analyze security --no-pager {UNIT} | tail -1")
    exposure = float(re.search(r"(\d+\.\d+)", found)[1])
    assert exposure <= 2.5, found
    inside = f"nsenter --target {pid(fleet, SLUG)} --mount -- sh -c"
    for path in ("/etc/x", "/usr/x", "/opt/x", "/root/x", f"{fleet.directory(SLUG)}/x"):
        assert fleet.sh(SLUG, f"{inside} 'touch {path}' 2>&1 || true").strip().endswith("Read-only file system"), path


def test_whatever_ends_is_started_again(fleet: Fleet) -> None:
    before = pids(fleet)
    for slug in BOTH:
        fleet.sh(slug, f"kill -9 {before[slug]}")
    fleet.sh(SLUG, "sleep 9")
    after = pids(fleet)
    assert all(after[slug] and after[slug] != before[slug] for slug in BOTH)


def test_what_ran_before_runs_on_when_a_change_does_not_start(fleet: Fleet) -> None:
    """Whatever the other command did to the database by then."""
    spoil = "sh -c 'echo broken by design; echo garbage > \"$DATA_DIR\"/webui.db; exit 7'"
    one, other = BOTH
    fleet.change(other, mai_start_command=spoil)
    # Both at once: each waits for what does not come up. The second writes the inventory anew, which the first has read
    running = fleet.start(other)
    while "TASK [" not in running.output():
        time.sleep(0.2)
    upgraded = play(fleet, "upgrade_client", "-e", json.dumps({"new_start_command": spoil}), client=one, check=False)
    broken = running.wait()
    assert f"{one} was not upgraded." in upgraded.said and recorded(fleet, one) == COMMAND
    for slug, run in ((other, broken), (one, upgraded)):
        assert run.rc == 2 and "The previous version runs on." in run.said and "broken by design" in run.said
        assert json.dumps(COMMAND) in fleet.file(slug, "start-mai-instance.sh")
        assert fleet.organization(slug)["name"] == f"Client {slug}"
        assert status(fleet, slug, "Uid")[0] != "0"
    fleet.change(other, mai_start_command=COMMAND)


def test_upgraded_to_another_release(fleet: Fleet) -> None:
    asked = {"new_start_command": RELEASE, "continue": True}
    rehearsed = play(fleet, "upgrade_client", "--check", "-e", json.dumps(asked))
    assert rehearsed.said.count("Would re-create the instance") == 2 and recorded(fleet, SLUG) == COMMAND
    play(fleet, "upgrade_client", "-e", json.dumps(asked))
    for slug in BOTH:
        assert json.dumps(RELEASE) in fleet.file(slug, "start-mai-instance.sh") and recorded(fleet, slug) == RELEASE
        fleet.change(slug, mai_start_command=RELEASE)


def recorded(fleet: Fleet, slug: str) -> str:
    text = (fleet.folder / "host_vars" / f"{slug}.yml").read_text()
    return str(yaml.load(text, UnsafeText)["mai_start_command"])


class UnsafeText(yaml.SafeLoader):
    """Ansible's tag says that a text is no template."""


UnsafeText.add_constructor("!unsafe", lambda _loader, node: node.value)


# The integration tests run the same playbooks on plain processes


def test_its_limit_and_its_key_change(fleet: Fleet) -> None:
    before, running = fleet.key(SLUG)["hash"], pid(fleet, SLUG)
    play(fleet, "set_limit", "-e", "new_limit=70", client=SLUG)
    assert fleet.key(SLUG)["limit"] == 70 and pid(fleet, SLUG) == running
    fleet.change(SLUG, mai_monthly_limit=70)
    play(fleet, "rotate_key", client=SLUG)
    key = fleet.key(SLUG)
    assert key["hash"] != before and not key["disabled"]
    assert fleet.variables(SLUG, "api_key.env")["OPENAI_API_KEY"] == environment(fleet, SLUG)["OPENAI_API_KEY"]


def test_suspended_and_resumed(fleet: Fleet) -> None:
    running = pid(fleet, SLUG)
    play(fleet, "suspend_client", client=SLUG)
    assert fleet.key(SLUG)["disabled"]
    assert fleet.host(SLUG).exec("kill", "-0", running, check=False).returncode != 0
    assert unit(fleet, "UnitFileState") == "disabled"
    play(fleet, "resume_client", client=SLUG)
    assert not fleet.key(SLUG)["disabled"] and status(fleet, SLUG, "Uid")[0] != "0"
    assert unit(fleet, "UnitFileState") == "enabled"


def test_looked_at(fleet: Fleet) -> None:
    listed = play(fleet, "list_clients").stdout
    assert all(re.search(rf"{slug} .* up .* native ", listed) for slug in BOTH), listed
    diagnosed = play(fleet, "diagnose_client", "-e", "paid_test=true", check=False)
    # The simulator, at which mAI counts no usage; nothing else
    for slug in BOTH:
        assert re.search(rf"msg: '{slug}: address of OpenRouter(, usage today)?'", diagnosed.said), diagnosed.output
    record("diagnose_client", "all", diagnosed)


def test_restored_where_systemd_keeps_it(fleet: Fleet) -> None:
    fleet.change(SLUG, mai_backup_repository="/srv/backup/native", mai_backup_password="of the vault")
    fleet.sh(
        SLUG, f"mkdir -p {fleet.directory(SLUG)}/data/uploads; echo kept > {fleet.directory(SLUG)}/data/uploads/kept"
    )
    fleet.run(SLUG)
    fleet.sh(SLUG, f"cd {fleet.directory(SLUG)}/data/uploads; rm kept; touch late")
    begun = unit(fleet, "InvocationID")
    play(fleet, "restore_client", client=SLUG)
    assert fleet.sh(SLUG, f"ls {fleet.directory(SLUG)}/data/uploads") == "kept\n"
    assert fleet.sh(SLUG, f"find {fleet.directory(SLUG)}/data ! -user {USERS[SLUG]}") == ""
    assert unit(fleet, "ActiveState") == "active" and unit(fleet, "UnitFileState") == "enabled"
    assert unit(fleet, "InvocationID") != begun
    assert fleet.run("all").total("changed") == 0


@pytest.mark.parametrize("slug", BOTH)
def test_off_boarded(fleet: Fleet, slug: str) -> None:
    running, host = pid(fleet, slug), fleet.host(slug)
    confirmed = ("-e", f"confirm={slug}")
    play(fleet, "offboard_client", *confirmed, client=slug)
    assert host.exec("kill", "-0", running, check=False).returncode != 0
    assert unit(fleet, "LoadState") == "not-found"
    assert fleet.control.keys_named(f"client-{slug}") == []
    assert host.exec("test", "-e", fleet.directory(slug), check=False).returncode == 1
    assert host.exec("id", USERS[slug], check=False).returncode == 1
    assert "webui-final.db" in fleet.sh(slug, f"ls /opt/mai/deployments/archive/client-{slug}-*")
