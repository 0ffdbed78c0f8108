# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The modules for people, run as root on the machine of an instance under test."""

from __future__ import annotations

import json
import types
from typing import Any

import pytest
from ansible.module_utils.testing import patch_module_args

from tests.contract.instance import ADMIN, Instance

HOSTILE = "żółć \"'\\ $HOME`id` {{ 7 * 7 }}\n%d # ü"


def call(
    capsys: pytest.CaptureFixture[str],
    instance: Instance,
    module: types.ModuleType,
    check: bool = False,
    **options: Any,
) -> dict[str, Any]:
    """The result, with the exit code as C(rc); no password is in it."""
    options = {"url": instance.url, "deployment_dir": str(instance.folder), **options}
    internal = {"_ansible_check_mode": check, "_ansible_diff": True, "_ansible_remote_tmp": "/tmp"}
    with patch_module_args({**options, **internal}), pytest.raises(SystemExit) as ended:
        module.main()
    said = capsys.readouterr().out
    for password in (*passwords(instance).values(), ADMIN["password"], HOSTILE):
        assert json.dumps(password)[1:-1] not in said and password not in json.loads(said).get("msg", "")
    return dict(json.loads(said), rc=ended.value.code)


def passwords(instance: Instance) -> dict[str, str]:
    path = instance.folder / "people.json"
    return json.loads(path.read_text()) if path.exists() else {}
