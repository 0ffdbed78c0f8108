# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every module that asks OpenRouter is in the action group, has its options, and runs in the controller's process."""

from __future__ import annotations

import pytest

from tests.unit.repository.arguments import spec_of
from tests.unit.repository.tasks import PLUGINS, ROOT, constant, load

MODULES = sorted([*PLUGINS.glob("modules/openrouter_*.py"), PLUGINS / "modules" / "client_plan.py"])
COMMON = {"provisioning_key", "base_url", "timeout", "retries"}


def documentation(module) -> dict:
    return load(constant(module, "DOCUMENTATION"))


def test_the_action_group_names_them_all():
    groups = load((ROOT / "meta" / "runtime.yml").read_text(encoding="utf-8"))["action_groups"]
    assert sorted(groups["openrouter"]) == [module.stem for module in MODULES] != []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_common_options_come_from_the_fragment(module):
    assert "mai.clients.openrouter" in documentation(module)["extends_documentation_fragment"]
    assert not COMMON & set(documentation(module).get("options", {}))
    assert set(spec_of(f"mai.clients.{module.stem}").options) >= COMMON


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_the_provisioning_key_is_never_logged(module):
    assert spec_of(f"mai.clients.{module.stem}").options["provisioning_key"]["no_log"] is True


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_the_work_is_done_by_an_action_plugin(module):
    assert (PLUGINS / "action" / module.name).exists()
