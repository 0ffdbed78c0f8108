#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: client_lock
short_description: Let only one run at a time change a client
version_added: 0.1.0
author:
  - The mai.clients team (@mai-clients)
description:
  - Takes or gives back the lock of one client, a file on the client's machine that says who holds it, and since when.
  - >-
    A lock whose owner is dead is taken over: at once when the owner was a process of this controller that is no longer
    there, otherwise when it is older than O(max_age).
  - Runs on the controller and uses only a POSIX shell on the target.
  - In check mode nothing is written, and a lock that somebody else holds is reported all the same.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
extends_documentation_fragment:
  - mai.clients.attributes
options:
  path:
    description:
      - Path of the lock file on the target. The directory is made (mode 0700) when it is missing.
    type: path
    required: true
  state:
    description: V(held) takes the lock, V(released) gives it back if this run holds it.
    type: str
    choices: [held, released]
    default: held
  max_age:
    description:
      - Seconds after which a lock of an owner that cannot be looked at from this controller counts as abandoned.
    type: int
    default: 7200
  force:
    description: Take the lock over whoever holds it.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Take the client's lock
  mai.clients.client_lock:
    path: /opt/mai/deployments/.locks/company-abc

- name: Give the client's lock back
  mai.clients.client_lock:
    path: /opt/mai/deployments/.locks/company-abc
    state: released
"""

RETURN = r"""
taken_over_from:
  description: Who had held the lock that this run took over.
  returned: when a lock was taken over
  type: str
  sample: root on controller-1, job 4711, since 2026-11-24T13:05:11Z
"""

from ansible.module_utils.basic import AnsibleModule

ARGUMENT_SPEC = {
    "path": {"type": "path", "required": True},
    "state": {"type": "str", "choices": ["held", "released"], "default": "held"},
    "max_age": {"type": "int", "default": 7200},
    "force": {"type": "bool", "default": False},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.fail_json(msg="client_lock runs on the controller, as an action plugin of the same name.")


if __name__ == "__main__":
    main()
