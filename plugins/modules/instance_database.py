#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: instance_database
short_description: Copy, restore, start or describe an instance's database
version_added: 0.1.0
description:
  - Copies the database of an instance, on its machine, and puts such a copy back. SQLite by its backup API, PostgreSQL
    by C(pg_dump) and C(pg_restore), those of its container, or, for one elsewhere, those of the machine.
  - SQLite is read and written in a process confined to its folder. Anything but an ordinary file of one name is refused
    in its place, and in that of its journals. PostgreSQL is worked with as nobody.
  - Only counts are returned, nothing of what the database holds.
author:
  - The mai.clients team (@mai-clients)
extends_documentation_fragment:
  - mai.clients.attributes
options:
  deployment_dir:
    description: The client's directory on the target. The database is the one that its instance uses.
    type: path
    required: true
  copy_path:
    description:
      - The copy, an SQLite file, or what C(pg_dump) writes in its own format. Required for V(copied) and V(restored).
      - With V(described) what the copy holds is told instead of what the database holds.
    type: path
  client:
    description: Slug of the client. With V(started), a directory that is not marked as this client's is left alone.
    type: str
  recreate:
    description: Whether V(started) makes the container anew, as the Compose files have it by now.
    type: bool
    default: false
  overwrite:
    description: Whether an existing copy may be replaced. Without it V(copied) changes nothing where one exists.
    type: bool
    default: false
  state:
    description:
      - V(copied) makes the copy, also while the instance runs.
      - V(restored) puts the copy in the database's place, and refuses while a process has SQLite's file open.
      - V(started) has the client's own PostgreSQL running, where it has one. Nothing is told of what it holds, nor
        whether it came up, which whoever asks it next finds out.
      - V(described) changes nothing.
    type: str
    choices: [copied, restored, started, described]
    default: described
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: partial
    details: A restore replaces the database each time.
"""

EXAMPLES = r"""
- name: Copy the database before an upgrade
  mai.clients.instance_database:
    deployment_dir: /opt/mai/deployments/client-company-abc
    copy_path: /opt/mai/deployments/client-company-abc/.previous/webui-before-upgrade.db
    overwrite: true
    state: copied
"""

RETURN = r"""
counts:
  description: Number of rows of each known table that exists. Of the copy for O(state=restored).
  returned: success, but for O(state=started)
  type: dict
  sample: {user: 3, chat: 41}
schema_revision:
  description: The revision that the instance's migrations recorded; none where they recorded none.
  returned: success
  type: str
bytes:
  description: Size of the database, of SQLite with its log; of the copy where that was described.
  returned: success
  type: int
reason:
  description:
    - What a failure is about, in one word, V(missing) database, V(locked), V(unreachable), V(damaged), V(full) disk,
      V(refused), V(foreign) for anything but the instance's own file, V(endless) for what came to no end in time or
      memory, V(stopped), where its container does not run, or V(unreadable).
  returned: failure for the database's sake
  type: str
active_users:
  description:
    - Users seen in the last five minutes; none where the release does not record it, and of a copy.
    - The first administrator counts with a chat that moved, since looks at the instance use a session of theirs.
  returned: success
  type: int
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._confined import Refused
from ansible_collections.mai.clients.plugins.module_utils._database import transaction
from ansible_collections.mai.clients.plugins.module_utils._database_base import Database
from ansible_collections.mai.clients.plugins.module_utils._instance import copy, dump, own_database, system
from ansible_collections.mai.clients.plugins.module_utils._instance.database import (
    active_users,
    row_counts,
    schema_revision,
    size,
)
from ansible_collections.mai.clients.plugins.module_utils._instance.place import Place, place_of
from ansible_collections.mai.clients.plugins.module_utils._text import all_shown

_TABLES = ("user", "chat", "client_organizations", "client_daily_usage", "organization_members", "user_client_mapping")
# Rows of an instance that is used for years, on a slow disk
_COUNTING_SECONDS = 120


def describe(place: Place) -> dict:
    """What the database holds, in numbers."""
    found = transaction(_count, **place.reached(), readonly=True, seconds=_COUNTING_SECONDS)
    return found if place.kind == "postgresql" else dict(found, bytes=copy.size(place.path))


def describe_copy(place: Place, path: str) -> dict:
    if place.kind == "sqlite":
        found = transaction(_count, path=path, readonly=True, seconds=_COUNTING_SECONDS)
        return dict(found, active_users=None, bytes=copy.size(path))
    found = dump.describe(place, path)
    counts = {table: rows for table, rows in found["counts"].items() if table in _TABLES}
    return dict(found, counts=counts, active_users=None)


def _count(database: Database) -> dict:
    active = active_users(database, since=int(time.time()) - 300)
    return {
        "counts": row_counts(database, _TABLES),
        "schema_revision": schema_revision(database),
        "active_users": active,
        "bytes": size(database),
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "deployment_dir": {"type": "path", "required": True},
            "copy_path": {"type": "path"},
            "overwrite": {"type": "bool", "default": False},
            "client": {"type": "str"},
            "recreate": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["copied", "restored", "started", "described"], "default": "described"},
        },
        required_if=[
            ("state", "copied", ["copy_path"]),
            ("state", "restored", ["copy_path"]),
            ("state", "started", ["client"]),
        ],
        supports_check_mode=True,
    )
    place = place_of(module.params["deployment_dir"])
    target, state = module.params["copy_path"], module.params["state"]
    is_sqlite, path = place.kind == "sqlite", place.path
    if state == "started":
        client, anew = module.params["client"], module.params["recreate"]
        module.exit_json(changed=own_database.up(place, client, anew, module.check_mode))
    try:
        # A database that a failed upgrade damaged is no reason not to restore it
        found = describe(place) if state == "copied" or not target else describe_copy(place, target)
        changed = (
            state == "restored" or state == "copied" and (module.params["overwrite"] or not os.path.lexists(target))
        )
        if state == "restored" and is_sqlite and os.path.lexists(path) and system.file_owner(path):
            module.fail_json(msg=f"{path} is in use: stop the instance before its database is restored.")
        if changed and not module.check_mode:
            if state == "copied":
                copy.make(path, target) if is_sqlite else dump.make(place, target)
            else:
                copy.restore(target, path) if is_sqlite else dump.restore(target, place)
    except Refused as refused:
        module.fail_json(msg=str(refused), reason=refused.reason)
    except OSError as error:
        module.fail_json(msg=f"The database {place.shown} cannot be {state}: {error.strerror} ({error.filename}).")
    module.exit_json(changed=changed, **all_shown(found))


if __name__ == "__main__":
    main()
