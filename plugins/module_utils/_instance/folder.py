# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deployment directory of one client: whose it is, what lies in it. Values leave here only as hashes."""

from __future__ import annotations

import grp
import hashlib
import os
import pwd
import re

from ansible_collections.mai.clients.plugins.module_utils import _envfile, _own_file
from ansible_collections.mai.clients.plugins.module_utils._instance import system
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256
from ansible_collections.mai.clients.plugins.module_utils._stamp import without_stamp

MARK = ".mai-clients"
# Passwords of people, see _people/passwords.py
PEOPLE = "people.json"
RECORD = "HANDOVER.md"
FILES = (
    "compose.yml",
    "settings.env",
    "api_key.env",
    "secrets.env",
    "admin.env",
    PEOPLE,
    "database.env",
    "adopted.env",
    "start-mai-instance.sh",
    RECORD,
)
# There from the moment when a restore has exchanged the data until PostgreSQL holds what belongs to them
RESTORING = ".restoring"
# Which one Compose adds to compose.yml, in its order
OVERRIDES = (
    "compose.override.yml",
    "compose.override.yaml",
    "docker-compose.override.yml",
    "docker-compose.override.yaml",
)
# What a client that was made by hand had, and neither the inventory nor its image gives it
ADOPTED = "adopted.env"
# There while an adoption is under way, and what it began with
ADOPTING = ".adopting"
# What a copy of the database is called: SQLite's, and PostgreSQL's
COPIES = ("webui.db", "database.dump")
# What Compose would read instead, for whoever calls it in that directory
SHADOWS = ("compose.yaml",)
# A digest of a password that a person chose could be guessed back.
_WITHOUT_DIGEST = ("admin.env", PEOPLE, "database.env", ADOPTED)
GUESSABLE_VARIABLES = ("WEBUI_ADMIN_PASSWORD", "DATABASE_URL", "POSTGRES_PASSWORD")

_LABEL = re.compile(r"""mai\.clients\.client["']?\s*[:=]\s*["']?([A-Za-z0-9-]+)""")

# As roles/instance/templates/compose.yml.j2 writes them, or a hand that changed them
_IMAGE = re.compile(r"^ +image: *(\S.*?) *$", re.MULTILINE)
_IMAGE_NAME = re.compile(r"^ +mai\.clients\.image: *(\S.*?) *$", re.MULTILINE)
_IMAGE_ID = re.compile(r"""^x-mai-image: *["']?(sha256:[0-9a-f]{64})["']? *$""", re.MULTILINE)

# As roles/instance/templates/start-mai-instance.sh.j2 has it
_COMMAND = re.compile(r"^# mai\.clients\.command: ([0-9a-f]{64})$", re.MULTILINE)
_FORMER = re.compile(r"^# replaces ([0-9a-f]{64})$", re.MULTILINE)


def hashes(variables: dict[str, str]) -> dict[str, str]:
    return {name: sha256(value) for name, value in sorted(variables.items()) if name not in GUESSABLE_VARIABLES}


def labelled_client(text: str | None) -> str | None:
    """The client that a compose file or a unit of ours is labelled with."""
    found = _LABEL.search(text or "")
    return found.group(1) if found else None


def variables(directory: str, name: str) -> dict[str, str]:
    return _envfile.parse(_own_file.read_text(os.path.join(directory, name)) or "")


def former_keys(directory: str) -> list[str]:
    """Hashes of the keys that were in api_key.env before; openrouter_key notes them there."""
    return _FORMER.findall(_own_file.read_text(os.path.join(directory, "api_key.env")) or "")


def image(path: str) -> dict | None:
    """The image that the instance was last started from: its name, and its identifier, which a name may leave."""
    text = _own_file.read_text(os.path.join(path, "compose.yml")) or ""
    named, identified = _IMAGE_NAME.search(text) or _IMAGE.search(text), _IMAGE_ID.search(text)
    if not named:
        return None
    name = named.group(1).strip("\"'")
    return {"reference": name, "id": identified.group(1) if identified else None}


def start_command(path: str) -> str | None:
    """The SHA-256 of the command by which a native instance was last started."""
    found = _COMMAND.search(_own_file.read_text(os.path.join(path, "start-mai-instance.sh")) or "")
    return found.group(1) if found else None


def override(path: str) -> dict | None:
    """What somebody added beside our compose file."""
    for name in OVERRIDES:
        if os.path.lexists(os.path.join(path, name)):
            return {"name": name, "sha256": _digest(os.path.join(path, name))}
    return None


def mark(path: str) -> tuple[str | None, str | None]:
    """Whose directory it is, and the version of the collection that made it; older ones did not say."""
    lines = (_own_file.read_text(os.path.join(path, MARK)) or "").split()
    return (lines[0] if lines else None), (lines[1] if len(lines) > 1 else None)


def directory(path: str, client: str, unit_client: str | None) -> dict:
    try:
        status = os.stat(path)
        entries = os.listdir(path)
    except OSError:
        status, entries = None, []
    owner, made_by = mark(path)
    for name in ("compose.yml", "start-mai-instance.sh"):
        owner = owner or labelled_client(_own_file.read_text(os.path.join(path, name)))
    owner = owner or unit_client
    return {
        "path": path,
        "exists": status is not None,
        "empty": status is not None and not entries,
        "managed": owner == client,
        "managed_by": owner,
        "made_by": made_by,
        "mode": mode(status) if status else None,
        "free_bytes": system.free_bytes(path),
        "device": system.device(path),
        "shadowed_by": next((name for name in SHADOWS if name in entries), None),
        "upgrading": any(os.path.lexists(os.path.join(path, ".upgrade", name)) for name in COPIES),
        "restoring": os.path.lexists(os.path.join(path, RESTORING)),
        "adopting": os.path.lexists(os.path.join(path, ADOPTING)),
    }


def files(path: str) -> dict[str, dict]:
    found = {}
    for name in FILES:
        place = os.path.join(path, name)
        try:
            status = os.lstat(place)
        except OSError:
            continue
        found[name] = {
            "mode": mode(status),
            "owner": _user(status.st_uid),
            "group": _group(status.st_gid),
            "size": status.st_size,
        }
        if name not in _WITHOUT_DIGEST:
            found[name]["sha256"] = _record_digest(place) if name == RECORD else _digest(place)
    return found


def mode(status: os.stat_result) -> str:
    return "%04o" % (status.st_mode & 0o7777)


def _digest(path: str) -> str | None:
    try:
        return hashlib.sha256(_own_file.read(path)).hexdigest()
    except OSError:
        return None


def _record_digest(path: str) -> str | None:
    text = _own_file.read_text(path)
    return None if text is None else sha256(without_stamp(text))


def _user(number: int) -> str:
    try:
        return pwd.getpwuid(number).pw_name
    except KeyError:
        return str(number)


def _group(number: int) -> str:
    try:
        return grp.getgrgid(number).gr_name
    except KeyError:
        return str(number)
