# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The farm itself: what every other end-to-end test takes for granted."""

from __future__ import annotations

import http.server
import pathlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.hosts import images
from tests.hosts.engine import Engine
from tests.hosts.host import Host
from tests.hosts.project import Project, Result, Run


@pytest.fixture
def web_server(engine: Engine) -> Iterator[str]:
    """An HTTP server on this machine, at the address by which hosts reach it."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"seen from a container on a host")

        def log_message(self, *_arguments: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer((engine.address(), 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://{engine.address()}:{server.server_port}/"
    server.shutdown()
    thread.join()
    server.server_close()


def ssh(host: Host, *command: str, user: str = "ops") -> subprocess.CompletedProcess[str]:
    command_line = host.ssh_command(*command, user=user)
    return subprocess.run(command_line, capture_output=True, text=True, timeout=30, check=False)


def test_people_log_in_and_become_root(hosts: tuple[Host, Host]) -> None:
    for host in hosts:
        assert ssh(host, "id -un; sudo -n id -un; hostname").stdout.split() == ["ops", "root", host.name]
        assert ssh(host, "id", "-un", user="root").stdout.strip() == "root"


def test_a_host_with_another_key_is_refused(hosts: tuple[Host, Host], tmp_path: pathlib.Path) -> None:
    own, other = hosts
    known = tmp_path / "known_hosts"
    key = other.exec("cat", "/etc/ssh/ssh_host_ed25519_key.pub").stdout
    known.write_text(f"{own.address()} {key}")
    assert own.exec("cat", "/etc/ssh/ssh_host_ed25519_key.pub").stdout != key
    command = own.ssh_command("true")
    asked = [f"UserKnownHostsFile={known}" if "UserKnownHostsFile" in part else part for part in command]
    refused = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)
    assert refused.returncode == 255
    assert "HOST IDENTIFICATION HAS CHANGED" in refused.stderr
    known.write_text("")
    unknown = subprocess.run(asked, capture_output=True, text=True, timeout=30, check=False)
    assert unknown.returncode == 255
    assert "Host key verification failed" in unknown.stderr


def test_hosts_are_different_machines(hosts: tuple[Host, Host]) -> None:
    assert len({ssh(host, "cat /etc/machine-id").stdout for host in hosts}) == 2


def test_a_container_on_a_host_reaches_this_machine(
    engine: Engine, hosts: tuple[Host, Host], web_server: str, tmp_path: pathlib.Path
) -> None:
    # The image of the bare hosts is at hand, has Python, and its command is free to choose.
    image, archive = "mai-test-host-bare:trixie", tmp_path / "image.tar"
    images.ensure(image, engine)
    engine.docker("save", "--output", str(archive), image)
    host = hosts[0]
    host.load_image(archive)
    read = f"import urllib.request; print(urllib.request.urlopen({web_server!r}, timeout=10).read().decode())"
    inside = ssh(host, f'sudo docker run --rm --memory 64m {image} python3 -c "{read}"')
    assert inside.stdout.strip() == "seen from a container on a host", inside.stderr
    assert ssh(host, "sudo docker compose version --short").stdout.startswith("2.")


def test_a_bare_host_has_no_docker_but_can_install_it(bare_host: Host) -> None:
    assert ssh(bare_host, "command -v docker; command -v curl").stdout == ""
    assert ssh(bare_host, "python3 -c 'import apt'").returncode != 0
    assert ssh(bare_host, "sudo apt-get update -qq").returncode == 0
    assert "docker.io" in ssh(bare_host, "apt-cache policy docker.io docker-compose").stdout


def test_a_playbook_of_a_bare_clone_runs_over_ssh(
    hosts: tuple[Host, Host],
    project: Project,
    inventory: Callable[..., pathlib.Path],
    run_playbook: Callable[..., Result],
    tmp_path: pathlib.Path,
) -> None:
    playbook = tmp_path / "look.yml"
    playbook.write_text(
        "- {hosts: mai_clients, gather_facts: false, become: true, tasks: ["
        "{name: Who and where, ansible.builtin.command: id -un, register: who},"
        "{name: Tell, ansible.builtin.debug: {msg: '{{ inventory_hostname }} {{ who.stdout }} {{ mai_client_name }}'}}"
        "]}"
    )
    first, second = hosts
    folder = inventory({"alpha": (first, {"mai_client_name": "O'Brien $HOME"}), "beta": (second, {})})
    result = run_playbook(project, str(playbook), inventory=folder, check=True)
    assert result.stats["alpha"]["ok"] == result.stats["beta"]["ok"] == 2
    assert result.total("changed") == 2
    assert result.total("failed") == result.total("unreachable") == 0
    assert "alpha root O'Brien $HOME" in result.said


def test_a_playbook_can_be_killed_on_its_way(
    hosts: tuple[Host, Host],
    project: Project,
    inventory: Callable[..., pathlib.Path],
    start_playbook: Callable[..., Run],
    tmp_path: pathlib.Path,
) -> None:
    playbook = tmp_path / "wait.yml"
    playbook.write_text(
        "- {hosts: mai_clients, gather_facts: false, tasks: ["
        "{name: First, ansible.builtin.command: 'touch /tmp/reached'},"
        "{name: Second, ansible.builtin.command: 'sleep 300'}"
        "]}"
    )
    run = start_playbook(project, str(playbook), inventory=inventory({"gamma": (hosts[1], {})}))
    deadline = time.monotonic() + 60
    while hosts[1].exec("pgrep", "-x", "sleep", check=False).returncode and time.monotonic() < deadline:
        time.sleep(0.2)
    run.signal(signal.SIGKILL)
    result = run.wait(10)
    assert result.rc == -signal.SIGKILL
    assert "changed: [gamma]" in result.said
    assert result.stats == {}
    assert hosts[1].exec("test", "-e", "/tmp/reached", check=False).returncode == 0
