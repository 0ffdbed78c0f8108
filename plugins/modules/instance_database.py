#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
---
module: instance_database
short_description: Copy, restore or describe an instance's database
version_added: 0.1.0
description:
  - Copies the SQLite database of an instance, on its machine, by SQLite's backup API, and puts such a copy back.
  - Only counts are returned, nothing of what the database holds. PostgreSQL has no such file and is not supported.
author:
  - The mai.clients team (@mai-clients)
extends_documentation_fragment:
  - mai.clients.attributes
options:
  database_path:
    description: The instance's database.
    type: path
    required: true
  copy_path:
    description: The copy. Required for V(copied) and V(restored).
    type: path
  overwrite:
    description: Whether an existing copy may be replaced. Without it V(copied) changes nothing where one exists.
    type: bool
    default: false
  state:
    description:
      - V(copied) makes the copy, also while the instance runs.
      - V(restored) puts the copy in the database's place, and refuses while a process has the database open.
      - V(described) changes nothing.
    type: str
    choices: [copied, restored, described]
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
    database_path: /opt/mai/deployments/client-company-abc/data/webui.db
    copy_path: /opt/mai/deployments/client-company-abc/.previous/webui-before-upgrade.db
    overwrite: true
    state: copied
"""

RETURN = r"""
counts:
  description: Number of rows of each known table that exists; of the copy for O(state=restored).
  returned: success
  type: dict
  sample: {user: 3, chat: 41}
schema_revision:
  description: The revision that the instance's migrations recorded; none where they recorded none.
  returned: success
  type: str
bytes:
  description: Size of the database's file with its log.
  returned: success
  type: int
active_users:
  description: Users seen in the last five minutes; none where the release does not record it.
  returned: success
  type: int
"""

import os
import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._database import DatabaseError, connect
from ansible_collections.mai.clients.plugins.module_utils._instance import copy, system
from ansible_collections.mai.clients.plugins.module_utils._instance.database import schema_revision

_TABLES = ("user", "chat", "client_organizations", "client_daily_usage", "organization_members", "user_client_mapping")


def describe(path: str) -> dict:
    """What the database holds, in numbers."""
    with connect(path=path, readonly=True) as database:
        counts = {
            table: database.query(f'SELECT count(*) AS rows FROM "{table}"')[0]["rows"]
            for table in _TABLES
            if database.columns(table)
        }
        revision = schema_revision(database)
        active = None
        if "last_active_at" in database.columns("user"):
            active = database.query(
                'SELECT count(*) AS rows FROM "user" WHERE last_active_at > ?', int(time.time()) - 300
            )
    return {
        "bytes": copy.size(path),
        "counts": counts,
        "schema_revision": revision,
        "active_users": active[0]["rows"] if active else None,
    }


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "database_path": {"type": "path", "required": True},
            "copy_path": {"type": "path"},
            "overwrite": {"type": "bool", "default": False},
            "state": {"type": "str", "choices": ["copied", "restored", "described"], "default": "described"},
        },
        required_if=[("state", "copied", ["copy_path"]), ("state", "restored", ["copy_path"])],
        supports_check_mode=True,
    )
    path, target, state = (module.params[name] for name in ("database_path", "copy_path", "state"))
    try:
        # A database that a failed upgrade damaged is no reason not to restore it
        found = describe(target if state == "restored" else path)
        changed = (
            state == "restored" or state == "copied" and (module.params["overwrite"] or not os.path.exists(target))
        )
        if state == "restored" and os.path.exists(path) and system.file_owner(path):
            module.fail_json(msg=f"{path} is in use: stop the instance before its database is restored.")
        if changed and not module.check_mode:
            copy.make(path, target) if state == "copied" else copy.restore(target, path)
    except (DatabaseError, copy.CopyError) as error:
        module.fail_json(msg=str(error))
    except OSError as error:
        module.fail_json(msg=f"The database {path} cannot be {state}: {error.strerror} ({error.filename}).")
    module.exit_json(changed=changed, **found)


if __name__ == "__main__":
    main()
