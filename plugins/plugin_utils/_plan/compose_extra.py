# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator adds to the compose file of a client: labels, networks, devices, containers beside the instance.

This is private to the collection. What decides which instance it is, where its data is and who keeps it running stays
the collection's; everything else is Compose's own to judge.
"""

from __future__ import annotations

import posixpath
import typing as t

from ansible_collections.mai.clients.plugins.module_utils._instance.engine import CONTAINER_DATA
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._client import CELL
from ansible_collections.mai.clients.plugins.plugin_utils._plan.database import service_of
from ansible_collections.mai.clients.plugins.plugin_utils._variables import quoted

Values = t.Mapping[str, t.Any]

# What the instance gets, containers beside it, and what both of them name
PARTS = ("service", "services", "networks", "volumes", "configs", "secrets")
LABEL = "mai.clients.beside"
DATA = CONTAINER_DATA
_OWN_LABELS = "mai.clients."
MERGED = ("labels", "ports", "volumes", "security_opt", "depends_on")
_SAME = "the collection sets it"
OWNED: dict[str, str] = {
    "image": "set mai_image",
    "build": "set mai_image",
    "pull_policy": "set mai_image_pull",
    "environment": "set mai_extra_env",
    "env_file": "set mai_extra_env",
    "mem_limit": "set mai_memory_limit",
    "cpus": "set mai_cpu_limit",
    "healthcheck": "set mai_health_path and mai_health_timeout",
    "network_mode": "without a network of its own its port cannot be published; set networks",
    "container_name": "the instance is found by its name",
    "profiles": "the instance has to be started with the project",
    "scale": "an instance has one container, since its database has one writer",
    "extends": "write down what it adds",
    "restart": _SAME,
    "logging": _SAME,
    "stop_grace_period": _SAME,
}


def problems(given: t.Any, service: str) -> t.Iterator[str]:
    """All that is wrong with it; no message holds a value."""
    if not isinstance(given, t.Mapping):
        yield f"mai_compose_extra must be a mapping of {', '.join(PARTS)}"
        return
    for name, part in given.items():
        if name not in PARTS:
            yield f"mai_compose_extra has {quoted(name)}: it may have {', '.join(PARTS)}"
        elif not isinstance(part, t.Mapping):
            yield f"mai_compose_extra.{name} must be a mapping of names"
        elif name == "service":
            yield from _service_problems(part)
        elif name == "services":
            yield from _services_problems(part, service)
    if not _is_text_alone(given):
        yield "mai_compose_extra must hold texts, numbers, truth values, lists and mappings by names only"


def _service_problems(part: Values) -> t.Iterator[str]:
    for name in part:
        if name in OWNED:
            yield f"mai_compose_extra.service must not set {name}: {OWNED[name]}"
    for name in ("ports", "volumes", "security_opt"):
        if not isinstance(part.get(name, []), (list, tuple)):
            yield f"mai_compose_extra.service.{name} must be a list"
            return
    if not isinstance(part.get("depends_on", []), (list, tuple, t.Mapping)):
        yield "mai_compose_extra.service.depends_on must be a list, or a mapping of names"
    yield from _label_problems("service", part)
    for name in ("volumes", "tmpfs", "configs", "secrets"):
        given = part.get(name, [])
        for one in given if isinstance(given, (list, tuple)) else [given]:
            # Of a tmpfs what follows are its options
            place = str(one).split(":", 1)[0] if name == "tmpfs" else _target(one)
            target = posixpath.normpath("/" + place.lstrip("/"))
            if target == DATA or target.startswith(DATA + "/") or DATA.startswith(target.rstrip("/") + "/"):
                yield f"mai_compose_extra.service.{name} must not lie at {quoted(target)}: the instance's data is there"
    if isinstance(part.get("deploy"), t.Mapping) and "replicas" in part["deploy"]:
        yield f"mai_compose_extra.service must not set deploy.replicas: {OWNED['scale']}"


def _services_problems(part: Values, service: str) -> t.Iterator[str]:
    if service in part:
        yield f"mai_compose_extra.services must not have {service}: write what it gets under service"
    if service_of(service) in part:
        yield f"mai_compose_extra.services must not have {service_of(service)}: set mai_database"
    for name, one in part.items():
        if isinstance(one, t.Mapping):
            yield from _label_problems(f"services.{shown(name, CELL)}", one)
        else:
            yield f"mai_compose_extra.services.{shown(name, CELL)} must be a mapping"


def _label_problems(where: str, part: Values) -> t.Iterator[str]:
    labels = part.get("labels", {})
    if not isinstance(labels, (t.Mapping, list, tuple)):
        yield f"mai_compose_extra.{where}.labels must be a mapping, or a list of NAME=VALUE"
    elif any(str(name).startswith(_OWN_LABELS) for name in _labels(labels)):
        yield f"mai_compose_extra.{where}.labels must have no names that begin with {_OWN_LABELS}, the collection's"


def _target(volume: t.Any) -> str:
    """Where it is mounted: SOURCE:TARGET[:MODE], TARGET alone, or a mapping."""
    if isinstance(volume, t.Mapping):
        return str(volume.get("target", ""))
    parts = str(volume).split(":")
    return parts[1] if len(parts) > 1 else parts[0]


def _is_text_alone(value: t.Any) -> bool:
    if isinstance(value, t.Mapping):
        return all(isinstance(name, str) and _is_text_alone(inner) for name, inner in value.items())
    if isinstance(value, (list, tuple)):
        return all(map(_is_text_alone, value))
    return value is None or isinstance(value, (str, bool, int, float))


def compose_extra(given: Values, slug: str, database: str = "") -> dict[str, t.Any]:
    """What the template of the compose file writes beside its own: ``service`` as it is, and what is merged with it.

    ``database`` is the service of the client's own PostgreSQL, where it has one.
    """
    data: t.Any = _as_data(given)
    service = data.get("service", {})
    if database and service.get("networks"):
        # Its PostgreSQL is in the project's own network, and nowhere else
        networks = service["networks"]
        networks = (
            {"default": None, **networks}
            if isinstance(networks, dict)
            else [*{"default": 0, **dict.fromkeys(networks)}]
        )
        service = {**service, "networks": networks}
    beside = {
        name: {**one, "labels": {**_labels(one.get("labels", {})), LABEL: slug}}
        for name, one in data.get("services", {}).items()
    }
    return {
        "service": {name: value for name, value in service.items() if name not in MERGED},
        "labels": _labels(service.get("labels", {})),
        "depends_on": {**_conditions(service.get("depends_on", {})), **_conditions([database], "service_healthy")},
        **{name: list(service.get(name, [])) for name in ("ports", "volumes", "security_opt")},
        "services": beside,
        "external_networks": _external(data.get("networks", {})),
        "top": {name: data[name] for name in PARTS[2:] if data.get(name)},
    }


def _conditions(given: t.Any, condition: str = "service_started") -> dict[str, t.Any]:
    """Of both ways in which Compose takes what a service waits for."""
    return dict(given) if isinstance(given, dict) else {name: {"condition": condition} for name in given if name}


def _external(networks: Values) -> list[str]:
    """Names of the networks that somebody else makes, as Docker knows them."""
    others = {name: one for name, one in networks.items() if isinstance(one, dict) and one.get("external")}
    return [str(one.get("name") or name) for name, one in others.items()]


def _labels(given: t.Any) -> dict[str, t.Any]:
    """Of both ways in which Compose takes them."""
    if isinstance(given, t.Mapping):
        return dict(given)
    return {name: value for name, _is, value in (str(one).partition("=") for one in given)}


def _as_data(value: t.Any) -> t.Any:
    """A $ is a $: Compose would take it for the beginning of a variable."""
    if isinstance(value, t.Mapping):
        return {name: _as_data(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_data(inner) for inner in value]
    return value.replace("$", "$$") if isinstance(value, str) else value
