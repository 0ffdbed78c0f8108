# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container that was made by hand has besides, and how the inventory says it: nothing of it is lost unseen.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._text import shown

Values = t.Mapping[str, t.Any]


def wanted(extras: Values) -> dict[str, t.Any]:
    """The variables by which a client has the same: mai_compose_extra, and the limits."""
    service: dict[str, t.Any] = {}
    for name in ("volumes", "ports", "extra_hosts", "dns", "cap_add"):
        if extras[name]:
            service[name] = list(extras[name])
    for name in ("user", "command", "entrypoint"):
        if extras[name]:
            service[name] = extras[name]
    if extras["privileged"]:
        service["privileged"] = True
    devices = [one for one in extras["devices"] if one != "gpus"]
    if devices:
        service["devices"] = [f"{one}:{one}" for one in devices]
    if "gpus" in extras["devices"]:
        gpu = {"capabilities": ["gpu"], "driver": "nvidia", "count": "all"}
        service["deploy"] = {"resources": {"reservations": {"devices": [gpu]}}}
    extra: dict[str, t.Any] = {"service": service} if service else {}
    if extras["networks"]:
        service["networks"] = ["default", *extras["networks"]]
        extra = {"service": service, "networks": {name: {"external": True} for name in extras["networks"]}}
    volumes = [one.partition(":")[0] for one in extras["volumes"] if not one.startswith("/")]
    if volumes:
        extra["volumes"] = {name: {"external": True} for name in volumes}
    found: dict[str, t.Any] = {"mai_compose_extra": extra} if extra else {}
    if extras["memory_limit_bytes"]:
        found["mai_memory_limit"] = f"{extras['memory_limit_bytes'] // 1024**2}m"
    if extras["cpus"]:
        found["mai_cpu_limit"] = extras["cpus"]
    return found


def not_in_inventory(client: Values, one: Values) -> t.Iterator[str]:
    """What the client's inventory does not give it."""
    if one["extras"]["host_network"]:
        yield "it uses the machine's own network (network_mode: host), which no client of this collection does"
    same = wanted(one["extras"])
    service = (same.get("mai_compose_extra") or {}).get("service") or {}
    given = client["mai_compose_extra"].get("service") or {}
    missing = [name for name in service if name not in given]
    if missing:
        values = "; ".join(f"{name}: {shown(_short(service[name]), 200)}" for name in missing)
        why = ""
        if "networks" in missing:
            why = f" (in its networks: {', '.join(map(shown, one['extras']['neighbours'])) or 'nobody else'})"
        yield (
            f"the container has more than mai_compose_extra says, and would lose it: {values}{why}. "
            f"adopt_client.yml -e host={shown(client['machine'])} prints the lines for the inventory"
        )


def _short(value: t.Any) -> str:
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)
