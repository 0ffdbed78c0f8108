# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Values and whole files in the one format of environment files that every reader reads alike."""

from __future__ import annotations

import typing as t

from ansible.errors import AnsibleFilterError
from ansible_collections.mai.clients.plugins.module_utils import _envfile


def _text(value: t.Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else repr(value)
    # Not the value itself: it may be a secret.
    raise ValueError(
        f"a value of type {type(value).__name__} has no one text; give text (for a list or a mapping: its to_json)"
    )


def env_value(value: t.Any) -> str:
    try:
        return _envfile.format_value(_text(value))
    except ValueError as exc:
        raise AnsibleFilterError(f"env_value: {exc}.") from None


def env_file(variables: t.Mapping[str, t.Any]) -> str:
    if not isinstance(variables, t.Mapping):
        raise AnsibleFilterError("env_file: give a mapping of variables to values.")
    texts = {}
    try:
        for name, value in variables.items():
            if value is not None:
                try:
                    texts[str(name)] = _text(value)
                except ValueError as exc:
                    raise ValueError(f"{name}: {exc}") from None
        return _envfile.dump(texts)
    except ValueError as exc:
        raise AnsibleFilterError(f"env_file: {exc}.") from None


class FilterModule:
    def filters(self) -> dict[str, t.Callable]:
        return {"env_value": env_value, "env_file": env_file}
