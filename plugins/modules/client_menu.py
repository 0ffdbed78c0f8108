#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: client_menu
short_description: A menu of what can be done with clients and keys
version_added: 0.1.0
author:
  - The mai.clients team (@mai-clients)
description:
  - Asks in the terminal of C(ansible-playbook) what to do, and does it, until a client is to be created or the exit is
    chosen. What concerns a client is done by its playbook, run as a process of its own with the options of this run.
    What concerns a key without a client is done at OpenRouter.
  - Where no provisioning key is set, it is asked for, without showing it. It stays in memory.
  - A choice that fails says so, and the menu comes back. Without a terminal the task fails.
  - Runs on the controller.
attributes:
  check_mode:
    support: full
    details:
      - The playbooks are run in check mode.
  diff_mode:
    support: full
    details:
      - The playbooks are run in diff mode.
  idempotent:
    support: N/A
    details:
      - It does what is asked for.
extends_documentation_fragment:
  - mai.clients.attributes
options:
  created:
    description: Slug of a client that was just added. It is offered to be onboarded before the menu comes.
    type: str
    default: ""
  session:
    description: RV(session) of the task before.
    type: str
    default: ""
"""

EXAMPLES = r"""
- name: Ask what to do, and do it
  mai.clients.client_menu:
  register: menu
"""

RETURN = r"""
create:
  description: Whether a client is to be created. Else the exit was chosen.
  returned: success
  type: bool
session:
  description: What was typed in secret, sealed. Only processes of the same run can open it.
  returned: success
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

ARGUMENT_SPEC = {
    "created": {"type": "str", "default": ""},
    "session": {"type": "str", "default": ""},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.fail_json(msg="client_menu runs on the controller, as an action plugin of the same name.")


if __name__ == "__main__":
    main()
