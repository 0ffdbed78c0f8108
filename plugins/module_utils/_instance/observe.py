# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One look at one client's instance: everything that plans, checks and the hand-over need, and no secret.

Nothing here changes anything, and nothing fails because a part is missing or is not what an instance writes: it is then
null, false or empty. Every text comes out as it may be shown.
"""

from __future__ import annotations

import shutil
from dataclasses import dataclass

from ansible_collections.mai.clients.plugins.module_utils._database_postgresql import has_driver
from ansible_collections.mai.clients.plugins.module_utils._host_in_url import asked_at
from ansible_collections.mai.clients.plugins.module_utils._instance import (
    backups,
    candidates,
    credentials,
    database,
    engine,
    folder,
    native,
    probe,
    saved_hashes,
    site,
    system,
    usages,
    web,
)
from ansible_collections.mai.clients.plugins.module_utils._instance.health import CONFIG, has_accounts
from ansible_collections.mai.clients.plugins.module_utils._instance.health import ask as ask_health
from ansible_collections.mai.clients.plugins.module_utils._instance.place import URL, Place, place_of
from ansible_collections.mai.clients.plugins.module_utils._secret import hash_of, is_same_secret, sha256
from ansible_collections.mai.clients.plugins.module_utils._text import all_shown, shown_or_none


def observe(wanted: dict) -> dict:
    """Look at the instance that the options wanted of the module instance_info describe."""
    return all_shown(_described(wanted, _gathered(wanted)))


@dataclass(frozen=True, repr=False)
class Sight:
    """What was looked at, secrets and all. It stays inside the module."""

    docker: dict
    image: dict  # the wanted one
    database_image: dict  # the wanted one of the client's own PostgreSQL
    place: Place
    last_image: dict | None  # the one that the instance was last started from
    every: list[dict]  # each container of the machine, as the engine tells about it
    ours: list[dict]
    containers: list[dict]  # ours, described
    unit: dict | None
    unit_client: str | None
    process: dict | None
    settings: dict[str, str]
    api_key: dict[str, str]
    secrets: dict[str, str]
    admin: dict[str, str]
    environment: dict[str, str]  # of the running instance
    contents: database.Contents
    url: str | None
    health: dict
    key_asked: web.Asked | None
    trial: probe.Trial | None
    listening: dict[int, set[str]]  # the sockets of each port
    site: site.Look
    backup: dict
    usage: dict

    @property
    def pids(self) -> list[int]:
        return _pids(self.unit, self.process)

    @property
    def running(self) -> list[dict]:
        return [entry for entry in self.every if engine.is_running(entry)]

    @property
    def published(self) -> set[int]:
        return {port for entry in self.running for port in _host_ports(entry)}


def _gathered(wanted: dict) -> Sight:
    client, service, path = wanted["client"], wanted["service"], wanted["deployment_dir"]
    # What takes time of its own is asked for first, and read when it is wanted
    info, listed = system.Started(*engine.INFO), system.Started(*engine.LIST)
    image = _ask_image(wanted["image"])
    backup, usage = backups.Asked(path, service), usages.Asked(path, service)
    last_image = folder.image(path)
    asked_last = _ask_image((last_image["id"] or last_image["reference"]) if last_image else None)
    database_image = _ask_image(wanted["database_image"])
    files = {name: folder.variables(path, f"{name}.env") for name in ("settings", "api_key", "secrets", "admin")}
    place = place_of(path)
    contents = database.look(place, wanted["people"])
    every = engine.inspect_containers(listed.outcome())
    ours = [entry for entry in every if engine.is_of_client(entry, service, client)]
    ours.sort(key=lambda entry: (not engine.is_running(entry), entry.get("Name") != "/" + service))
    containers = [engine.describe(entry, client) for entry in ours]
    unit, unit_words = native.unit(service, client)
    process = native.process(path)
    docker = engine.engine(info.outcome())
    if docker["networks_left"] == 0 and engine.has_network(client):
        docker["networks_left"] = 1
    running = [unit and unit["main_pid"], process and process["main_pid"]]
    environment = engine.environment(ours[0]) if ours else {}
    for pid in filter(None, running):
        environment = environment or system.process_environment(pid)
    around = environment or (engine.proxies() if docker["engine"] else {})
    # Without a container it says itself where it listens
    url = _url(containers, environment.get("HOST", ""), wanted["port"])
    key_asked = None
    if wanted["probe"]:
        key = files["api_key"].get("OPENAI_API_KEY")
        key_asked = probe.ask_key(wanted["base_url"], key, wanted["proxies"] or around)
    own_site = site.Look(wanted, url)
    trial = None
    if wanted["probe"] and url:
        secret_key = files["secrets"].get("WEBUI_SECRET_KEY") or environment.get("WEBUI_SECRET_KEY")
        second_factor = contents.saved.get("auth.mfa.enable") == (True,)
        trial = probe.Trial(url, secret_key, contents.administrator, second_factor)
    return Sight(
        docker=docker,
        image=engine.image(wanted["image"], image.outcome() if image else None),
        last_image=_last_image(last_image, asked_last),
        database_image=engine.image(wanted["database_image"], database_image.outcome() if database_image else None),
        place=place,
        every=every,
        ours=ours,
        containers=containers,
        unit=unit,
        unit_client=unit_words.get("client") or None,
        process=process,
        environment=environment,
        contents=contents,
        url=url,
        health=_health(url, wanted["health_path"]),
        key_asked=key_asked,
        trial=trial,
        listening=system.listening(),
        site=own_site,
        backup=backup.answer(),
        usage=usage.answer(),
        **files,
    )


def _described(wanted: dict, sight: Sight) -> dict:
    client, path = wanted["client"], wanted["deployment_dir"]
    return {
        "machine": system.machine(wanted["remote_tmp"]),
        "docker": sight.docker,
        "directory": folder.directory(path, client, sight.unit_client),
        "files": folder.files(path),
        "override": folder.override(path),
        "start_command": folder.start_command(path),
        "settings": folder.hashes(sight.settings),
        "environment": folder.hashes(sight.environment),
        "key_hash": hash_of(sight.api_key.get("OPENAI_API_KEY")),
        "key_variables": folder.hashes(sight.api_key),
        "former_key_hashes": folder.former_keys(path),
        "key_candidates": _candidates(
            [sight.environment, folder.variables(path, candidates.GUIDE_FILE)],
            [key for _address, key in sight.contents.saved.connections()],
            [key for _organization, key in sight.contents.organization_keys],
        ),
        "containers": sight.containers,
        "beside": [
            engine.beside(entry, client)
            for entry in sight.every
            if entry not in sight.ours and engine.is_beside(entry, client)
        ],
        "foreign_containers": [
            {"name": container["name"], "ports": container["ports"]}
            for container in (engine.describe(entry, client) for entry in sight.every if entry not in sight.ours)
            if wanted["port"] in [place["host_port"] for place in container["ports"]]
        ],
        "memory_limits_bytes": sum(
            engine.memory_limit(entry) for entry in sight.running if engine.other_client(entry, client)
        ),
        "unit": sight.unit,
        "process": sight.process,
        "image": sight.image,
        "last_image": sight.last_image,
        "port": _port(wanted["port"], wanted["bind"], sight),
        "proxy": sight.site.found(sight.listening, _publishers(sight.running)),
        "health": sight.health,
        "database": {**sight.contents.summary, **_database(wanted, sight)},
        "people": _people(sight),
        "database_image": sight.database_image,
        "stored_connection": saved_hashes.saved_connections(sight.contents.saved),
        "stored_settings": saved_hashes.saved_hashes(sight.contents.saved, dict(sight.environment, **sight.settings)),
        "facts": _facts(sight.environment or sight.settings, sight.health),
        "backup": sight.backup,
        "usage": sight.usage,
        "probe": _probe(sight) if wanted["probe"] else None,
    }


def _database(wanted: dict, sight: Sight) -> dict:
    """What of it is no content: who serves it, and whether it is the one that is wanted, and used."""
    url, used = sight.place.variables.get(URL), sight.environment.get(URL)
    ours = [entry for entry in sight.every if engine.is_database(entry, wanted["client"])]
    proof = wanted["database_url_proof"]
    return {
        "copy_name": sight.place.copy_name,
        "own": bool(sight.place.container),
        "scheme": url.partition(":")[0] if url else None,
        "service": engine.beside(ours[0], wanted["client"], image=True) if ours else None,
        "as_wanted": is_same_secret(url, proof) if url and proof else None,
        "in_use": url == used if url and sight.environment else None,
        "driver": has_driver(),
        "programs": shutil.which("pg_dump") is not None,
    }


def _people(sight: Sight) -> dict:
    """Of those who were asked for; and with whom the instance was made, whose password admin.env holds."""
    return {
        "accounts": sight.contents.accounts_shown(),
        "first_administrator": sight.admin.get(credentials.EMAIL),
    }


def _ask_image(reference: str | None) -> system.Started | None:
    return system.Started(*engine.IMAGE, reference) if reference else None


def _last_image(noted: dict | None, asked: system.Started | None) -> dict | None:
    if noted is None or asked is None:
        return None
    found = engine.image(None, asked.outcome())
    return dict(noted, present=found["present"], user=found["user"])


def _pids(unit: dict | None, process: dict | None) -> list[int]:
    return [pid for pid in (unit and unit["main_pid"], process and process["running"] and process["pid"]) if pid]


def _host_ports(entry: dict) -> list[int]:
    return [place["host_port"] for place in engine.ports(entry)]


def _publishers(running: list[dict]) -> dict[int, str]:
    return {
        port: f"container {(entry.get('Name') or '').lstrip('/')}" for entry in running for port in _host_ports(entry)
    }


def _url(containers: list[dict], host: str, port: int | None) -> str | None:
    """Where the instance answers on this machine; a changed port counts only after the next start."""
    for container in containers:
        if container["ports"] and container["state"] == "running":
            return engine.url(container)
    return f"http://{asked_at(host)}:{port}" if port else None


def _health(url: str | None, path: str) -> dict:
    health = dict.fromkeys(("url", "status", "ready", "version", "accounts", "onboarding", "signup_enabled"))
    health["ok"] = False
    if url is None:
        return health
    asked = ask_health(url, path)
    health.update(url=url + path, status=asked.status, ok=asked.up, ready=asked.ready)
    if asked.status is None:
        return health
    version, asked = web.Asked(url + "/api/version"), web.Asked(url + CONFIG)
    health["version"] = shown_or_none(version.answer().get("version"), 60)
    config = asked.answer()
    health["accounts"] = has_accounts(config)
    if health["accounts"]:
        health["onboarding"] = bool(config.get("onboarding", False))
        features = config.get("features")
        enabled = features.get("enable_signup") if isinstance(features, dict) else None
        health["signup_enabled"] = enabled if isinstance(enabled, bool) else None
    return health


def _candidates(environments: list[dict[str, str]], saved: list[str], rows: list[str]) -> list[dict]:
    """Every key found on this machine, once per kind of place; the secrets themselves stay here."""
    named = candidates.named_keys(environments)
    found = []
    for where, keys in (("environment", named), ("saved in Open WebUI", saved), ("organisation row", rows)):
        found += [{"where": where, "hash": digest} for digest in sorted({sha256(key) for key in keys if key})]
    return found


def _port(number: int | None, bind: str | None, sight: Sight) -> dict:
    holders = [entry for entry in sight.running if number in _host_ports(entry)]
    owner = None
    if number in sight.listening and not holders:
        owner = system.socket_owner(sight.listening[number])
    name = system.process_name(owner) if owner else None
    if holders:
        name = (holders[0].get("Name") or "").lstrip("/")
    return {
        "number": number,
        "listening": number in sight.listening or number in sight.published,
        "ours": any(entry in sight.ours for entry in holders)
        or (owner is not None and any(system.descends_from(owner, pid) for pid in sight.pids)),
        "process": name,
        "bindable": system.can_bind(bind),
    }


def _facts(environment: dict[str, str], health: dict) -> dict:
    """Who can read what, as the instance's settings have it; Open WebUI's own defaults where none is set."""

    def switched_on(name: str, default: str) -> bool:
        return environment.get(name, default).lower() == "true"

    return {
        "admin_chat_access": switched_on("ENABLE_ADMIN_CHAT_ACCESS", "true"),
        "admin_export": switched_on("ENABLE_ADMIN_EXPORT", "true"),
        "forward_user_info": switched_on("ENABLE_FORWARD_USER_INFO_HEADERS", "false"),
        "login_required": switched_on("WEBUI_AUTH", "true"),
        "signup": health["signup_enabled"],
    }


def _probe(sight: Sight) -> dict:
    outcome = {
        "key": probe.key(sight.key_asked, sight.api_key.get("OPENAI_API_KEY")),
        "models": {"status": "unknown", "count": None, "reason": "the instance does not answer"},
        "signup_closed": None,
        "usage_page": {"status": None},
    }
    if sight.trial and sight.health["status"] is None:
        sight.trial.give_up()
    elif sight.trial:
        contents = sight.contents
        outcome.update(sight.trial.outcome())
        if contents.summary["error"] and not contents.administrator:
            outcome["models"]["reason"] = "who administers the instance is not known, since its database cannot be read"
    return outcome
