#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

DOCUMENTATION = r"""
module: openrouter_usage_info
short_description: What OpenRouter API keys have spent, and on which models
version_added: 0.1.0
author:
  - The mai.clients team (@mai-clients)
description:
  - Returns what each key of an OpenRouter account or workspace has spent so far, today, this week and this month, and
    how much of its limit that is. One listing tells it of all keys.
  - Returns what was spent by day and model in the last 30 completed days.
  - All amounts are US dollars that OpenRouter charges. A client's markup is not in them.
  - All days are UTC days, weeks begin on Monday, and months on the first, at midnight UTC.
extends_documentation_fragment:
  - mai.clients.openrouter
  - mai.clients.openrouter.attributes
  - mai.clients.openrouter.info
options:
  name:
    description:
      - Only keys with this name. Names are not unique at OpenRouter.
      - O(name), O(hash) and O(name_prefix) are mutually exclusive, and must not be empty.
    type: str
  hash:
    description:
      - Only the key with this hash, the SHA-256 of its secret. It is found in every workspace.
    type: str
  name_prefix:
    description:
      - Only keys whose names begin with this.
    type: str
  workspace_id:
    description:
      - Workspace whose keys are listed. OpenRouter's default workspace if not given.
      - With it RV(activity) is that of the workspace, without it that of the whole account.
    type: str
  activity:
    description:
      - Whether RV(activity) is asked for. That is one call for everything, or one for each key that is found with
        O(name), O(hash) or O(name_prefix).
    type: bool
    default: true
  date:
    description:
      - Only the activity of this UTC day, such as V(2027-01-31). It must be one of the last 30 completed days, else
        OpenRouter refuses it.
    type: str
  user_id:
    description:
      - Only the activity of this member of the organization.
    type: str
seealso:
  - module: mai.clients.openrouter_account_info
  - module: mai.clients.openrouter_key_info
"""

EXAMPLES = r"""
- name: Look at what the clients have spent
  mai.clients.openrouter_usage_info:
    name_prefix: client-
    activity: false
  register: usage

- name: Name those who have used most of their limit
  ansible.builtin.debug:
    msg: "{{ item.name }} has used {{ item.percent_used }} % of {{ item.limit }} USD"
  loop: "{{ usage.api_keys | rejectattr('percent_used', 'none') | selectattr('percent_used', '>=', 80) }}"
  loop_control:
    label: "{{ item.name }}"

- name: See on which models a client has spent its money
  mai.clients.openrouter_usage_info:
    name: client-company-abc
  register: client

- name: Show what each model has cost
  ansible.builtin.debug:
    msg: "{{ item.0 }}: {{ item.1 | sum(attribute='usage') }} USD"
  loop: "{{ client.activity | groupby('model') }}"

- name: Look at one day of the whole account
  mai.clients.openrouter_usage_info:
    date: "2027-01-31"
"""

RETURN = r"""
api_keys:
  description:
    - The keys that were found, disabled and expired ones too.
  type: list
  elements: dict
  returned: success
  contains:
    hash:
      description: SHA-256 of the secret.
      type: str
    name:
      description: Name of the key.
      type: str
    disabled:
      description: Whether the key is disabled.
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
    limit:
      description: Limit in US dollars, null for none.
      type: float
    limit_reset:
      description: V(daily), V(weekly), V(monthly), or null for a limit that counts for the key's lifetime.
      type: str
    limit_remaining:
      description: What is left of the limit in US dollars. Null without a limit.
      type: float
    percent_used:
      description:
        - How much of the limit is used, in percent, in the time for which the limit counts. Null without a limit, and
          V(100) for a limit of 0.
      type: float
    last_used_at:
      description: When the key was used last. Null if never.
      type: str
    workspace_id:
      description: Workspace of the key.
      type: str
totals:
  description:
    - All keys in RV(api_keys) together.
  type: dict
  returned: success
  contains:
    count:
      description: How many keys there are.
      type: int
    disabled:
      description: How many of them are disabled.
      type: int
    usage:
      description: US dollars spent with them.
      type: float
    usage_daily:
      description: US dollars spent in this UTC day.
      type: float
    usage_weekly:
      description: US dollars spent in this UTC week.
      type: float
    usage_monthly:
      description: US dollars spent in this UTC month.
      type: float
activity:
  description:
    - What was spent by UTC day and model, the latest day first. Today is not part of it.
    - Without O(name), O(hash) and O(name_prefix) also what was spent with keys that are deleted since.
  type: list
  elements: dict
  returned: when O(activity=true)
  contains:
    hash:
      description: Hash of the key. Only with O(name), O(hash) or O(name_prefix).
      type: str
    name:
      description: Name of the key. Only with O(name), O(hash) or O(name_prefix).
      type: str
    date:
      description: UTC day.
      type: str
    model:
      description: Which model.
      type: str
    usage:
      description: US dollars spent.
      type: float
    byok_usage:
      description: US dollars spent with provider keys of one's own.
      type: float
    requests:
      description: Number of requests.
      type: int
    prompt_tokens:
      description: Tokens that were sent.
      type: int
    completion_tokens:
      description: Tokens that were received.
      type: int
    reasoning_tokens:
      description: How many of those the model used to reason.
      type: int
    cached_tokens:
      description: How many of the sent ones came from a cache.
      type: int
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
from ansible_collections.mai.clients.plugins.module_utils._openrouter_spec import usage_info_spec


def main():
    module = AnsibleModule(**usage_info_spec())
    module.fail_json(
        msg="mai.clients.openrouter_usage_info runs on the controller: its action plugin was not found there."
    )


if __name__ == "__main__":
    main()
