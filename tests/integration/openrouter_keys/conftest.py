# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stage of openrouter_key, with tasks about many keys."""

from __future__ import annotations

import hashlib
import json
import pathlib
import typing as t

import pytest

from tests.integration.openrouter_key.conftest import Run, Stage
from tests.openrouter_simulator import Simulator

SECRETS_OF = "{{ it.created | default([]) | map(attribute='secret', default='') | join(' ') }}"


class Bulk(Stage):
    """Many keys, no target; the results that are hidden from all output go into files."""

    def keys_task(self, api_keys: list[dict[str, t.Any]], **options: t.Any) -> dict[str, t.Any]:
        return {
            "name": "Keys",
            "mai.clients.openrouter_keys": {"api_keys": api_keys, **options},
            "register": "it",
            "ignore_errors": True,
        }

    def save_task(self) -> dict[str, t.Any]:
        """A copy of the whole result, for the test's eyes only."""
        copy = {"content": "{{ it | to_json }}", "dest": str(self.result_file), "mode": "0600"}
        return {"ansible.builtin.copy": copy, "diff": False, "check_mode": False}

    @property
    def result_file(self) -> pathlib.Path:
        return self.target / "result.json"

    def keys(self, api_keys: list[dict[str, t.Any]], *arguments: str, **options: t.Any) -> Run:
        """One run; its result as whoever registers it has it."""
        run = self.play(self.keys_task(api_keys, **options), self.save_task(), arguments=arguments)
        assert run.code == 0, run.output
        return Run(run.code, run.output, json.loads(self.result_file.read_text()))

    def names(self) -> list[str]:
        return sorted(key["name"] for key in self.control.all_keys())

    def assert_every_secret_is_there(self, run: Run) -> None:
        """Each created key has its name, and whoever asked for it has its secret."""
        hashes = {key["name"]: key["hash"] for key in self.control.all_keys()}
        for one in run.result["created"]:
            assert hashlib.sha256(one["secret"].encode()).hexdigest() == one["hash"] == hashes[one["name"]]


@pytest.fixture
def stage(tmp_path: pathlib.Path) -> t.Iterator[Bulk]:
    with Simulator() as openrouter:
        yield Bulk(openrouter, tmp_path)
