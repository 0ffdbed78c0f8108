# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One reading of what a client's key has used, asked with that key. Started by the client's systemd timer, and only so.

The timer starts it several times a day. Once the day has a reading nobody is asked any more, but for the last time,
which is as near the end of the day, and of the month, as can be.
"""

from __future__ import annotations

import os
import sys
import time

from ansible_collections.mai.clients.plugins.module_utils._confined import Refused
from ansible_collections.mai.clients.plugins.module_utils._instance import engine, folder, probe, web
from ansible_collections.mai.clients.plugins.module_utils._openrouters_word import is_openrouters
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256
from ansible_collections.mai.clients.plugins.module_utils._secret_file import read_secret
from ansible_collections.mai.clients.plugins.module_utils._usage import history

LAST_HOUR = "23"
# Seconds before the next attempt of the same run; the next run is another one
_PAUSES = (5, 30)


def main(program: str) -> int:
    """Read what the key of the client in whose directory the program lies has used; 0 if nothing is missing."""
    deployment_dir = os.path.dirname(os.path.dirname(os.path.abspath(program)))
    try:
        words, code = _read(deployment_dir)
    except Refused as refused:
        words, code = str(refused), 1
    except OSError as error:
        words, code = f"{history.path_in(deployment_dir)} cannot be written: {error.strerror}.", 1
    # To the journal: this is a program of its own, and no module
    sys.stdout.write(f"{words}\n")
    return code


def _read(deployment_dir: str) -> tuple[str, int]:
    secret = read_secret(os.path.join(deployment_dir, "api_key.env"), "OPENAI_API_KEY")
    key_hash = sha256(secret)
    own = [one for one in history.known(deployment_dir) if one["key_hash"] == key_hash]
    moment = history.now()
    read = (moment[:10], history.DAILY) in {(one["time"][:10], one["why"]) for one in own}
    if read and moment[11:13] != LAST_HOUR:
        return "The day has a reading.", 0
    answer = _ask(deployment_dir, secret)
    told = answer.get("data")
    if answer.ok and isinstance(told, dict):
        line = history.reading(key_hash, told, history.DAILY)
        if line is None:
            return "OpenRouter did not say what was used on the key.", 1
        history.add(deployment_dir, [line])
        return f"{line['usage']} USD used on the key {key_hash[:12]}…", 0
    if answer.status in (401, 403) and is_openrouters(answer.data):
        if own and own[-1]["why"] in history.ENDINGS:
            return "The client is suspended: its key is disabled.", 0
        return f"OpenRouter refuses the key (HTTP {answer.status}): it is disabled, expired or deleted.", 1
    return f"OpenRouter did not answer GET /key: {answer.error or f'HTTP {answer.status}'}.", 1


def _ask(deployment_dir: str, secret: str) -> web.Answer:
    """As the instance does, by its address and its proxies; what may pass in a moment is tried again."""
    settings = folder.variables(deployment_dir, "settings.env")
    around = settings if web.proxies_of(settings) else engine.proxies()
    answer = web.Answer(error="settings.env holds no OPENAI_API_BASE_URL")
    for pause in (0, *_PAUSES):
        time.sleep(pause)
        asked = probe.ask_key(settings.get("OPENAI_API_BASE_URL"), secret, around)
        if asked is None:
            break
        answer = asked.answer()
        if answer.ok or answer.status in (401, 403):
            break
    return answer
