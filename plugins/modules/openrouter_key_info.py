#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: openrouter_key_info
short_description: Look up OpenRouter API keys
version_added: 0.1.0
author:
  - The mai.clients team (@mai-clients)
description:
  - Returns the API keys of an OpenRouter account or workspace, all of them or those of one name or hash.
  - Secrets are not part of it. OpenRouter shows them only once, to whoever creates the key.
extends_documentation_fragment:
  - mai.clients.openrouter
  - mai.clients.openrouter.attributes
  - mai.clients.openrouter.info
options:
  name:
    description:
      - Only keys with this name. Names are not unique at OpenRouter.
      - Mutually exclusive with O(hash).
    type: str
  hash:
    description:
      - Only the key with this hash, the SHA-256 of its secret. It is found in every workspace.
    type: str
  include_disabled:
    description:
      - Whether disabled keys are returned as well.
    type: bool
    default: true
  workspace_id:
    description:
      - Workspace whose keys are listed. OpenRouter's default workspace if not given.
    type: str
seealso:
  - module: mai.clients.openrouter_key
"""

EXAMPLES = r"""
- name: Look up all keys
  mai.clients.openrouter_key_info:
  register: openrouter

- name: Show what each key has spent this month
  ansible.builtin.debug:
    msg: "{{ item.name }}: {{ item.usage_monthly }} USD"
  loop: "{{ openrouter.api_keys }}"
  loop_control:
    label: "{{ item.name }}"

- name: Look up the key of one client
  mai.clients.openrouter_key_info:
    name: client-company-abc
"""

RETURN = r"""
api_keys:
  description:
    - The keys that were found. Empty if there are none. Each has the fields of
      RV(mai.clients.openrouter_key#module:key).
  type: list
  elements: dict
  returned: success
  sample:
    - hash: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
      name: client-company-abc
      disabled: false
      limit: 500.0
      limit_remaining: 487.5
      limit_reset: monthly
      usage_monthly: 12.5
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
from ansible_collections.mai.clients.plugins.module_utils._openrouter_spec import key_info_spec


def main():
    module = AnsibleModule(**key_info_spec())
    module.fail_json(
        msg="mai.clients.openrouter_key_info runs on the controller: its action plugin was not found there."
    )


if __name__ == "__main__":
    main()
