# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a look says of a client's backups, from its files; and that no password is in it."""

from __future__ import annotations

import json
import pathlib

import pytest
from ansible_collections.mai.clients.plugins.filter.backup import backup_files, backup_stamp
from ansible_collections.mai.clients.plugins.module_utils._instance import backups, timer
from ansible_collections.mai.clients.plugins.plugin_utils._plan import backup

from tests.unit.plan.situations import client, converged

PASSWORDS = ("s3cret-1", "s3cret-2", {"AWS_SECRET_ACCESS_KEY": "s3cret-3"})
SYSTEMD = """#!/bin/sh
echo Id=mai-companyabc-backup.timer; echo ActiveState=active; echo UnitFileState=enabled
echo 'NextElapseUSecRealtime=Mon 2026-11-30 03:55:56 UTC'; echo
echo Id=mai-companyabc-backup.service; echo ActiveState=inactive; echo UnitFileState=static
"""


@pytest.fixture
def directory(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> pathlib.Path:
    (tmp_path / "units").mkdir()
    monkeypatch.setattr(timer, "UNITS", str(tmp_path / "units"))
    programs = tmp_path / "bin"
    programs.mkdir()
    (programs / "systemctl").write_text(SYSTEMD)
    (programs / "systemctl").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    return tmp_path


def test_of_a_client_without_backups_nothing_is_asked(directory: pathlib.Path) -> None:
    found = backups.Asked(str(directory), "mai-companyabc").answer()
    assert found["installed"] is False and found["units"] == {} and found["state"] is None


def test_what_the_role_writes_is_what_is_wanted(directory: pathlib.Path) -> None:
    stamp = backup_stamp("company-abc", *PASSWORDS)
    variables = client(mai_backup_repository="/srv/x", mai_deployment_dir=str(directory), mai_backup_stamp=stamp)
    variables["mai_backup_metrics_dir"] = str(directory)
    metrics = directory / "mai_clients_backup_company-abc.prom"
    metrics.touch()
    seen = converged(client())
    plan = backup.backup(variables, seen, "x")
    (directory / ".backup").mkdir()
    for one in backup_files(plan, str(directory), *PASSWORDS):
        path = pathlib.Path(one["path"].replace("/etc/systemd/system", str(directory / "units")))
        path.write_text(one["content"])
        if path.name == "backup.py":
            program = one["content"]
    state = {"repository": "/srv/x", "last_success": "2026-11-28T11:00:00Z"}
    (directory / ".backup" / "state.json").write_text(json.dumps(state))
    seen["backup"] = backups.Asked(str(directory), "mai-companyabc").answer()
    assert backup.backup(variables, seen, program)["why"] == []
    assert seen["backup"]["next"] == "Mon 2026-11-30 03:55:56 UTC" and seen["backup"]["running"] is False
    assert "s3cret" not in json.dumps(seen["backup"]) and seen["backup"]["metrics"] == [str(metrics)]
