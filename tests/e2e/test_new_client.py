# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""new_client.yml asks the machine over SSH: that of another client, and one that the inventory does not know yet."""

from __future__ import annotations

import pathlib
import re
from collections.abc import Callable

import yaml

from tests.hosts.host import Host
from tests.hosts.project import Project, run_playbook

FILE = re.compile(r"UserKnownHostsFile=(\S+)")
LISTEN = """
import os, socket, time
with socket.create_server(("0.0.0.0", {port})):
    if os.fork():
        os._exit(0)
    os.setsid()
    os.dup2(os.open("/dev/null", os.O_RDWR), 1)
    os.dup2(1, 2)
    time.sleep({seconds})
"""


def test_the_next_port_is_free_there(
    project: Project, hosts: tuple[Host, Host], inventory: Callable[..., pathlib.Path]
) -> None:
    known, unknown = hosts
    # Whoever goes to a new machine has its key
    keys = " ".join(FILE.findall(host.inventory()["ansible_ssh_common_args"])[0] for host in hosts)
    way = {
        "ansible_ssh_common_args": f"-o 'UserKnownHostsFile={keys}' -o StrictHostKeyChecking=yes -o IdentitiesOnly=yes"
    }
    folder = inventory({"first": (known, {"mai_port": 8001, **way})})
    for host, port in ((known, 8002), (unknown, 8001)):
        host.exec("python3", "-c", LISTEN.format(port=port, seconds=60))
    for slug, host in (("beside", known), ("elsewhere", unknown)):
        run = run_playbook(
            project,
            "playbooks/new_client.yml",
            *("-e", f"client={slug}", "-e", f"machine={host.address()}", "-e", f"mai_client_name={slug}"),
            inventory=folder,
            check=True,
        )
        assert "the first free one there" in run.said and "could not be asked" not in run.said, run.output
    entries = yaml.safe_load((folder / "hosts.yml").read_text())["mai_clients"]["hosts"]
    ports = {slug: entry["mai_port"] for slug, entry in entries.items()}
    assert ports == {"first": 8001, "beside": 8003, "elsewhere": 8002}
    # Beside its neighbour, and reached by its way
    assert entries["beside"] == {**known.inventory(), **way, "mai_port": 8003}
