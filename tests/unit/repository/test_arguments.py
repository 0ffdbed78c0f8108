# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every task in examples, roles and playbooks passes its module's own argument spec: no linter checks that."""

from __future__ import annotations

import pytest

from tests.unit.repository import arguments, tasks

MODULES = sorted(tasks.PLUGINS.glob("modules/*.py"))
DOCUMENTED = [*MODULES, *sorted(tasks.PLUGINS.glob("filter/*.yml")), *sorted(tasks.PLUGINS.glob("lookup/*"))]
TASKS = tasks.tasks_of_roles_and_playbooks()


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_the_examples_show_the_module(module):
    name = f"mai.clients.{module.stem}"
    assert name in {task.action for task in tasks.tasks_of_examples(module)}


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.stem)
def test_the_documentation_can_be_read(module):
    """ansible-test finds that, too, minutes later."""
    assert tasks.load(tasks.constant(module, "DOCUMENTATION"))["module"] == module.stem
    for value in (tasks.load(tasks.constant(module, "RETURN")) or {}).values():
        assert {"description", "type", "returned"} <= set(value)


@pytest.mark.parametrize("plugin", DOCUMENTED, ids=lambda path: path.stem)
def test_examples_use_options_that_exist(plugin):
    refused = {str(task): arguments.problems(task.action, task.arguments) for task in tasks.tasks_of_examples(plugin)}
    assert not {task: problems for task, problems in refused.items() if problems}


@pytest.mark.parametrize("task", TASKS, ids=str)
def test_tasks_use_options_that_exist(task):
    assert arguments.problems(task.action, task.arguments) == []


def test_there_are_tasks_to_check():
    actions = {task.action for task in TASKS}
    assert "community.docker.docker_compose_v2" in actions
    assert "mai.clients.openrouter_key" in actions


@pytest.mark.parametrize(
    ("action", "values", "problem"),
    [
        ("community.docker.docker_compose_v2", {"project_source": "/x"}, "project_source. Supported"),
        ("community.docker.docker_compose_v2", {"project_src": "{{ x }}", "pull": "sometimes"}, "must be one of"),
        ("community.docker.docker_compose_v2", {"project_src": "/x", "scale": 3}, "scale"),
        ("ansible.builtin.file", {"state": "directory"}, "missing required"),
        ("ansible.builtin.file", {"path": "{{ x }}", "modus": "0700"}, "modus. Supported"),
    ],
)
def test_the_check_itself_refuses_what_a_module_would(action, values, problem):
    assert problem in " ".join(arguments.problems(action, values))


def test_the_check_itself_accepts_what_a_module_would():
    assert arguments.problems("ansible.builtin.file", {"path": "{{ x }}", "state": "{{ y }}", "mode": "0700"}) == []
    assert arguments.problems("community.docker.docker_compose_v2", {"project_src": "/x", "files": "{{ z }}"}) == []
