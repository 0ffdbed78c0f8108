# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is the instance up, and has it done with its start? The one answer, for the look and for whoever waits."""

from __future__ import annotations

from dataclasses import dataclass

from ansible_collections.mai.clients.plugins.module_utils._instance import web

CONFIG = "/api/config"


@dataclass(frozen=True)
class Health:
    """What its two pages say; status is that of the page for its health, None where nothing answers."""

    status: int | None
    up: bool
    ready: bool | None  # None for releases that have no /ready
    complaint: str | None  # once it answers: what is wrong

    @property
    def works(self) -> bool:
        return self.status is not None and self.complaint is None


NOTHING = Health(None, False, None, None)


def ask(url: str, path: str) -> Health:
    health = web.request(url + path)
    if health.status is None:
        return NOTHING
    # A page that claims to be JSON and cannot be read says nothing; any other says it with its status.
    up = health.ok and health.error is None and health.get("status", True) is not False
    answer = web.request(url + "/ready")
    ready = _ready(answer)
    complaint = None
    if not up:
        complaint = _complaint(path, health)
    elif ready is False:
        complaint = _complaint("/ready", answer)
    return Health(health.status, up, ready, complaint)


def has_accounts(config: web.Answer) -> bool | None:
    """Whether it is one whose people sign in, by its answer to CONFIG; None where that says nothing.

    An unknown address is answered with a page, or with 404.
    """
    if config.ok and isinstance(config.data, dict):
        return True
    unknown = config.status in (404, 405) or (config.ok and config.data is None and config.error is None)
    return False if unknown else None


def _ready(answer: web.Answer) -> bool | None:
    """Releases without /ready answer it like every unknown address: with their page, or with 404."""
    unknown = answer.status == 404 or (answer.status is not None and answer.status < 500 and answer.data is None)
    if unknown and answer.error is None:
        return None
    return answer.ok and answer.get("status") is True


def _complaint(path: str, answer: web.Answer) -> str:
    status = f"HTTP {answer.status}" if answer.status else "nothing"
    return f"{path} answers with {status}" + (f" ({answer.error})" if answer.error else "")
