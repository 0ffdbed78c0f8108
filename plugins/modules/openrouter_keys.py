#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: openrouter_keys
short_description: Create, change, disable or delete many OpenRouter API keys at once
version_added: 0.1.0
author:
  - The mai.clients team (@mai-clients)
description:
  - Brings many API keys at OpenRouter to the desired state. What has to be done is decided from one listing, and then
    done for several keys at a time.
  - The secrets of new keys are part of the result, once and never again. The whole result is then hidden from all
    output. Store them in the next task. For a secret that goes straight to a host and is seen nowhere else, use
    M(mai.clients.openrouter_key) with its option O(mai.clients.openrouter_key#module:secret_file).
  - What is wrong with the options, of every entry, is reported at once before OpenRouter is called.
  - What fails at OpenRouter is reported with its entry. Everything else is done all the same, and then the task fails.
    Its result still has the secrets of the keys that were created, so register it, and store them also when the task
    fails, as the example does.
  - A key is created under a provisional name and then renamed, as M(mai.clients.openrouter_key) does it. When a
    creation's answer is lost, what it may have made is looked for and removed before the key is created once more.
  - A task that is interrupted (by the keyword C(timeout), for example) removes the keys that it has created, because
    nobody would get their secrets. When the controller is killed it cannot. Keys that it had created then bear their
    names, and have never been used. Delete them and run again.
extends_documentation_fragment:
  - mai.clients.openrouter
  - mai.clients.openrouter.attributes
attributes:
  check_mode:
    description:
      - Can run in C(check_mode) and return changed status prediction without modifying anything.
    support: full
  diff_mode:
    description:
      - Returns details on what has changed (or possibly needs changing in C(check_mode)), when in diff mode.
    support: full
  idempotent:
    description:
      - When run twice in a row outside check mode, with the same arguments, the second invocation indicates no
        change.
    support: full
options:
  api_keys:
    description:
      - The keys. What is not mentioned of an existing key stays as it is.
      - The same name twice is an error.
    type: list
    elements: dict
    required: true
    suboptions:
      name:
        description:
          - Name of the key. Several keys of that name at OpenRouter are an error that lists their hashes.
        type: str
        required: true
      state:
        description:
          - V(present) creates the key if it does not exist, and changes what differs. It never enables a disabled key
            unless O(api_keys[].disabled=false) says so.
          - V(disabled) disables the key and every provisional key of its name. A key that does not exist is an error.
          - V(absent) deletes the key. Provisional keys of its name are deleted if they were never used, else disabled.
        type: str
        choices: [present, disabled, absent]
        default: present
      limit:
        description:
          - How much the key may spend, in US dollars, per O(api_keys[].limit_reset). A number of 0 or more.
          - V(null), an empty string or the word V(none) stand for no limit.
          - When it is not given, an existing key keeps its limit, and a new one has none.
        type: raw
      limit_reset:
        description:
          - When the counting towards O(api_keys[].limit) starts again, at midnight UTC. V(never) makes it a limit for
            the key's lifetime.
          - When it is not given, an existing key keeps its setting, and the limit of a new one counts for its lifetime.
        type: str
        choices: [daily, weekly, monthly, never]
      include_byok_in_limit:
        description:
          - Whether what is spent with provider keys of one's own counts towards O(api_keys[].limit).
        type: bool
      expires_at:
        description:
          - When a new key expires, in ISO 8601 with seconds, such as V(2027-01-31T23:59:59Z). UTC without an offset.
          - The expiry of an existing key cannot be changed. If it is another one, that is an error.
        type: str
      disabled:
        description:
          - Whether the key is disabled. When it is not given, an existing key stays as it is.
        type: bool
      workspace_id:
        description:
          - Workspace in which the key is looked for, and created. OpenRouter's default workspace if not given.
          - A key of that name that is in the default workspace only is moved.
        type: str
      ignore:
        description:
          - What of the key is neither compared nor changed once it exists, because somebody else sets it. A new key
            gets what is asked for.
        type: list
        elements: str
        choices: [limit, limit_reset, include_byok_in_limit, disabled, expires_at]
        default: []
  concurrency:
    description:
      - For how many keys OpenRouter is called at the same time, from 1 to 20.
    type: int
    default: 8
  prune:
    description:
      - Whether keys are deleted whose names begin with O(name_prefix) and are not in O(api_keys). Only the workspaces
        of O(api_keys) are looked through.
      - A key with usage is not deleted, but listed in RV(left), unless O(prune_used=true).
      - What was left behind or retired of a name that is in O(api_keys) is not pruned.
      - An empty O(api_keys) together with it is an error.
    type: bool
    default: false
  prune_used:
    description:
      - Whether O(prune) also deletes keys that have been used. Whoever uses such a key is cut off.
    type: bool
    default: false
  name_prefix:
    description:
      - How the names of all keys begin that O(prune) may delete. Required with O(prune), and must not be empty.
    type: str
  pending_max_age:
    description:
      - Seconds after which a provisional key, never used, counts as left behind by an interrupted run, and is deleted.
        Of the names in O(api_keys) these are the keys that were never meant for a file on a target. With O(prune) these
        are all of other names that begin with O(name_prefix).
    type: int
    default: 3600
seealso:
  - module: mai.clients.openrouter_key
  - module: mai.clients.openrouter_key_info
"""

EXAMPLES = r"""
- name: Bring the keys of all departments to what is agreed
  mai.clients.openrouter_keys:
    api_keys:
      - name: department-sales
        limit: 200
        limit_reset: monthly
      - name: department-research
        limit: 1000
        limit_reset: monthly
        ignore: [limit]  # whoever leads the department raises it in the dashboard
      - name: department-closed
        state: disabled
  register: departments
  ignore_errors: true  # so that the next task stores what was created, also when something else failed

- name: Store the secrets of new keys
  ansible.builtin.copy:
    content: "{{ item.secret }}"
    dest: "/etc/departments/{{ item.name }}"
    mode: "0600"
  loop: "{{ departments.created }}"
  loop_control:
    label: "{{ item.name }}"
  no_log: true
  diff: false
  when: departments.created is defined

- name: Stop if a key could not be brought to what is agreed
  ansible.builtin.assert:
    that: departments is success
    fail_msg: "{{ departments.msg }}"
    quiet: true

- name: Delete the keys of all who are not on the course any more, if they never used them
  mai.clients.openrouter_keys:
    api_keys:
      - name: course-anna
      - name: course-boris
    prune: true
    name_prefix: course-

- name: Give every client on a list the same limit
  mai.clients.openrouter_keys:
    api_keys: "{{ [{'limit': 50, 'limit_reset': 'monthly'}] | product(clients) | map('combine') }}"
    concurrency: 16
  vars:
    clients:
      - name: client-company-abc
      - name: client-company-xyz
"""

RETURN = r"""
created:
  description:
    - The keys that were created, or in check mode would be.
  type: list
  elements: dict
  returned: when the options are valid and the keys could be listed
  contains:
    name:
      description: Name of the key.
      type: str
    hash:
      description: SHA-256 of the secret. Null in check mode.
      type: str
    key:
      description: The key as OpenRouter describes it, with the fields of RV(mai.clients.openrouter_key#module:key).
      type: dict
    secret:
      description: The secret. Not in check mode. When there is one, the whole result is hidden from all output.
      type: str
updated:
  description:
    - The keys whose settings were changed.
  type: list
  elements: dict
  returned: when the options are valid and the keys could be listed
  contains:
    name: &name
      description: Name of the key.
      type: str
    hash: &hash
      description: Hash of the key.
      type: str
    changes:
      description: Which settings got which values.
      type: dict
deleted:
  description:
    - The keys that were deleted, because their state is V(absent), or because an interrupted run had left them behind.
  type: list
  elements: dict
  returned: when the options are valid and the keys could be listed
  contains:
    name: *name
    hash: *hash
    why:
      description: The reason.
      type: str
unchanged:
  description:
    - The keys that were as they should be. The hash is null for a key that is absent.
  type: list
  elements: dict
  returned: when the options are valid and the keys could be listed
  contains:
    name: *name
    hash: *hash
pruned:
  description:
    - The keys that O(prune) deleted.
  type: list
  elements: dict
  returned: when the options are valid and the keys could be listed
  contains:
    name: *name
    hash: *hash
left:
  description:
    - Keys that were left alone, although O(prune) was asked for or they are provisional.
  type: list
  elements: dict
  returned: when the options are valid and the keys could be listed
  contains:
    name: *name
    hash: *hash
    usage:
      description: US dollars spent with the key.
      type: float
    why:
      description: The reason.
      type: str
failed_entries:
  description:
    - What failed. Empty if nothing did.
  type: list
  elements: dict
  returned: when the options are valid and the keys could be listed
  contains:
    index:
      description: Place in O(api_keys), from 0. Null for a key that could not be pruned.
      type: int
    name: *name
    hash:
      description: Hash of a key that could not be pruned.
      type: str
    msg:
      description: What went wrong, and what to do.
      type: str
    error:
      description: What kind of failure it is, as in RV(error), or V(duplicate_name), V(server_failed), V(not_tried).
      type: str
    status:
      description: HTTP status of OpenRouter's answer, if that is what failed.
      type: int
    hashes:
      description: Hashes of the keys that share the name. Only if that is what failed.
      type: list
      elements: str
actions:
  description:
    - What was done, or in check mode would be done, with the name of the entry.
  type: list
  elements: dict
  returned: when the options are valid and the keys could be listed
  sample:
    - entry: department-sales
      action: update
      name: department-sales
      hash: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
      changes:
        limit: 200.0
      why: differs from what is asked for
error:
  description:
    - What kind of failure it is, in one word, when nothing could be done at all. For example V(invalid_option),
      V(not_a_management_key), V(unreachable).
  type: str
  returned: failure
status:
  description:
    - HTTP status of OpenRouter's answer, if that is what failed.
  type: int
  returned: failure
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._openrouter_spec import keys_spec


def main():
    module = AnsibleModule(**keys_spec())
    module.fail_json(msg="mai.clients.openrouter_keys runs on the controller: its action plugin was not found there.")


if __name__ == "__main__":
    main()
