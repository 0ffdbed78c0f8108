# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret is anywhere but where it belongs: everything that can show or keep one is switched on, then searched.

Secrets are the provisioning key, the clients' keys, passwords of administrators (given and generated) and
WEBUI_SECRET_KEY. `docker inspect` shows an instance's environment to root on its machine, who holds it anyway.
"""

from __future__ import annotations

import base64
import contextlib
import os
import pathlib
import threading
import time
import typing as t

import pytest

from tests.e2e.fleet import Fleet
from tests.hosts.host import Host
from tests.hosts.project import Result
from tests.kit.canaries import READABLE, forms
from tests.openrouter_simulator import Simulator

GIVEN = 'given-Pass\'word "with" $igns & ümlaut 7f3a'
ALL = "leak-given,leak-generated"
LOUD = {"ANSIBLE_DEBUG": "1", "ANSIBLE_KEEP_REMOTE_FILES": "1"}
JSON = {"ANSIBLE_STDOUT_CALLBACK": "ansible.posix.json"}
# What a module's file on the target carries: its arguments, and a ZIP archive in base64.
LEFT_OVER = """
import base64, io, pathlib, re, sys, zipfile

def tell(content):
    sys.stdout.buffer.write(content.decode("utf-8", "replace").encode())

for folder in sys.argv[1:]:
    for path in pathlib.Path(folder).rglob("*"):
        if not path.is_file():
            continue
        content = path.read_bytes()
        tell(b"\\n== " + bytes(path) + b"\\n" + content)
        for packed in re.findall(rb"[A-Za-z0-9+/\\n]{2000,}={0,2}", content):
            try:
                archive = zipfile.ZipFile(io.BytesIO(base64.b64decode(packed)))
            except Exception:
                continue
            for name in archive.namelist():
                if not name.endswith(".py") or "ansible_collections" not in name:
                    tell(archive.read(name))
"""


class Watch:
    """The command lines of all processes, the hosts' too: they are containers of this machine."""

    def __enter__(self) -> Watch:
        self.lines: set[str] = set()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look)
        self._thread.start()
        return self

    def __exit__(self, *_exception: object) -> None:
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        first_seen: dict[str, float] = {}
        while not self._ended.is_set():
            now = time.monotonic()
            first_seen = {pid: first_seen.get(pid, now) for pid in os.listdir("/proc") if pid.isdigit()}
            # Young ones may still become another program; the others are known.
            for pid in [pid for pid, since in first_seen.items() if now - since < 1]:
                with contextlib.suppress(OSError):  # it has ended
                    self.lines.add(pathlib.Path("/proc", pid, "cmdline").read_bytes().decode(errors="replace"))
            time.sleep(0.02)


class Story:
    """All that the runs printed and left, by what it is."""

    def __init__(self, fleet: Fleet, logs: pathlib.Path) -> None:
        self.fleet = fleet
        self.secrets: dict[str, str] = {}
        self.texts: dict[str, str] = {}
        self._logs = logs
        self.learn()

    def learn(self) -> None:
        """The secrets of this moment join those of before."""
        self.secrets.setdefault(self.fleet.openrouter.provisioning_key, "provisioning key")
        self.secrets.setdefault(GIVEN, "given password")
        for slug in ALL.split(","):
            for secret in self.fleet.secrets(slug):
                self.secrets.setdefault(secret, f"a secret of {slug}")

    def run(self, name: str, *arguments: str, check: bool = True, **environment: str) -> Result:
        log = self._logs / f"{name}.log"
        with Watch() as watch:
            result = self.fleet.run(ALL, *arguments, check=check, ANSIBLE_LOG_PATH=str(log), **environment)
        self.texts[f"{name}: stdout"] = result.stdout
        self.texts[f"{name}: stderr"] = result.stderr
        self.texts[f"{name}: log"] = log.read_text() if log.exists() else ""
        self.texts[f"{name}: command lines"] = "\n".join(watch.lines)
        self.learn()
        return result

    def found(self, text: str) -> set[str]:
        return {what for secret, what in self.secrets.items() for form in forms(secret) if form in text}


@pytest.fixture(scope="module")
def story(
    new_fleet: t.Callable[..., Fleet],
    simulator: Simulator,
    ready_hosts: tuple[Host, Host],
    tmp_path_factory: pytest.TempPathFactory,
) -> t.Iterator[Story]:
    control, host = simulator.control, ready_hosts[0]
    # The provisioning key by the inventory: a variable, which every template and every check of a role could show.
    fleet = new_fleet(mai_health_timeout=5, openrouter_provisioning_key=simulator.provisioning_key)
    fleet.put("leak-given", host, mai_admin_email="boss@example.com", mai_admin_password=GIVEN)
    fleet.put("leak-generated", host, mai_admin_email="boss@example.com")
    host.exec("touch", "/run/before-the-leak-test")

    story = Story(fleet, tmp_path_factory.mktemp("logs"))
    story.run("check", "-vvvv", "--check", "--diff")
    story.run("first", "-vvvv", "--diff", **LOUD)
    # Keys are deleted at OpenRouter, so that new ones take their place everywhere; one request fails with an answer
    # that repeats everything, the others' instances do not come up.
    for slug in ALL.split(","):
        fleet.openrouter.delete_key(fleet.only_key(slug)["hash"])
    leaky = '{"error": {"code": 400, "message": "{authorization} {response}"}}'
    control.fault(kind="status", status=400, method="POST", when="after", name="client-leak-given", body=leaky)
    fleet.change("leak-generated", mai_extra_env={"STANDIN_FAIL": "start"})
    failed = story.run("failing", "-vvvv", "--diff", "-e", "replace_lost_key=true", check=False, **LOUD, **JSON)
    assert failed.rc == 2
    fleet.change("leak-generated", mai_extra_env={})
    story.run("again", "-vvvv", "--diff", "-e", "replace_lost_key=true", **JSON)
    story.run("converged", "-vvvv", "--check", "--diff", **JSON)
    yield story
    host.exec("sh", "-c", "rm -rf /home/ops/.ansible /root/.ansible")


def test_the_test_knows_its_secrets_and_would_find_them(story: Story) -> None:
    # Provisioning key, two secret keys, two passwords, and of each client the first key and the one in its place.
    assert len(story.secrets) >= 1 + 2 + 2 + 4
    for secret in story.secrets:
        assert story.found(f"… {secret} …") and story.found(base64.b64encode(b"ab" + secret.encode()).decode())
    assert all(len(text) > 1000 for name, text in story.texts.items() if name.endswith(("stdout", "command lines")))
    assert any("ansible-playbook" in text for name, text in story.texts.items() if name.endswith("command lines"))
    assert any("mai: " in text for name, text in story.texts.items() if name.endswith("command lines"))


@pytest.mark.parametrize("run", ["check", "first", "failing", "again", "converged"])
@pytest.mark.parametrize("what", ["stdout", "stderr", "log", "command lines"])
def test_no_secret_is_in(story: Story, run: str, what: str) -> None:
    text = story.texts[f"{run}: {what}"]
    found = {what: form for secret, what in story.secrets.items() for form in forms(secret) if form in text}
    # What stands before a secret tells where it comes from; the secret itself is not shown.
    assert [(what, text[max(0, text.index(form) - 200) : text.index(form)]) for what, form in found.items()] == []


def test_no_secret_is_in_a_file_that_others_on_the_host_can_read(story: Story) -> None:
    host = story.fleet.host("leak-given")
    script = READABLE.replace("MARK", "/run/before-the-leak-test")
    host.exec("sh", "-c", "umask 022; cat > /var/tmp/planted", data=story.fleet.openrouter.provisioning_key)
    assert story.found(host.exec("sh", "-c", script).stdout) == {"provisioning key"}
    host.exec("rm", "/var/tmp/planted")
    assert story.found(host.exec("sh", "-c", script).stdout) == set()


def test_no_secret_is_in_what_ansible_left_on_the_host(story: Story) -> None:
    host = story.fleet.host("leak-given")
    text = host.exec("python3", "-c", LEFT_OVER, "/home/ops/.ansible", "/root/.ansible", "/tmp", "/var/tmp").stdout
    assert "AnsiballZ_instance_info" in text, "nothing was left, so nothing was searched"
    assert story.found(text) == set()


def test_no_secret_is_in_what_ansible_left_on_the_controller(story: Story) -> None:
    paths = [path for path in story.fleet.project.ansible_home.rglob("*") if path.is_file()]
    paths += (story.fleet.project.path / "handovers").glob("leak-*.md")
    assert len(paths) >= 2
    for path in paths:
        assert story.found(path.read_text(errors="replace")) == set(), path


def test_what_holds_secrets_is_for_root_only(story: Story) -> None:
    for slug in ALL.split(","):
        directory = story.fleet.directory(slug)
        assert story.fleet.sh(slug, f"stat -c %a:%U {directory}") == "700:root\n"
        modes = story.fleet.sh(slug, f"stat -c %a:%U {directory}/*.env {directory}/.previous/*.env").split()
        assert set(modes) == {"600:root"} and len(modes) >= 4
        assert ".admin_password" not in story.fleet.sh(slug, f"ls -A {directory}")
