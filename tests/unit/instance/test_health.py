# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""When an instance counts as up and ready, from what its two pages say."""

from __future__ import annotations

import pytest
from ansible_collections.mai.clients.plugins.module_utils._instance import health

UP, READY, NO_SUCH_PAGE = (200, {"status": True}), (200, {"status": True}), None
UNREADABLE = b'{"status": tr'


@pytest.mark.parametrize(
    ("page", "ready", "up", "is_ready", "complaint"),
    [
        (UP, READY, True, True, None),
        (UP, NO_SUCH_PAGE, True, None, None),
        (UP, (404, {"detail": "Not Found"}), True, None, None),
        (UP, (302, None), True, None, None),
        ((200, None), READY, True, True, None),
        ((200, {"version": "1"}), READY, True, True, None),
        ((503, {"status": False}), READY, False, True, "/health answers with HTTP 503"),
        ((200, {"status": False}), READY, False, True, "/health answers with HTTP 200"),
        ((200, UNREADABLE), READY, False, True, "/health answers with HTTP 200 (its answer cannot be read)"),
        ((200, b""), READY, False, True, "/health answers with HTTP 200 (its answer cannot be read)"),
        (UP, (503, {"detail": "Startup not complete"}), True, False, "/ready answers with HTTP 503"),
        (UP, (500, None), True, False, "/ready answers with HTTP 500"),
        (UP, (200, {"status": "true"}), True, False, "/ready answers with HTTP 200"),
        (UP, (200, UNREADABLE), True, False, "/ready answers with HTTP 200 (its answer cannot be read)"),
    ],
)
def test_up_and_ready(open_webui, page, ready, up, is_ready, complaint):
    open_webui.health_page, open_webui.ready = page, ready
    found = health.ask(open_webui.url, "/health")
    assert (found.up, found.ready, found.complaint) == (up, is_ready, complaint)
    assert found.works is (complaint is None)
    assert found.status == page[0]


def test_nothing_that_answers_works():
    found = health.ask("http://127.0.0.1:1", "/health")
    assert (found.status, found.up, found.ready, found.complaint, found.works) == (None, False, None, None, False)
