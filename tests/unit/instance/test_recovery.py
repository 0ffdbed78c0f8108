# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A lost key, found elsewhere on its machine."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from ansible_collections.mai.clients.plugins.modules import key_recovery

from .conftest import KEY, OLD_KEY, sha256


@pytest.fixture
def recover(tmp_path: Path, without_docker, run_module):
    def recover(*hashes: str, **options) -> dict:
        result = run_module(
            key_recovery,
            hashes=list(hashes),
            secret_file=str(tmp_path / "api_key.env"),
            secret_variables=["OPENAI_API_KEY", "OPENROUTER_API_KEY"],
            client="company-abc",
            service="mai-companyabc",
            deployment_dir=str(tmp_path),
            **options,
        )
        assert KEY not in str(result) and OLD_KEY not in str(result)
        return result

    return recover


def test_a_key_in_a_guides_file_is_put_back(recover, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    result = recover(sha256(OLD_KEY), sha256(KEY))
    assert (result["changed"], result["found"], result["key_hash"]) == (True, "environment", sha256(KEY))
    file = tmp_path / "api_key.env"
    assert file.read_text() == f'OPENAI_API_KEY="{KEY}"\nOPENROUTER_API_KEY="{KEY}"\n'
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert not recover(sha256(KEY))["changed"], "the file holds it now"


def test_another_key_is_left_alone(recover, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={OLD_KEY}\n")
    result = recover(sha256(KEY))
    assert (result["changed"], result["found"], result["key_hash"]) == (False, None, None)
    assert not (tmp_path / "api_key.env").exists()


def test_check_mode_writes_nothing(recover, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    assert recover(sha256(KEY), _check=True)["changed"]
    assert not (tmp_path / "api_key.env").exists()


def test_a_file_that_cannot_be_written_is_said(recover, tmp_path: Path) -> None:
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    (tmp_path / "api_key.env").mkdir()
    result = recover(sha256(KEY))
    assert result["failed"] and "api_key.env cannot be written" in result["msg"]
