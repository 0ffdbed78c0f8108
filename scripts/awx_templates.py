# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes AWX's job templates, with their surveys, and the table of them in docs/awx.md, from scripts/awx_templates.yml.

scripts/awx_templates.py            writes both
scripts/awx_templates.py --check    writes nothing; fails where they differ from the source
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "scripts" / "awx_templates.yml"
TEMPLATES = ROOT / "roles" / "awx_setup" / "vars" / "main" / "templates.yml"
PAGE = ROOT / "docs" / "awx.md"
BEGIN, END = "<!-- made by scripts/awx_templates.py: -->", "<!-- until here -->"

# What AWX's own form has
LONGEST = 1024
LISTS = {
    "": "_awx_setup_templates",
    "awx_inventory": "_awx_setup_templates_of_awx_inventory",
    "controller_credential": "_awx_setup_templates_of_controller",
}
HEAD = """\
# SPDX-FileCopyrightText: 2026 The mai.clients team
# SPDX-License-Identifier: GPL-3.0-or-later
---
# Made by scripts/awx_templates.py from scripts/awx_templates.yml: change it there.
controller_templates: >-
  {{ _awx_setup_templates
     + (_awx_setup_templates_of_awx_inventory if mai_inventory_backend == 'awx' else [])
     + (_awx_setup_templates_of_controller if mai_awx_controller_credential else []) }}
"""


def source() -> dict[str, Any]:
    return yaml.safe_load(SOURCE.read_text(encoding="utf-8"))


def question(name: str, asked: dict[str, Any], required: bool) -> dict[str, Any]:
    """One question as AWX keeps it; a second run compares all of it."""
    switch = asked.get("type") == "switch"
    return {
        "question_name": asked["question"],
        "question_description": asked.get("help", ""),
        "required": required,
        "type": "multiplechoice" if switch else "text",
        "variable": asked.get("variable", name),
        "default": "",
        **({"choices": ["true", "false"]} if switch else {"min": int(required), "max": LONGEST}),
    }


def survey(template: dict[str, Any], questions: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        *(question(name, questions[name], True) for name in template["required"]),
        *(question(name, questions[name], False) for name in template["optional"]),
    ]


def job_template(template: dict[str, Any], questions: dict[str, Any]) -> dict[str, Any]:
    inventory = template.get("writes_inventory", False)
    credentials = "_awx_setup_credentials"
    extra: Any = template.get("fixed", {})
    if inventory:
        credentials = "_awx_setup_credentials_for_inventory"
        extra = {**extra, "mai_inventory_backend": "{{ mai_inventory_backend }}"}
    if template.get("settings"):
        credentials = "_awx_setup_credentials_for_setup"
        extra = "{{ _awx_setup_settings }}"
    changes = template["job_type"] == "run"
    asked = survey(template, questions)
    return {
        "name": f"{{{{ mai_awx_prefix }}}}{template['name']}",
        "description": template["about"],
        "organization": "{{ mai_awx_organization }}",
        "project": "{{ mai_awx_project }}",
        "inventory": "{{ mai_awx_inventory }}",
        "execution_environment": "{{ mai_awx_execution_environment }}",
        "playbook": f"{{{{ mai_awx_playbooks_dir }}}}/{template['playbook']}.yml",
        "job_type": template["job_type"],
        "credentials": f"{{{{ {credentials} }}}}",
        "extra_vars": extra,
        "diff_mode": not changes,
        "ask_diff_mode_on_launch": True,
        "ask_job_type_on_launch": changes,
        **({"notification_templates_error": "{{ mai_awx_notify }}"} if template.get("scheduled") else {}),
        # The lock on each machine lets only one run at a time change a client
        "allow_simultaneous": True,
        # A slice sees only its part of the inventory
        "job_slice_count": 1,
        # AWX takes no survey without a question
        "survey_enabled": bool(asked),
        "survey_spec": {"name": "", "description": "", "spec": asked} if asked else {},
    }


def templates(known: dict[str, Any]) -> str:
    lists: dict[str, list[Any]] = {name: [] for name in LISTS.values()}
    for template in known["templates"]:
        lists[LISTS[template.get("only_if", "")]].append(job_template(template, known["questions"]))
    return HEAD + yaml.dump(lists, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1000, indent=2)


class _Dumper(yaml.SafeDumper):
    """As yamllint and ansible-lint want it: lists indented, and templates in double quotes."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:
        super().increase_indent(flow, False)

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.Node:
    quoted = "{{" in text or ": " in text or text in ("", "true", "false")
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"' if quoted else None)


_Dumper.add_representer(str, _text)


def table(known: dict[str, Any]) -> str:
    rows = ["| job template | playbook | survey | job type |", "|---|---|---|---|"]
    for one in known["templates"]:
        required = [f"**`{variable(known, name)}`**" for name in one["required"]]
        asked = ", ".join([*required, *(f"`{variable(known, name)}`" for name in one["optional"])])
        fixed = "".join(f"; sets `{name}: {str(value).lower()}`" for name, value in one.get("fixed", {}).items())
        fixed += "; sets `mai_inventory_backend`" if one.get("writes_inventory") else ""
        note = {"awx_inventory": " ¹", "controller_credential": " ²"}.get(one.get("only_if", ""), "")
        kind = "check" if one["job_type"] == "check" else "run or check"
        rows.append(f"| {one['name']}{note} | `playbooks/{one['playbook']}.yml` | {asked or 'none'}{fixed} | {kind} |")
    rows += [f"| none: it is {why} | `playbooks/{name}.yml` | | |" for name, why in known["no_template"].items()]
    by_reason: dict[str, list[str]] = {}
    for name, why in known["not_asked"].items():
        by_reason.setdefault(why, []).append(f"`{name}`")
    reasons = [f"- {', '.join(names)}: {why}." for why, names in by_reason.items()]
    return "\n".join([*rows, "", "What is not asked:", "", *reasons])


def variable(known: dict[str, Any], name: str) -> str:
    return known["questions"][name].get("variable", name)


def page(known: dict[str, Any], before: str) -> str:
    found = re.compile(f"{re.escape(BEGIN)}\n.*?{re.escape(END)}", re.DOTALL)
    return found.sub(lambda _match: f"{BEGIN}\n\n{table(known)}\n\n{END}", before)


def made() -> dict[Path, str]:
    """What the files should hold."""
    known = source()
    return {TEMPLATES: templates(known), PAGE: page(known, PAGE.read_text(encoding="utf-8"))}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, fail where a file differs")
    check = parser.parse_args().check
    differs = [
        (path, text) for path, text in made().items() if not path.exists() or path.read_text(encoding="utf-8") != text
    ]
    for path, text in differs:
        print(f"{'differs' if check else 'written'}: {path.relative_to(ROOT)}")
        if not check:
            path.write_text(text, encoding="utf-8")
    return 1 if check and differs else 0


if __name__ == "__main__":
    sys.exit(main())
