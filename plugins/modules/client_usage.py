#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: client_usage
short_description: Note what a client's keys have used
version_added: 0.1.0
description:
  - Adds a line for each key to C(usage.csv) in the client's directory, the file to which the client's timer adds one
    each day. A key that is about to be deleted, or cannot be asked any more, has its last word there.
  - What the last line of a key says for the same reason is not said again.
author:
  - The mai.clients team (@mai-clients)
extends_documentation_fragment:
  - mai.clients.attributes
options:
  deployment_dir:
    description: The client's deployment directory on the machine.
    type: path
    required: true
  api_keys:
    description:
      - The client's keys as OpenRouter describes them, see M(mai.clients.openrouter_key_info). Of each C(hash),
        C(usage), C(usage_monthly) and C(limit) are noted; one without C(hash) or C(usage) is left out.
    type: list
    elements: dict
    required: true
  why:
    description: What is done to the client.
    type: str
    choices: [rotation, suspension, resumption, offboarding]
    required: true
attributes:
  check_mode:
    support: full
  diff_mode:
    support: none
  idempotent:
    support: full
seealso:
  - module: mai.clients.openrouter_key_info
"""

EXAMPLES = r"""
- name: See what was used
  mai.clients.openrouter_key_info:
    name: client-company-abc
  register: known

- name: Note it
  mai.clients.client_usage:
    deployment_dir: /opt/mai/deployments/client-company-abc
    api_keys: "{{ known.api_keys }}"
    why: suspension
"""

RETURN = r"""
added:
  description: Number of lines that were, or in check mode would be, added.
  returned: success
  type: int
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._usage import history


def main() -> None:
    module = AnsibleModule(
        argument_spec={
            "deployment_dir": {"type": "path", "required": True},
            "api_keys": {"type": "list", "elements": "dict", "required": True, "no_log": False},
            "why": {"type": "str", "required": True, "choices": list(history.OPERATIONS)},
        },
        supports_check_mode=True,
    )
    directory, why = module.params["deployment_dir"], module.params["why"]
    # The one in use comes last
    api_keys = sorted(module.params["api_keys"], key=lambda key: str(key.get("created_at")))
    readings = [history.reading(str(key.get("hash")), key, why) for key in api_keys]
    try:
        added = history.add(directory, [one for one in readings if one], module.check_mode)
    except OSError as error:
        module.fail_json(msg=f"{history.path_in(directory)} cannot be written: {error.strerror}.")
    module.exit_json(changed=added > 0, added=added)


if __name__ == "__main__":
    main()
