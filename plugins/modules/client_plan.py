#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: client_plan
short_description: Everything that a run would do to a client, decided and not done
version_added: 0.1.0
author:
  - The mai.clients team (@mai-clients)
description:
  - Checks the client's variables, asks OpenRouter for the account and its keys, takes one look at the client's machine,
    and decides from that what differs from the inventory, why, and what there is to do. Roles carry it out.
  - The account and its keys are asked once for a whole play, whatever the number of clients.
  - What is in the way fails the task with one sentence. With O(whatever=true) it is a state of the plan.
extends_documentation_fragment:
  - mai.clients.openrouter
  - mai.clients.openrouter.attributes
  - mai.clients.openrouter.info
options:
  variables:
    description:
      - The client's variables, as C(mai_variables) of role P(mai.clients.mai#role) has them.
    type: dict
    required: true
  database_url:
    description:
      - URL of the client's database elsewhere, C(mai_database_url). The machine is asked whether its instance has this
        one, by a proof that tells nothing of it.
    type: str
  openrouter:
    description:
      - Whether OpenRouter is asked. Without it, the key is taken to be the one on the machine.
    type: bool
    default: true
  credits:
    description:
      - Whether the account's credits are asked for, with the keys. That is one more call.
    type: bool
    default: true
  look:
    description:
      - Whether there is anything to decide. Without it only the variables and the account are checked.
    type: bool
    default: true
  probe:
    description:
      - Whether the look also tries what the instance is for, its key and its models. Without it there are no checks.
    type: bool
    default: true
  whatever:
    description:
      - Whether to go on where something is in the way, for those who only want to know.
    type: bool
    default: false
  any_version:
    description:
      - Whether to go on although the inventory was not checked for a breaking change of this collection, see
        C(mai_validated_version) of role P(mai.clients.mai#role). Who only looks, with O(whatever), always does.
    type: bool
    default: false
  unclaimed:
    description:
      - Whether keys of the account that look like a client's are named, of which the inventory knows no client
        (C(unclaimed) of RV(account)).
    type: bool
    default: false
  unreachable_fails:
    description:
      - Whether a machine that does not answer fails the task, so that a C(rescue) can go on, instead of making the host
        unreachable.
    type: bool
    default: false
  seen:
    description:
      - What was seen before (RV(seen) of an earlier plan). The machine is then not looked at again.
    type: dict
  key:
    description:
      - The client's key, where the run knows it better than a listing (RV(key) of M(mai.clients.openrouter_key)).
    type: dict
  administered:
    description:
      - Whether the instance has an administrator, where the run knows it better than the look.
    type: bool
  open_signup:
    description:
      - Whether the instance is started with open sign-up, for the first administrator of an older release.
    type: bool
    default: false
  new_image:
    description:
      - Whether an instance that has data is started with the image of the inventory. That is an upgrade.
    type: bool
    default: false
  former_keys:
    description:
      - Hashes of keys that the instance may still have besides those on its machine.
    type: list
    elements: str
    default: []
  disabled:
    description:
      - Whether the key is to be disabled. V(false) resumes a suspended client; without it the key stays as it is.
    type: bool
  lost_secret:
    description:
      - What the run would do about a secret that nobody has, see O(mai.clients.openrouter_key#module:lost_secret).
    type: str
    choices: [fail, replace_unused, replace]
    default: replace_unused
  parts:
    description:
      - The parts of the client that the run changes, for RV(plan)'s C(changes). Without it all of them.
    type: list
    elements: str
    choices:
      - machine
      - directory
      - key
      - instance
      - administrator
      - saved_key
      - people
      - organization
      - proxy
      - backup
      - usage_history
      - record
  needs:
    description:
      - What the run cannot do without. Where it is not so, the task fails with what there is to do about it.
      - V(client) is a client that was onboarded, V(no_upgrade) one whose upgrade was not interrupted, V(database) a
        database that can be read, V(machine) a machine with nothing in the way, V(startable) one on which the instance
        could be started again, V(backup) one that is to be backed up and can be, V(people) people who can be as they
        are listed, V(proof) an instance that works and answers at its address, V(proof_of_instance) the same
        without its address, and V(proof_unless_due) one that works unless something of it is to be changed.
      - V(key) is a key that did not expire and that M(mai.clients.openrouter_key) would not refuse; outside check mode
        that module says so itself.
      - V(proof) is not asked for in check mode, in which nothing was done that could be proven.
    type: list
    elements: str
    choices:
      - client
      - no_upgrade
      - database
      - machine
      - startable
      - backup
      - people
      - key
      - proof
      - proof_of_instance
      - proof_unless_due
    default: []
  fresh:
    description:
      - Whether the keys are listed anew, and not as the play knows them, for at most a minute. For a plan that is made
        under the client's lock, before which another run may have changed them.
    type: bool
    default: false
  report_changes:
    description:
      - Whether what differs is a change of this task in check mode, with its diff. For a run that goes on to carry the
        plan out.
    type: bool
    default: false
seealso:
  - module: mai.clients.instance_info
  - module: mai.clients.openrouter_key
"""

EXAMPLES = r"""
- name: Look at the client and its account, and plan
  mai.clients.client_plan:
    variables: "{{ mai_variables }}"
  register: planned

- name: Show what differs from the inventory
  ansible.builtin.debug:
    msg: "{{ planned.plan.changes }}"
"""

RETURN = r"""
seen:
  description:
    - What M(mai.clients.instance_info) returned as C(instance). Empty where the machine was not looked at.
  type: dict
  returned: success
key:
  description:
    - The client's key as RV(mai.clients.openrouter_key#module:key) has it, with nulls where there is none.
  type: dict
  returned: success
plan:
  description:
    - What there is to do, by its part. C(changes) names the parts that differ from the inventory, in an operator's
      words, and C(would) has a sentence for each.
    - C(state) is V(planned), V(refused) (the variables), V(unanswered) (OpenRouter) or V(unreachable) (the machine),
      and C(reason) the sentence for it.
  type: dict
  returned: success
  sample:
    state: planned
    reason: ""
    changes: [key (limit), instance (WEBUI_NAME), organisation, hand-over]
    suspended: false
    problems: []
    key: {due: true, recover: false, in_place: true, settings: [limit]}
    instance: {due: true, why: ["settings: WEBUI_NAME"], keeper: compose, bind: 0.0.0.0}
    organization: {due: true, differs: [monthly_limit]}
    address: {url: "https://mai-companyabc.example.com", note: ""}
    notes: []
checks:
  description:
    - Whether the instance works. Each has C(name), C(status) (V(ok), V(failed) or V(unknown)) and C(detail).
    - Empty without O(probe=true).
  type: list
  elements: dict
  returned: success
account:
  description:
    - C(credits) of the account, or C(error), C(status) and C(msg) where OpenRouter did not tell them.
    - C(api_keys) are those of the client, that is the one in use, those on their way, and those that were replaced.
      Null where they are not known.
  type: dict
  returned: success
problems:
  description:
    - What is wrong with the client's variables.
  type: list
  elements: str
  returned: success
msg:
  description:
    - What is in the way, and what to do.
  type: str
  returned: failure
error:
  description:
    - What kind of failure it is, in one word. The C(state) of a plan, or what M(mai.clients.openrouter_key) calls it.
  type: str
  returned: failure
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._openrouter_spec import client_plan_spec


def main():
    module = AnsibleModule(**client_plan_spec())
    module.fail_json(msg="mai.clients.client_plan runs on the controller: its action plugin was not found there.")


if __name__ == "__main__":
    main()
