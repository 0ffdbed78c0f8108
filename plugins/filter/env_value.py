# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values and whole files in the one format of environment files that every reader reads alike."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.mai.clients.plugins.module_utils import _envfile


def env_value(value: t.Any) -> str:
    try:
        return _envfile.format_value(_envfile.to_text(value))
    except ValueError as exc:
        raise AnsibleFilterError(f"env_value: {exc}.") from None


def env_file(variables: t.Mapping[str, t.Any]) -> str:
    if not isinstance(variables, t.Mapping):
        raise AnsibleFilterError("env_file: give a mapping of variables to values.")
    try:
        return _envfile.dump({str(name): value for name, value in variables.items() if value is not None})
    except ValueError as exc:
        raise AnsibleFilterError(f"env_file: {exc}.") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"env_value": env_value, "env_file": env_file}
