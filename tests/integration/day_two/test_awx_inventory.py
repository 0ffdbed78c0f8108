# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Jobs whose inventory AWX keeps itself: what they write there, what they leave behind, and what they refuse."""

from __future__ import annotations

import json
import pathlib
import types
import typing as t

import pytest
import yaml

from tests.awx_imitation import Awx
from tests.hosts.project import Result
from tests.kit.agency import Agency
from tests.openrouter_simulator import Simulator

NEW, SET_LIMIT = "playbooks/new_client.yml", "playbooks/set_limit.yml"
NAME = 'Żółw & Söhne {{ "Sp. z o.o." }}'
SLUG = "company-abc"
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


def opened(agency: Agency, awx: Awx) -> Office:
    inventory = awx.add("inventories", name="Clients", organization=1)
    group = awx.add("groups", name="mai_clients", inventory=inventory)
    awx.controller.put(
        "groups", awx.controller.store.get("groups", group), "hosts", {"name": SLUG, "variables": ON_FILE}
    )
    return Office(agency, awx, inventory)


@pytest.fixture
def office(tmp_path: pathlib.Path, awx: Awx) -> Office:
    """One that needs no OpenRouter: its client was never onboarded."""
    nobody = types.SimpleNamespace(url="http://127.0.0.1:1", provisioning_key="")
    agency = Agency(tmp_path, t.cast(Simulator, nobody))
    agency.client(SLUG)
    return opened(agency, awx)


def test_a_client_is_added(office: Office) -> None:
    answers = {"mai_inventory_backend": "awx", "mai_client_name": NAME, "machine": "127.0.0.1", "client": "", "ask": ""}
    writes = len(office.awx.writes)
    checked = office.job(NEW, 1, "--check", "--diff", **answers)
    assert checked.rc == 0 and "Clients, host zolw-soehne, group mai_clients" in checked.said, checked.output
    assert "zolw-soehne would be added to the inventory: the AWX inventory Clients, host zolw-soehne" in checked.said
    assert len(office.awx.writes) == writes

    # With onboard=true the same job goes on with it, up to where this office has no key
    first = office.job(NEW, 2, **answers, onboard="true")
    assert first.rc == 2 and first.total("changed") == 1, first.output
    assert "zolw-soehne was not touched. No provisioning key was given" in first.said, first.output
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
    refused = office.job(NEW, 5, mai_client_name="N")
    assert refused.rc == 2 and "thrown away" in refused.said and "mai_inventory_backend" in refused.said


def test_a_limit_is_recorded_or_not_changed(onboarded: Agency, awx: Awx) -> None:
    office = opened(onboarded, awx)
    office.agency.control.clear_journal()
    refused = office.job(SET_LIMIT, 4, client=SLUG, new_limit="80")
    assert refused.rc == 2 and "company-abc was not touched. The limit cannot be recorded" in refused.said
    assert "set mai_inventory_backend to awx" in refused.said and "With -e remember=false" in refused.said
    assert office.agency.control.writes() == [] and office.agency.key(SLUG)["limit"] == 50

    changed = office.job(SET_LIMIT, 5, client=SLUG, new_limit="75", mai_inventory_backend="awx", remember="")
    assert changed.rc == 0, changed.output
    assert "recorded in the AWX inventory Clients, host company-abc" in changed.said
    assert office.awx.one("hosts", SLUG)["variables"] == ON_FILE.replace("50 ", "75 ")
    key = office.agency.key(SLUG)
    told = changed.stdout.partition("CUSTOM STATS")[2]
    assert "mai_handover:" in told and key["hash"] in told and office.agency.secret(SLUG) not in told
    handover = (office.agency.directory(SLUG) / "HANDOVER.md").read_text()
    stamp = "| changed by job | 5, template A &#124; template, launched by alice, revision 0123456789ab |"
    assert stamp in handover
    kept = {path.name: path.read_text() for path in office.agency.handovers.iterdir()}

    second = office.job(SET_LIMIT, 6, client=SLUG, new_limit="75", mai_inventory_backend="awx", take_lock="")
    assert (second.rc, second.total("changed")) == (0, 0) and key["hash"] in second.stdout, second.output
    # No job wrote on the controller, and what it is alone changed nothing
    assert {path.name: path.read_text() for path in office.agency.handovers.iterdir()} == kept
    assert (office.agency.directory(SLUG) / "HANDOVER.md").read_text() == handover


def test_hostile_answers_touch_nothing(office: Office) -> None:
    writes = len(office.awx.writes)
    for playbook, name, value in [
        ("onboard_client", "client", "Bad Slug; rm -rf"),
        ("set_limit", "new_limit", "x" * 10_000),
        ("offboard_client", "confirm", "a\nb"),
        ("new_client", "machine", "--limit"),
    ]:
        refused = office.job(f"playbooks/{playbook}.yml", 1, **{"client": SLUG, name: value})
        said = " ".join(refused.output.split())
        assert refused.rc == 4 and "x" * 200 not in said and len(said) < 2500, refused.output
        assert f"{name} is '" in said or "No client or group 'Bad Slug; rm -rf'" in said, refused.output
    assert not office.agency.deployments.exists() and len(office.awx.writes) == writes
