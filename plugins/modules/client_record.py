#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
---
module: client_record
short_description: Keep the record of a client, on the controller and on its machine
version_added: 0.1.0
description:
  - Writes a text to a file on the controller, and to one on the machine, where it differs. Both are readable for their
    owner only. The controller's directory is made where it is missing.
author:
  - The mai.clients team (@mai-clients)
extends_documentation_fragment:
  - mai.clients.attributes
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
options:
  text:
    description: The record. It holds no secret.
    type: str
    required: true
  path:
    description: File on the controller. Without it none is written there.
    type: str
  machine_path:
    description: File on the machine, in a directory that exists. Without it the machine is not contacted.
    type: str
seealso:
  - module: mai.clients.client_plan
"""

EXAMPLES = r"""
- name: Keep the record
  mai.clients.client_record:
    text: "{{ mai_plan.record.text }}"
    path: handovers/company-abc.md
    machine_path: /opt/mai/deployments/client-company-abc/HANDOVER.md
"""

RETURN = r"""
written:
  description: The files that were written, or would be in check mode.
  returned: success
  type: list
  elements: str
"""

from ansible.module_utils.basic import AnsibleModule

ARGUMENT_SPEC = {
    "text": {"type": "str", "required": True},
    "path": {"type": "str"},
    "machine_path": {"type": "str"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.fail_json(msg="mai.clients.client_record runs on the controller: its action plugin was not found there.")


if __name__ == "__main__":
    main()
