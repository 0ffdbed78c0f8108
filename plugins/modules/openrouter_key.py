#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: openrouter_key
short_description: Create, change, disable or delete one OpenRouter API key
version_added: 0.1.0
author:
  - The mai.clients team (@mai-clients)
description:
  - Brings one API key at OpenRouter to the desired state, by its name or its hash.
  - With O(secret_file), creating the key, storing its secret on the target and giving the key its name is one task.
    The secret is in no result, fact, argument or log.
  - OpenRouter shows a secret once. So a key is created under a provisional name that ends in C(~pending-) and a
    random number, its secret is stored on the target, and only then the key is renamed. A run that is interrupted
    in between is finished by the next one. What it left behind unused is removed, as soon as O(secret_file) holds the
    secret of another key, so that a command which is late on the target cannot store the secret of a deleted key.
  - The hash of a key is the SHA-256 of its secret. Whether O(secret_file) holds the secret of the key is seen by
    comparing the two on the target.
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
  name:
    description:
      - Name of the key. All keys of the account or workspace are looked through, disabled and expired ones too.
      - Several keys of that name are an error that lists them.
      - Together with O(hash) it is the name that the key gets.
      - One of O(name) and O(hash) is required.
    type: str
  hash:
    description:
      - Hash of an existing key, when it is not to be found by its name. No key can be created by it.
    type: str
  state:
    description:
      - V(present) creates the key if it does not exist, and changes what differs. It never enables a disabled key
        unless O(disabled=false) says so.
      - V(disabled) disables the key and every provisional key of its name. It needs no access to the target. A key
        that does not exist is an error.
      - V(absent) deletes the key. Provisional keys of its name are deleted if they were never used, else disabled.
        Nothing on the target is changed.
    type: str
    choices: [present, disabled, absent]
    default: present
  limit:
    description:
      - How much the key may spend, in US dollars, per O(limit_reset). A number of 0 or more.
      - V(null), an empty string or the word V(none) stand for no limit.
      - When it is not given, an existing key keeps its limit, and a new one has none.
    type: raw
  limit_reset:
    description:
      - When the counting towards O(limit) starts again, at midnight UTC. V(never) makes it a limit for the key's
        lifetime.
      - When it is not given, an existing key keeps its setting, and the limit of a new one counts for its lifetime.
    type: str
    choices: [daily, weekly, monthly, never]
  include_byok_in_limit:
    description:
      - Whether what is spent with provider keys of one's own counts towards O(limit).
      - When it is not given, an existing key keeps its setting.
    type: bool
  expires_at:
    description:
      - When a new key expires, as ISO 8601 with seconds, for example V(2027-01-31T23:59:59Z).
      - The expiry of an existing key cannot be changed. If it is another one, that is an error.
      - A key that has expired keeps its name. No second one is made beside it. A warning says that it must be rotated.
    type: str
  disabled:
    description:
      - Whether the key is disabled. When it is not given, an existing key stays as it is.
    type: bool
  workspace_id:
    description:
      - Identifier (not the slug) of the workspace in which the key is looked for by O(name), and created. OpenRouter's
        default workspace if not given.
      - A key of that name in the default workspace is moved there, unless O(state=absent). So is one in any other
        workspace if O(secret_file) holds its secret, or if it is named by O(hash). The key keeps its secret.
      - If both workspaces have a key of that name, and the secret of the one that is there is not in O(secret_file),
        that is an error.
      - When it is not given, a key whose secret is in O(secret_file) stays in the workspace in which it is.
    type: str
  secret_file:
    description:
      - Absolute path on the target of the file that holds the secret of the key. Its directory must exist.
      - It is an environment file with mode 0600 that has one line for each of O(secret_variables). The file belongs
        to this module. Other lines are lost when it is written.
      - It is replaced only if it still is as it was when it was looked at. Another mode, owner or a missing
        variable is repaired without the secret leaving the target.
      - If the secret was definitely not stored, the new key is removed again.
      - Without it the secret is returned by the run that creates the key.
      - Used with O(state=present) and O(name) only.
    type: str
  secret_variables:
    description:
      - Names of the environment variables in O(secret_file) that hold the secret.
    type: list
    elements: str
    default: [OPENAI_API_KEY]
  secret_owner:
    description:
      - Name or number of the user who owns O(secret_file). The user as whom the task runs, if not given.
    type: str
  secret_group:
    description:
      - Name or number of the group of O(secret_file).
    type: str
  lost_secret:
    description:
      - What to do when the key exists and O(secret_file) does not hold its secret, or when O(secret_file) holds the
        secret of a key that OpenRouter does not know.
      - V(fail) stops and names the ways out.
      - V(replace_unused) makes a new key if the old one was never used, else stops.
      - V(replace) makes a new key. The old one is disabled and renamed, never deleted. The new one takes over
        whatever the task does not mention, also that it is disabled.
    type: str
    choices: [fail, replace_unused, replace]
    default: fail
  rotate:
    description:
      - Makes a new key in place of the one that is in use. Each run makes another one, except for a run that finishes
        what an interrupted one began.
      - The old key is disabled and renamed (C(~retired-) and a random number), never deleted. The new one takes over
        whatever the task does not mention.
      - Whoever uses the key must be given the new one. Where that takes time, make the new key with O(commit=false),
        switch to it, and finish with the same task without O(rotate).
      - Used with O(state=present) and O(name) only. A key that does not exist is an error.
    type: bool
    default: false
  commit:
    description:
      - V(false) stops a rotation halfway. The new key keeps its provisional name, its secret is in O(secret_file),
        which then must not be the file in use, and the old key is left as it is.
      - The rotation ends with a task without O(rotate) whose O(secret_file) holds the new secret. Any other run counts
        the new key as left behind.
      - Used with O(rotate=true) and O(secret_file) only.
    type: bool
    default: true
  carry_usage:
    description:
      - Whether what the replaced key used in this month counts towards the O(limit) of the new one, until the month
        ends. The name of the replaced key records it (C(~retired-carried-)), so that later tasks keep to it; the first
        task of the next month sets the whole limit again.
      - Used with O(limit) and O(limit_reset=monthly) only.
    type: bool
    default: false
  pending_max_age:
    description:
      - Seconds after which a provisional key of this name, never used, whose secret is not stored, counts as left
        behind and is deleted. Without O(secret_file) only keys that were never meant for a file are.
    type: int
    default: 3600
  locked:
    description:
      - Says that no other run can be changing this client now. Left-over provisional keys of this name are then
        deleted whatever their age.
    type: bool
    default: false
seealso:
  - module: mai.clients.openrouter_key_info
"""

EXAMPLES = r"""
- name: Give the client a key with a monthly limit, and store its secret on the client's host
  mai.clients.openrouter_key:
    name: client-company-abc
    limit: 500
    limit_reset: monthly
    secret_file: /opt/mai/deployments/client-company-abc/api_key.env
    secret_variables: [OPENAI_API_KEY, OPENROUTER_API_KEY]
  become: true

- name: Replace a key whose secret is lost, if nobody ever used it
  mai.clients.openrouter_key:
    name: client-company-abc
    secret_file: /opt/mai/deployments/client-company-abc/api_key.env
    lost_secret: replace_unused
  become: true

- name: Finish or clean up what an interrupted run left, at once
  mai.clients.openrouter_key:
    name: client-company-abc
    secret_file: /opt/mai/deployments/client-company-abc/api_key.env
    locked: true # only while no other run can be at this client, as under client_lock
  become: true

- name: Show what would be done to the key, and which provisional keys there are
  mai.clients.openrouter_key:
    name: client-company-abc
    secret_file: /opt/mai/deployments/client-company-abc/api_key.env
  become: true
  check_mode: true
  register: preview

- name: Keep the key of a large client in a workspace of its own, and move it there if it is elsewhere
  mai.clients.openrouter_key:
    name: client-company-abc
    workspace_id: 0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9
    secret_file: /opt/mai/deployments/client-company-abc/api_key.env
  become: true

- name: Move a key that is known by its hash
  mai.clients.openrouter_key:
    hash: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    workspace_id: 0f1e2d3c-4b5a-4978-8695-a4b3c2d1e0f9

- name: Give a trial client a key for one month
  mai.clients.openrouter_key:
    name: trial-company-xyz
    limit: 20
    limit_reset: never
    expires_at: "2027-01-31T23:59:59Z"
    secret_file: /opt/mai/deployments/client-company-xyz/api_key.env
  become: true

- name: Replace a key whose secret is lost although it was used, and disable the old one
  mai.clients.openrouter_key:
    name: client-company-abc
    secret_file: /opt/mai/deployments/client-company-abc/api_key.env
    lost_secret: replace
  become: true

- name: Replace the key in use by a new one, and disable the old one
  mai.clients.openrouter_key:
    name: client-company-abc
    rotate: true
    secret_file: /opt/mai/deployments/client-company-abc/api_key.env
  become: true

- name: Make the new key of a rotation, beside the one in use
  mai.clients.openrouter_key:
    name: client-company-abc
    rotate: true
    commit: false
    secret_file: /opt/mai/deployments/client-company-abc/api_key.env.next
  become: true

- name: Lift the limit
  mai.clients.openrouter_key:
    name: client-company-abc
    limit: null

- name: Suspend the client
  mai.clients.openrouter_key:
    name: client-company-abc
    state: disabled

- name: Resume the client
  mai.clients.openrouter_key:
    name: client-company-abc
    disabled: false

- name: Delete a key by its hash
  mai.clients.openrouter_key:
    hash: e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
    state: absent
"""

RETURN = r"""
key:
  description:
    - The key as OpenRouter describes it, without its secret. In check mode as it would be. Null when it is absent.
  type: dict
  returned: success
  contains: &key
    hash:
      description: SHA-256 of the secret. Null for a key that check mode would create.
      type: str
    name:
      description: Name of the key.
      type: str
    label:
      description: Beginning and end of the secret, as OpenRouter's dashboard shows it.
      type: str
    disabled:
      description: Whether the key is disabled.
      type: bool
    limit:
      description: Limit in US dollars, null for none.
      type: float
    limit_remaining:
      description: What is left of the limit in US dollars.
      type: float
    limit_reset:
      description: V(daily), V(weekly), V(monthly), or null for a limit that counts for the key's lifetime.
      type: str
    include_byok_in_limit:
      description: Whether what is spent with provider keys of one's own counts towards the limit.
      type: bool
    usage:
      description: US dollars spent with the key.
      type: float
    usage_daily:
      description: US dollars spent in this UTC day.
      type: float
    usage_weekly:
      description: US dollars spent in this UTC week, which begins on Monday.
      type: float
    usage_monthly:
      description: US dollars spent in this UTC month.
      type: float
    byok_usage:
      description: US dollars spent with provider keys of one's own.
      type: float
    byok_usage_daily:
      description: The same in this UTC day.
      type: float
    byok_usage_weekly:
      description: The same in this UTC week.
      type: float
    byok_usage_monthly:
      description: The same in this UTC month.
      type: float
    created_at:
      description: When the key was created.
      type: str
    updated_at:
      description: When the key was changed.
      type: str
    last_used_at:
      description: When the key was used last. Null if never.
      type: str
    expires_at:
      description: When the key expires. Null if never.
      type: str
    creator_user_id:
      description: Who created the key.
      type: str
    external_user:
      description: User of a partner for whom the key was made.
      type: str
    workspace_id:
      description: Workspace of the key.
      type: str
actions:
  description:
    - What was done, or in check mode would be done, in order.
  type: list
  elements: dict
  returned: success
  contains:
    action:
      description:
        - V(create) makes a provisional key and stores its secret, V(commit) gives it its name, V(update) changes
          settings, V(retire) renames and disables a key that was replaced, V(repair) writes O(secret_file) again,
          V(delete) deletes.
      type: str
    hash:
      description: Which key. Null for the key that is created.
      type: str
    name:
      description: Name of that key before the action.
      type: str
    changes:
      description: Which settings get which values.
      type: dict
    why:
      description: The reason.
      type: str
replaced:
  description:
    - Hashes of the keys that bore this name before, and were replaced by this run or an earlier one.
  type: list
  elements: str
  returned: success
pending_left:
  description:
    - Provisional keys of this name that were left alone, because they are too young, or have usage.
  type: list
  elements: dict
  returned: success, and when a failure left such a key
  contains: *key
secret_file:
  description:
    - Where the secret is stored.
  type: dict
  returned: when O(secret_file) is given
  contains:
    path:
      description: Path on the target.
      type: str
    hash:
      description: Hash of the key whose secret is there.
      type: str
secret:
  description:
    - The secret of the new key. The whole result is then hidden from all output.
  type: str
  returned: only by the run that creates the key, and only without O(secret_file)
hash:
  description:
    - Hash of the key that is the problem.
  type: str
  returned: when O(secret_file) does not hold the secret of the key, or O(expires_at) cannot be reached
hashes:
  description:
    - Hashes of the keys that share the name.
  type: list
  elements: str
  returned: when there are several keys of that name
usage:
  description:
    - US dollars spent with the key whose secret is lost.
  type: float
  returned: when O(secret_file) does not hold the secret of the key
error:
  description:
    - What kind of failure it is, in one word. For example V(lost_secret), V(duplicate_name), V(not_a_management_key),
      V(insufficient_credits), V(rate_limited), V(server_failed), V(unreachable), V(store_refused), V(store_unknown).
  type: str
  returned: failure
status:
  description:
    - HTTP status of OpenRouter's answer, if that is what failed.
  type: int
  returned: failure
"""

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._openrouter_spec import key_spec


def main():
    module = AnsibleModule(**key_spec())
    module.fail_json(msg="mai.clients.openrouter_key runs on the controller: its action plugin was not found there.")


if __name__ == "__main__":
    main()
