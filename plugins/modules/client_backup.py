#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: client_backup
short_description: Back a client up now
version_added: 0.1.0
description:
  - Starts the client's own backup, the unit that its timer starts, and waits for its end. There is one way in which a
    backup is made. One that runs already is waited for.
  - While it waits, it says how far the backup is.
author:
  - The mai.clients team (@mai-clients)
extends_documentation_fragment:
  - mai.clients.attributes
options:
  deployment_dir:
    description: The client's deployment directory on the machine.
    type: path
    required: true
  service:
    description: Name of the client's container and units, as in V(mai-companyabc).
    type: str
    required: true
  state:
    description:
      - V(saved) starts it and waits for its end.
      - V(waited) waits for some seconds and says how far it is; what the action plugin repeats.
    type: str
    choices: [saved, waited]
    default: saved
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: none
    details: Each run makes a snapshot.
seealso:
  - module: mai.clients.backup_snapshot
"""

EXAMPLES = r"""
- name: Back company-abc up now
  mai.clients.client_backup:
    deployment_dir: /opt/mai/deployments/client-company-abc
    service: mai-companyabc
"""

RETURN = r"""
running:
  description: Whether it has not ended yet; never of what has V(saved).
  returned: success
  type: bool
step:
  description: What it does, or did last.
  returned: success
  type: str
percent:
  description: How much of the data is saved; null while that is not known.
  returned: success
  type: int
backup:
  description: What is noted of the client's backups, as C(backup.state) of M(mai.clients.instance_info).
  returned: success
  type: dict
reason:
  description:
    - What a failure is about, in one word, among them V(password), V(locked), V(unreachable), V(full), V(gone),
      V(damaged), V(missing), V(network) for data on a network file system, V(killed).
  returned: failure of the backup
  type: str
"""

import time

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._backup import state as noted
from ansible_collections.mai.clients.plugins.module_utils._instance import system

# How long one question is kept before its answer says that it is not done yet
_PATIENCE = 5

ARGUMENT_SPEC = {
    "deployment_dir": {"type": "path", "required": True},
    "service": {"type": "str", "required": True},
    "state": {"type": "str", "choices": ["saved", "waited"], "default": "saved"},
}


def unit_state(unit: str) -> dict[str, str]:
    names = "--property=LoadState,ActiveState,Result,Job,InvocationID"
    return system.properties(system.run("systemctl", "show", names, unit).output)


def is_at_work(there: dict[str, str]) -> bool:
    """It runs, or waits for its turn, as for the network."""
    return there.get("ActiveState") in ("activating", "active", "deactivating") or there.get("Job", "") not in ("", "0")


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    directory, service = module.params["deployment_dir"], module.params["service"]
    unit = f"{service}-backup.service"
    there = unit_state(unit)
    if there.get("LoadState") != "loaded":
        module.fail_json(
            msg=f"No backup is set up for {directory}: set mai_backup_repository and run onboard_client.yml.",
            reason="missing",
        )
    if module.check_mode:
        module.exit_json(changed=True, running=False, step="", percent=None, backup=noted.read(directory))
    deadline = time.monotonic() + _PATIENCE
    if module.params["state"] == "saved" and not is_at_work(there):
        before = there.get("InvocationID", "")
        started = system.run("systemctl", "start", "--no-block", unit)
        if not started.ok:
            module.fail_json(msg=f"The backup cannot be started: {started.error.strip()[:300]}", reason="machine")
        # What is told before it has begun is of the run before
        there = unit_state(unit)
        while there.get("InvocationID", "") == before and not is_at_work(there) and time.monotonic() < deadline:
            time.sleep(0.1)
            there = unit_state(unit)
    else:
        there = unit_state(unit)
    while is_at_work(there) and time.monotonic() < deadline:
        time.sleep(0.25)
        there = unit_state(unit)
    told = noted.told(service)
    percent = told.get("percent")
    result = {
        "running": is_at_work(there),
        "step": str(told.get("step") or "")[:100],
        "percent": percent if isinstance(percent, int) else None,
        "backup": noted.read(directory),
    }
    if not result["running"] and (told.get("ok") is not True or there.get("Result") != "success"):
        error, reason = str(told.get("error") or ""), str(told.get("reason") or "")
        if not error:
            error, reason = (
                f"The backup ended before it was done ({there.get('Result') or 'no reason given'}).",
                "killed",
            )
        module.fail_json(msg=error, reason=reason, backup=result["backup"])
    module.exit_json(changed=True, **result)


if __name__ == "__main__":
    main()
