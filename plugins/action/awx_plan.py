# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documented in plugins/modules/awx_plan.py."""

from __future__ import annotations

import os
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.mai.clients.plugins.modules.awx_plan import ARGUMENT_SPEC
from ansible_collections.mai.clients.plugins.plugin_utils._awx.controller import ControllerError
from ansible_collections.mai.clients.plugins.plugin_utils._awx.plan import Plan, obstacles
from ansible_collections.mai.clients.plugins.plugin_utils._awx.session import Session, need_collection
from ansible_collections.mai.clients.plugins.plugin_utils._names import known_names, name_problems
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import InvalidOption
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.options import provisioning_key
from ansible_collections.mai.clients.plugins.plugin_utils._refusal import Refusal
from ansible_collections.mai.clients.plugins.plugin_utils._values import plain


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(ARGUMENT_SPEC)
        options = plain(options)
        problems = name_problems(task_vars or {}, known_names())
        if problems:
            raise Refusal(f"Nothing was changed. {'; '.join(problems)}.")
        need_collection(options["namespace"])
        try:
            plan = self._plan(Session(os.environ, options["token"] or ""), options)
        except ControllerError as error:
            raise Refusal(f"Nothing was changed. {error}.") from None
        # What is registered is whole; notifications may hold passwords, so it is never shown
        return {**result, "changed": False, "due": plan.due, "words": plan.words, "_ansible_no_log": True}

    def _plan(self, session: Session, options: dict[str, t.Any]) -> Plan:
        plan = Plan(session)
        found = obstacles(session, options["objects"], options["referenced"])
        if found:
            raise Refusal(f"Nothing was changed. On {session.host}: {'; '.join(found)}.")
        plan.decide(options["objects"])
        if any(one["is_new"] or one.get("update_secrets") for one in plan.due["credentials"]):
            self._need_key(options["provisioning_key"])
        return plan

    @staticmethod
    def _need_key(given: str | None) -> None:
        try:
            provisioning_key(given, os.environ)
        except InvalidOption as error:
            raise Refusal(f"Nothing was changed. The credential is to be given a provisioning key. {error}") from None
