#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: backup_snapshot
short_description: List a client's snapshots, fetch one, look through it, and put it in place
version_added: 0.1.0
description:
  - Works on the machine with the repository and the password that are set up there for the client.
  - A snapshot is fetched into a folder that only root enters, never into the instance's own. There its database is
    checked, and its rows are counted and compared with what was noted when it was made.
author:
  - The mai.clients team (@mai-clients)
extends_documentation_fragment:
  - mai.clients.attributes
options:
  deployment_dir:
    description: The client's deployment directory on the machine.
    type: path
    required: true
  state:
    description:
      - V(listed) says which snapshots there are, and which one O(snapshot) means. Nothing is changed.
      - V(fetched) brings the snapshot into O(scratch) and looks through it.
      - V(examined) looks once more through what was fetched, on a machine that had no programs of PostgreSQL before.
      - V(swapped) puts what was fetched in the place of the instance's data, database included. The instance must be
        stopped. What there was is kept in C(.before-restore-) with O(moment). The client's key is not replaced where
        there is one. Of PostgreSQL the database follows by V(database_restored).
      - V(database_restored) puts the copy of the snapshot into the client's PostgreSQL, which must run by then. What
        was in there is kept as a copy beside the data. Until then the client's directory is marked as C(restoring).
      - V(taken_back) undoes that, for the names in O(changed).
      - V(described) counts the rows of the instance's own database.
      - V(removed) removes O(scratch).
    type: str
    choices: [listed, fetched, examined, swapped, database_restored, taken_back, described, removed]
    default: listed
  database_image:
    description:
      - Name or identifier of an image with PostgreSQL's programs, which is on the machine. Copies are looked through
        with it where the client's own PostgreSQL does not run.
    type: str
    default: ''
  with_database:
    description: Whether V(database_restored) is to follow, where the client's database is PostgreSQL.
    type: bool
    default: true
  snapshot:
    description: V(latest), or the beginning of an identifier.
    type: str
    default: latest
  scratch:
    description: Name of the folder in the client's directory into which a snapshot is fetched.
    type: str
    choices: [.restore, .verify]
    default: .restore
  moment:
    description:
      - What the folder of what there was is called by. Required for V(swapped), V(database_restored) and V(taken_back).
    type: str
  changed:
    description: What was exchanged, as RV(exchanged) of V(swapped) has it.
    type: list
    elements: str
    default: []
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: none
    details: V(listed) and V(described) change nothing.
seealso:
  - module: mai.clients.client_backup
"""

EXAMPLES = r"""
- name: Bring the newest snapshot into a scratch place and look through it
  mai.clients.backup_snapshot:
    deployment_dir: /opt/mai/deployments/client-company-abc
    state: fetched
    scratch: .verify
"""

RETURN = r"""
snapshot:
  description: The one that is meant, with C(id), C(short_id), C(time), C(tags) and C(path).
  returned: listed and fetched
  type: dict
snapshots:
  description: Those that there are, the newest last, at most 100.
  returned: listed
  type: list
  elements: dict
noted:
  description: What was noted when it was made, C(client), C(client_id), C(time), C(image), C(deployment_dir).
  returned: fetched
  type: dict
counts:
  description: Number of rows of each known table.
  returned: fetched, examined and described
  type: dict
schema_revision:
  description: The revision that the instance's migrations recorded; none where they recorded none.
  returned: fetched, examined and described
  type: str
suspended:
  description: Whether its organisation is recorded as suspended.
  returned: fetched, examined and described
  type: bool
organizations:
  description: Identifiers of the organisations in the database.
  returned: fetched, examined and described
  type: list
  elements: str
faults:
  description: What is missing, a sentence each.
  returned: fetched and examined
  type: list
  elements: str
unread:
  description: Why the database in it could not be looked through on this machine; null where it was.
  returned: fetched and examined
  type: str
made_harmless:
  description: How many devices and the like were in it and removed, which none of ours has.
  returned: fetched
  type: int
other_secret_key:
  description: Whether it has another E(WEBUI_SECRET_KEY) than there is, which comes with it.
  returned: fetched
  type: bool
aside:
  description: The folder with what there was; null where there was nothing.
  returned: swapped and database_restored
  type: str
exchanged:
  description: Names of what was put in place.
  returned: swapped
  type: list
  elements: str
reason:
  description: What a failure is about, in one word, as of M(mai.clients.client_backup).
  returned: failure
  type: str
"""

import os
import re

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._backup import database
from ansible_collections.mai.clients.plugins.module_utils._backup.restore import BROUGHT, Place
from ansible_collections.mai.clients.plugins.module_utils._confined import Refused
from ansible_collections.mai.clients.plugins.module_utils._instance import folder, system
from ansible_collections.mai.clients.plugins.module_utils._instance.place import DATA, place_of
from ansible_collections.mai.clients.plugins.module_utils._text import all_shown

_CHANGES = ("fetched", "examined", "swapped", "database_restored", "taken_back", "removed")


def carried_out(place: Place, params: dict) -> dict:
    state = params["state"]
    if state == "listed":
        return {"snapshot": place.choose(params["snapshot"]), "snapshots": place.snapshots()[-100:]}
    if state == "fetched":
        return place.fetch(params["snapshot"], params["database_image"])
    if state == "examined":
        return place.examine(params["database_image"])
    if state == "described":
        return all_shown(database.describe_live(place.deployment_dir))
    if state == "removed":
        place.remove()
        return {}
    with place.alone():
        live = place_of(place.deployment_dir)
        if live.kind == "sqlite" and os.path.lexists(live.path) and system.file_owner(live.path):
            raise Refused(f"{live.path} is in use: stop the instance before its data are exchanged.", "locked")
        if state == "taken_back":
            place.take_back(params["moment"], params["changed"])
            return {}
        if state == "database_restored":
            return place.restore_database(params["moment"])
        done = place.swap(params["moment"], params["with_database"])
    return {"aside": done["aside"], "exchanged": done["changed"]}


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "deployment_dir": {"type": "path", "required": True},
            "state": {
                "type": "str",
                "choices": [
                    *("listed", "fetched", "examined", "swapped", "database_restored"),
                    *("taken_back", "described", "removed"),
                ],
                "default": "listed",
            },
            "database_image": {"type": "str", "default": ""},
            "with_database": {"type": "bool", "default": True},
            "snapshot": {"type": "str", "default": "latest"},
            "scratch": {"type": "str", "choices": [".restore", ".verify"], "default": ".restore"},
            "moment": {"type": "str"},
            "changed": {"type": "list", "elements": "str", "default": []},
        },
        required_if=[("state", state, ["moment"]) for state in ("swapped", "database_restored", "taken_back")],
        supports_check_mode=True,
    )
    params = module.params
    if params["moment"] and not re.match(r"[0-9TZ-]{1,30}\Z", params["moment"]):
        module.fail_json(msg="moment: give digits, T, Z and dashes.")
    if not set(params["changed"]) <= {"data", DATA, *BROUGHT, *folder.OVERRIDES}:
        module.fail_json(msg="changed: give names that were exchanged.")
    changes = params["state"] in _CHANGES
    if changes and module.check_mode:
        module.exit_json(changed=True)
    try:
        found = carried_out(Place(params["deployment_dir"], params["scratch"]), params)
    except Refused as refused:
        module.fail_json(msg=str(refused), reason=refused.reason)
    except OSError as error:
        module.fail_json(
            msg=f"The snapshot cannot be {params['state']}: {error.strerror} ({error.filename}).", reason="machine"
        )
    module.exit_json(changed=changes, **found)


if __name__ == "__main__":
    main()
