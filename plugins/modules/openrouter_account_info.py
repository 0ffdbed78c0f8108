#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: openrouter_account_info
short_description: Whether the provisioning key is valid, and what credit is left
version_added: 0.1.0
author:
  - The mai.clients team (@mai-clients)
description:
  - Asks OpenRouter for the account's credits, which it tells to a management (provisioning) key only.
  - If it is refused, OpenRouter is asked whether that is a valid key at all. The task does not fail then, unless
    O(require_management_key=true).
extends_documentation_fragment:
  - mai.clients.openrouter
  - mai.clients.openrouter.attributes
  - mai.clients.openrouter.info
options:
  require_management_key:
    description:
      - Whether the task fails if the key is not a management key.
    type: bool
    default: false
seealso:
  - module: mai.clients.openrouter_key
  - module: mai.clients.openrouter_usage_info
"""

EXAMPLES = r"""
- name: Look at the account, and stop if the key cannot manage it
  mai.clients.openrouter_account_info:
    require_management_key: true
  register: openrouter

- name: Show what is left
  ansible.builtin.debug:
    msg: "{{ openrouter.credits.left }} USD are left"

- name: Look at a key that may be of any kind
  mai.clients.openrouter_account_info:
    provisioning_key: "{{ some_key }}"
  register: looked_at

- name: Show what it is
  ansible.builtin.debug:
    msg: "{{ 'It is a management key' if looked_at.management_key else looked_at.msg }}"
"""

RETURN = r"""
valid:
  description:
    - Whether OpenRouter accepts the key at all.
  type: bool
  returned: success
management_key:
  description:
    - Whether it is a management (provisioning) key. All other modules of this collection need one.
  type: bool
  returned: success
credits:
  description:
    - Credit in USD, C(total) bought so far, C(used) of it, and C(left).
    - Null if it is not a management key.
  type: dict
  returned: success
  sample:
    total: 1000.0
    used: 412.5
    left: 587.5
msg:
  description:
    - Why the key cannot be used, and what to do.
  type: str
  returned: when it is not a management key
error:
  description:
    - What kind of failure it is, in one word. For example V(unreachable). If it is not a management key,
      V(not_a_management_key).
  type: str
  returned: failure, and when it is not a management key
status:
  description:
    - HTTP status of OpenRouter's answer, if that is what failed.
  type: int
  returned: failure, and when it is not a management key
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._openrouter_spec import account_info_spec


def main():
    module = AnsibleModule(**account_info_spec())
    module.fail_json(
        msg="mai.clients.openrouter_account_info runs on the controller: its action plugin was not found there."
    )


if __name__ == "__main__":
    main()
