# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of mAI or Open WebUI that bear no mark of this collection: made by its guide, by a script, by hand.

Docker Compose of any generation and `docker run` leave the same trace: the container itself, as the engine tells about
it. What it was started with, and with it every secret, is read from there and stays on the machine.
"""

from __future__ import annotations

import functools
import io
import os
import re
import tarfile
from dataclasses import dataclass
from typing import Any

from ansible_collections.mai.clients.plugins.module_utils._instance import candidates, database, engine, system
from ansible_collections.mai.clients.plugins.module_utils._instance.place import URL, Place
from ansible_collections.mai.clients.plugins.module_utils._instance.session import token
from ansible_collections.mai.clients.plugins.module_utils._instance.web import request

# What a container of another kind has none of
_TELLING = ("WEBUI_SECRET_KEY", "WEBUI_NAME", "WEBUI_URL", "OPENROUTER_EXTERNAL_USER", "ENABLE_OPENAI_API")
SECRET_KEYS = ("WEBUI_SECRET_KEY", "WEBUI_JWT_SECRET_KEY")
_SECRET_KEY_FILE = ".webui_secret_key"
# Open WebUI's own, where it is started past its start script and nothing is set
_DEFAULT_SECRET_KEY = "t0p-s3cr3t"
# What the collection gives an instance in its own way, or what says nothing any more
OURS = frozenset(
    (
        *SECRET_KEYS,
        "WEBUI_SECRET_KEY_FILE",
        *("OPENAI_API_KEY", "OPENAI_API_KEYS", "OPENROUTER_API_KEY", "OPENAI_API_BASE_URL", "OPENAI_API_BASE_URLS"),
        *("WEBUI_ADMIN_EMAIL", "WEBUI_ADMIN_NAME", "WEBUI_ADMIN_PASSWORD"),
        *("CLIENT_ORG_NAME", "ORGANIZATION_NAME", "OPENROUTER_EXTERNAL_USER", "OPENROUTER_HOST"),
        *("MONTHLY_LIMIT", "SPENDING_LIMIT", "USAGE_MARKUP_MULTIPLIER", "HOST", "PORT", "DATA_DIR", "HOSTNAME"),
    )
)
# Those whose values are no secret, and worth a line in an inventory
TELLABLE = ("BYPASS_MODEL_ACCESS_CONTROL", "ENABLE_MODEL_FILTER", "ENV", "TZ", "WEBUI_NAME", "WEBUI_URL")
_KEY = re.compile(r"[\x21-\x7e]{1,1000}\Z")


@dataclass(frozen=True, repr=False)
class DataPlace(Place):
    """The data of an instance that are not, or not yet, in its client's directory."""

    folder: str = ""

    @property
    def path(self) -> str:
        return os.path.join(self.folder, "webui.db")


class HandMade:
    """One container, secrets and all. It stays inside the module."""

    def __init__(self, entry: dict[str, Any]) -> None:
        self.entry = entry
        self.identifier = str(entry.get("Id"))
        self.name = (entry.get("Name") or "").lstrip("/")
        self.config = entry.get("Config") or {}
        self.host = entry.get("HostConfig") or {}
        self.environment = engine.environment(entry)
        self.data = _data(entry, self.environment)
        self.running = engine.is_running(entry)

    @functools.cached_property
    def image(self) -> dict[str, Any]:
        """Asked for when it is wanted: most containers of a machine are not the one in question."""
        return engine.details_of(engine.IMAGE, str(self.entry.get("Image")))

    def described(self) -> dict[str, Any]:
        return engine.describe(self.entry, "")

    @property
    def place(self) -> DataPlace:
        return DataPlace("", {}, self.data["source"] or "")

    @property
    def keeps_elsewhere(self) -> bool:
        url = self.environment.get(URL) or ""
        return bool(url) and not url.startswith("sqlite")

    def contents(self, emails: list[str] | None = None) -> database.Contents:
        """Of a database that this machine reads without the instance: SQLite's, in a folder of the machine."""
        if self.keeps_elsewhere:
            contents = database.Contents("postgresql", None, True)
        elif self.data["source"] is None:
            contents = database.Contents("sqlite", None, True)
        else:
            return database.look(self.place, emails)
        contents.summary.update(error="it is read once the instance is the client's", error_reason="elsewhere")
        return contents

    def keys(self, contents: database.Contents) -> list[tuple[str, str]]:
        """(where, key) of each key, what the instance runs with first."""
        listed = re.split("[;,]", self.environment.get("OPENAI_API_KEYS") or "")
        named = candidates.named_keys([self.environment]) + [key for key in map(str.strip, listed) if key]
        found = [("environment", key) for key in named]
        found += [("saved in Open WebUI", key) for _url, key in contents.saved.connections() if key]
        found += [("organisation row", key) for _organization, key in contents.organization_keys]
        return list(dict.fromkeys(found))

    def own_variables(self) -> dict[str, str]:
        """What somebody gave the container, and neither its image nor the collection has."""
        image = engine.environment(self.image)
        return {
            name: value
            for name, value in self.environment.items()
            if image.get(name) != value and name not in OURS and name != URL and name != "PATH"
        }

    def secret_key(self, contents: database.Contents, url: str | None) -> tuple[str | None, str | None]:
        """(where it was found, what its sessions are signed with); (None, None) where it is not known."""
        found = [("environment", self.environment[name]) for name in SECRET_KEYS if self.environment.get(name)][:1]
        found = found or [("file", key) for key in [self._key_of_file()] if key]
        if not found and url and contents.administrator:
            session = token(_DEFAULT_SECRET_KEY, contents.administrator)
            if request(url + "/api/v1/auths/", token=session, timeout=10).ok:
                found = [("default", _DEFAULT_SECRET_KEY)]
        return found[0] if found else (None, None)

    def _key_of_file(self) -> str | None:
        """Its start script makes one in the working directory: outside the volume, and gone with the container."""
        named = self.environment.get("WEBUI_SECRET_KEY_FILE") or _SECRET_KEY_FILE
        path = os.path.join(self.config.get("WorkingDir") or "/", named)
        # A link in there would be followed in there, by a docker cp that is told to; this one is not
        archive = system.run("docker", "cp", f"{self.identifier}:{path}", "-")
        if not archive.ok:
            return None
        try:
            with tarfile.open(fileobj=io.BytesIO(archive.output.encode("utf-8")), mode="r:") as tar:
                member = tar.next()
                stream = tar.extractfile(member) if member and member.isfile() else None
                key = stream.read(2000).decode("utf-8").strip() if stream else ""
        except (tarfile.TarError, UnicodeError, OSError):
            return None
        return key if _KEY.match(key) else None

    def extras(self, every: list[dict[str, Any]]) -> dict[str, Any]:
        """How it was made, beyond what each instance has: what mai_compose_extra and limits can say."""
        image = self.image.get("Config") or {}
        project = (self.config.get("Labels") or {}).get("com.docker.compose.project")
        networks = sorted(((self.entry.get("NetworkSettings") or {}).get("Networks") or {}).keys())
        usual = ("bridge", "default", f"{project}_default")
        beside = {name: _others(self.entry, every, name) for name in networks if name != "bridge"}
        return {
            "volumes": [
                f"{mount.get('Name') or mount.get('Source')}:{mount.get('Destination')}"
                + ("" if mount.get("RW") else ":ro")
                for mount in self.entry.get("Mounts") or []
                if mount.get("Type") in ("bind", "volume") and not self._is_data(mount) and not _is_anonymous(mount)
            ],
            "ports": [
                f"{place['host_ip']}:{place['host_port']}:{place['container_port']}"
                for place in engine.ports(self.entry)
                if place["container_port"] != self.inner_port
            ],
            "extra_hosts": list(self.host.get("ExtraHosts") or []),
            "dns": list(self.host.get("Dns") or []),
            "networks": [name for name in networks if name not in usual or beside.get(name)],
            "neighbours": sorted({other for names in beside.values() for other in names}),
            "user": self.config.get("User") if self.config.get("User") != image.get("User") else None,
            "command": self.config.get("Cmd") if self.config.get("Cmd") != image.get("Cmd") else None,
            "entrypoint": self.config.get("Entrypoint")
            if self.config.get("Entrypoint") != image.get("Entrypoint")
            else None,
            "privileged": bool(self.host.get("Privileged")),
            "cap_add": list(self.host.get("CapAdd") or []),
            "devices": [one.get("PathOnHost") for one in self.host.get("Devices") or []]
            + ["gpus" for _one in self.host.get("DeviceRequests") or []],
            "memory_limit_bytes": engine.memory_limit(self.entry) or None,
            "cpus": (self.host.get("NanoCpus") or 0) / 1e9 or None,
            "host_network": self.host.get("NetworkMode") == "host",
        }

    @property
    def inner_port(self) -> int:
        port = self.environment.get("PORT") or ""
        return int(port) if port.isascii() and port.isdigit() else engine.CONTAINER_PORT

    def published(self) -> dict[str, Any] | None:
        """Where people reach it on the machine: host_ip and host_port."""
        places = [place for place in engine.ports(self.entry) if place["container_port"] == self.inner_port]
        return places[0] if places else None

    def _is_data(self, mount: dict[str, Any]) -> bool:
        return os.path.normpath(mount.get("Destination") or "/") == os.path.normpath(self.data["target"])


def instances(every: list[dict[str, Any]]) -> list[HandMade]:
    """Those of a machine, in the order of their names."""
    found = [HandMade(entry) for entry in every if not engine.is_marked(entry) and _is_one(entry)]
    return sorted(found, key=lambda one: one.name)


def _is_one(entry: dict[str, Any]) -> bool:
    environment = engine.environment(entry)
    mounted = [mount.get("Destination") for mount in entry.get("Mounts") or []]
    return (
        engine.CONTAINER_DATA in mounted
        or any(name in environment for name in _TELLING)
        or bool(candidates.named_keys([environment]))
    )


def _data(entry: dict[str, Any], environment: dict[str, str]) -> dict[str, Any]:
    """Where its data are: a folder of the machine (bind), a volume, or nowhere but in the container (layer)."""
    target = environment.get("DATA_DIR") or engine.CONTAINER_DATA
    found = {"kind": "layer", "source": None, "volume": None, "target": target}
    for mount in entry.get("Mounts") or []:
        inside = os.path.relpath(target, mount.get("Destination") or "/")
        if inside == ".":
            kind = mount.get("Type")
            return {**found, "kind": kind, "source": mount.get("Source"), "volume": mount.get("Name")}
        if not inside.startswith(".."):
            found["kind"] = "within"
    return found


def _is_anonymous(mount: dict[str, Any]) -> bool:
    """One that an image asks for, and nobody named."""
    return mount.get("Type") == "volume" and bool(re.fullmatch("[0-9a-f]{64}", mount.get("Name") or ""))


def _others(entry: dict[str, Any], every: list[dict[str, Any]], network: str) -> list[str]:
    return sorted(
        (other.get("Name") or "").lstrip("/")
        for other in every
        if other.get("Id") != entry.get("Id")
        and network in ((other.get("NetworkSettings") or {}).get("Networks") or {})
    )
