#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: openrouter_account_info
short_description: Is the provisioning key valid, and what credit is left
version_added: 0.1.0
author:
  - The mai.clients team (@mai-clients)
description:
  - Asks OpenRouter for the account's credits, which it tells to a management (provisioning) key only. So a success
    means that the provisioning key is valid.
extends_documentation_fragment:
  - mai.clients.openrouter
  - mai.clients.openrouter.attributes
  - mai.clients.openrouter.info
seealso:
  - module: mai.clients.openrouter_key
"""

EXAMPLES = r"""
- name: Look at the account
  mai.clients.openrouter_account_info:
  register: openrouter

- name: Show what is left
  ansible.builtin.debug:
    msg: "{{ openrouter.credits.left }} USD are left"
"""

RETURN = r"""
credits:
  description:
    - Credit in USD, C(total) bought so far, C(used) of it, and C(left).
  type: dict
  returned: success
  sample:
    total: 1000.0
    used: 412.5
    left: 587.5
error:
  description:
    - What kind of failure it is, in one word. For example V(not_a_management_key), V(unreachable).
  type: str
  returned: failure
status:
  description:
    - HTTP status of OpenRouter's answer, if that is what failed.
  type: int
  returned: failure
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._openrouter.spec import account_info_spec


def main():
    module = AnsibleModule(**account_info_spec())
    module.fail_json(
        msg="mai.clients.openrouter_account_info runs on the controller: its action plugin was not found there."
    )


if __name__ == "__main__":
    main()
