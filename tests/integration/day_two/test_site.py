# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""site.yml: every client, and none of them stops the others."""

from __future__ import annotations

from tests.kit.agency import Agency


def test_a_failing_client_stops_nobody(agency: Agency, client: str) -> None:
    new, broken = agency.client("newcomer"), agency.client("broken", mai_markup_rate=-1)
    agency.client("far-away", ansible_connection="ssh", ansible_host="127.0.0.1", ansible_port=1)
    result = agency.run("all", playbook="playbooks/site.yml")
    assert result.rc != 0, result.output
    agency.assert_converged(new)
    for line in (
        f"{client}: unchanged",
        f"{new}: changed: key",
        "broken: failed: broken was not touched. Correct its variables first: - mai_markup_rate",
        "far-away: unreachable",
    ):
        assert line in result.said, result.output
    assert not agency.directory(broken).exists()


def test_what_differs_is_reported_without_changing_it(agency: Agency, client: str) -> None:
    agency.client(client, mai_monthly_limit=75, mai_extra_env={"WEBUI_NAME": "Another"})
    drifted = agency.run(client, "--check", "-e", "fail_on_drift=true", playbook="playbooks/site.yml")
    assert drifted.rc == 2, drifted.output
    report = "would change: key (limit), instance (WEBUI_NAME), organisation, hand-over"
    assert report in drifted.said
    assert agency.control.writes() == []
    assert agency.key(client)["limit"] == 50

    done = agency.run(client, playbook="playbooks/site.yml")
    assert done.rc == 0 and f"{client}: changed: key (limit), instance (WEBUI_NAME), organisation" in " ".join(
        done.stdout.split()
    )
    agency.assert_converged(client)
    agency.control.clear_journal()
    same = agency.run(client, "--check", "-e", "fail_on_drift=true", playbook="playbooks/site.yml")
    assert same.rc == 0 and f"{client}: unchanged" in same.said, same.output
    assert (same.total("changed"), agency.control.writes()) == (0, [])
