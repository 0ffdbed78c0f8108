# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients as they are found, for tables of situations: one that is as it should be, and ways to differ from it."""

from __future__ import annotations

import copy
import typing as t
from datetime import datetime, timezone

from ansible_collections.mai.clients.plugins.module_utils._envfile import to_text
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key
from ansible_collections.mai.clients.plugins.plugin_utils._plan import proxy, usage
from ansible_collections.mai.clients.plugins.plugin_utils._plan.client import Aim, Files, Observed, plan
from ansible_collections.mai.clients.plugins.plugin_utils._plan.instance import Situation, instance, settings

from tests.unit.repository.tasks import ROOT

EVERYTHING = Aim()
NOW = datetime(2026, 11, 28, 12, tzinfo=timezone.utc)
KEY, OTHER, OLD, OLDER = (sha256(name) for name in ("key", "other", "old", "older"))
USAGE_PROGRAM = "reads the usage"
IMAGE, NEW_IMAGE = "sha256:" + "1" * 64, "sha256:" + "2" * 64
API = "https://openrouter.ai/api/v1"
TEMPLATES = {
    path.name: path.read_text(encoding="utf-8")
    for role in ("instance", "handover", "proxy")
    for path in (ROOT / "roles" / role / "templates").glob("*.j2")
}

VARIABLES: dict[str, t.Any] = {
    "slug": "company-abc",
    "machine": "192.0.2.7",
    "mai_client_name": "Company ABC",
    "mai_client_id": "company-abc-001",
    "mai_key_name": "client-company-abc",
    "mai_monthly_limit": 500,
    "mai_markup_rate": 1.3,
    "mai_billing_email": None,
    "mai_admin_email": "admin@companyabc.com",
    "mai_admin_name": "Admin",
    "mai_users": [],
    "mai_deployment": "docker",
    "mai_image": "mai:1.4",
    "mai_image_pull": "missing",
    "mai_image_archive": None,
    "mai_start_command": None,
    "mai_native_service": "auto",
    "mai_native_user": None,
    "mai_port": 8001,
    "mai_bind_address": None,
    "mai_deployment_dir": "/opt/mai/deployments/client-company-abc",
    "mai_health_path": "/health",
    "mai_health_timeout": 300,
    "mai_extra_env": {},
    "mai_compose_extra": {},
    "mai_memory_limit": None,
    "mai_cpu_limit": None,
    "mai_docker_packages": "auto",
    "mai_database": "sqlite",
    "mai_database_image": "postgres:17",
    "mai_database_image_archive": None,
    "mai_database_driver": "psycopg2",
    "mai_database_url_given": False,
    "mai_domain": None,
    "mai_fqdn": "",
    "mai_proxy": "caddy",
    "mai_tls": "acme",
    "mai_tls_certificate": None,
    "mai_tls_key": None,
    "mai_acme_email": None,
    "mai_acme_directory": None,
    "mai_acme_ca_root": None,
    "mai_public_addresses": [],
    "mai_upload_limit": "1GB",
    "mai_instance_api_base_url": API,
    "mai_backup_repository": None,
    "mai_backup_password_fault": "",
    "mai_backup_recovery": False,
    "mai_backup_stamp": "0000",
    "mai_backup_time": "03:00",
    "mai_backup_random_delay": "1h",
    "mai_backup_keep": {"daily": 7, "weekly": 5, "monthly": 12},
    "mai_backup_metrics_dir": None,
    "mai_usage_history": True,
    "mai_validated_version": None,
}
NO_BACKUP: dict[str, t.Any] = {
    "installed": False,
    "program": None,
    "settings": None,
    "stamp": None,
    "metrics": [],
    "client": None,
    "units": {},
    "timer_active": False,
    "next": None,
    "running": False,
    "restic": False,
    "state": None,
}
NO_USAGE: dict[str, t.Any] = {
    "installed": False,
    "program": None,
    "units": {},
    "timer_active": False,
    "next": None,
    "running": False,
    "since": None,
    "last": None,
    "missing": [],
}
NATIVE = {"mai_deployment": "native", "mai_start_command": "open-webui serve"}
PUBLISHED = {"mai_domain": "example.com", "mai_fqdn": "mai-companyabc.example.com"}


def client(**changes: t.Any) -> dict[str, t.Any]:
    return {**VARIABLES, **changes}


def account_key(key_hash: str = KEY, name: str = "client-company-abc", **changes: t.Any) -> Key:
    data = {"hash": key_hash, "name": name, "label": "sk-or-v1-0e6...1c96", "disabled": False, "limit": 500.0}
    data |= {"limit_reset": "monthly", "usage": 1.0, "usage_monthly": 1.0, "created_at": "2026-01-02T03:04:05Z"}
    return Key.from_api({**data, **changes})


def nothing() -> dict[str, t.Any]:
    """A look at a fresh machine with Docker and the image, and nothing of the client."""
    return {
        "machine": {
            "id": "m1", "root": True, "systemd": True, "system_id": "debian", "system_version": "13",
            "memory_bytes": 8 * 1024**3, "memory_available_bytes": 6 * 1024**3, "swap_free_bytes": 0,
            "transfer": {"path": "/home/ops/.ansible/tmp", "free_bytes": 90 * 1024**3, "device": 1},
        },
        "docker": {
            "engine": "26.1.5", "compose": "2.26.1", "cli": True, "error": None, "data_root_free_bytes": 90 * 1024**3,
            "data_root_device": 1, "networks_left": 28,
        },
        "directory": {
            "path": VARIABLES["mai_deployment_dir"], "exists": False, "empty": False, "managed": False,
            "managed_by": None, "made_by": None, "mode": None, "free_bytes": 90 * 1024**3, "device": 1,
            "upgrading": False, "shadowed_by": None, "restoring": False, "adopting": False,
        },
        "files": {},
        "settings": {},
        "environment": {},
        "key_hash": None,
        "key_variables": {},
        "former_key_hashes": [],
        "key_candidates": [],
        "containers": [],
        "foreign_containers": [],
        "memory_limits_bytes": 0,
        "unit": None,
        "process": None,
        "image": {"reference": "mai:1.4", "present": True, "id": IMAGE, "user": None},
        "last_image": None,
        "override": None,
        "start_command": None,
        "beside": [],
        "port": {"number": 8001, "listening": False, "ours": False, "process": None, "bindable": True},
        "proxy": None,
        "health": {
            "url": None, "status": None, "ok": False, "ready": None, "accounts": None, "onboarding": None,
            "signup_enabled": None,
        },
        "database": {
            "kind": None, "path": "/opt/mai/deployments/client-company-abc/data/webui.db", "exists": False,
            "error": None, "error_reason": None, "users": None, "administrators": None, "organizations": [],
            "tracks_usage": False, "tracking": None, "copy_name": "webui.db", "own": False, "scheme": None,
            "service": None, "as_wanted": None, "in_use": None,
            "driver": False, "programs": False,
        },
        "people": {"accounts": [], "first_administrator": None},
        "database_image": {"reference": None, "present": False, "id": None, "user": None},
        "stored_connection": {"form": "none", "connections": []},
        "stored_settings": {},
        "backup": dict(NO_BACKUP),
        "usage": dict(NO_USAGE),
        "facts": {
            "admin_chat_access": True, "admin_export": True, "forward_user_info": False, "login_required": True,
            "signup": False,
        },
        "probe": {
            "key": {"status": None, "ok": False, "refused": False, "reached": None, "limit_remaining": None,
                    "error": "there is no key"},
            "models": {"status": "unknown", "count": None, "reason": "the instance does not answer"},
            "signup_closed": None,
            "usage_page": {"status": None},
        },
    }  # fmt: skip


_POSTGRESQL = {"kind": "postgresql", "copy_name": "database.dump", "in_use": True, "driver": True, "programs": True}
DATABASES: dict[str, dict[str, t.Any]] = {
    "sqlite": {"kind": "sqlite"},
    "postgresql": {
        **_POSTGRESQL,
        "path": "postgresql://mai-companyabc-database:5432/mai",
        "own": True,
        "scheme": "postgresql",
        "service": {"id": "c2", "name": "mai-companyabc-database", "image": "postgres:17", "image_id": IMAGE},
    },
    "external": {**_POSTGRESQL, "path": "postgresql://db.example.com/company_abc", "as_wanted": True},
}


def converged(variables: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """What is seen of a client that is as its variables say."""
    seen = nothing()
    directory = variables["mai_deployment_dir"]
    native = variables["mai_deployment"] == "native"
    bind = _bind(variables)
    wanted = settings(variables, bind)
    hashes = {name: sha256(to_text(value)) for name, value in wanted.items() if value is not None}
    seen["directory"] |= {
        "path": directory,
        "exists": True,
        "managed": True,
        "managed_by": "company-abc",
        "made_by": "0.1.0",
        "mode": "0710" if native and variables["mai_native_user"] != "root" else "0700",
    }
    names = ["settings.env", "api_key.env", "secrets.env", "admin.env", "HANDOVER.md"]
    names.append("start-mai-instance.sh" if native else "compose.yml")
    seen["files"] = {name: {"mode": "0600", "sha256": sha256(name)} for name in names}
    seen["settings"] = {**hashes, "MONTHLY_LIMIT": sha256("500.0")}
    seen["environment"] = {**seen["settings"], "OPENAI_API_KEY": KEY, "OPENROUTER_API_KEY": KEY}
    seen["key_hash"] = KEY
    seen["key_variables"] = {"OPENAI_API_KEY": KEY, "OPENROUTER_API_KEY": KEY}
    seen["port"] |= {"listening": True, "ours": True}
    seen["health"] |= {
        "url": "http://127.0.0.1:8001/health", "status": 200, "ok": True, "ready": True, "accounts": True,
        "onboarding": False, "signup_enabled": False,
    }  # fmt: skip
    if variables["mai_database"] != "sqlite":
        seen["files"]["database.env"] = {"mode": "0600"}
    if variables["mai_database"] == "postgresql":
        seen["database_image"] = {"reference": "postgres:17", "present": True, "id": IMAGE}
    seen["database"] |= {
        **DATABASES[variables["mai_database"]],
        "exists": True,
        "users": 3,
        "administrators": 1,
        "tracks_usage": True,
        "organizations": [organization(variables)],
    }
    seen["people"] = people(variables)
    seen["stored_connection"] = {
        "form": "rows",
        "connections": [{"url": API, "url_hash": sha256(API), "key_hash": KEY}],
    }
    seen["probe"] = {
        "key": {"status": 200, "ok": True, "refused": False, "reached": True, "limit_remaining": 499.0, "error": None},
        "models": {"status": "ok", "count": 12, "reason": None},
        "signup_closed": True,
        "usage_page": {"status": 200},
    }
    if native:
        seen["unit"] = {"exists": True, "managed": True, "active_state": "active"}
    else:
        seen["containers"] = [
            {"name": "mai-companyabc", "managed": True, "state": "running", "image": "mai:1.4", "image_id": IMAGE,
             "labels": {}, "id": "c1"}
        ]  # fmt: skip
        seen["last_image"] = {"reference": "mai:1.4", "id": IMAGE, "present": True, "user": None}
    if proxy.wanted(variables):
        seen["proxy"] = published(variables, seen)
    seen["usage"] |= {
        "installed": True,
        "program": sha256(USAGE_PROGRAM),
        "units": {end: sha256(text) for end, text in usage.unit_files(variables).items()},
        "timer_active": True,
        "since": "2026-11-01T00:00:00Z",
        "last": {
            "time": "2026-11-27T23:52:00Z", "key_hash": KEY, "usage": "1.0", "usage_monthly": "1.0", "limit": "500.0",
            "why": "daily",
        },
    }  # fmt: skip
    digest = instance(variables, seen, account_key().shown(), TEMPLATES)["digest"]
    if native:
        seen["environment"]["MAI_CONFIGURATION"] = sha256(digest)
    else:
        seen["containers"][0]["labels"]["mai.clients.configuration"] = digest
    record = planned(variables, seen)["plan"]["record"]["text"]
    seen["files"]["HANDOVER.md"]["sha256"] = sha256(record)
    return seen


def published(variables: t.Mapping[str, t.Any], seen: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Caddy with the client's site, and its answer."""
    found = copy.deepcopy(dict(proxy.NOTHING)) | {
        "version": "2.6.2", "unit": True, "active": True, "imports": True,
        "ports": {port: {"process": "caddy", "caddy": True} for port in ("80", "443")},
        "names": [{"address": variables["machine"], "own": True}], "addresses": [variables["machine"]],
        "answer": {
            "certificate": {
                "issuer": "E7", "not_before": "2026-11-01T00:00:00Z", "not_after": "2027-01-30T00:00:00Z"
            },
            "verified": True, "code": None, "reason": None, "status": 200, "websocket": 101, "websocket_direct": 101,
            "error": None, "complaint": None,
        },
    }  # fmt: skip
    parts = instance(variables, seen, account_key().shown(), TEMPLATES)
    text = proxy.proxy(variables, {**seen, "proxy": found}, parts, False, TEMPLATES[proxy.TEMPLATE])["text"]
    found["site"] = {
        "exists": True, "ours": True, "pending": False, "sha256": sha256(text),
        "lines": text.replace("\t", "␉").splitlines(),
    }  # fmt: skip
    return found


def _bind(variables: t.Mapping[str, t.Any]) -> str:
    if variables["mai_bind_address"]:
        return variables["mai_bind_address"]
    return "127.0.0.1" if variables["mai_domain"] and variables["mai_proxy"] == "caddy" else "0.0.0.0"


def people(variables: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The administrator with whom the instance was made, of those who are asked for."""
    email = variables["mai_admin_email"]
    accounts = [{"email": email.lower(), "role": "admin", "first": True}] if email else []
    return {"accounts": accounts, "first_administrator": email}


def organization(variables: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        "id": variables["mai_client_id"],
        "name": variables["mai_client_name"],
        "key_hash": KEY,
        "markup_rate": 1.3,
        "monthly_limit": 500.0,
        "billing_email": variables["mai_billing_email"],
        "is_active": True,
        "timezone": "Europe/Warsaw",
    }


def planned(
    variables: t.Mapping[str, t.Any],
    seen: t.Mapping[str, t.Any],
    keys: t.Sequence[Key] | None = None,
    record: str | None = None,
    aim: Aim = EVERYTHING,
    **more: t.Any,
) -> dict[str, t.Any]:
    """The plan; where no record is given, there is none on the controller."""
    observed = Observed(
        seen=seen,
        keys=[account_key()] if keys is None else keys,
        credit={"left": 100.0},
        situation=Situation(**more),
    )
    files = Files(TEMPLATES, record, "handovers/company-abc.md", usage_program=USAGE_PROGRAM)
    return plan(variables, observed, files, aim, NOW)


def changed(seen: t.Mapping[str, t.Any], changes: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """The look with other values at some places, each named by its path, as in containers.0.state."""
    result = copy.deepcopy(dict(seen))
    for path, value in changes.items():
        *way, last = path.split("/")
        place: t.Any = result
        for step in way:
            place = place[int(step) if isinstance(place, list) else step]
        if value is GONE:
            del place[last]
        elif isinstance(place, list):
            place[int(last)] = value
        else:
            place[last] = value
    return result


GONE = object()
