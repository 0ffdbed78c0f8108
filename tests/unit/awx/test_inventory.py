# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is written into an inventory of AWX, and what is refused."""

from __future__ import annotations

import json
import typing as t

import httpx
import pytest
from ansible.parsing.dataloader import DataLoader
from ansible.template import Templar, trust_as_template
from ansible_collections.mai.clients.plugins.plugin_utils import _new_client
from ansible_collections.mai.clients.plugins.plugin_utils._awx.controller import ControllerError
from ansible_collections.mai.clients.plugins.plugin_utils._awx.inventory import Inventory, fleet_of, which
from ansible_collections.mai.clients.plugins.plugin_utils._host_vars import NotRecordable
from ansible_collections.mai.clients.plugins.plugin_utils._inventory_files import Host

from tests.unit.awx.fakes import Awx, parsed

NAME = "mai_monthly_limit"
YAML = "---\n# agreed in May\nmai_monthly_limit: 500  # USD\nmai_client_name: 'O''Brien'\n"
NEW = Host("zolw", {"ansible_host": "mai-01", "mai_port": 8003}, {"mai_client_name": "Żółw"})


@pytest.fixture
def awx() -> Awx:
    """Two clients of one machine, one of them in a group of its own; a machine that is no client."""
    awx = Awx()
    inventory = awx.inventory(variables='{"mai_domain": "example.org"}')
    one = awx.host(inventory, "company-abc", "ansible_host: mai-01\nmai_port: 8001\n" + YAML[4:])
    two = awx.host(
        inventory, "northwind", '{"ansible_host": "mai-01", "mai_port": "8002", "ansible_become_user": "root"}'
    )
    awx.host(inventory, "web", "")
    awx.group(inventory, "gold", [two], variables="mai_markup_rate: 1.5\nmai_domain: gold.example.org\n")
    awx.group(inventory, "mai_clients", [one], children=["gold"], variables="mai_markup_rate: 1.2\n")
    return awx


def opened(awx: Awx, wanted: str = "Clients") -> Inventory:
    return Inventory.find(awx.controller(), wanted)


def refused(awx: Awx, work: t.Callable[[], t.Any]) -> str:
    with pytest.raises((NotRecordable, ControllerError)) as failure:
        work()
    assert not awx.writes
    return str(failure.value)


@pytest.mark.parametrize(
    ("given", "variables", "wanted"),
    [
        (None, {"awx_inventory_id": 4, "awx_inventory_name": "Clients"}, "4"),
        ("", {"tower_inventory_id": 4}, "4"),
        (None, {"awx_inventory_id": "", "tower_inventory_name": "Clients"}, "Clients"),
        ("Other", {"awx_inventory_id": 4}, "Other"),
        (7, {}, "7"),
    ],
)
def test_which_inventory(given: t.Any, variables: dict[str, t.Any], wanted: str) -> None:
    assert which(given, variables) == wanted


def test_which_inventory_has_to_be_known() -> None:
    with pytest.raises(NotRecordable, match="give its name or id as mai_awx_inventory"):
        which("  ", {"awx_inventory_id": None})


def test_two_of_one_name_are_named(awx: Awx) -> None:
    other = awx.inventory(organization="Sister")
    said = refused(awx, lambda: opened(awx))
    assert "that of Agency (id 11), that of Sister" in said and str(other) in said
    assert opened(awx, str(other)).id == other


def test_what_cannot_hold_hosts_is_refused(awx: Awx) -> None:
    awx.inventory("Smart", kind="smart")
    assert "is a smart one" in refused(awx, lambda: opened(awx, "Smart"))
    assert "has no inventory Nobody's" in refused(awx, lambda: opened(awx, "Nobody's"))


def test_the_clients_with_what_their_groups_say(awx: Awx) -> None:
    fleet = fleet_of(opened(awx).tree(), {})
    assert [*fleet.clients] == ["company-abc", "northwind"]
    assert fleet.clients["company-abc"]["mai_domain"] == "example.org"
    assert fleet.clients["company-abc"]["mai_markup_rate"] == 1.2
    assert fleet.clients["northwind"]["mai_domain"] == "gold.example.org"
    assert fleet.clients["northwind"]["mai_markup_rate"] == 1.5
    assert _new_client.slug_fault("web", fleet) == "web is another host or a group of the inventory already"
    assert _new_client.slug_fault("gold", fleet) and not _new_client.slug_fault("zolw", fleet)
    assert _new_client.free_port(fleet, fleet.on("mai-01"), ()) == 8003


def test_what_a_template_comes_to_only_the_run_knows(awx: Awx) -> None:
    awx.named("northwind")["variables"] = 'mai_port: "{{ base + 2 }}"\nmai_fqdn: "{{ x }}"\n'
    fleet = fleet_of(opened(awx).tree(), {"northwind": {"mai_port": 8002}})
    assert fleet.clients["northwind"]["mai_port"] == 8002 and fleet.clients["northwind"]["mai_fqdn"] is None


def test_a_client_is_added_beside_its_neighbour_in_one_request(awx: Awx) -> None:
    inventory = opened(awx)
    addition = inventory.addition(inventory.tree(), Host(NEW.slug, NEW.entry, NEW.variables, beside="northwind"))
    assert not awx.writes
    addition.write()
    assert awx.named("zolw")["variables"] == (
        "---\nansible_host: mai-01\nansible_become_user: root\nmai_port: 8003\nmai_client_name: Żółw"
    )
    assert awx.writes == ["POST /api/v2/groups/15/hosts/"]
    assert "zolw" in opened(awx).tree()["gold"]["hosts"]


def test_the_group_is_made_where_it_is_missing() -> None:
    awx = Awx()
    awx.inventory()
    inventory = opened(awx)
    inventory.addition(inventory.tree(), NEW).write()
    assert inventory.tree()["mai_clients"]["hosts"] == ["zolw"]
    assert [*fleet_of(inventory.tree(), {}).clients] == ["zolw"]


@pytest.mark.parametrize("name", ['Żółw {{ "x" }}', "{% raw %}\n😀 \\{{", "{{ '{{' }}", "yes", "1:20", "'\"#"])
def test_a_name_stays_what_it_is(awx: Awx, name: str) -> None:
    """For who reads it from the API, and for Ansible, to which each text in AWX is a template."""
    inventory = opened(awx)
    inventory.addition(inventory.tree(), Host("zolw", {}, {"mai_client_name": name})).write()
    assert fleet_of(inventory.tree(), {}).clients["zolw"]["mai_client_name"] == name
    stored = parsed(awx.named("zolw")["variables"])["mai_client_name"]
    assert Templar(loader=DataLoader()).template(trust_as_template(stored)) == name


def test_a_source_that_overwrites_is_refused(awx: Awx) -> None:
    awx.sources = [{"name": "the repository", "overwrite": True}]
    inventory = opened(awx)
    said = refused(awx, lambda: inventory.addition(inventory.tree(), NEW))
    assert "the source the repository of the AWX inventory Clients overwrites" in said


def test_somebody_adds_the_same_client_at_the_same_moment(awx: Awx) -> None:
    inventory = opened(awx)
    addition = inventory.addition(inventory.tree(), NEW)
    awx.host(inventory.id, "zolw")
    with pytest.raises(NotRecordable, match="somebody added zolw"):
        addition.write()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (YAML, YAML.replace("500", "750")),
        ("", "---\nmai_monthly_limit: 750\n"),
        ("---\n", "---\nmai_monthly_limit: 750\n"),
        ("a:\n    b: 1\n    c:\n    - d", "a:\n    b: 1\n    c:\n    - d\nmai_monthly_limit: 750"),
        ("{}", '{"mai_monthly_limit": 750}'),
        ('{"a": "ż", "mai_monthly_limit": 5}', '{"a": "ż", "mai_monthly_limit": 750}'),
        ('{\n    "a": 1\n}', '{\n    "a": 1,\n    "mai_monthly_limit": 750\n}'),
    ],
)
def test_only_the_value_changes(awx: Awx, before: str, after: str) -> None:
    awx.named("company-abc")["variables"] = before
    wanted = opened(awx).recording("company-abc", NAME, 750)
    assert wanted.changed and wanted.path == "the AWX inventory Clients, host company-abc"
    wanted.write()
    assert awx.named("company-abc")["variables"] == after.strip()
    assert not opened(awx).recording("company-abc", NAME, 750).changed


def test_where_a_value_is_not_recorded(awx: Awx) -> None:
    assert "has no host nobody" in refused(awx, lambda: opened(awx).recording("nobody", NAME, 1))
    awx.sources = [{"name": "the repository", "overwrite": False}]
    awx.named("company-abc")["has_inventory_sources"] = True
    said = refused(awx, lambda: opened(awx).recording("company-abc", NAME, 1))
    assert "comes into the AWX inventory Clients from its source the repository" in said
    # One that somebody made there by hand no source knows
    opened(awx).recording("northwind", NAME, 1).write()


def test_what_somebody_else_wrote_meanwhile_is_not_undone(awx: Awx) -> None:
    wanted = opened(awx).recording("company-abc", NAME, 750)
    awx.named("company-abc")["variables"] = "mai_monthly_limit: 600\n"
    assert "somebody changed" in refused(awx, wanted.write)


@pytest.mark.parametrize("text", ["a: [", "- a\n", "'text'"])
def test_variables_that_are_none_are_refused_unquoted(awx: Awx, text: str) -> None:
    awx.named("company-abc")["variables"] = text
    said = refused(awx, lambda: opened(awx).recording("company-abc", NAME, 750))
    assert text.strip() not in said and "host company-abc" in said


def test_answers_that_are_no_awx(awx: Awx) -> None:
    awx.before = lambda request: httpx.Response(200, content=json.dumps({"results": [{"id": "x"}]}))
    assert "not the API of AWX" in refused(awx, lambda: opened(awx))
