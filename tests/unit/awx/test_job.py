# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A job of AWX: what it leaves behind, who it says it is, and that it changes nothing by that alone."""

from __future__ import annotations

import json
import pathlib
import typing as t

import pytest
from ansible_collections.mai.clients.plugins.action.client_lock import Owner
from ansible_collections.mai.clients.plugins.module_utils._instance import folder
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256
from ansible_collections.mai.clients.plugins.module_utils._stamp import without_stamp
from ansible_collections.mai.clients.plugins.plugin_utils._awx.job import in_job, job_stamp
from ansible_collections.mai.clients.plugins.plugin_utils._plan.client import Files, Observed, plan

from tests.unit.plan.situations import KEY, NOW, TEMPLATES, USAGE_PROGRAM, account_key, client, converged

JOB = {"JOB_ID": "4711", "AWX_HOST": "https://awx.example.com"}
META = {
    "awx_job_id": 4711,
    "awx_job_template_name": "Onboard a client",
    "awx_user_name": "alice",
    "awx_project_revision": "0123456789abcdef0123",
}
STAMP = "4711, template Onboard a client, launched by alice, revision 0123456789ab"
ODD = "a | b\n| changed by job | 1 |\n<b>{{ 7*7 }}</b>\u202e" + "x" * 300


@pytest.mark.parametrize(
    ("environ", "variables", "stamp"),
    [
        ({}, META, ""),
        ({"JOB_ID": "4711"}, META, ""),
        (JOB, META, STAMP),
        (JOB, {name.replace("awx_", "tower_"): one for name, one in META.items()}, STAMP),
        (JOB, {"awx_job_id": 5, "awx_schedule_name": "every night", "awx_user_name": ""}, "5, schedule every night"),
        (JOB, {}, "4711"),
        (JOB, {"awx_job_template_name": ["x"], "awx_user_name": True}, "4711"),
    ],
)
def test_who_a_job_says_it_is(environ: dict[str, str], variables: dict[str, t.Any], stamp: str) -> None:
    assert job_stamp(environ, variables) == stamp
    assert in_job(environ) == bool(stamp)


def found(seen: dict[str, t.Any], **files: str | None) -> dict[str, t.Any]:
    observed = Observed(seen=seen, keys=[account_key()])
    return plan(client(), observed, Files(TEMPLATES, usage_program=USAGE_PROGRAM, **files), now=NOW)["plan"]


def test_the_stamp_alone_is_no_difference(tmp_path: pathlib.Path) -> None:
    seen = converged(client())
    first = found(seen, stamp=STAMP)
    assert first["changes"] == [] and not first["record"]["on_controller_due"]
    text = first["record"]["text"]
    assert f"| changed by job | {STAMP} |\n" in text and sha256(without_stamp(text)) != sha256(text)
    # What lies on the machine is compared without it, whichever job wrote it
    (tmp_path / "HANDOVER.md").write_text(text)
    assert folder.files(str(tmp_path))["HANDOVER.md"]["sha256"] == seen["files"]["HANDOVER.md"]["sha256"]
    assert not found(seen, record=text, record_path="handovers/abc.md")["record"]["on_controller_due"]


def test_a_job_keeps_nothing_on_the_controller_and_says_where_the_record_is() -> None:
    in_a_job = found(converged(client()), stamp=STAMP)
    assert in_a_job["record"]["path"] == ""
    assert in_a_job["summary"]["record"].endswith("/HANDOVER.md on the machine")


def test_names_of_a_controller_are_data() -> None:
    text = found(converged(client()), stamp=job_stamp(JOB, {**META, "awx_job_template_name": ODD}))["record"]["text"]
    rows = [line for line in text.splitlines() if "changed by job" in line]
    assert len(rows) == 1 and "<b>" not in text and len(rows[0]) < 400
    assert without_stamp(text) == found(converged(client()))["record"]["text"]


def test_what_is_published_is_no_secret_and_plain() -> None:
    published = found(converged(client()))["handover"]
    assert published["key_hash"] == KEY and published["limit"] == 500.0 and published["port"] == 8001
    assert set(published) == {
        *("name", "url", "machine", "port", "key_name", "key_hash", "limit", "limit_reset", "suspended"),
        "administrator",
    }
    assert json.loads(json.dumps(published)) == published


def test_a_lock_says_which_job_holds_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in JOB.items():
        monkeypatch.setenv(name, value)
    told = str(Owner.parse(Owner.this_run(META).line()))
    assert told.startswith("alice, job 4711 (Onboard a client), since 20")
    odd = str(Owner.parse(Owner.this_run({**META, "awx_user_name": ODD}).line()))
    assert len(odd) < 500 and odd.isprintable()
    for name in JOB:
        monkeypatch.delenv(name)
    assert ", process " in str(Owner.this_run({}))
