# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another mai_start_command of an instance without a container that was onboarded once, and does not start with it."""

from __future__ import annotations

import httpx

from tests.kit.agency import Agency

BROKEN = "sh -c 'echo spoilt > \"$DATA_DIR\"/webui.db; exit 7'"


def test_what_ran_before_runs_on_whatever_fails(agency: Agency) -> None:
    slug = agency.client("other-command", mai_health_timeout=5)
    agency.onboard(slug)
    directory = agency.directory(slug)
    users = agency.query(slug, "SELECT id FROM user")
    started = (directory / "start-mai-instance.sh").read_text()
    assert not (directory / ".previous").exists()

    def refused() -> str:
        failed = agency.run(slug, "-e", f"mai_start_command={BROKEN!r}")
        assert failed.rc == 2 and "The previous version runs on." in failed.said, failed.output
        assert httpx.get(f"{agency.url(slug)}/health", trust_env=False).status_code == 200
        assert agency.sign_in(slug).status_code == 200
        assert agency.query(slug, "SELECT id FROM user") == users
        assert (directory / "start-mai-instance.sh").read_text() == started
        return failed.said

    assert "The instance of other-command did not come up" in refused()

    # The database cannot be kept: it is not touched, and no older copy takes its place
    copy = next((directory / ".previous").glob("webui*.db"))
    copy.unlink()
    copy.mkdir()
    (copy / "in the way").touch()
    assert "cannot be copied" in refused()
