# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What AWX has: the kinds of objects, their fields with what is put for those left out, and how they hang together."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

REQUIRED = object()
ASKS = (
    *("diff_mode", "variables", "limit", "tags", "skip_tags", "job_type", "verbosity", "inventory", "credential"),
    *("execution_environment", "forks", "instance_groups", "job_slice_count", "labels", "timeout", "scm_branch"),
)


@dataclass(frozen=True)
class Kind:
    """One endpoint: `fields` are those that can be written; `links` name the kind that a field points to."""

    type: str
    fields: dict[str, Any]
    links: dict[str, str] = field(default_factory=dict)
    lists: dict[str, str] = field(default_factory=dict)  # /kind/ID/list/ holds objects of another kind
    roles: tuple[str, ...] = ()
    unique: tuple[tuple[str, ...], ...] = (("name",),)
    name: str = "name"

    def defaults(self) -> dict[str, Any]:
        return {key: None if value is REQUIRED else copy.deepcopy(value) for key, value in self.fields.items()}


NOTIFICATIONS = {f"notification_templates_{when}": "notification_templates" for when in ("started", "success", "error")}
APPROVALS = {"notification_templates_approvals": "notification_templates"}
NODES = {f"{when}_nodes": "workflow_job_template_nodes" for when in ("success", "failure", "always")}
PROMPTS = {
    **dict.fromkeys(("scm_branch", "job_type", "job_tags", "skip_tags", "limit", "diff_mode", "verbosity"), None),
    **dict.fromkeys(("execution_environment", "forks", "job_slice_count", "timeout", "inventory"), None),
}
PROMPT_LINKS = {"inventory": "inventories", "execution_environment": "execution_environments"}

KINDS = {
    "organizations": Kind(
        "organization",
        {"name": REQUIRED, "description": "", "max_hosts": 0, "default_environment": None},
        {"default_environment": "execution_environments"},
        {**NOTIFICATIONS, **APPROVALS, "galaxy_credentials": "credentials", "instance_groups": "instance_groups"},
        (
            *("admin", "execute", "project_admin", "inventory_admin", "credential_admin", "workflow_admin"),
            *("notification_admin", "job_template_admin", "execution_environment_admin", "auditor", "member"),
            *("read", "approval"),
        ),
    ),
    "teams": Kind(
        "team",
        {"name": REQUIRED, "description": "", "organization": REQUIRED},
        {"organization": "organizations"},
        {"users": "users"},
        ("admin", "member", "read"),
        (("name", "organization"),),
    ),
    "users": Kind(
        "user",
        {"username": REQUIRED, "first_name": "", "last_name": "", "email": "", "is_superuser": False},
        unique=(("username",),),
        name="username",
    ),
    "execution_environments": Kind(
        "execution_environment",
        {"name": REQUIRED, "image": REQUIRED, "description": "", "organization": None, "credential": None, "pull": ""},
        {"organization": "organizations", "credential": "credentials"},
    ),
    "credential_types": Kind(
        "credential_type",
        {"name": REQUIRED, "description": "", "kind": REQUIRED, "inputs": {}, "injectors": {}},
        unique=(("name", "kind"),),
    ),
    "credentials": Kind(
        "credential",
        {"name": REQUIRED, "description": "", "organization": None, "credential_type": REQUIRED, "inputs": {}},
        {"organization": "organizations", "credential_type": "credential_types"},
        roles=("admin", "use", "read"),
        unique=(("organization", "name", "credential_type"),),
    ),
    "projects": Kind(
        "project",
        {
            **dict.fromkeys(("description", "scm_type", "scm_url", "scm_branch", "scm_refspec", "local_path"), ""),
            **dict.fromkeys(("scm_clean", "scm_delete_on_update", "scm_track_submodules"), False),
            **dict.fromkeys(("scm_update_on_launch", "allow_override"), False),
            **dict.fromkeys(("organization", "credential", "default_environment"), None),
            **{"scm_update_cache_timeout": 0, "timeout": 0, "name": REQUIRED},
        },
        {
            "organization": "organizations",
            "credential": "credentials",
            "default_environment": "execution_environments",
        },
        NOTIFICATIONS,
        ("admin", "use", "update", "read"),
        (("name", "organization"),),
    ),
    "inventories": Kind(
        "inventory",
        {
            **{"name": REQUIRED, "description": "", "organization": REQUIRED, "kind": "", "host_filter": None},
            **{"variables": "", "prevent_instance_group_fallback": False},
        },
        {"organization": "organizations"},
        {"instance_groups": "instance_groups"},
        ("admin", "update", "adhoc", "use", "read"),
        (("name", "organization"),),
    ),
    "inventory_sources": Kind(
        "inventory_source",
        {
            **dict.fromkeys(("description", "source_path", "source_vars", "scm_branch", "enabled_var"), ""),
            **dict.fromkeys(("enabled_value", "host_filter", "limit"), ""),
            **dict.fromkeys(("overwrite", "overwrite_vars", "update_on_launch"), False),
            **dict.fromkeys(("credential", "execution_environment", "source_project"), None),
            **{"name": REQUIRED, "source": REQUIRED, "inventory": REQUIRED},
            **{"timeout": 0, "verbosity": 1, "update_cache_timeout": 0},
        },
        {
            "inventory": "inventories",
            "credential": "credentials",
            "execution_environment": "execution_environments",
            "source_project": "projects",
        },
        NOTIFICATIONS,
        unique=(("name", "inventory"),),
    ),
    "hosts": Kind(
        "host",
        {
            "name": REQUIRED,
            "description": "",
            "inventory": REQUIRED,
            "enabled": True,
            "instance_id": "",
            "variables": "",
        },
        {"inventory": "inventories"},
        unique=(("name", "inventory"),),
    ),
    "groups": Kind(
        "group",
        {"name": REQUIRED, "description": "", "inventory": REQUIRED, "variables": ""},
        {"inventory": "inventories"},
        {"hosts": "hosts", "children": "groups"},
        unique=(("name", "inventory"),),
    ),
    "labels": Kind(
        "label",
        {"name": REQUIRED, "organization": REQUIRED},
        {"organization": "organizations"},
        unique=(("name", "organization"),),
    ),
    "instance_groups": Kind("instance_group", {"name": REQUIRED}),
    "job_templates": Kind(
        "job_template",
        {
            **{f"ask_{what}_on_launch": False for what in ASKS},
            **dict.fromkeys(("description", "extra_vars", "job_tags", "skip_tags", "start_at_task", "limit"), ""),
            **dict.fromkeys(("scm_branch", "host_config_key", "webhook_service"), ""),
            **dict.fromkeys(("force_handlers", "use_fact_cache", "survey_enabled", "become_enabled"), False),
            **dict.fromkeys(("diff_mode", "allow_simultaneous", "prevent_instance_group_fallback"), False),
            **dict.fromkeys(("inventory", "execution_environment", "webhook_credential"), None),
            **{"name": REQUIRED, "project": REQUIRED, "playbook": REQUIRED, "job_type": "run"},
            **{"forks": 0, "verbosity": 0, "timeout": 0, "job_slice_count": 1},
        },
        {
            "inventory": "inventories",
            "project": "projects",
            "execution_environment": "execution_environments",
            "webhook_credential": "credentials",
        },
        {**NOTIFICATIONS, "credentials": "credentials", "labels": "labels", "instance_groups": "instance_groups"},
        ("admin", "execute", "read"),
        (("name", "organization"),),
    ),
    "workflow_job_templates": Kind(
        "workflow_job_template",
        {
            **{f"ask_{what}_on_launch": False for what in ASKS},
            **dict.fromkeys(("description", "extra_vars"), ""),
            **dict.fromkeys(("survey_enabled", "allow_simultaneous"), False),
            **dict.fromkeys(("organization", "inventory", "limit", "scm_branch", "job_tags", "skip_tags"), None),
            **{"name": REQUIRED, "webhook_service": "", "webhook_credential": None},
        },
        {"organization": "organizations", "inventory": "inventories", "webhook_credential": "credentials"},
        {**NOTIFICATIONS, **APPROVALS, "labels": "labels"},
        ("admin", "execute", "read", "approval"),
        (("name", "organization"),),
    ),
    "workflow_job_template_nodes": Kind(
        "workflow_job_template_node",
        {
            **PROMPTS,
            **{"workflow_job_template": REQUIRED, "unified_job_template": None, "extra_data": {}},
            **{"all_parents_must_converge": False, "identifier": REQUIRED},
        },
        {
            **PROMPT_LINKS,
            "workflow_job_template": "workflow_job_templates",
            "unified_job_template": "unified_job_templates",
        },
        {**NODES, "credentials": "credentials", "labels": "labels", "instance_groups": "instance_groups"},
        unique=(("identifier", "workflow_job_template"),),
        name="identifier",
    ),
    "workflow_approval_templates": Kind(
        "workflow_approval_template", {"name": REQUIRED, "description": "", "timeout": 0}, unique=()
    ),
    "schedules": Kind(
        "schedule",
        {
            **PROMPTS,
            **{"name": REQUIRED, "description": "", "rrule": REQUIRED, "unified_job_template": REQUIRED},
            **{"extra_data": {}, "enabled": True},
        },
        {**PROMPT_LINKS, "unified_job_template": "unified_job_templates"},
        {"credentials": "credentials", "labels": "labels", "instance_groups": "instance_groups"},
        unique=(("name", "unified_job_template"),),
    ),
    "notification_templates": Kind(
        "notification_template",
        {
            **{"name": REQUIRED, "description": "", "organization": REQUIRED, "notification_type": REQUIRED},
            **{"notification_configuration": {}, "messages": None},
        },
        {"organization": "organizations"},
        unique=(("name", "organization"),),
    ),
    "project_updates": Kind("project_update", {"name": ""}, unique=()),
    "inventory_updates": Kind("inventory_update", {"name": ""}, unique=()),
    "jobs": Kind("job", {"name": ""}, unique=()),
    "workflow_jobs": Kind("workflow_job", {"name": ""}, unique=()),
    "tokens": Kind(
        "o_auth2_access_token", {"description": "", "application": None, "scope": "write"}, unique=(), name="id"
    ),
}
# What a job can be launched from; they share their numbers
UNIFIED = (
    *("job_templates", "projects", "inventory_sources", "workflow_job_templates", "workflow_approval_templates"),
)
