# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs whose inventory AWX keeps itself: what they write there, what they leave behind, and what they refuse."""

from __future__ import annotations

import json
import typing as t

import pytest
import yaml

from tests.awx_imitation import Awx
from tests.hosts.project import Result
from tests.kit.agency import Agency

NEW, SET_LIMIT = "playbooks/new_client.yml", "playbooks/set_limit.yml"
NAME = 'Żółw & Söhne {{ "Sp. z o.o." }}'
ON_FILE = """\
# agreed in May
ansible_host: 127.0.0.1
ansible_connection: local
mai_port: 8001
mai_monthly_limit: 50  # USD
"""


class Office(t.NamedTuple):
    """An agency whose clients are in an inventory of AWX, and the jobs that it launches."""

    agency: Agency
    awx: Awx
    inventory: int

    def job(self, playbook: str, number: int, *arguments: str, **answers: t.Any) -> Result:
        told = {"awx_inventory_id": self.inventory, "awx_job_id": number, "awx_user_name": "alice"}
        told |= {"awx_job_template_name": "A | template", "awx_project_revision": "0123456789abcdef"}
        environment = {"JOB_ID": str(number), "AWX_HOST": self.awx.url, "ANSIBLE_SHOW_CUSTOM_STATS": "1"}
        return self.agency.run(
            "",
            *("-e", json.dumps({**told, **answers})),
            *arguments,
            playbook=playbook,
            **environment,
            **self.awx.environment(),
        )

    def variables(self, slug: str) -> dict[str, t.Any]:
        return yaml.safe_load(self.awx.one("hosts", slug)["variables"])


@pytest.fixture
def office(onboarded: Agency, awx: Awx) -> Office:
    inventory = awx.add("inventories", name="Clients", organization=1)
    group = awx.add("groups", name="mai_clients", inventory=inventory)
    host = awx.add("hosts", name="company-abc", inventory=inventory, variables=ON_FILE)
    awx.controller.store.put("groups", group, "hosts", {"id": host})
    return Office(onboarded, awx, inventory)


def test_a_client_is_added_and_its_limit_changed(office: Office) -> None:
    answers = {"mai_inventory_backend": "awx", "mai_client_name": NAME, "machine": "127.0.0.1", "client": "", "ask": ""}
    writes = len(office.awx.writes)
    checked = office.job(NEW, 1, "--check", "--diff", **answers)
    assert checked.rc == 0 and "Clients, host zolw-soehne, group mai_clients" in checked.said, checked.output
    assert "zolw-soehne would be added to the inventory: the AWX inventory Clients, host zolw-soehne" in checked.said
    assert len(office.awx.writes) == writes

    first = office.job(NEW, 2, **answers)
    assert first.rc == 0 and first.total("changed") == 1, first.output
    assert [f"{one.method} {one.path}" for one in office.awx.writes[writes:]] == ["POST /api/v2/groups/1/hosts/"]
    made = office.variables("zolw-soehne")
    # As the neighbour is reached
    assert (
        made["ansible_connection"] == "local"
        and made["ansible_host"] == "127.0.0.1"
        and made["mai_monthly_limit"] == 50
    )
    again = office.job(NEW, 3, **answers)
    assert (again.rc, again.total("changed")) == (0, 0) and "nothing was changed" in again.said, again.output
    clash = office.job(NEW, 4, **{**answers, "mai_client_name": "Other", "mai_port": "8001"})
    assert clash.rc == 2 and "mai_port 8001 is also that of company-abc" in clash.said, clash.output

    # What is told of the client that was onboarded, and recorded of it
    changed = office.job(SET_LIMIT, 5, client="company-abc", new_limit="75", mai_inventory_backend="awx", remember="")
    assert changed.rc == 0, changed.output
    assert "recorded in the AWX inventory Clients, host company-abc" in changed.said
    assert office.awx.one("hosts", "company-abc")["variables"] == ON_FILE.replace("50 ", "75 ")
    key = office.agency.key("company-abc")
    told = changed.stdout.partition("CUSTOM STATS")[2]
    assert '"mai_handover"' in told and key["hash"] in told and office.agency.secret("company-abc") not in told
    handover = (office.agency.directory("company-abc") / "HANDOVER.md").read_text()
    stamp = "| changed by job | 5, template A &#124; template, launched by alice, revision 0123456789ab |"
    assert stamp in handover
    kept = {path.name: path.read_text() for path in office.agency.handovers.iterdir()}

    second = office.job(SET_LIMIT, 6, client="company-abc", new_limit="75", mai_inventory_backend="awx", take_lock="")
    assert (second.rc, second.total("changed")) == (0, 0) and key["hash"] in second.stdout, second.output
    # No job wrote on the controller, and what it is alone changed nothing
    assert {path.name: path.read_text() for path in office.agency.handovers.iterdir()} == kept
    assert (office.agency.directory("company-abc") / "HANDOVER.md").read_text() == handover


def test_files_of_a_job_are_not_written(office: Office) -> None:
    before = office.agency.key("company-abc")["limit"]
    office.agency.control.clear_journal()
    refused = office.job(SET_LIMIT, 1, client="company-abc", new_limit="80")
    assert refused.rc == 2 and "company-abc was not touched. The limit cannot be recorded" in refused.said
    assert "set mai_inventory_backend to awx" in refused.said and "With -e remember=false" in refused.said
    assert office.agency.key("company-abc")["limit"] == before and office.agency.control.writes() == []
    added = office.job(NEW, 2, mai_client_name="N")
    assert added.rc == 2 and "thrown away" in added.said and "mai_inventory_backend" in added.said
    exception = office.job(SET_LIMIT, 3, client="company-abc", new_limit="80", remember="false")
    assert exception.rc == 0 and "NOT RECORDED" in exception.said, exception.output
    assert not office.awx.writes[3:]


@pytest.mark.parametrize(
    ("playbook", "answers"),
    [
        ("onboard_client", {"client": "Bad Slug; rm -rf"}),
        ("set_limit", {"client": "company-abc", "new_limit": "x" * 10_000}),
        ("offboard_client", {"client": "company-abc", "confirm": "a\nb"}),
        ("new_client", {"mai_client_name": "N", "machine": "--limit"}),
    ],
)
def test_hostile_answers_touch_nothing(office: Office, playbook: str, answers: dict[str, t.Any]) -> None:
    office.agency.control.clear_journal()
    refused = office.job(f"playbooks/{playbook}.yml", 1, **answers)
    assert refused.rc != 0 and "x" * 200 not in refused.output and len(refused.output) < 4000, refused.output
    assert "is " in refused.said or "No client or group 'Bad Slug; rm -rf'" in refused.said
    assert office.agency.control.writes() == []
