# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The job of AWX or Automation Controller that this run is, if it is one: what is written beside it goes with it.

This is private to the collection. The variables are the controller's, but people gave the names in them: they are data.
"""

from __future__ import annotations

import typing as t

from ansible_collections.mai.clients.plugins.module_utils._text import shown

LONGEST = 100


def in_job(environ: t.Mapping[str, str]) -> bool:
    """Whether the copies of inventory and project, and every file of this machine, are thrown away afterwards."""
    return bool(environ.get("JOB_ID") and environ.get("AWX_HOST"))


def job_value(variables: t.Mapping[str, t.Any], name: str) -> str:
    """What the controller says of its job; empty where it does not."""
    for one in (variables.get(f"awx_{name}"), variables.get(f"tower_{name}")):
        if isinstance(one, (str, int)) and not isinstance(one, bool) and str(one).strip():
            return shown(" ".join(str(one).split()), LONGEST)
    return ""


def job_stamp(environ: t.Mapping[str, str], variables: t.Mapping[str, t.Any]) -> str:
    """Which job changes something, of what, for whom, and from which revision; empty where it is none."""
    if not in_job(environ):
        return ""
    template, who = job_value(variables, "job_template_name"), job_value(variables, "user_name")
    schedule, revision = job_value(variables, "schedule_name"), job_value(variables, "project_revision")
    parts = [job_value(variables, "job_id") or shown(environ["JOB_ID"], LONGEST)]
    parts += [f"template {template}"] if template else []
    parts += [f"schedule {schedule}"] if schedule else []
    parts += [f"launched by {who}"] if who else []
    parts += [f"revision {revision[:12]}"] if revision else []
    return ", ".join(parts)
