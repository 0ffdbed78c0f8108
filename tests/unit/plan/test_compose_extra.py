# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What may be added to a client's compose file, and what lies beside it on the machine."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._plan.compose_extra import (
    OWNED,
    PARTS,
    compose_extra,
    problems,
)

from tests.unit.plan.situations import changed, client, converged, planned

SERVICE = "mai-companyabc"


def found(given: t.Any) -> list[str]:
    return list(problems(given, SERVICE))


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"service": {}},
        {"service": {"labels": {"traefik.enable": "true"}, "networks": {"proxy": {"aliases": ["chat"]}}}},
        {"service": {"labels": ["traefik.enable=true"], "user": "1000:1000", "command": ["serve"], "init": True}},
        {"service": {"volumes": ["/srv/fonts:/usr/share/fonts:ro", {"type": "tmpfs", "target": "/tmp"}]}},
        {"service": {"volumes": ["/srv/x:/app/backend/database"]}},
        {"services": {"tika": {"image": "apache/tika:3", "restart": "always", "environment": {"A": "$b"}}}},
        {part: {} for part in PARTS},
        {"networks": {"proxy": None}},
    ],
)
def test_what_may_be_added(given: t.Any) -> None:
    assert found(given) == []


@pytest.mark.parametrize(
    ("given", "about"),
    [
        (None, "must be a mapping of service, services"),
        (["service"], "must be a mapping"),
        ("service: {}", "must be a mapping"),
        ({"version": "3"}, "has 'version': it may have service"),
        ({"include": {}}, "has 'include'"),
        ({"service": ["labels"]}, "mai_compose_extra.service must be a mapping"),
        ({"networks": {1: None}}, "mappings by names only"),
        ({"services": {SERVICE: {}}}, f"must not have {SERVICE}: write what it gets under service"),
        ({"service": {"volumes": "a:b"}}, "service.volumes must be a list"),
        ({"service": {"labels": "a=b"}}, "service.labels must be a mapping"),
        ({"service": {"depends_on": "tika"}}, "service.depends_on must be a list, or a mapping"),
        ({"service": {"labels": {"mai.clients.client": "x"}}}, "begin with mai.clients."),
        ({"service": {"labels": ["mai.clients.client=x"]}}, "begin with mai.clients."),
        ({"service": {"labels": {8080: "x"}}}, "mappings by names only"),
        ({"services": {"tika": {"labels": {"mai.clients.client": "x"}}}}, "services.tika.labels must have no names"),
        ({"services": {"tika": {"labels": ["mai.clients.client=x"]}}}, "services.tika.labels must have no names"),
        ({"services": {"tika": {"labels": None}}}, "services.tika.labels must be a mapping"),
        ({"services": {"tika": {"labels": "a=b"}}}, "services.tika.labels must be a mapping"),
        ({"services": {"tika": None}}, "services.tika must be a mapping"),
        ({"service": {"volumes": ["other:/app/backend/data"]}}, "the instance's data is there"),
        ({"service": {"volumes": ["other:/app/backend/data/uploads:ro"]}}, "the instance's data is there"),
        ({"service": {"volumes": ["/app"]}}, "the instance's data is there"),
        ({"service": {"volumes": [{"source": "x", "target": "/app/backend/data/"}]}}, "the instance's data is there"),
        ({"service": {"volumes": ["other:/app//backend/./data"]}}, "the instance's data is there"),
        ({"service": {"tmpfs": ["/app/backend/data:size=1m"]}}, "service.tmpfs must not lie at"),
        ({"service": {"tmpfs": "/app/backend"}}, "service.tmpfs must not lie at"),
        ({"service": {"deploy": {"replicas": 2}}}, "must not set deploy.replicas"),
        ({"service": {"user": object()}}, "texts, numbers, truth values"),
        ({"services": {"tika": {"ports": {"a": {1}}}}}, "texts, numbers, truth values"),
        *(({"service": {name: "x"}}, f"must not set {name}: {why}") for name, why in OWNED.items()),
    ],
)
def test_what_may_not_be_added(given: t.Any, about: str) -> None:
    said = found(given)
    assert len(said) == 1 and about in said[0]


OVERRIDE = {"name": "compose.override.yml", "sha256": "0" * 64}
TIKA = {"id": "t1", "name": "client-company-abc-tika-1", "service": "tika", "state": "running", "managed": False}
ADDED = {"services": {"tika": {"image": "apache/tika:3"}}}


def instance(differences: dict[str, t.Any], **variables: t.Any) -> dict[str, t.Any]:
    seen = changed(converged(client()), differences)
    return planned(client(**variables), seen)["plan"]["instance"]


@pytest.mark.parametrize(
    ("differences", "variables", "why"),
    [
        ({}, {}, []),
        ({}, {"mai_compose_extra": ADDED}, ["how it is started"]),
        ({"override": OVERRIDE}, {}, ["how it is started"]),
        ({"beside": [TIKA]}, {}, []),
        ({"directory/shadowed_by": "compose.yaml"}, {}, []),
    ],
)
def test_what_is_added_is_a_part_of_how_it_is_started(
    differences: dict[str, t.Any], variables: dict[str, t.Any], why: list[str]
) -> None:
    assert instance(differences, **variables)["why"] == why


@pytest.mark.parametrize(
    ("differences", "variables", "about"),
    [
        ({"override": OVERRIDE}, {}, "/compose.override.yml adds to what the inventory says: it is used"),
        ({"directory/shadowed_by": "compose.yaml"}, {}, "/compose.yaml is not used here"),
        ({"beside": [TIKA]}, {}, "container client-company-abc-tika-1 belongs to the client's Compose project"),
        ({"beside": [TIKA]}, {"mai_compose_extra": ADDED}, ""),
        ({"beside": [TIKA], "override": OVERRIDE}, {}, "is used, as Compose does"),
        ({}, {}, ""),
    ],
)
def test_what_lies_beside_is_told(differences: dict[str, t.Any], variables: dict[str, t.Any], about: str) -> None:
    said = instance(differences, **variables)["beside"]
    assert len(said) == bool(about)
    assert about in "".join(said)
    assert planned(client(**variables), changed(converged(client()), differences))["plan"]["notes"][: len(said)] == said


def test_an_override_is_used_as_compose_does_and_what_the_inventory_added_goes_with_its_client() -> None:
    assert instance({})["compose_files"] == ["compose.yml"]
    assert instance({"override": OVERRIDE})["compose_files"] == ["compose.yml", "compose.override.yml"]
    declared = {**TIKA, "managed": True}
    assert [one["id"] for one in instance({"beside": [TIKA]})["containers"]] == ["c1"]
    assert [one["id"] for one in instance({"beside": [declared]})["containers"]] == ["c1", "t1"]


def test_networks_of_others_are_known_by_their_names() -> None:
    networks = {"proxy": {"external": True}, "lan": {"external": True, "name": "home"}, "own": {}, "none": None}
    assert compose_extra({"networks": networks}, "acme")["external_networks"] == ["proxy", "home"]
