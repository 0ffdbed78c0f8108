# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Docker, asked through its command line: engine, containers, image, log. Nothing is started or changed."""

from __future__ import annotations

import json
import os

from ansible_collections.mai.clients.plugins.module_utils._host_in_url import asked_at
from ansible_collections.mai.clients.plugins.module_utils._instance import image_user, networks, system

CLIENT_LABEL = "mai.clients.client"
BESIDE_LABEL = "mai.clients.beside"
DATABASE_LABEL = "mai.clients.database"
IMAGE_LABEL = "mai.clients.image"
_OWN_LABELS = "mai.clients."
_COMPOSE_LABELS = tuple("com.docker.compose.project" + end for end in ("", ".working_dir")) + (
    "com.docker.compose.service",
)
# Where an image of the instance listens, and keeps its data
CONTAINER_PORT, CONTAINER_DATA = 8080, "/app/backend/data"
# As roles/instance/templates/compose.yml.j2 writes it, and as it did
_OWN_CHECK, _FORMER_CHECK, _INSIDE = ["CMD", "python3", "-ISc"], ["CMD", "sh"], "http://127.0.0.1:8080"
_NEVER = "0001-01-01T00:00:00Z"


# One call tells about client, plugin and engine; without an engine it still prints the client's part.
INFO = ("docker", "info", "--format", "{{json .}}")
LIST = ("docker", "ps", "--all", "--quiet", "--no-trunc")
IMAGE = ("docker", "image", "inspect")


def engine(answer: system.Command) -> dict:
    """What INFO tells."""
    details = _json(answer.output) or {}
    plugins = (details.get("ClientInfo") or {}).get("Plugins") or []
    compose = [plugin.get("Version") for plugin in plugins if plugin.get("Name") == "compose"]
    version = details.get("ServerVersion") or None
    root = details.get("DockerRootDir") or None
    return {
        "cli": answer.found,
        "engine": version,
        "compose": (compose[0] or "").lstrip("v") or None if compose else None,
        "error": None if version else _short(answer.error),
        "data_root_free_bytes": system.free_bytes(root) if root else None,
        "data_root_device": system.device(root) if root else None,
        "networks_left": networks.left(details.get("DefaultAddressPools")) if version else None,
    }


def has_network(client: str) -> bool:
    """The one that Compose makes for the client."""
    return system.run("docker", "network", "inspect", f"client-{client}_default").ok


def inspect_containers(listed: system.Command | None = None) -> list[dict]:
    """Every container of this machine, those of LIST, as docker inspect describes it."""
    identifiers = (listed or system.run(*LIST)).output.split()
    if not identifiers:
        return []
    # A container that went away meanwhile makes the command fail, yet it still prints the others.
    return _json(system.run("docker", "inspect", "--type", "container", *identifiers).output) or []


def is_of_client(details: dict, service: str, client: str) -> bool:
    return _name(details) == service or _labels(details).get(CLIENT_LABEL) == client


def is_database(details: dict, client: str) -> bool:
    return _labels(details).get(DATABASE_LABEL) == client


def is_beside(details: dict, client: str) -> bool:
    """Whether it is another container of the client's Compose project."""
    return _labels(details).get(_COMPOSE_LABELS[0]) == f"client-{client}"


def beside(details: dict, client: str, image: bool = False) -> dict:
    found = {
        "id": details.get("Id"),
        "name": _name(details),
        "service": _labels(details).get(_COMPOSE_LABELS[2]),
        "state": (details.get("State") or {}).get("Status"),
        "managed": _labels(details).get(BESIDE_LABEL) == client,
    }
    return {**found, "image": _labels(details).get(IMAGE_LABEL), "image_id": details.get("Image")} if image else found


def describe(details: dict, client: str) -> dict:
    state = details.get("State") or {}
    labels = _labels(details)
    return {
        "id": details.get("Id"),
        "name": _name(details),
        # Started by its identifier, which says nothing to people
        "image": labels.get(IMAGE_LABEL) or (details.get("Config") or {}).get("Image"),
        "image_id": details.get("Image"),
        "state": state.get("Status"),
        "health": (state.get("Health") or {}).get("Status"),
        "started_at": _moment(state.get("StartedAt")),
        "restart_count": details.get("RestartCount"),
        "exit_code": state.get("ExitCode"),
        "labels": {
            name: value
            for name, value in sorted(labels.items())
            if name.startswith(_OWN_LABELS) or name in _COMPOSE_LABELS
        },
        "managed": labels.get(CLIENT_LABEL) == client,
        "ports": ports(details),
        "memory_limit_bytes": memory_limit(details) or None,
    }


def ports(details: dict) -> list[dict]:
    """Published ports: what is bound now, or, of a stopped container, what it would bind."""
    bindings = (details.get("NetworkSettings") or {}).get("Ports") or {}
    if not any(bindings.values()):
        bindings = (details.get("HostConfig") or {}).get("PortBindings") or {}
    published = []
    for inside, places in sorted(bindings.items()):
        for place in places or []:
            if (place.get("HostPort") or "").isdigit():
                published.append(
                    {
                        "host_ip": place.get("HostIp") or "0.0.0.0",
                        "host_port": int(place["HostPort"]),
                        "container_port": int(inside.split("/")[0]),
                    }
                )
    return published


def address(details: dict) -> str:
    """Where a running container is reached from its own machine, whatever it publishes; nothing without a network."""
    networks = ((details.get("NetworkSettings") or {}).get("Networks") or {}).values()
    found = [one[key] for key in ("IPAddress", "GlobalIPv6Address") for one in networks if one and one.get(key)]
    return str(found[0]) if found else ""


def url(container: dict) -> str | None:
    """Where a container, as described, is asked on this machine; None where it publishes nothing."""
    places = sorted(container["ports"], key=lambda place: place["container_port"] != CONTAINER_PORT)
    return f"http://{asked_at(places[0]['host_ip'])}:{places[0]['host_port']}" if places else None


def health_path(details: dict) -> str | None:
    """The path that our own health check asks in the container; None where it is another check's."""
    test = ((details.get("Config") or {}).get("Healthcheck") or {}).get("Test") or []
    ours = test[:3] == _OWN_CHECK or (test[:2] == _FORMER_CHECK and test[-1].startswith(_INSIDE + "/"))
    return test[-1].replace(_INSIDE, "", 1) if ours else None


def memory_limit(details: dict) -> int:
    return (details.get("HostConfig") or {}).get("Memory") or 0


def is_running(details: dict) -> bool:
    return bool((details.get("State") or {}).get("Running"))


def is_marked(details: dict) -> bool:
    """Whether the collection made it, for whomever."""
    return any(name.startswith(_OWN_LABELS) for name in _labels(details))


def other_client(details: dict, client: str) -> bool:
    """Whether the container is one that the collection made, for somebody else."""
    labels = _labels(details)
    return is_marked(details) and client not in (labels.get(CLIENT_LABEL), labels.get(BESIDE_LABEL))


def environment(details: dict) -> dict[str, str]:
    pairs = (entry.partition("=") for entry in (details.get("Config") or {}).get("Env") or [])
    return {name: value for name, separator, value in pairs if separator}


def image(reference: str | None, answer: system.Command | None) -> dict:
    """What IMAGE tells of the reference, a name or an identifier."""
    details = ((_json(answer.output) if answer else None) or [None])[0] or {}
    return {
        "reference": reference,
        "present": bool(details),
        "id": details.get("Id"),
        "size_bytes": details.get("Size"),
        "created": details.get("Created"),
        "user": image_user.user_of((details.get("Config") or {}).get("User")),
    }


def details_of(command: tuple[str, ...], reference: str) -> dict:
    """What the engine tells of one thing, an image by IMAGE; nothing where there is none."""
    found = _json(system.run(*command, reference).output)
    return found[0] if found else {}


def accounts(reference: str, name: str) -> str:
    """The lines of the image's /etc/passwd, read by way of a container of that name that never runs."""
    run = system.run
    remove = ("docker", "rm", "--force", "--volumes", name)
    run(*remove)
    try:
        run("docker", "create", "--name", name, "--network", "none", "--entrypoint", "none", reference)
        archive = run("docker", "cp", "--follow-link", f"{name}:/etc/passwd", "-").output
    finally:
        run(*remove)
    # A tar archive: the text stands in it as it is, between blocks that are filled up with zeros
    return archive.replace("\0", "\n")


def proxies() -> dict[str, str]:
    """What root's own Docker configuration gives to each container that is made, as an environment has it."""
    text = system.read_text(os.path.expanduser("~/.docker/config.json"))
    known = _json(text or "")
    default = known.get("proxies") if isinstance(known, dict) else None
    default = default.get("default") if isinstance(default, dict) else None
    named = {"http_proxy": "httpProxy", "https_proxy": "httpsProxy", "all_proxy": "allProxy", "no_proxy": "noProxy"}
    return (
        {name: str(default[key]) for name, key in named.items() if default.get(key)}
        if isinstance(default, dict)
        else {}
    )


def log(container: dict) -> tuple[int, str]:
    """Number of lines since the last start, as far as they are counted, and the last 20 lines of all."""
    logs = ("docker", "logs", "--tail")
    tail = system.run(*logs, "20", container["id"])
    since = system.run(*logs, str(system.MOST_LINES), "--since", container["started_at"] or _NEVER, container["id"])
    return (since.output + since.error).count("\n"), tail.output + tail.error


def _labels(details: dict) -> dict[str, str]:
    return (details.get("Config") or {}).get("Labels") or {}


def _name(details: dict) -> str:
    return (details.get("Name") or "").lstrip("/")


def _moment(text: str | None) -> str | None:
    return None if text in (None, "", _NEVER) else text


def _json(text: str):
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _short(text: str) -> str | None:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1][:300] if lines else "the Docker engine did not answer"
