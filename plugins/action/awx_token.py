# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documented in plugins/modules/awx_token.py."""

from __future__ import annotations

import os
import typing as t

from ansible.plugins.action import ActionBase
from ansible_collections.mai.clients.plugins.modules.awx_token import ARGUMENT_SPEC
from ansible_collections.mai.clients.plugins.plugin_utils._awx.controller import ControllerError
from ansible_collections.mai.clients.plugins.plugin_utils._awx.session import Session
from ansible_collections.mai.clients.plugins.plugin_utils._refusal import Refusal


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: dict[str, t.Any] | None = None) -> dict[str, t.Any]:
        result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(ARGUMENT_SPEC)
        try:
            session = Session(os.environ)
            if options["state"] == "absent":
                session.sign_out(options["number"])
                return {**result, "changed": False}
            # Whoever comes with a token needs no other one
            made = session.sign_in() if session.by_password else {"token": "", "id": 0}
        except ControllerError as error:
            raise Refusal(f"Nothing was changed. {error}.") from None
        return {**result, "changed": False, "token": made["token"], "number": made["id"], "_ansible_no_log": True}
