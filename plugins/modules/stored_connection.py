#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's key as Open WebUI has saved it in its own database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: stored_connection
short_description: Keep the key and URL saved in Open WebUI up to date
version_added: 0.1.0
description:
  - Open WebUI copies its connection from the environment into its own database and from then on looks at the copy
    only. This module says whose key is saved there, and puts the client's present key and URL in the place of former
    ones.
  - Runs on the target. Keys are never shown; they are compared by their SHA-256, which is what OpenRouter calls a key's
    hash.
  - Only keys listed in O(replaces) are replaced, in the list of connections and wherever Open WebUI keeps a copy (for
    documents, audio, images). A URL listed in O(replaces_urls) is replaced only beside a key of ours. Connections that
    an administrator added are never touched, nor is a saved connection added where none of ours is.
  - From Open WebUI 0.10 on a change takes effect at the next request. Older releases (RV(form) is V(blob)) have the
    settings in memory and write them back, so there the instance must be stopped.
author:
  - The mai.clients team (@mai-clients)
extends_documentation_fragment:
  - mai.clients.database
attributes:
  check_mode:
    support: full
    description: Tells what would be replaced and writes nothing, also while the instance runs.
  diff_mode:
    support: full
    description: Shows the settings that are replaced. Keys are shown as the beginning of their SHA-256.
  idempotent:
    support: full
    description: A second run with the same options changes nothing.
options:
  secret_file:
    description:
      - Environment file on the target that holds the client's present key.
      - The module fails when the file or the variable in it does not exist.
    type: path
    required: true
  secret_variable:
    description: Name of the variable in O(secret_file).
    type: str
    default: OPENAI_API_KEY
  base_url:
    description:
      - URL of the API that the connection with the client's key must have, such as V(https://openrouter.ai/api/v1). A
        slash at the end makes no difference.
      - Without it URLs are neither judged nor replaced.
    type: str
  replaces:
    description: Hashes (64 hex digits, SHA-256) of the client's former keys. Anything else is an error.
    type: list
    elements: str
    default: []
  replaces_urls:
    description:
      - Former URLs of the client's connection, each as such or as its SHA-256. A slash at the end makes no difference.
    type: list
    elements: str
    default: []
  instance_running:
    description:
      - Whether the instance may be running. Only with V(false) is a database of the older form (RV(form) is V(blob))
        changed; with V(true) the module fails when there is something to replace in it.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Is the client's key the one that Open WebUI uses?
  mai.clients.stored_connection:
    database_path: /opt/mai/deployments/client-company-abc/data/webui.db
    secret_file: /opt/mai/deployments/client-company-abc/api_key.env
    base_url: https://openrouter.ai/api/v1
  check_mode: true
  register: saved

- name: After a rotation, the new key takes the place of the old one
  mai.clients.stored_connection:
    database_path: /opt/mai/deployments/client-company-abc/data/webui.db
    secret_file: /opt/mai/deployments/client-company-abc/api_key.env
    base_url: https://openrouter.ai/api/v1
    replaces:
      - 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
"""

RETURN = r"""
form:
  description:
    - How this release keeps its settings, V(rows) with a row for each (0.10 and later), V(blob) as one document
      (before), V(none) when it has no such table.
  returned: success, and failure because the instance runs
  type: str
  sample: rows
status:
  description:
    - V(current) when the saved connection is the client's present one.
    - V(replaced) when it is so after this run, or would be in check mode.
    - V(url_differs) when the client's key is saved with a URL that is neither O(base_url) nor in O(replaces_urls).
    - V(foreign) when only other keys are saved. An administrator replaced ours, which is reported and left so.
    - V(missing) when the saved list holds no key at all.
    - V(not_stored) when nothing is saved yet. The instance then uses its environment.
  returned: success, and failure because the instance runs
  type: str
  sample: current
connections:
  description: The saved connections as they were found, in their order.
  returned: success, and failure because the instance runs
  type: list
  elements: dict
  contains:
    url:
      description:
        - Scheme, host, port and path of the URL; C(not a URL) for anything else. The rest may be secret, and a field
          can hold a key by mistake.
      type: str
      returned: always
    key_hash:
      description: SHA-256 of the key; none for an empty key.
      type: str
      returned: always
    ours:
      description: V(current) for the client's present key, V(old) for a former one, V(foreign) for any other.
      type: str
      returned: always
replaced:
  description: Names of the settings that were replaced, or would be in check mode.
  returned: success, and failure because the instance runs
  type: list
  elements: str
  sample: [openai.api_keys.0, rag.openai.api_key]
restart_required:
  description: Whether the instance has to be stopped for the change and started after it.
  returned: success, and failure because the instance runs
  type: bool
reason:
  description:
    - What a failure is about, in one word, V(running) instance, V(missing) database, V(locked), V(readonly),
      V(unreachable), V(damaged), V(driver) missing, V(full) disk, V(constraint), V(refused), V(foreign) for anything
      but the instance's own file, V(endless) for what came to no end in time or memory, V(unreadable), V(invalid)
      option or V(secret) file.
  returned: failure
  type: str
"""

import re
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._confined import Refused
from ansible_collections.mai.clients.plugins.module_utils._database_base import Database
from ansible_collections.mai.clients.plugins.module_utils._database_options import (
    DATABASE_OPTIONS,
    ONE_DATABASE,
    OptionError,
    in_database,
)
from ansible_collections.mai.clients.plugins.module_utils._instance.saved_settings import TABLE
from ansible_collections.mai.clients.plugins.module_utils._same_url import bare
from ansible_collections.mai.clients.plugins.module_utils._saved_connection import (
    Ours,
    Plan,
    apply,
    lock,
    make_plan,
)
from ansible_collections.mai.clients.plugins.module_utils._secret_file import read_secret
from ansible_collections.mai.clients.plugins.module_utils._text import shown


def argument_spec() -> dict[str, Any]:
    return dict(
        DATABASE_OPTIONS,
        secret_file=dict(type="path", required=True, no_log=False),
        secret_variable=dict(type="str", default="OPENAI_API_KEY", no_log=False),
        base_url=dict(type="str"),
        replaces=dict(type="list", elements="str", default=[]),
        replaces_urls=dict(type="list", elements="str", default=[]),
        instance_running=dict(type="bool", default=True),
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec=argument_spec(),
        mutually_exclusive=[ONE_DATABASE],
        required_one_of=[ONE_DATABASE],
        supports_check_mode=True,
    )
    try:
        run(module)
    except Refused as refused:
        module.fail_json(msg=str(refused), reason=refused.reason)


def run(module: AnsibleModule) -> None:
    ours = ours_from(module.params)
    outcome = in_database(module.params, look, ours, readonly=True)
    if outcome["changed"] and not module.check_mode:
        if outcome["form"] == "blob" and module.params["instance_running"]:
            del outcome["changed"], outcome["diff"]
            module.fail_json(
                msg="The client's key or URL saved in Open WebUI is a former one, and this release writes its saved "
                "settings back while it runs. Stop the instance, run this with instance_running: false, and start the "
                "instance again.",
                reason="running",
                **outcome,
            )
        outcome = in_database(module.params, change, ours, readonly=False)
    module.exit_json(**outcome)


def look(database: Database, ours: Ours) -> dict[str, Any]:
    return result(make_plan(database, ours))


def change(database: Database, ours: Ours) -> dict[str, Any]:
    lock(database)
    plan = make_plan(database, ours)
    apply(database, plan)
    return result(plan)


def ours_from(params: dict[str, Any]) -> Ours:
    hashes = [key_hash.lower() for key_hash in params["replaces"]]
    if not all(re.match(r"[0-9a-f]{64}\Z", key_hash) for key_hash in hashes):
        raise OptionError("replaces holds something that is not the SHA-256 of a key: 64 hex digits. Correct it.")
    return Ours(
        key=read_secret(params["secret_file"], params["secret_variable"]),
        old_hashes=frozenset(hashes),
        url=params["base_url"] or None,
        old_urls=frozenset(map(bare, params["replaces_urls"])),
    )


def result(plan: Plan) -> dict[str, Any]:
    return dict(
        changed=bool(plan.writes),
        diff=diff(plan),
        form=plan.form,
        status=plan.status,
        connections=list(plan.connections),
        replaced=[shown(change.path) for change in plan.changes],
        restart_required=plan.form == "blob" and bool(plan.writes),
    )


def diff(plan: Plan) -> dict[str, Any]:
    return dict(
        before_header=f"settings saved in the table {TABLE}",
        after_header=f"settings saved in the table {TABLE}",
        before={shown(change.path): change.shown(change.before) for change in plan.changes},
        after={shown(change.path): change.shown(change.after) for change in plan.changes},
    )


if __name__ == "__main__":
    main()
