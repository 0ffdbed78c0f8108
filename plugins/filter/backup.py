# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""The passwords of a client's backups: what is wrong with them, whether they changed, and the files that hold them."""

from __future__ import annotations

import re
import typing as t

from ansible_collections.mai.clients.plugins.module_utils._backup import settings
from ansible_collections.mai.clients.plugins.plugin_utils import _program
from ansible_collections.mai.clients.plugins.plugin_utils._plan import backup as planned_backup
from ansible_collections.mai.clients.plugins.plugin_utils._plan import restore
from ansible_collections.mai.clients.plugins.plugin_utils._values import plain
from ansible_collections.mai.clients.plugins.plugin_utils._variables import secret_fault

_NAME = re.compile(r"[A-Z][A-Z0-9_]{1,60}")
# What restic and its program are told by the collection itself
_OURS = (
    "RESTIC_REPOSITORY",
    "RESTIC_REPOSITORY_FILE",
    "RESTIC_PASSWORD",
    "RESTIC_PASSWORD_FILE",
    "RESTIC_PASSWORD_COMMAND",
)
_OTHERS = ("PATH", "HOME", "LC_ALL", "LD_PRELOAD", "LD_LIBRARY_PATH", "RESTIC_CACHE_DIR", "RESTIC_PROGRESS_FPS")


def backup_fault(repository: t.Any, password: t.Any, recovery_password: t.Any, environment: t.Any) -> str:
    return "; ".join(_faults(repository, password, recovery_password, environment))


def _faults(repository: t.Any, password: t.Any, recovery: t.Any, environment: t.Any) -> t.Iterator[str]:
    for name, value in (("mai_backup_password", password), ("mai_backup_recovery_password", recovery)):
        fault = secret_fault(value) or _blanks(value)
        if fault:
            yield f"{name}: {fault}"
    if repository and not password:
        yield "mai_backup_password is missing: without it a backup could never be read (keep it in a vault)"
    if password and password == recovery:
        yield "mai_backup_recovery_password is that of the client itself: give it another one"
    if not isinstance(environment, t.Mapping):
        yield "mai_backup_environment is no mapping: give names and values"
        return
    for name, value in environment.items():
        if not isinstance(name, str) or not _NAME.fullmatch(name):
            yield "mai_backup_environment has a name that is none of an environment variable"
        elif name in _OURS or name in _OTHERS:
            yield f"mai_backup_environment may not set {name}"
        elif not isinstance(value, (str, int)) or isinstance(value, bool) or secret_fault(str(value)):
            yield f"mai_backup_environment: {name} is not text on one line"


def _blanks(value: t.Any) -> str:
    """Restic cuts them off where it reads a password from a file."""
    if isinstance(value, str) and (value != value.strip() or "\n" in value):
        return "it has a line break, or blanks around it"
    return ""


def _secrets(password: t.Any, recovery_password: t.Any, environment: t.Any) -> dict[str, t.Any]:
    given = environment if isinstance(environment, t.Mapping) else {}
    return {
        "password": str(password or ""),
        "recovery_password": str(recovery_password or ""),
        "environment": {str(name): str(value) for name, value in sorted(given.items())},
    }


def backup_stamp(slug: str, password: t.Any, recovery_password: t.Any, environment: t.Any) -> str:
    return settings.stamp(str(slug), _secrets(password, recovery_password, environment))


def backup_files(
    plan: t.Mapping[str, t.Any], deployment_dir: str, password: t.Any, recovery_password: t.Any, environment: t.Any
) -> list[dict[str, t.Any]]:
    planned = plain(plan)
    folder = settings.folder_of(str(deployment_dir))
    text = settings.dump(planned["public"], _secrets(password, recovery_password, environment))
    return [
        {"path": f"{folder}/{settings.PROGRAM}", "content": _program.backup(), "mode": "0700", "secret": True},
        {"path": f"{folder}/{settings.SETTINGS}", "content": text, "mode": "0600", "secret": True},
        *(
            {"path": f"/etc/systemd/system/{planned['unit']}.{end}", "content": content, "mode": "0644"}
            for end, content in planned["units"].items()
        ),
    ]


def backup_words(plan: t.Mapping[str, t.Any], client: t.Mapping[str, t.Any], state: t.Any = None) -> str:
    return planned_backup.words(plain(client), plain(plan), plain(state))


def restoring(
    seen: t.Mapping[str, t.Any], client: t.Any, plan: t.Any, fetched: t.Any, asked: t.Any, done: t.Any = None
) -> dict[str, t.Any]:
    return restore.restoring(plain(client), plain(seen), plain(plan), plain(fetched), plain(asked), plain(done))


def verified(fetched: t.Mapping[str, t.Any], client: t.Any, live: t.Any) -> dict[str, t.Any]:
    return restore.verified(plain(client), plain(fetched), plain(live))


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {
            "backup_fault": backup_fault,
            "backup_stamp": backup_stamp,
            "backup_files": backup_files,
            "backup_words": backup_words,
            "restoring": restoring,
            "verified": verified,
        }
