# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX refuses, with a sentence as it has them. Each returns the body of a 400, or {}."""

from __future__ import annotations

import json
import re
from typing import Any

import jinja2
import jinja2.meta
import yaml

ANSWERS = {
    **{"text": str, "textarea": str, "password": str, "multiplechoice": str, "multiselect": str},
    **{"integer": int, "float": float},
}
SECRETS = {"token", "password", "account_token"}  # of notifications
BEFORE_LAUNCH = ("PENDING",)


def variables(text: Any) -> dict[str, Any] | None:
    """What variables, extra_vars or source_vars hold, written as JSON or YAML; None where AWX cannot read it."""
    if isinstance(text, dict):
        return text
    try:
        found = json.loads(text) if text else {}
    except (TypeError, ValueError):
        try:
            found = yaml.safe_load(text)
        except yaml.YAMLError:
            return None
    return found if isinstance(found, dict) else None


def credential_type(inputs: dict[str, Any], injectors: dict[str, Any]) -> dict[str, Any]:
    fields = inputs.get("fields", [])
    ids = [one.get("id") for one in fields]
    for one in fields:
        if not one.get("id") or not one.get("label"):
            return {"inputs": ["Schema validation error: 'id' and 'label' are required properties"]}
        if not re.fullmatch(r"[a-zA-Z_]+[a-zA-Z0-9_]*", one["id"]):
            return {"inputs": [f"{one['id']} is not an allowed name"]}
        if one["id"] == "tower":
            return {"inputs": ['"tower" is a reserved field name']}
        if (
            set(one)
            - {"id", "label", "type", "help_text", "secret", "multiline", "format", "choices", "default"}
            - {"ask_at_runtime"}
        ):
            return {"inputs": [f"Schema validation error in {one['id']}: Additional properties are not allowed"]}
        one.setdefault("type", "string")
        if one["type"] not in ("string", "boolean"):
            return {"inputs": [f"{one['type']} is not one of ['string', 'boolean']"]}
    if len(set(ids)) != len(ids):
        return {"inputs": ["field IDs must be unique"]}
    if set(inputs.get("required", [])) - set(ids):
        return {"inputs": ["required: not a field"]}
    return injection(injectors, set(ids))


def injection(injectors: dict[str, Any], fields: set[str]) -> dict[str, Any]:
    if set(injectors) - {"file", "env", "extra_vars"}:
        return {"injectors": ["Schema validation error: Additional properties are not allowed"]}
    files = injectors.get("file", {})
    if any(not re.fullmatch(r"template(\.[a-zA-Z_]+[a-zA-Z0-9_]*)?", name) for name in files):
        return {"injectors": ["Schema validation error in file"]}
    if "template" in files and len(files) > 1:
        return {"injectors": ["Must use multi-file syntax when injecting multiple files"]}
    for where, templates in injectors.items():
        for name, text in templates.items():
            if where == "env" and name.startswith("ANSIBLE_"):
                return {
                    "injectors": [
                        f"Schema validation error in env.{name}: Environment variable {name} may affect Ansible"
                        " configuration so its use is not allowed in credentials."
                    ]
                }
            if where == "env" and not text.isascii():
                return {"injectors": [f"Schema validation error in {name}: not ASCII"]}
            try:
                used = jinja2.meta.find_undeclared_variables(jinja2.Environment().parse(text))
            except jinja2.TemplateError as error:
                return {"injectors": [f"Syntax error rendering template for {name} inside of {where} ({error})"]}
            unknown = sorted(used - fields - {"tower"})
            if unknown:
                return {"injectors": [f"Schema validation error in {where}.{name}: '{unknown[0]}' is undefined"]}
            if "tower" in used and not files:
                return {"injectors": ["Must define unnamed file injector in order to reference `tower.filename`."]}
    return {}


def credential(inputs: dict[str, Any], of_type: dict[str, Any]) -> dict[str, Any]:
    fields = {one["id"]: one for one in of_type["inputs"].get("fields", [])}
    for name, value in inputs.items():
        if name not in fields:
            return {"inputs": {name: [f"Additional properties are not allowed ('{name}' was unexpected)"]}}
        wanted = bool if fields[name].get("type") == "boolean" else str
        if not isinstance(value, wanted):
            return {"inputs": {name: [f"a value is not of type '{fields[name].get('type', 'string')}'"]}}
    return {}


def survey(spec: Any) -> str:
    """What is wrong with a survey, as AWX words it; empty where nothing is."""
    if not isinstance(spec, dict):
        return "Survey is not a JSON object."
    for name, kind in (("name", str), ("description", str), ("spec", list)):
        if name not in spec:
            return f"Field '{name}' is missing from survey spec."
        if not isinstance(spec[name], kind):
            return f"Expected {kind.__name__} for field '{name}', received {type(spec[name]).__name__} type."
    if not spec["spec"]:
        return "'spec' doesn't contain any items."
    seen: set[str] = set()
    for number, one in enumerate(spec["spec"]):
        if not isinstance(one, dict):
            return f"Survey question {number} is not a json object."
        fault = question(number, one)
        if fault:
            return fault
        if one["variable"] in seen:
            return f"'variable' '{one['variable']}' duplicated in survey question {number}."
        seen.add(one["variable"])
    return ""


def question(number: int, one: dict[str, Any]) -> str:
    for name in ("type", "question_name", "variable", "required"):
        if name not in one:
            return f"'{name}' missing from survey question {number}."
        if not isinstance(one[name], bool if name == "required" else str):
            return f"'{name}' in survey question {number} has a wrong type."
    if one["type"] not in ANSWERS:
        return f"'{one['type']}' in survey question {number} is not one of the allowed question types."
    default = one.get("default", "")
    if default != "" and (not isinstance(default, ANSWERS[one["type"]]) or isinstance(default, bool)):
        return f"Default value {default} in survey question {number} has a wrong type."
    for name in ("min", "max"):
        if one.get(name) is not None and (not isinstance(one[name], int) or isinstance(one[name], bool)):
            return f"The {name} limit in survey question {number} expected to be integer."
    if one["type"] in ("multiplechoice", "multiselect"):
        if "choices" not in one:
            return f"Survey question {number} of type {one['type']} must specify choices."
        chosen = [line for line in str(default).splitlines() if line.strip()]
        if one["type"] == "multiplechoice" and len(chosen) > 1:
            return "Multiple Choice (Single Select) can only have one default value."
        if set(chosen) - set(choices(one)):
            return "Default choice must be answered from the choices listed."
    if isinstance(default, str) and default.startswith("$encrypted$"):
        return f"$encrypted$ is a reserved keyword for password question defaults, survey question {number}."
    return ""


def choices(one: dict[str, Any]) -> list[str]:
    given = one["choices"]
    return [line for line in given.splitlines() if line.strip()] if isinstance(given, str) else list(given)


def answers(spec: dict[str, Any], given: dict[str, Any], with_required: bool = True) -> list[str]:
    """What is wrong with the answers of a launch, a schedule or a node."""
    faults = []
    for one in spec.get("spec", []):
        name, kind = one["variable"], one["type"]
        if name not in given:
            if one["required"] and with_required and one.get("default", "") == "":
                faults.append(f"'{name}' value missing")
            continue
        value = given[name]
        if kind in ("text", "textarea", "password"):
            if not isinstance(value, str):
                faults.append(f"Value {value} for '{name}' expected to be a string.")
            elif one.get("min") not in ("", None) and len(value) < one["min"]:
                faults.append(
                    f"'{name}' value {value} is too small (length is {len(value)} must be at least {one['min']})."
                )
            elif one.get("max") not in ("", None) and len(value) > one["max"]:
                faults.append(f"'{name}' value {value} is too large (must be no more than {one['max']}).")
        elif kind == "integer" and (isinstance(value, bool) or not isinstance(value, int)):
            faults.append(f"Value {value} for '{name}' expected to be an integer.")
        elif kind == "float" and (isinstance(value, bool) or not isinstance(value, (int, float))):
            faults.append(f"Value {value} for '{name}' expected to be a numeric type.")
        elif kind == "multiplechoice" and value not in choices(one):
            faults.append(f"Value {value} for '{name}' expected to be one of {choices(one)}.")
    return faults


def rrule(text: str) -> dict[str, Any]:
    if not re.match(r"DTSTART(;TZID=[\w/+-]+)?:\d{8}T\d{6}Z? RRULE:", text):
        return {"rrule": ["Valid DTSTART required in rrule. Value should start with: DTSTART:YYYYMMDDTHHMMSSZ"]}
    if "INTERVAL" not in text:
        return {"rrule": ["INTERVAL required in rrule."]}
    if "SECONDLY" in text:
        return {"rrule": ["SECONDLY is not supported."]}
    if "COUNT" in text and "UNTIL" in text:
        return {"rrule": ["RRULE may not contain both COUNT and UNTIL"]}
    return {}
