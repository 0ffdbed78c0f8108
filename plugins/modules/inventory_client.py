#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: inventory_client
short_description: Add a client to an inventory
version_added: 0.1.0
author:
  - The mai.clients team (@mai-clients)
description:
  - >-
    Adds a host to the group of clients in C(hosts.yml), with its machine and port, and writes its other variables to
    C(host_vars/<client>.yml). Comments, order and quotes are kept.
  - >-
    With O(backend=awx) the host and all its variables go into an inventory that AWX keeps itself, in one request. What
    clashes is looked up there.
  - >-
    What is not given is asked for in the terminal of C(ansible-playbook), with a proposal that Enter accepts. Without a
    terminal the proposals are taken, and what there is none for is an error.
  - Runs on the controller. Of files the inventory of the run has to be one directory. No machine is contacted.
  - >-
    A client that is there already as it is described changes nothing. One that differs, and anything that two clients
    cannot both have, is refused before anything is written.
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
  until:
    description:
      - V(machine) ends once it is known who the client is and where it lives, so that the machine can be asked which
        ports are free. Nothing is written. V(written) does all that is left.
    type: str
    choices: [machine, written]
    default: written
  client:
    description: The client's slug. One is proposed for its name where it is left out.
    type: str
  machine:
    description: Host name or address of the client's machine.
    type: str
  variables:
    description:
      - Variables of the client, by the names of role C(mai.clients.mai). They are data, no templates.
      - Extra variables of the run whose names begin with C(mai_) count as given here.
      - Passwords are refused. They belong into a vault.
    type: dict
  listening:
    description: The TCP ports on which something listens on the machine.
    type: list
    elements: int
    default: []
  not_asked:
    description: Why the machine could not be asked, so that the inventory alone tells which ports are free.
    type: str
    default: ""
  ask:
    description: Whether what is not given is asked for where there is a terminal.
    type: bool
    default: true
  backend:
    description:
      - >-
        Where the inventory is kept. V(files) are the files of the run's own inventory. V(awx) is an inventory that AWX
        or Automation Controller keeps itself, reached by its API with what E(CONTROLLER_HOST), and
        E(CONTROLLER_OAUTH_TOKEN) or E(CONTROLLER_USERNAME) and E(CONTROLLER_PASSWORD) say, as its built-in credential
        injects them.
      - Left out, it is what C(mai_inventory_backend) of all clients says, else V(files).
    type: str
    choices: [files, awx]
  awx_inventory:
    description:
      - Name or id of the inventory, with O(backend=awx). Left out, it is the inventory of the job.
    type: str
"""

EXAMPLES = r"""
- name: Add a client to the inventory
  mai.clients.inventory_client:
    client: company-abc
    machine: mai-01.example.org
    variables:
      mai_client_name: Company ABC
      mai_monthly_limit: 500
    ask: false
"""

RETURN = r"""
left:
  description: Whether whoever was asked left, with Ctrl-C, Ctrl-D or a no. Nothing was written then.
  returned: always
  type: bool
client:
  description: The client's slug.
  returned: when RV(left) is false
  type: str
  sample: company-abc
machine:
  description: Its machine.
  returned: when RV(left) is false
  type: str
  sample: mai-01.example.org
known:
  description: Whether the inventory has the client already.
  returned: with O(until=machine)
  type: bool
variables:
  description: What was learnt about it until then, to be given to the second task.
  returned: with O(until=machine)
  type: dict
  sample: {mai_client_name: Company ABC}
through:
  description: A client of the same machine, through whose host it can be asked. Empty where there is none.
  returned: with O(until=machine)
  type: str
connection:
  description: Where RV(through) is empty, the variables with which Ansible can reach the machine.
  returned: with O(until=machine)
  type: dict
notes:
  description: What was proposed and taken without a question, each with its reason.
  returned: when RV(left) is false
  type: list
  elements: str
  sample: ["mai_port 8003: the first free one there"]
files:
  description: The files that hold the client now, on the controller; with O(backend=awx) the inventory and its host.
  returned: with O(until=written)
  type: list
  elements: str
host:
  description: Arguments of M(ansible.builtin.add_host), for an inventory that the run does not read again; else empty.
  returned: when the client was added
  type: dict
in_job:
  description: Whether the run is a job of AWX.
  returned: with O(until=written)
  type: bool
"""

from ansible.module_utils.basic import AnsibleModule

ARGUMENT_SPEC = {
    "until": {"type": "str", "choices": ["machine", "written"], "default": "written"},
    "client": {"type": "str"},
    "machine": {"type": "str"},
    "variables": {"type": "dict"},
    "listening": {"type": "list", "elements": "int", "default": []},
    "not_asked": {"type": "str", "default": ""},
    "ask": {"type": "bool", "default": True},
    "backend": {"type": "str", "choices": ["files", "awx"]},
    "awx_inventory": {"type": "str"},
}


def main() -> None:
    module = AnsibleModule(argument_spec=ARGUMENT_SPEC, supports_check_mode=True)
    module.fail_json(msg="inventory_client runs on the controller, as an action plugin of the same name.")


if __name__ == "__main__":
    main()
