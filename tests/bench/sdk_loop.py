# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""sdk_loop.py KEYS.json: the same with the official SDK, as one writes it in half an hour.

List all keys once, create what is missing, put right what differs, one after the other. An empty list only lists.
"""

from __future__ import annotations

import json
import os
import sys

from openrouter import OpenRouter

PAGE = 100


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        wanted = json.load(file)["api_keys"]
    with OpenRouter(
        api_key=os.environ["OPENROUTER_PROVISIONING_KEY"], server_url=os.environ["OPENROUTER_BASE_URL"]
    ) as openrouter:
        existing = {}
        offset = 0
        while True:
            page = openrouter.api_keys.list(include_disabled=True, offset=offset).data
            existing.update((key.name, key) for key in page)
            if len(page) < PAGE:
                break
            offset += PAGE
        secrets = {}
        for key in wanted:
            found = existing.get(key["name"])
            if found is None:
                secrets[key["name"]] = openrouter.api_keys.create(**key).key
            elif (found.limit, found.limit_reset) != (key["limit"], key["limit_reset"]):
                openrouter.api_keys.update(hash=found.hash, limit=key["limit"], limit_reset=key["limit_reset"])
    print(f"{len(existing)} keys found, {len(secrets)} created")


if __name__ == "__main__":
    main()
