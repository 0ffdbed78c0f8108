# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a task's arguments through the argument spec that its module really has."""

from __future__ import annotations

import contextlib
import functools
import importlib
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

from ansible.module_utils import basic
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

CONSTRAINTS = ("mutually_exclusive", "required_together", "required_one_of", "required_if", "required_by")
SAMPLES = {"bool": True, "int": 1, "float": 1.0, "list": [], "dict": {}, "path": "/x", "bytes": "1k", "json": "{}"}


class _Captured(BaseException):
    """Not an Exception, so that no module's error handling takes it for a failure of its own."""


@dataclass(frozen=True)
class Spec:
    options: dict[str, Any]
    constraints: dict[str, Any] = field(default_factory=dict)


@functools.lru_cache(maxsize=None)
def spec_of(action: str) -> Spec | None:
    """What the module passes to AnsibleModule; None where an action plugin does all the work without a spec."""
    captured: dict[str, Any] = {}

    def capture(self: Any, argument_spec: dict[str, Any], **keywords: Any) -> None:
        captured.update(keywords, argument_spec=argument_spec)
        raise _Captured

    module = importlib.import_module(module_name(action))
    if not hasattr(module, "main"):
        return None
    with mock.patch.object(basic.AnsibleModule, "__init__", capture), contextlib.suppress(_Captured):
        module.main()
    options = dict(captured["argument_spec"])
    if captured.get("add_file_common_args"):
        options = {**basic.FILE_COMMON_ARGUMENTS, **options}
    return Spec(options, {name: captured.get(name) for name in CONSTRAINTS})


def module_name(action: str) -> str:
    namespace, collection, name = action.split(".", 2)
    if (namespace, collection) in (("ansible", "builtin"), ("ansible", "legacy")):
        return f"ansible.modules.{name}"
    return f"ansible_collections.{namespace}.{collection}.plugins.modules.{name}"


def templated(value: Any) -> bool:
    return isinstance(value, str) and ("{{" in value or "{%" in value)


def filled(value: Any, option: dict[str, Any]) -> Any:
    """The value with what is known only at run time replaced by something that the option accepts."""
    if templated(value):
        if option.get("choices"):
            sample = next(iter(option["choices"]))
            return [sample] if option.get("type") == "list" else sample
        return SAMPLES.get(option.get("type", "str"), "x")
    if option.get("options"):
        if isinstance(value, list):
            return [filled_all(entry, option["options"]) for entry in value]
        return filled_all(value, option["options"])
    if isinstance(value, list):
        return [filled(entry, {**option, "type": option.get("elements", "str")}) for entry in value]
    return value


def filled_all(arguments: Any, options: dict[str, Any]) -> Any:
    if not isinstance(arguments, dict):
        return arguments
    by_name = {alias: option for name, option in options.items() for alias in [name, *option.get("aliases", [])]}
    return {name: filled(value, by_name.get(name, {})) for name, value in arguments.items()}


def problems(action: str, arguments: Any) -> list[str]:
    """What the module would refuse. Rules between options hold only where all of them are known beforehand."""
    spec = spec_of(action)
    if spec is None or not isinstance(arguments or {}, dict):
        return []
    arguments = arguments or {}
    constraints = {} if any(templated(value) for value in arguments.values()) else spec.constraints
    result = ArgumentSpecValidator(spec.options, **constraints).validate(filled_all(arguments, spec.options))
    return result.error_messages
