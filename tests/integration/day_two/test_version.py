# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A newer version of the collection, with a change that needs a decision: the run stops once."""

from __future__ import annotations

import pathlib

import pytest

from tests.hosts.project import Project
from tests.kit.agency import Agency

PLANTED = 'CHANGES: tuple[Change, ...] = (Change("0.99.0", "Keys get another name.", "Tell your accountant."),)'


@pytest.fixture
def newer(onboarded: Agency, tmp_path: pathlib.Path) -> Agency:
    """An agency whose client an older version made."""
    with Project.clone(tmp_path / "newer") as project:
        for name, old, new in (
            ("galaxy.yml", "version: 0.1.0", "version: 0.99.0"),
            ("plugins/plugin_utils/_breaking_changes.py", "CHANGES: tuple[Change, ...] = ()", PLANTED),
        ):
            file = project.path / name
            text = file.read_text(encoding="utf-8")
            assert old in text
            file.write_text(text.replace(old, new), encoding="utf-8")
        onboarded.project = project
        yield onboarded


def test_it_stops_once_before_anything_is_touched(newer: Agency) -> None:
    slug = newer.client("company-abc", mai_monthly_limit=60)
    pid, journal = newer.pid(slug), newer.control.writes()

    stopped = newer.run(slug)
    assert stopped.rc == 2
    assert (
        "company-abc was not touched. mai.clients is 0.99.0 by now, and the client was made by 0.1.0." in stopped.said
    )
    assert "- 0.99.0: Keys get another name. Tell your accountant." in stopped.said
    assert "set mai_validated_version: '0.99.0' in the inventory" in stopped.said

    listed = newer.start(slug, playbook="playbooks/list_clients.yml").wait()
    assert listed.rc == 0 and "Keys get another name. Tell your accountant." in listed.said

    newer.client(slug, mai_validated_version="0.1.0")
    rotated = newer.start(slug, playbook="playbooks/rotate_key.yml").wait()
    assert rotated.rc == 2 and "this inventory was validated for 0.1.0" in rotated.said
    assert (newer.pid(slug), newer.control.writes()) == (pid, journal) and not newer.lock(slug).exists()

    # Nobody who has to switch something off is held up
    suspended = newer.start(slug, "--check", playbook="playbooks/suspend_client.yml").wait()
    assert suspended.rc == 0, suspended.output

    newer.client(slug, mai_validated_version="0.99.0")
    newer.onboard(slug)
    assert newer.key(slug)["limit"] == 60
    # One that this version makes is not held up
    newer.client("northwind")
    assert newer.onboard("northwind").rc == 0
    assert newer.onboard("northwind").total("changed") == 0
