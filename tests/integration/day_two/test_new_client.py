# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""new_client.yml: a client in the inventory's files, from extra variables or from answers at a terminal."""

from __future__ import annotations

import contextlib
import json
import pathlib
import socket
import time
import typing as t

import pytest
import yaml
from ansible_collections.mai.clients.plugins.module_utils._instance.system import listening

from tests.hosts.project import Result
from tests.kit.agency import Agency
from tests.kit.terminal import CTRL_C, CTRL_D, Terminal
from tests.openrouter_simulator import Simulator

NEW = "playbooks/new_client.yml"
HOSTS = """\
# Ours
---
mai_clients:
  hosts:
    company-abc:
      ansible_host: 127.0.0.1  # this machine
      mai_port: 8001
      mai_client_name: Company ABC
      mai_monthly_limit: 200

# The end
"""


@pytest.fixture
def office(tmp_path: pathlib.Path) -> Agency:
    """One whose files were written by people; nothing of it needs OpenRouter."""
    office = Agency(tmp_path, t.cast(Simulator, _Nobody()))
    office.client("company-abc")
    (office.inventory / "hosts.yml").write_text(HOSTS)
    return office


class _Nobody:
    url = "http://127.0.0.1:1"
    provisioning_key = ""


class Ports(t.NamedTuple):
    """Of this machine, beside those on which something else listens: one that is taken now, and the next."""

    taken: int
    free: int


@pytest.fixture
def ports() -> t.Iterator[Ports]:
    first, second = [port for port in range(8002, 9000) if port not in listening()][:2]
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", first))
        listener.listen()
        yield Ports(first, second)


def new(office: Agency, *arguments: str, **variables: t.Any) -> Result:
    return office.run("", "-e", json.dumps(variables), *arguments, playbook=NEW)


def files(office: Agency) -> dict[str, str]:
    return {
        str(path.relative_to(office.inventory)): path.read_text()
        for path in office.inventory.rglob("*")
        if path.is_file()
    }


def test_a_first_client_may_live_on_an_address_of_the_controller(office: Agency, ports: Ports) -> None:
    """The machine is asked by another name than its address, which Ansible would take for the controller itself."""
    (office.inventory / "hosts.yml").write_text("mai_clients: {}\n")
    added = new(office, mai_client_name="Northwind", machine="127.0.0.1", mai_monthly_limit=50)
    assert added.rc == 0 and "added to the inventory" in added.said, added.output
    assert (office.inventory / "hosts.yml").read_text().count("ansible_host: 127.0.0.1") == 1


def test_from_extra_variables_alone(office: Agency, ports: Ports) -> None:
    """No terminal: proposals are taken and said. The machine is asked for its ports."""
    before = files(office)
    name = 'Żółw & Söhne {{ "Sp. z o.o." }}'
    checked = new(office, "--check", "--diff", mai_client_name=name)
    assert checked.rc == 0 and files(office) == before, checked.output
    assert f"+ mai_port: {ports.free}" in checked.said and "zolw-soehne would be added" in checked.said

    first = new(office, mai_client_name=name, mai_billing_email="a@b.example")
    assert first.rc == 0 and first.total("changed") == 1, first.output
    assert "mai_monthly_limit 200: your other client's limit" in first.said
    after = files(office)
    entry = f"    zolw-soehne:\n      ansible_host: 127.0.0.1\n      mai_port: {ports.free}\n"
    assert after.pop("hosts.yml") == HOSTS.replace("200\n", f"200\n{entry}")
    written = after.pop("host_vars/zolw-soehne.yml")
    assert written == (
        '---\nmai_client_name: !unsafe "Żółw & Söhne {{ \\"Sp. z o.o.\\" }}"\nmai_monthly_limit: 200\n'
        "mai_billing_email: a@b.example\n"
    )
    assert after == {name: text for name, text in before.items() if name != "hosts.yml"}
    assert "playbooks/onboard_client.yml -e client=zolw-soehne" in first.said

    again = new(office, mai_client_name=name, mai_billing_email="a@b.example")
    assert (again.rc, again.total("changed")) == (0, 0) and files(office)["host_vars/zolw-soehne.yml"] == written
    assert "nothing was changed" in again.said


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({}, "mai_client_name is missing (name of the organisation). Give it as in -e mai_client_name=…"),
        ({"mai_client_name": "N", "mai_port": 8001}, "mai_port 8001 is also that of company-abc"),
    ],
)
def test_what_is_refused_writes_nothing(office: Agency, variables: dict[str, t.Any], said: str) -> None:
    before = files(office)
    refused = new(office, **variables)
    assert refused.rc == 2 and said in refused.said, refused.output
    assert "Nothing was written" in refused.said and files(office) == before


def test_where_it_cannot_be_added(office: Agency) -> None:
    before = files(office)
    limited = new(office, "--limit", "company-abc", mai_client_name="N")
    assert limited.rc not in (0, 2) and "--limit company-abc leaves nothing to do" in limited.output
    job = office.run("", "-e", "mai_client_name=N", playbook=NEW, JOB_ID="7", AWX_HOST="https://awx.example")
    assert job.rc == 2 and "thrown away" in job.said
    assert files(office) == before


def begin(office: Agency, *arguments: str) -> Terminal:
    terminal = office.at_terminal(NEW, *arguments)
    terminal.answer("Name of the organisation:", "O'Brien $HOME \u201cŻółw\u201d")
    terminal.answer("[obrien-home-zolw]:")
    return terminal


def test_at_a_terminal_enter_accepts(office: Agency, ports: Ports) -> None:
    terminal = begin(office)
    terminal.answer("Machine, its host name or address [127.0.0.1: your only one]:")
    terminal.answer(f"Port [{ports.free}: the first free one there]:", str(ports.taken))
    terminal.sees(f"port {ports.taken} is that of something else there")
    terminal.answer(f"Port [{ports.free}: the first free one there]:")
    terminal.answer("Limit, USD per calendar month, or none [200: your other client's limit]:", "12.50")
    terminal.answer("Markup, the factor that is billed [1.3: the guide's, 30 % on top]:", "1.5")
    terminal.answer("E-mail address for bills [none]:", "bills@b.example")
    terminal.answer("E-mail address of its administrator [bills@b.example]:")
    terminal.answer("Write it? (yes/no) [yes]:")
    assert terminal.wait() == 0, terminal.output
    found = yaml.safe_load((office.inventory / "host_vars" / "obrien-home-zolw.yml").read_text())
    assert found == {
        "mai_client_name": "O'Brien $HOME \u201cŻółw\u201d",
        "mai_monthly_limit": 12.5,
        "mai_markup_rate": 1.5,
        "mai_billing_email": "bills@b.example",
        "mai_admin_email": "bills@b.example",
    }
    entry = f"obrien-home-zolw:\n      ansible_host: 127.0.0.1\n      mai_port: {ports.free}\n"
    assert entry in files(office)["hosts.yml"]


def test_two_people_at_once_do_not_undo_each_other(office: Agency) -> None:
    terminal = begin(office)
    for question in ("Machine", "Port", "Limit", "Markup", "E-mail address for bills", "E-mail address of"):
        terminal.answer(question)
    terminal.sees("Write it?")
    assert new(office, mai_client_name="Meanwhile").rc == 0
    between = files(office)
    terminal.answer("[yes]:")
    assert terminal.wait() == 2 and "Somebody changed the inventory meanwhile" in terminal.output
    assert files(office) == between


def at_work(office: Agency) -> list[str]:
    """Processes of its playbooks, by their command lines."""
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):
            line = path.read_bytes().decode(errors="replace")
            found += [line] if str(office.inventory) in line else []
    return found


def test_where_the_terminal_goes_nobody_waits_for_an_answer(office: Agency) -> None:
    terminal = begin(office)
    assert at_work(office)
    terminal.hang_up()
    deadline = time.monotonic() + 30
    while at_work(office):
        assert time.monotonic() < deadline
        time.sleep(0.2)


@pytest.mark.parametrize("leave", [CTRL_C, CTRL_D])
def test_whoever_leaves_has_written_nothing(office: Agency, leave: str) -> None:
    before = files(office)
    terminal = begin(office, "-e", "onboard=true")
    terminal.answer("Machine, its host name or address", "127.0.0.1", end=leave)
    assert terminal.wait() == 0 and "Nothing was written." in terminal.output, terminal.output
    assert files(office) == before
