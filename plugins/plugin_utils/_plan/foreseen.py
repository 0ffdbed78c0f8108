# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run would do, for those who ask beforehand: its sentences, and what differs as a diff. No value is a secret.

This is private to the collection. Check mode is the plan, shown: nothing is tried out on the machine.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._secret import MASK
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._plan import people, proxy, words

Values = t.Mapping[str, t.Any]
Part = t.Tuple[str, str, str]  # what it is, before, after


def would(client: Values, key: Values, plan: Values) -> list[str]:
    """One sentence for each part that would be changed."""
    found = [sentence for part in plan["changes_by_part"] for sentence in SENTENCES[part](client, key, plan)]
    return [*found, *_not_published(plan)] if found else []


def _machine(client: Values, _key: Values, plan: Values) -> t.Iterator[str]:
    machine = plan["machine"]
    if machine["docker"]:
        source = " from the Docker apt repository" if machine["source"] == "docker" else ""
        yield f"Would install {', '.join(machine['packages'])}{source}."
    if machine["caddy"]:
        yield "Would install caddy."
    if machine["restic"]:
        yield "Would install restic."
    if machine["image"]:
        archive = client["mai_image_archive"]
        yield shown(f"Would load {archive}." if archive else f"Would pull {client['mai_image']}.")
    if machine["database_packages"]:
        yield f"Would install {', '.join(machine['database_packages'])}."
    if plan["instance"]["database"]["bring_image"]:
        archive, image = client["mai_database_image_archive"], client["mai_database_image"]
        yield shown(f"Would load {archive}." if archive else f"Would pull {image}.")


def _directory(client: Values, _key: Values, _plan: Values) -> t.Iterator[str]:
    yield f"Would give {shown(client['mai_deployment_dir'])} the mode 0700 and the mark of its client."


def _key(client: Values, key: Values, plan: Values) -> t.Iterator[str]:
    name = shown(client["mai_key_name"])
    if key["hash"] is None:
        yield f"Would make the key {name}."
    elif plan["key"]["makes"]:
        yield f"Would make another key {name}: the secret of the one that there is was lost."
    elif plan["key"]["recover"] and not plan["key"]["in_place"]:
        yield f"Would look for the lost secret of the key {name} elsewhere on the machine."
    elif plan["key"]["settings"]:
        yield f"Would change the key {name}: {', '.join(plan['key']['settings'])}."
    else:
        yield f"Would store the key {name} anew on the machine."


def _instance(_client: Values, _key: Values, plan: Values) -> t.Iterator[str]:
    parts = plan["instance"]
    if parts["database"]["stopped"]:
        yield "Would start its database, which is stopped; what is in it, and what follows from it, is unknown yet."
    if not parts["due"]:
        if parts["secrets_missing"]:
            yield "Would make the secrets that the instance lacks."
    elif not parts["exists"]:
        yield "Would create the instance."
    else:
        what = (
            "re-create the instance, which interrupts its people for some seconds"
            if parts["runs"]
            else "start the instance"
        )
        yield f"Would {what}.{_reasons(parts)}"


def _reasons(parts: Values) -> str:
    names, others = parts["settings_differ"], [why for why in parts["why"] if not why.startswith("settings: ")]
    settings = f" Settings that differ: {', '.join(names)}." if names else ""
    return f"{settings} Why: {'; '.join(others)}." if others else settings


def _administrator(client: Values, _key: Values, _plan: Values) -> t.Iterator[str]:
    yield f"Would make {shown(client['mai_admin_email'])} the instance's administrator."


def _saved_key(_client: Values, _key: Values, _plan: Values) -> t.Iterator[str]:
    yield "Would put the client's new key into Open WebUI in place of its old one."


def _organization(client: Values, _key: Values, plan: Values) -> t.Iterator[str]:
    name, identifier = shown(client["mai_client_name"]), shown(client["mai_client_id"])
    differs, users = ", ".join(plan["organization"]["differs"]), plan["organization"]["users"]
    gone = plan["organization"]["gone"]
    if differs or not (users or gone):
        yield f"Would record {name} as {identifier} in the instance's database{f': {differs}' if differs else ''}."
    if users:
        yield f"Would add {users} {'user' if users == 1 else 'users'} to {identifier} in the instance's database."
    if gone:
        yield f"Would take {gone} {'user' if gone == 1 else 'users'} who are gone out of {identifier}."


def _people(_client: Values, _key: Values, plan: Values) -> t.Iterator[str]:
    return people.sentences(plan["people"])


def _proxy(client: Values, _key: Values, plan: Values) -> t.Iterator[str]:
    return proxy.sentences(client, plan["proxy"])


def _not_published(plan: Values) -> t.Iterator[str]:
    if plan["proxy"]["held"] and not plan["suspended"]:
        yield f"Would not publish https://{plan['proxy']['awaited']} yet: {plan['proxy']['held']}."


def _backup(client: Values, _key: Values, plan: Values) -> t.Iterator[str]:
    planned = plan["backup"]
    if planned["removes"]:
        yield "Would end the backups of the client; those that were made stay where they are."
        return
    where = shown(client["mai_backup_repository"], 200)
    if planned["differs"]:
        yield f"Would set up backups to {where}: {', '.join(planned['why'])}."
    if planned["first"]:
        yield f"Would make the first backup to {where}."


def _usage_history(client: Values, _key: Values, plan: Values) -> t.Iterator[str]:
    planned = plan["usage_history"]
    if planned["removes"]:
        yield "Would end the daily reading of the client's usage; what was read stays in usage.csv."
    else:
        where = shown(client["mai_deployment_dir"])
        yield f"Would have the client's usage read each day into {where}/usage.csv: {', '.join(planned['why'])}."


def _record(client: Values, _key: Values, plan: Values) -> t.Iterator[str]:
    where = shown(client["mai_deployment_dir"])
    kept = f" and {plan['record']['path']}" if plan["record"]["path"] else ""
    yield f"Would write the hand-over record to {where}/HANDOVER.md{kept}."


SENTENCES: dict[str, t.Callable[[Values, Values, Values], t.Iterator[str]]] = {
    "machine": _machine,
    "directory": _directory,
    "key": _key,
    "instance": _instance,
    "administrator": _administrator,
    "saved_key": _saved_key,
    "people": _people,
    "organization": _organization,
    "proxy": _proxy,
    "backup": _backup,
    "usage_history": _usage_history,
    "record": _record,
}


def diff(client: Values, seen: Values, key: Values, plan: Values, record: str | None) -> list[dict[str, str]]:
    """What differs, part by part; ``record`` is the hand-over record that was kept on the controller."""
    parts = [part for part in _parts(client, seen, key, plan, record) if part[1] != part[2]]
    return [
        {"before_header": name, "after_header": name, "before": before, "after": after} for name, before, after in parts
    ]


def _parts(client: Values, seen: Values, key: Values, plan: Values, record: str | None) -> t.Iterator[Part]:
    due = plan["changes_by_part"]
    if "key" in due:
        yield _key_diff(client, key, plan)
    if "instance" in due:
        yield _settings_diff(client, seen, plan)
    if "people" in due:
        yield people.difference(plan["people"])
    if "organization" in due:
        yield _organization_diff(client, seen, plan)
    if "proxy" in due:
        yield plan["proxy"]["path"], plan["proxy"]["before"], plan["proxy"]["text"]
    if "record" in due:
        path = plan["record"]["path"] or f"{shown(client['mai_deployment_dir'])}/HANDOVER.md"
        yield path, record or "", plan["record"]["text"]


def _key_diff(client: Values, key: Values, plan: Values) -> Part:
    name = f"key {shown(client['mai_key_name'])}"
    if key["hash"] is None:
        return name, "", _lines({"limit": words.limit_wanted(client)})
    changes = plan["key"]["changes"]
    return name, _lines({field: key[field] for field in changes}), _lines(changes)


def _settings_diff(client: Values, seen: Values, plan: Values) -> Part:
    """Of the values only hashes were seen, and some may be secrets: names."""
    changes = plan["instance"]["settings_changes"]
    before = {name: MASK for name in (*changes["changed"], *changes["removed"])}
    after = {name: f"{MASK} (another)" for name in changes["changed"]} | dict.fromkeys(changes["added"], MASK)
    return f"{shown(client['mai_deployment_dir'])}/settings.env", _lines(before), _lines(after)


def _organization_diff(client: Values, seen: Values, plan: Values) -> Part:
    wanted, rows = plan["organization"]["wanted"], seen["database"]["organizations"]
    names = plan["organization"]["differs"] if len(rows) == 1 else list(wanted)
    before = {name: rows[0].get(name) for name in names} if len(rows) == 1 else {}
    after = {name: wanted[name] for name in names}
    return f"organisation {shown(client['mai_client_id'])}", _lines(before), _lines(after)


def _lines(values: Values) -> str:
    return "".join(f"{name}: {'none' if value is None else shown(value)}\n" for name, value in sorted(values.items()))
