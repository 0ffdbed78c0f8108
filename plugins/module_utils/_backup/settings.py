# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the backup of one client is told, and where its files lie: written by the controller, read on the machine.

The password and the keys of the storage are in one file that only root reads. Whether it is as wanted is compared by a
stamp of four digits: enough to see a change, too little to try passwords against.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
from typing import Any, Mapping

from ansible_collections.mai.clients.plugins.module_utils import _own_file

FOLDER = ".backup"
PROGRAM = "backup.py"
SETTINGS = "settings.json"
STATE = "state.json"
LOCK = "lock"
RUN = "/run/mai-clients-backup"
KEEPS = ("daily", "weekly", "monthly")
# Where the textfile collector of the Prometheus node exporter looks on Debian, and where its own documentation has it
METRICS = ("/var/lib/prometheus/node-exporter", "/var/lib/node_exporter/textfile_collector")

_REMOTE = re.compile(r"(?:sftp|rest|s3):", re.ASCII)
_SFTP = re.compile(
    r"sftp:(?://)?(?:(?P<user>[^@/:]+)@)?(?P<host>\[[0-9A-Fa-f:.]+\]|[^/:@]+)(?::(?P<port>[0-9]{1,5}))?(?P<path>[:/].*)"
)


def folder_of(deployment_dir: str) -> str:
    return os.path.join(deployment_dir, FOLDER)


def metrics_file(folder: str, client: str) -> str:
    return os.path.join(folder, f"mai_clients_backup_{client}.prom")


def dump(public: Mapping[str, Any], secrets: Mapping[str, Any]) -> str:
    """The file as the controller writes it; the same input is always the same text."""
    return json.dumps({"public": public, "secrets": secrets}, ensure_ascii=True, indent=1, sort_keys=True) + "\n"


def load(deployment_dir: str) -> dict[str, Any]:
    """Raise ValueError or OSError where there is no such file, or none of this collection's."""
    found = json.loads(_own_file.read(os.path.join(folder_of(deployment_dir), SETTINGS)).decode("utf-8"))
    if not isinstance(found, dict) or not all(isinstance(found.get(part), dict) for part in ("public", "secrets")):
        raise ValueError("it is not what this collection writes")
    return found


def stamp(slug: str, secrets: Mapping[str, Any]) -> str:
    """Of 65536 guesses at a password one fits by chance, so none is proven right."""
    text = json.dumps([slug, secrets], ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(b"mai.clients backup\0" + text.encode()).hexdigest()[:4]


def is_local(repository: str) -> bool:
    """Whether it is a directory of the machine itself."""
    return not _REMOTE.match(repository)


def sftp(repository: str) -> dict[str, Any] | None:
    """User, host, port and path of such a repository, None where it is none."""
    found = _SFTP.fullmatch(repository)
    return found.groupdict() if found else None
