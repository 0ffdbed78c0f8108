#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: refuse
short_description: Fail with one sentence, told once
version_added: 0.1.0
description:
  - Fails, like M(ansible.builtin.fail), with a message for an operator. Of other failures Ansible prints the message,
    the task's place in its file, and the message again; of this one it prints the message.
  - Runs on the controller. No machine is contacted.
author:
  - The mai.clients team (@mai-clients)
extends_documentation_fragment:
  - mai.clients.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
options:
  msg:
    description:
      - What is wrong, where, and what to do.
    type: str
    required: true
seealso:
  - module: ansible.builtin.fail
"""

EXAMPLES = r"""
- name: Refuse a limit that is none
  mai.clients.refuse:
    msg: "new_limit is '{{ new_limit }}'. Give USD per calendar month, as in -e new_limit=750. Nothing was changed."
  when: new_limit | float(0) <= 0
"""

RETURN = r"""
msg:
  description: The message.
  returned: failure
  type: str
"""

from ansible.module_utils.basic import AnsibleModule

ARGUMENT_SPEC = {"msg": {"type": "str", "required": True}}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.fail_json(msg="mai.clients.refuse runs on the controller: its action plugin was not found there.")


if __name__ == "__main__":
    main()
