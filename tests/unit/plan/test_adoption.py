# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether an instance that was made by hand can be adopted, what that needs, and what stands in its way."""

from __future__ import annotations

import copy
import typing as t

import pytest
import yaml
from ansible_collections.mai.clients.plugins.filter.adoptable import adoptable_text
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key
from ansible_collections.mai.clients.plugins.plugin_utils._plan import adoptable, adoption_extras
from ansible_collections.mai.clients.plugins.plugin_utils._plan.adoption import adoption, as_adopted, done
from ansible_collections.mai.clients.plugins.plugin_utils._plan.instance import instance
from ansible_collections.mai.clients.plugins.plugin_utils._plan.machine import machine_problems

from tests.unit.plan.situations import IMAGE, KEY, NOW, OTHER, TEMPLATES, VARIABLES, nothing

EXTRAS: dict[str, t.Any] = {
    **dict.fromkeys(("volumes", "ports", "extra_hosts", "dns", "networks", "neighbours", "cap_add", "devices"), []),
    **dict.fromkeys(("user", "command", "entrypoint", "memory_limit_bytes", "cpus")),
    "privileged": False,
    "host_network": False,
}
ONE: dict[str, t.Any] = {
    "container": "open-webui",
    "id": "f" * 64,
    "state": "running",
    "image": "registry.example.com/mai:1.4",
    "image_id": IMAGE,
    "started_at": "2026-11-01T00:00:00Z",
    "host_ip": "0.0.0.0",
    "port": 8001,
    "inner_port": 8080,
    "project": "mai",
    "working_dir": VARIABLES["mai_deployment_dir"],
    "config_files": [],
    "data": {
        "kind": "bind",
        "source": f"{VARIABLES['mai_deployment_dir']}/data",
        "volume": None,
        "target": "/app/backend/data",
        "bytes": 5_000_000,
        "device": 1,
    },
    "key_candidates": [{"where": "environment", "hash": KEY}, {"where": "saved in Open WebUI", "hash": KEY}],
    "database": {
        "kind": "sqlite", "exists": True, "error": None, "error_reason": None, "users": 3, "administrators": 1,
        "organizations": [
            {"id": "company-abc-001", "name": "Company ABC", "is_active": True, "key_hash": KEY, "markup_rate": 1.5,
             "billing_email": "bills@example.com"},
        ],
        "organizations_table": True, "tracks_usage": True, "tracking": None,
    },
    "stored_connection": {"form": "rows", "connections": []},
    "stored_settings": {},
    "onboarding": False,
    "accounts": [],
    "secret_key": {"found": "file", "accepted": True},
    "external_user": None,
    "organization_name": "Company ABC",
    "api_base_url": "https://openrouter.ai/api/v1",
    "environment": {"ENV": sha256("prod"), "BYPASS_MODEL_ACCESS_CONTROL": sha256("false")},
    "settings": {"BYPASS_MODEL_ACCESS_CONTROL": "false"},
    "added": ["BYPASS_MODEL_ACCESS_CONTROL", "SMTP_PASSWORD"],
    "uncarriable": [],
    "several_keys": False,
    "extras": EXTRAS,
}  # fmt: skip
ASKED: dict[str, t.Any] = {"restart": True, "checks": False, "key_hash": "", "new_secret_key": False}


def key(name: str = "mAI Client: Company ABC", digest: str = KEY, **fields: t.Any) -> Key:
    data = {
        "name": name,
        "hash": digest,
        "limit": 500,
        "limit_reset": "monthly",
        "disabled": False,
        "usage": 3,
        **fields,
    }
    return Key(digest, name, data)


def decide(
    one: t.Mapping[str, t.Any] | None = None,
    *,
    variables: t.Mapping[str, t.Any] | None = None,
    seen: t.Mapping[str, t.Any] | None = None,
    keys: t.Sequence[Key] | None = None,
    asked: t.Mapping[str, t.Any] | None = None,
    owners: t.Mapping[str, str] | None = None,
    **found: t.Any,
) -> dict[str, t.Any]:
    there = {"instances": [merged(ONE, one or {})], "begun": None, "directory": {"data": True}, **found}
    looked = merged(nothing(), {"directory": {"exists": True, "mode": "0755"}})
    client = {**VARIABLES, "mai_database_create_table": False, **(variables or {})}
    listed = [key()] if keys is None else keys
    return adoption(client, merged(looked, seen or {}), there, listed, {**ASKED, **(asked or {})}, owners or {}, NOW)


def merged(base: t.Mapping[str, t.Any], changes: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    found = copy.deepcopy(dict(base))
    for name, value in changes.items():
        both = isinstance(value, dict) and isinstance(found.get(name), dict) and name not in ("settings",)
        found[name] = merged(found[name], value) if both else value
    return found


def test_one_of_the_guides_is_adopted_where_it_is() -> None:
    decided = decide()
    assert (decided["state"], decided["how"], decided["rename"]) == ("due", "stays", True)
    assert (decided["container"], decided["key_hash"]) == ("open-webui", KEY)
    assert decided["would"] == [
        "Would rename its key mAI Client: Company ABC at OpenRouter to client-company-abc.",
        "Would stop the container open-webui, which interrupts its people until it is started again as the client's.",
        "Would see that its data stay where they are.",
    ]
    assert decided["notes"] == [
        'BYPASS_MODEL_ACCESS_CONTROL was "false" and is set by the collection: keep it as it was with mai_extra_env',
        "variables that it had and the inventory does not have go on, in adopted.env: SMTP_PASSWORD",
    ]
    assert (
        "BYPASS_MODEL_ACCESS_CONTROL" in decided["known_variables"]
        and "SMTP_PASSWORD" not in decided["known_variables"]
    )


@pytest.mark.parametrize(
    ("data", "device", "how", "says"),
    [
        (
            {"kind": "bind", "source": "/srv/disk/abc"},
            1,
            "renamed",
            "its data move to /opt/mai/deployments/client-company-abc/data",
        ),
        ({"kind": "bind", "source": "/srv/disk/abc"}, 2, "copied", "its data, 5 MB, are copied to"),
        ({"kind": "volume", "source": "/var/lib/docker/volumes/w/_data", "volume": "w"}, 1, "copied", "w is kept"),
        ({"kind": "layer", "source": None}, 1, "from the container", "which lie in the container itself"),
    ],
)
def test_data_move_only_where_they_must(data: dict[str, t.Any], device: int, how: str, says: str) -> None:
    decided = decide({"data": {**data, "device": device}}, directory={"data": False})
    assert (decided["state"], decided["how"]) == ("due", how) and says in decided["would"][-1]


@pytest.mark.parametrize(
    ("situation", "says"),
    [
        ({"instances": []}, "no instance that was made by hand has port 8001"),
        ({"instances": [ONE, {**ONE, "container": "other"}]}, "several instances have port 8001: open-webui, other"),
        ({"one": {"data": {"kind": "bind", "source": "/srv/disk/abc"}}}, "/data is there already"),
        ({"one": {"data": {"kind": "within"}}}, "a part of a mount"),
        (
            {"one": {"working_dir": "/srv/x", "data": {"source": "/srv/x/data"}}, "directory": {"data": False}},
            "holds something else than open-webui",
        ),
        ({"seen": {"directory": {"managed_by": "neighbour"}}}, "belongs to neighbour"),
        (
            {"one": {"data": {"kind": "volume", "source": "/v", "bytes": 10**15}}, "directory": {"data": False}},
            "make room",
        ),
        ({"one": {"database": {"kind": "postgresql"}}}, "adopting carries SQLite only"),
        ({"variables": {"mai_database": "external"}}, "its data are in SQLite, and mai_database is external"),
        (
            {"one": {"database": {"error": "it is locked.", "error_reason": "locked"}}},
            "its database cannot be read: it is locked.",
        ),
        (
            {"one": {"database": {"organizations": [{"id": "mai_client_1", "is_active": True}]}}},
            'set mai_client_id to "mai_client_1"',
        ),
        (
            {"one": {"database": {"organizations": [{"id": "a", "is_active": True}, {"id": "b", "is_active": True}]}}},
            "several active organisations (a, b)",
        ),
        ({"one": {"database": {"organizations": [], "organizations_table": False}}}, "set mai_database_create_table"),
        ({"one": {"uncarriable": ["MOTD"]}}, "no environment file carries the value of MOTD"),
        ({"one": {"several_keys": True}}, "save them in the instance first"),
        (
            {"one": {"extras": {"volumes": ["/srv/theme:/app/static"]}}},
            "would lose it: volumes: /srv/theme:/app/static",
        ),
        ({"one": {"extras": {"host_network": True}}}, "network_mode: host"),
        (
            {"one": {"secret_key": {"found": None, "accepted": None}}},
            "what it signs its sessions with (WEBUI_SECRET_KEY) was not found",
        ),
        (
            {"one": {"secret_key": {"found": "file", "accepted": False}}},
            "does not sign its sessions with the WEBUI_SECRET_KEY",
        ),
        ({"keys": []}, "its key was not found: none of the 1 that it holds is one of this account"),
        ({"keys": [key(), key("client-company-abc", OTHER)]}, "another key is called client-company-abc"),
        (
            {
                "keys": [key(), key("x", OTHER)],
                "one": {
                    "key_candidates": [{"where": "environment", "hash": KEY}, {"where": "environment", "hash": OTHER}]
                },
            },
            "several keys of the account",
        ),
        ({"owners": {"mAI Client: Company ABC": "neighbour"}}, "that of neighbour: give each client a key of its own"),
        (
            {"variables": {"mai_monthly_limit": None}},
            "its key may spend 500.00 USD per calendar month (UTC), and the inventory has no mai_monthly_limit",
        ),
        ({"asked": {"restart": False}}, "run again with -e restart=true"),
        ({"one": {"state": "paused"}, "asked": {"restart": False}}, "run again with -e restart=true"),
        ({"one": {"state": "restarting"}, "asked": {"restart": False}}, "run again with -e restart=true"),
        ({"variables": {"mai_deployment": "native"}}, "set mai_deployment to docker"),
        ({"begun": {"id": "x", "name": "old", "taken": True}, "instances": []}, "the container old is gone"),
    ],
)
def test_what_stands_in_its_way_is_said_before_anything_is_touched(situation: dict[str, t.Any], says: str) -> None:
    decided = decide(**situation)
    assert decided["state"] == "refused"
    assert decided["refusal"].startswith("company-abc was not adopted, nothing was changed:\n- ")
    assert says in decided["refusal"]


@pytest.mark.parametrize(
    "situation",
    [
        {"one": {"state": "exited"}, "asked": {"restart": False}},
        {"asked": {"restart": False, "checks": True}},
        {"one": {"secret_key": {"found": None, "accepted": None}}, "asked": {"new_secret_key": True}},
        {
            "one": {"database": {"organizations": [], "organizations_table": False}},
            "variables": {"mai_database_create_table": True},
        },
        {"one": {"several_keys": True, "stored_connection": {"connections": [{"url": "u", "key_hash": KEY}]}}},
        {"variables": {"mai_monthly_limit": "none"}},
        {
            "keys": [key(), key("x", OTHER)],
            "one": {
                "key_candidates": [
                    {"where": "saved in Open WebUI", "hash": OTHER},
                    {"where": "environment", "hash": KEY},
                ]
            },
        },
        {
            "keys": [key(), key("x", OTHER)],
            "one": {"key_candidates": [{"where": "environment", "hash": OTHER}, {"where": "environment", "hash": KEY}]},
            "asked": {"key_hash": KEY},
        },
        {
            "one": {
                "database": {
                    "users": None,
                    "organizations": [],
                    "organizations_table": False,
                    "error": "later",
                    "error_reason": "elsewhere",
                }
            }
        },
    ],
)
def test_what_is_no_obstacle(situation: dict[str, t.Any]) -> None:
    decided = decide(**situation)
    assert (decided["state"], decided["refusal"]) == ("due", "") and decided["key_hash"] == KEY


def test_a_client_of_the_collection_is_adopted_already() -> None:
    ours = {"directory": {"managed": True, "managed_by": "company-abc"}, "key_hash": KEY, "files": {"compose.yml": {}}}
    assert decide(seen=ours, instances=[])["state"] == "adopted"


def test_an_adoption_that_was_killed_goes_on() -> None:
    begun = {"id": "f" * 64, "name": "open-webui", "taken": True}
    ours = {"directory": {"managed": True, "managed_by": "company-abc", "adopting": True}, "key_hash": KEY}
    decided = decide({"state": "exited", "secret_key": {"found": None, "accepted": None}}, seen=ours, begun=begun)
    assert (decided["state"], decided["container"]) == ("due", "f" * 64)
    # What nobody else may pass is its own to finish
    client = {**VARIABLES, "mai_database_create_table": False}
    assert machine_problems(client, merged(nothing(), ours)) == [
        "its adoption was interrupted and has to be finished first: adopt_client.yml -e client=company-abc"
    ]
    stopped = [{"name": "open-webui-before-adoption", "ports": []}]
    decided = decide({"state": "exited"}, seen={**ours, "foreign_containers": stopped}, begun=begun)
    assert machine_problems(client, decided["seen"]) == []


def test_the_plan_that_follows_goes_on_with_the_image_and_the_people_that_there_are() -> None:
    client = {**VARIABLES, "mai_image": "mai:2"}
    seen = as_adopted(client, merged(nothing(), {"image": {"id": "sha256:" + "2" * 64}}), ONE, KEY)
    planned = instance(client, seen, {"hash": KEY, "disabled": False}, TEMPLATES)
    assert (planned["image"], planned["keeps_image"], planned["administered"]) == (IMAGE, True, True)
    # Nobody here knows its administrator's password; what it had comes first, so that the inventory wins
    assert planned["env_files"] == ["adopted.env", "secrets.env", "settings.env", "api_key.env"]
    assert planned["settings_changes"]["changed"] == ["BYPASS_MODEL_ACCESS_CONTROL"]
    nobody = merged(seen, {"database": {"users": 0}})
    assert "admin.env" in instance(client, nobody, {"hash": KEY, "disabled": False}, TEMPLATES)["env_files"]


def test_what_is_said_at_the_end() -> None:
    said = done(VARIABLES, decide(), "/opt/x/.before-adoption")
    assert said[0] == (
        "Company ABC (company-abc) was adopted. What was there before is kept in /opt/x/.before-adoption: remove it "
        "when nobody misses anything"
    )


@pytest.mark.parametrize(
    ("keys", "one", "says"),
    [
        ([key(disabled=True)], {}, "stays stopped until resume_client.yml"),
        ([key()], {"state": "exited"}, "it did not run, and is started"),
        ([key()], {"port": 3000}, "its port was 3000 and becomes 8001"),
    ],
)
def test_what_people_would_notice_is_said(keys: list[Key], one: dict[str, t.Any], says: str) -> None:
    assert any(says in note for note in decide(one, keys=keys)["notes"])


def test_what_a_container_has_besides_is_said_in_the_inventorys_words() -> None:
    extras = {
        **EXTRAS,
        "volumes": ["theme:/app/static:ro"],
        "networks": ["ollama_default"],
        "neighbours": ["ollama"],
        "devices": ["gpus"],
        "memory_limit_bytes": 4 * 1024**3,
        "cpus": 1.5,
    }
    wanted = adoption_extras.wanted(extras)
    assert (wanted["mai_memory_limit"], wanted["mai_cpu_limit"]) == ("4096m", 1.5)
    extra = wanted["mai_compose_extra"]
    assert extra["service"]["networks"] == ["default", "ollama_default"]
    assert (extra["networks"], extra["volumes"]) == (
        {"ollama_default": {"external": True}},
        {"theme": {"external": True}},
    )
    # With these lines nothing is missing any more
    assert decide({"extras": extras}, variables=wanted)["state"] == "due"


# What is printed for an operator


HOSTS = {"known": {"ansible_host": "192.0.2.7", "mai_port": 8001, "mai_client_name": "Known"}}


def text(*found: t.Mapping[str, t.Any], keys: t.Sequence[Key] = ()) -> str:
    groups = {"mai_clients": ["known"], "all": ["known"]}
    return adoptable_text(list(found), "192.0.2.7", [one.data for one in keys], groups, HOSTS)


def entries(said: str) -> list[t.Any]:
    """The YAML in it, as Ansible reads it."""
    body = said.split("hosts.yml, below mai_clients: hosts:\n")[1].split("\nKeys at OpenRouter")[0]
    loader = type("Loader", (yaml.SafeLoader,), {})
    loader.add_constructor("!unsafe", lambda _loader, node: node.value)
    return list(yaml.load_all(body, loader))  # noqa: S506


def test_nothing_is_there() -> None:
    assert text() == "Made by hand on 192.0.2.7: nothing"


def test_entries_that_can_be_pasted() -> None:
    hostile = {
        "container": "webui",
        "organization_name": "{{ lookup('pipe', 'id') }}",
        "database": {**ONE["database"], "organizations": [], "organizations_table": False},
        "data": {**ONE["data"], "source": "/srv/mai/webui/data"},
        "key_candidates": [{"where": "environment", "hash": OTHER}],
    }
    said = text(
        ONE,
        merged(ONE, hostile),
        keys=[key(), key("Client No 2", OTHER, limit=None), key("client-known"), key("mAI Client: Knowm", "9" * 64)],
    )
    hosts, first, second = entries(said)
    assert list(hosts) == ["company-abc", "lookup-pipe-id"]
    assert hosts["company-abc"] == {"ansible_host": "192.0.2.7", "mai_port": 8001}
    assert first == {
        "mai_client_name": "Company ABC",
        "mai_monthly_limit": 500,
        "mai_markup_rate": 1.5,
        "mai_billing_email": "bills@example.com",
        "mai_image": "registry.example.com/mai:1.4",
        "mai_extra_env": {"BYPASS_MODEL_ACCESS_CONTROL": "false"},
    }
    assert second["mai_client_name"] == "{{ lookup('pipe', 'id') }}" and "!unsafe" in said
    assert (second["mai_monthly_limit"], second["mai_deployment_dir"]) == ("none", "/srv/mai/webui")
    assert second["mai_database_create_table"] is True
    assert "by its name: client known" in said and "container open-webui has it" in said
    assert "client-known" not in said.split("Keys at OpenRouter")[1]


@pytest.mark.parametrize(
    ("one", "slug"),
    [
        ({"data": {"source": "/opt/mai/deployments/client-north-wind/data"}}, "north-wind"),
        ({"data": {"source": "/srv/x/data"}, "external_user": "acme-001"}, "acme"),
        (
            {"data": {"source": "/srv/x/data"}, "organization_name": "Żółw GmbH", "database": {"organizations": []}},
            "zolw",
        ),
        (
            {"data": {"source": "/srv/x/data"}, "organization_name": "公司", "database": {"organizations": []}},
            "open-webui",
        ),
        ({"data": {"source": "/opt/client-known/data"}}, "known-2"),
    ],
)
def test_it_is_called_as_it_was(one: dict[str, t.Any], slug: str) -> None:
    fleet = adoptable.Fleet(HOSTS, ("known",))
    assert adoptable.entry(merged(ONE, one), {}, "192.0.2.7", fleet, [])["slug"] == slug
