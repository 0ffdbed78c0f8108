# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The organisation's row: observe it, plan what differs, apply the plan. One plan serves check mode, diff and run."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

from ansible_collections.mai.clients.plugins.module_utils._confined import Refused
from ansible_collections.mai.clients.plugins.module_utils._database_base import Database, number
from ansible_collections.mai.clients.plugins.module_utils._organization import members, schema
from ansible_collections.mai.clients.plugins.module_utils._secret import hash_of, short
from ansible_collections.mai.clients.plugins.module_utils._text import shown


class OrganizationError(Refused):
    """Why the organisation cannot be as it is wanted, and what to do; never with a key."""

    def __init__(self, message: str) -> None:
        super().__init__(message, "organization")


@dataclass(frozen=True, repr=False)
class Wanted:
    """The desired row. Its columns are only those that were given: what was not, stays as it is."""

    id: str
    columns: dict[str, Any]
    present: bool = True
    create_table: bool = False
    timestamp_unit: str = "auto"
    map_users: bool = True


@dataclass(frozen=True, repr=False)
class Plan:
    id: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    changes: dict[str, Any]
    membership: members.Membership
    creates_table: bool
    missing_columns: tuple[str, ...]
    timestamp_unit: str

    @property
    def actions(self) -> list[str]:
        """Return what is to be done, in words."""
        actions = [f"create the table {schema.TABLE}"] if self.creates_table else []
        if self.before is None and self.after is not None:
            actions.append("create the organisation")
        elif self.before is not None and self.after is None:
            actions.append("remove the organisation")
        elif self.changes:
            changed = sorted(name for name in self.changes if name not in ("openrouter_key_hash", "updated_at"))
            actions.append("change {}".format(", ".join(changed or ["openrouter_key_hash"])))
        for table in self.membership.present:
            added = sum(1 for member in self.membership.missing if member.table == table)
            if added:
                actions.append(f"add {added} users to {table}")
            gone = sum(1 for of_table, _user in self.membership.gone if of_table == table)
            if gone:
                actions.append(f"take {gone} users who are gone out of {table}")
        return actions


def make_plan(database: Database, wanted: Wanted) -> Plan:
    columns = database.columns(schema.TABLE)
    creates_table = not columns and wanted.present and wanted.create_table
    if creates_table:
        columns, rows = dict(schema.CREATED_TYPES), []
    elif not columns and not wanted.present:
        return Plan(wanted.id, None, None, {}, members.NONE, False, (), wanted.timestamp_unit)
    else:
        _check_shape(database, columns)
        known = ", ".join(f'"{name}"' for name in schema.COLUMNS if name in columns)
        rows = database.query(f'SELECT {known} FROM "{schema.TABLE}" ORDER BY "id"')

    row = next((row for row in rows if row["id"] == wanted.id), None)
    others = [row for row in rows if row["id"] != wanted.id]
    unit = schema.timestamp_unit(wanted.timestamp_unit, row, others)
    now = int(time.time() * (1000 if unit == "ms" else 1))
    membership = members.observe(database, wanted.id, now) if wanted.map_users else members.NONE

    if not wanted.present:
        return Plan(wanted.id, row, None, {}, membership._replace(missing=(), gone=()), False, (), unit)

    given = dict(wanted.columns)
    key = given.get("openrouter_api_key") or (row or {}).get("openrouter_api_key")
    if key:
        given["openrouter_key_hash"] = hash_of(key)
    missing_columns = tuple(name for name in given if name not in columns and name != "openrouter_key_hash")
    given = {name: value for name, value in given.items() if name in columns}
    _check_conflicts(wanted.id, given, row, key, others)
    if row is None:
        changes = _new_row(wanted.id, given, columns, now)
    else:
        changes = {
            name: value
            for name, value in given.items()
            if not schema.same(row[name], value, columns[name], database.kind)
        }
        if changes and "updated_at" in columns:
            changes["updated_at"] = now
    changes = {name: schema.encode(value, columns[name]) for name, value in changes.items()}
    after = dict(row or {}, **changes)
    return Plan(wanted.id, row, after, changes, membership, creates_table, missing_columns, unit)


def apply(database: Database, plan: Plan) -> None:
    if plan.creates_table:
        database.execute(schema.CREATE_TABLE)
    if plan.after is None:
        if plan.before is not None:
            members.remove(database, plan.id, plan.membership)
            database.execute(f'DELETE FROM "{schema.TABLE}" WHERE "id" = ?', plan.id)
        return
    if plan.before is None:
        members.insert(database, schema.TABLE, plan.changes)
    elif plan.changes:
        assignments = ", ".join(f'"{name}" = ?' for name in plan.changes)
        database.execute(f'UPDATE "{schema.TABLE}" SET {assignments} WHERE "id" = ?', *plan.changes.values(), plan.id)
    members.add(database, plan.membership)
    members.forget(database, plan.id, plan.membership)


def lock(database: Database) -> None:
    """Keep the instance from writing a row of its own between the look and the change."""
    if database.columns(schema.TABLE):
        database.lock(schema.TABLE)


def describe(row: dict[str, Any] | None) -> dict[str, Any] | None:
    """Return the row as the result shows it: the hash in the place of the key."""
    if row is None:
        return None
    described = {name: row.get(name) for name in schema.PUBLIC_COLUMNS}
    for name in ("markup_rate", "monthly_limit"):
        described[name] = number(described[name])
    described["is_active"] = bool(described["is_active"]) if "is_active" in row else None
    described["key_hash"] = hash_of(row.get("openrouter_api_key"))
    return described


def for_diff(row: dict[str, Any] | None, users: dict[str, int]) -> dict[str, Any]:
    if row is None:
        return {}
    compared = {name: row[name] for name in schema.COLUMNS if name in row}
    compared["openrouter_api_key"] = short(hash_of(row["openrouter_api_key"]))
    if "openrouter_key_hash" in compared:
        compared["openrouter_key_hash"] = short(compared["openrouter_key_hash"])
    return dict(compared, **{f"users in {table}": count for table, count in users.items()})


def _check_shape(database: Database, columns: dict[str, str]) -> None:
    if not columns:
        raise OrganizationError(
            f"The table {schema.TABLE} does not exist in {database.name}. mAI creates it at its start: wait until the "
            "instance is healthy and run again. Plain Open WebUI never does: there set create_table "
            "(mai_database_create_table)."
        )
    lacking = ", ".join(name for name in schema.INDISPENSABLE if name not in columns)
    if lacking:
        raise OrganizationError(
            f"The table {schema.TABLE} in {database.name} has no column {lacking}: no release of mAI that this module "
            "knows has it so. Look at the version of the instance."
        )


def _check_conflicts(
    organization_id: str,
    given: dict[str, Any],
    row: dict[str, Any] | None,
    key: str | None,
    others: list[dict[str, Any]],
) -> None:
    active = given.get("is_active", True if row is None else row.get("is_active", True))
    for other in others:
        if key and other["openrouter_api_key"] == key:
            problem = "are to have the same key, and a key belongs to one organisation only"
            way_out = "remove that one with state: absent"
        elif active and other.get("is_active", True):
            problem = "are both to be active, and mAI shows the usage of one active organisation only"
            way_out = "give that one active: false or state: absent"
        else:
            continue
        raise OrganizationError(
            f'The organisations "{organization_id}" (wanted) and "{shown(other["id"])}" (in the database) {problem}. '
            f'Either take "{shown(other["id"])}" as id (mai_client_id), or {way_out}, and run again.'
        )


def _new_row(organization_id: str, given: dict[str, Any], columns: dict[str, str], now: int) -> dict[str, Any]:
    lacking = " and ".join(name for name in schema.INDISPENSABLE[1:] if not given.get(name))
    if lacking:
        raise OrganizationError(
            f'There is no organisation "{organization_id}" in this database, and to create it {lacking} must be given '
            "too. Give it, or correct the id."
        )
    # As mAI itself fills a new row.
    defaults = {
        "markup_rate": 1.3,
        "timezone": "Europe/Warsaw",
        "is_active": True,
        "created_at": now,
        "updated_at": now,
    }
    row = dict({"id": organization_id}, **{name: value for name, value in defaults.items() if name in columns})
    return dict(row, **given)
