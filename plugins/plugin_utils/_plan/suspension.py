# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The suspension of a client, whose key is disabled already: what else is done, would be done, and was.

This is private to the collection.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._plan.words import who

Values = t.Mapping[str, t.Any]


def suspension(
    seen: Values, client: Values, plan: Values, key: Values, asked: Values, done: Values | None = None
) -> dict[str, t.Any]:
    """``done`` holds why the suspension was not recorded in the instance's database, if it was not."""
    stop = not asked["keep_running"]
    stops = bool(stop and plan["instance"]["runs"])
    # Its disabled key is the record that counts: a database that cannot be written to is no obstacle
    database = seen["database"]
    record = database["exists"] and database["error_reason"] in (None, "locked")
    not_recorded = (done or {}).get("failure") or database["error"]
    said = [
        f"{who(client)} {'is' if done else 'would be'} suspended.",
        f"key {shown(client['mai_key_name'])}: {'' if done else 'would be '}disabled, "
        f"{key['usage_monthly'] or 0:.2f} USD used this month",
        f"instance: {_instance(seen, stop, bool(done))}",
    ]
    if not_recorded:
        said.append(f"not recorded in its own database, which changes nothing of that: {not_recorded}")
    said.append(f"bring it back: resume_client.yml -e client={client['slug']}")
    return {
        "due": stops or bool(record and plan["organization"]["due"]),
        "stop": stops,
        "record": record,
        "summary": said,
    }


def _instance(seen: Values, stop: bool, done: bool) -> str:
    if not seen["directory"]["exists"]:
        return "none"
    if not stop:
        return "runs on, chats stay readable"
    return f"{'' if done else 'would be '}stopped, data and image are kept"
