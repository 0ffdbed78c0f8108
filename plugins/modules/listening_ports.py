#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: listening_ports
short_description: On which TCP ports something listens on a machine
version_added: 0.1.0
author:
  - The mai.clients team (@mai-clients)
description:
  - Reads the kernel's own table. Nothing is started, and root is not needed.
  - A machine that cannot be asked is no failure. RV(reason) says why it cannot.
attributes:
  check_mode:
    support: full
  diff_mode:
    support: N/A
  idempotent:
    support: N/A
extends_documentation_fragment:
  - mai.clients.attributes
options: {}
"""

EXAMPLES = r"""
- name: See which ports are taken
  mai.clients.listening_ports:
  register: taken
"""

RETURN = r"""
ports:
  description: The ports, of both families and whatever address, in ascending order.
  returned: always
  type: list
  elements: int
  sample: [22, 8001, 8002]
reason:
  description: Why the machine could not be asked. Empty if it answered.
  returned: always
  type: str
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._instance.system import listening


def main() -> None:
    module = AnsibleModule(argument_spec={}, supports_check_mode=True)
    module.exit_json(changed=False, ports=sorted(listening()), reason="")


if __name__ == "__main__":
    main()
