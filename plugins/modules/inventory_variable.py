#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: inventory_variable
short_description: Record the value of a client's variable in the inventory
version_added: 0.1.0
author:
  - The mai.clients team (@mai-clients)
description:
  - >-
    Writes one variable of the host into the file of C(host_vars) beside the inventory in which it is set, else into the
    first one that the host has, else into a new one, C(host_vars/<host>.yml). Comments, order and quotes are kept.
  - Runs on the controller. The host is not contacted.
  - >-
    Where the inventory is not made of files that last (a job of AWX, a list of hosts on the command line, files that
    cannot be written, a file encrypted as a whole), nothing is written, and RV(reason) says why. That is no failure.
requirements:
  - ruamel.yaml >= 0.18 (on the controller)
attributes:
  check_mode:
    support: full
  diff_mode:
    support: full
  idempotent:
    support: full
extends_documentation_fragment:
  - mai.clients.attributes
options:
  name:
    description: Name of the variable.
    type: str
    required: true
  value:
    description: Its value, a number, a text, or null. It must not be a secret.
    type: raw
    required: true
  backend:
    description:
      - >-
        Where the inventory is kept. V(files) are the files of the run's own inventory. V(awx) is an inventory that AWX
        or Automation Controller keeps itself, reached by its API with what E(CONTROLLER_HOST), and
        E(CONTROLLER_OAUTH_TOKEN) or E(CONTROLLER_USERNAME) and E(CONTROLLER_PASSWORD) say, as its built-in credential
        injects them.
    type: str
    choices: [files, awx]
    default: files
  awx_inventory:
    description:
      - Name or id of the inventory, with O(backend=awx). Left out, it is the inventory of the job.
    type: str
"""

EXAMPLES = r"""
- name: Remember the new limit
  mai.clients.inventory_variable:
    name: mai_monthly_limit
    value: 750
"""

RETURN = r"""
recorded:
  description: Whether the inventory now has this value (in check mode, whether it would).
  returned: always
  type: bool
file:
  description: The file in which the value is, on the controller; with O(backend=awx) the inventory and its host.
  returned: when RV(recorded) is true
  type: str
  sample: inventories/example/host_vars/company-abc.yml
reason:
  description: Why the value is not recorded.
  returned: when RV(recorded) is false
  type: str
  sample: this job's copy of the inventory is thrown away after the run
"""

from ansible.module_utils.basic import AnsibleModule

ARGUMENT_SPEC = {
    "name": {"type": "str", "required": True},
    "value": {"type": "raw", "required": True},
    "backend": {"type": "str", "choices": ["files", "awx"], "default": "files"},
    "awx_inventory": {"type": "str"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.fail_json(msg="inventory_variable runs on the controller, as an action plugin of the same name.")


if __name__ == "__main__":
    main()
