# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Taking over instances that were made by hand: what is decided, and what is said."""

from __future__ import annotations

import typing as t
from datetime import datetime, timezone

from ansible_collections.mai.clients.plugins.plugin_utils._client import account_keys
from ansible_collections.mai.clients.plugins.plugin_utils._plan import adoption as adopting
from ansible_collections.mai.clients.plugins.plugin_utils._plan.variables import key_names
from ansible_collections.mai.clients.plugins.plugin_utils._values import plain

Values = t.Mapping[str, t.Any]


def adoption(
    found: Values,
    seen: Values,
    client: Values,
    keys: t.Sequence[Values],
    asked: Values,
    hostvars: t.Mapping[str, Values],
    slugs: t.Sequence[str],
) -> dict[str, t.Any]:
    mine = plain(client)
    others = {slug: hostvars[slug] for slug in slugs if slug != mine["slug"]}
    owners = {name: slug for slug, name in key_names(others).items()}
    now = datetime.now(timezone.utc)
    return adopting.adoption(mine, plain(seen), plain(found), account_keys(plain(keys)), plain(asked), owners, now)


def adopted(decided: Values, client: Values, aside: str) -> list[str]:
    return adopting.done(plain(client), plain(decided), str(aside))


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"adoption": adoption, "adopted": adopted}
