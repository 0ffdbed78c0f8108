#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: awx_token
short_description: One token of a controller for a whole run
version_added: 0.1.0
author:
  - The mai.clients team (@mai-clients)
description:
  - >-
    The modules of C(awx.awx) make a token of their own for each task, and delete it, where the environment has a user
    and a password. This makes one for all of them, for their option C(controller_oauthtoken), and deletes it.
  - >-
    Where the environment has a token, none is made, and RV(token) is empty. One is made in check mode, too: the
    controller is read then.
  - Runs on the controller. The result of the task that makes a token is never shown.
requirements:
  - httpx >= 0.27
attributes:
  check_mode:
    support: none
  diff_mode:
    support: none
  idempotent:
    support: none
extends_documentation_fragment:
  - mai.clients.attributes
options:
  state:
    description: Whether a token is made, or that with O(number) deleted.
    type: str
    choices: [present, absent]
    default: present
  number:
    description: Number of the token, as RV(number) had it. V(0) is none.
    type: int
    default: 0
"""

EXAMPLES = r"""
- name: Sign in once
  mai.clients.awx_token:
  register: signed_in

- name: Sign out
  mai.clients.awx_token:
    state: absent
    number: "{{ signed_in.number }}"
"""

RETURN = r"""
token:
  description: The token. Empty where the environment has one.
  returned: when O(state=present)
  type: str
number:
  description: Its number at the controller.
  returned: when O(state=present)
  type: int
  sample: 17
"""

from ansible.module_utils.basic import AnsibleModule

ARGUMENT_SPEC = {
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "number": {"type": "int", "default": 0},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC)
    module.fail_json(msg="awx_token runs on the controller, as an action plugin of the same name.")


if __name__ == "__main__":
    main()
