#!/usr/bin/python
# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The client's organisation in its instance's own database."""

from __future__ import annotations

DOCUMENTATION = r"""
module: client_organization
short_description: Manage the client's organisation in the database of its mAI instance
version_added: 0.1.0
description:
  - Creates, completes, changes or removes the client's row in the table C(client_organizations) of its instance, in
    SQLite or PostgreSQL. mAI records and bills usage only for the organisation that it finds there.
  - Runs on the target. An option that is not given leaves its column as it is, so the row that the instance wrote
    itself at its start is completed and not duplicated.
  - Columns are found by looking at the table, since every generation of mAI has others. An option whose column does not
    exist is reported in RV(missing_columns).
  - Everything happens in one transaction. A run that finds nothing to change only reads.
author:
  - The mai.clients team (@mai-clients)
extends_documentation_fragment:
  - mai.clients.database
attributes:
  check_mode:
    support: full
    description: Tells what would be changed and writes nothing.
  diff_mode:
    support: full
    description: Shows the row before and after. The key is shown as the beginning of its SHA-256.
  idempotent:
    support: full
    description: A second run with the same options changes nothing.
options:
  id:
    description:
      - Primary key of the organisation. It has to be what the instance's environment calls
        E(OPENROUTER_EXTERNAL_USER).
    type: str
    required: true
  state:
    description:
      - V(present) makes sure that the organisation exists and is as described.
      - V(absent) removes it, and with O(map_users) its rows in the tables of users. Recorded usage is kept.
    type: str
    choices: [present, absent]
    default: present
  name:
    description:
      - Display name, any text. It has to equal E(ORGANIZATION_NAME) of the instance's environment, which overwrites it
        at every start.
      - Required when the organisation does not exist yet.
    type: str
  openrouter_api_key_file:
    description:
      - Environment file on the target that holds the client's key. The key is read there and leaves the target neither
        in a result nor in a message.
      - This or O(openrouter_api_key) is required when the organisation does not exist yet.
    type: path
  openrouter_api_key_variable:
    description: Name of the variable in O(openrouter_api_key_file).
    type: str
    default: OPENAI_API_KEY
  openrouter_api_key:
    description:
      - The client's key itself, the second choice. It travels through variables and module arguments, so prefer
        O(openrouter_api_key_file).
    type: str
  markup_rate:
    description:
      - Factor of billing. mAI bills raw cost times this.
      - A new organisation has V(1.3) when it is not given.
    type: float
  monthly_limit:
    description:
      - Limit in USD per calendar month, a number of at least 0, or V(none) for no limit.
      - A null is the same as an option that is not given. It leaves the limit as it is.
      - The row only informs; what stops spending is the limit of the key at OpenRouter.
    type: raw
  billing_email:
    description: E-mail address for bills. An empty value clears it.
    type: str
  timezone:
    description:
      - Time zone of the organisation, such as V(Europe/Warsaw), which is what a new one has when it is not given.
      - Older generations of mAI have no such column.
    type: str
  active:
    description:
      - Whether the organisation is active. A new one is active when this is not given; one that exists stays as it is.
      - A second active organisation in the same database is an error that names both.
    type: bool
  timestamp_unit:
    description:
      - Unit of C(created_at) and C(updated_at), V(ms) for milliseconds and V(s) for seconds since 1970.
      - V(auto) is what the row already uses, else the table, else V(ms). A time that is already stored is kept.
    type: str
    choices: [auto, ms, s]
    default: auto
  create_table:
    description:
      - Create the table C(client_organizations) when the database does not have it. Meant for plain Open WebUI, which
        never does; mAI creates it at its start.
      - Without it a missing table is an error.
    type: bool
    default: false
  map_users:
    description:
      - Add every user of the instance who is missing to the organisation in C(user_client_mapping) and
        C(organization_members), where those tables exist, and take out whose account is gone. All other rows are left
        as they are.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: The client's organisation, with the key that is stored on the target
  mai.clients.client_organization:
    database_path: /opt/mai/deployments/client-company-abc/data/webui.db
    id: company-abc-001
    name: Company ABC
    openrouter_api_key_file: /opt/mai/deployments/client-company-abc/api_key.env
    markup_rate: 1.3
    monthly_limit: 500
    billing_email: billing@companyabc.com
    active: true

- name: No limit any more; everything else stays
  mai.clients.client_organization:
    database_path: /opt/mai/deployments/client-company-abc/data/webui.db
    id: company-abc-001
    monthly_limit: none

- name: The same in PostgreSQL, for plain Open WebUI
  mai.clients.client_organization:
    database_url_file: /opt/mai/deployments/client-company-xyz/database.env
    create_table: true
    id: company-xyz-001
    name: Company XYZ
    openrouter_api_key_file: /opt/mai/deployments/client-company-xyz/api_key.env
"""

RETURN = r"""
organization:
  description: The organisation as it is after the run, or would be in check mode. None when it is absent.
  returned: success
  type: dict
  contains:
    id:
      description: Primary key.
      type: str
      returned: always
    name:
      description: Display name.
      type: str
      returned: always
    key_hash:
      description: SHA-256 of the key, which is what OpenRouter calls its hash. None when the row has no key.
      type: str
      returned: always
    markup_rate:
      description: Factor of billing.
      type: float
      returned: always
    monthly_limit:
      description: Limit in USD per month; none is no limit.
      type: float
      returned: always
    billing_email:
      description: E-mail address for bills.
      type: str
      returned: always
    timezone:
      description: Time zone; none where the table has no such column.
      type: str
      returned: always
    is_active:
      description: Whether the organisation is active; none where the table has no such column.
      type: bool
      returned: always
    created_at:
      description: When the row was created, in RV(timestamp_unit) unless somebody else wrote it otherwise.
      type: int
      returned: always
    updated_at:
      description: When the row was last changed.
      type: int
      returned: always
  sample:
    id: company-abc-001
    name: Company ABC
    key_hash: 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08
    markup_rate: 1.3
    monthly_limit: 500.0
    billing_email: billing@companyabc.com
    timezone: Europe/Warsaw
    is_active: true
    created_at: 1790000000
    updated_at: 1790000000
actions:
  description: What was changed, or would be in check mode, in words.
  returned: success
  type: list
  elements: str
  sample: [change monthly_limit]
created_table:
  description: Whether the table was created, or would be in check mode.
  returned: success
  type: bool
users:
  description: For each table of users that the database has, how many rows the organisation has after the run.
  returned: success
  type: dict
  sample: {user_client_mapping: 3, organization_members: 3}
missing_columns:
  description: Columns that the table does not have although their options were given.
  returned: success
  type: list
  elements: str
timestamp_unit:
  description: Unit in which this run writes times.
  returned: success
  type: str
  sample: s
reason:
  description:
    - What a failure is about, in one word, V(missing) database, V(locked), V(readonly), V(unreachable), V(damaged),
      V(driver) missing, V(full) disk, V(constraint), V(refused), V(foreign) for anything but the instance's own file,
      V(endless) for what came to no end in time or memory, V(unreadable), V(invalid) option, V(secret) file or
      V(organization).
  returned: failure
  type: str
"""

import math
from typing import Any

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.mai.clients.plugins.module_utils._confined import Refused
from ansible_collections.mai.clients.plugins.module_utils._database_base import Database
from ansible_collections.mai.clients.plugins.module_utils._database_options import (
    DATABASE_OPTIONS,
    ONE_DATABASE,
    OptionError,
    in_database,
)
from ansible_collections.mai.clients.plugins.module_utils._organization.plan import (
    Plan,
    Wanted,
    apply,
    describe,
    for_diff,
    lock,
    make_plan,
)
from ansible_collections.mai.clients.plugins.module_utils._secret_file import read_secret
from ansible_collections.mai.clients.plugins.module_utils._text import all_shown


def argument_spec() -> dict[str, Any]:
    return dict(
        DATABASE_OPTIONS,
        id=dict(type="str", required=True),
        state=dict(type="str", choices=["present", "absent"], default="present"),
        name=dict(type="str"),
        openrouter_api_key_file=dict(type="path", no_log=False),
        openrouter_api_key_variable=dict(type="str", default="OPENAI_API_KEY", no_log=False),
        openrouter_api_key=dict(type="str", no_log=True),
        markup_rate=dict(type="float"),
        monthly_limit=dict(type="raw"),
        billing_email=dict(type="str"),
        timezone=dict(type="str"),
        active=dict(type="bool"),
        timestamp_unit=dict(type="str", choices=["auto", "ms", "s"], default="auto"),
        create_table=dict(type="bool", default=False),
        map_users=dict(type="bool", default=True),
    )


def main() -> None:
    module = AnsibleModule(
        argument_spec=argument_spec(),
        mutually_exclusive=[ONE_DATABASE, ("openrouter_api_key", "openrouter_api_key_file")],
        required_one_of=[ONE_DATABASE],
        supports_check_mode=True,
    )
    try:
        outcome = run(module.params, module.check_mode)
    except Refused as refused:
        module.fail_json(msg=str(refused), reason=refused.reason)
    module.exit_json(**all_shown(outcome))


def run(params: dict[str, Any], check_mode: bool) -> dict[str, Any]:
    wanted = wanted_from(params)
    outcome = in_database(params, look, wanted, readonly=True)
    if outcome["changed"] and not check_mode:
        outcome = in_database(params, change, wanted, readonly=False)
    return outcome


def look(database: Database, wanted: Wanted) -> dict[str, Any]:
    return result(make_plan(database, wanted))


def change(database: Database, wanted: Wanted) -> dict[str, Any]:
    lock(database)
    plan = make_plan(database, wanted)
    apply(database, plan)
    return result(plan)


def wanted_from(params: dict[str, Any]) -> Wanted:
    columns: dict[str, Any] = {}
    for option in ("name", "markup_rate", "timezone"):
        if params[option] is not None:
            columns[option] = params[option]
    for option, value in (("id", params["id"]), ("name", columns.get("name"))):
        if value == "":
            raise OptionError(f"{option} is empty. Give the organisation's {option}.")
    rate = columns.get("markup_rate")
    if rate is not None and not (math.isfinite(rate) and rate > 0):
        raise OptionError("markup_rate has to be a number greater than 0, such as 1.3.")
    if params["monthly_limit"] is not None:
        columns["monthly_limit"] = limit_from(params["monthly_limit"])
    if params["billing_email"] is not None:
        columns["billing_email"] = params["billing_email"] or None
    if params["active"] is not None:
        columns["is_active"] = params["active"]
    if params["state"] == "present":
        key = params["openrouter_api_key"]
        if params["openrouter_api_key_file"]:
            key = read_secret(params["openrouter_api_key_file"], params["openrouter_api_key_variable"])
        if key:
            columns["openrouter_api_key"] = key
    check_text(dict(columns, id=params["id"]))
    return Wanted(
        id=params["id"],
        columns=columns,
        present=params["state"] == "present",
        create_table=params["create_table"],
        timestamp_unit=params["timestamp_unit"],
        map_users=params["map_users"],
    )


def limit_from(value: Any) -> float | None:
    if isinstance(value, str) and value.strip().lower() == "none":
        return None
    try:
        limit = math.nan if isinstance(value, bool) else float(value)
    except (TypeError, ValueError):
        limit = math.nan
    if not (math.isfinite(limit) and limit >= 0):
        raise OptionError("monthly_limit has to be a number of USD of at least 0, or none for no limit.")
    return limit


def check_text(columns: dict[str, Any]) -> None:
    for name, value in columns.items():
        if isinstance(value, str) and "\0" in value:
            raise OptionError(f"{name} holds a NUL character, which PostgreSQL cannot store. Remove it.")


def result(plan: Plan) -> dict[str, Any]:
    users_before = dict(plan.membership.present)
    users = {} if plan.after is None else dict(users_before)
    for member in plan.membership.missing:
        users[member.table] += 1
    for table, _user in plan.membership.gone:
        users[table] -= 1
    return dict(
        changed=bool(plan.actions),
        organization=describe(plan.after),
        actions=plan.actions,
        created_table=plan.creates_table,
        users=users,
        missing_columns=list(plan.missing_columns),
        timestamp_unit=plan.timestamp_unit,
        diff=dict(
            before_header=f"organisation {plan.id}",
            after_header=f"organisation {plan.id}",
            before=for_diff(plan.before, users_before),
            after=for_diff(plan.after, users),
        ),
    )


if __name__ == "__main__":
    main()
