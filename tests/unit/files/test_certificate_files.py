# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and keys of the controller: what is told of them, and that a key itself never is."""

from __future__ import annotations

import hashlib
import pathlib
import subprocess
import typing as t

import pytest
from ansible.errors import AnsibleError
from ansible.parsing.dataloader import DataLoader
from ansible.parsing.vault import VaultLib, VaultSecret
from ansible_collections.mai.clients.plugins.plugin_utils import _certificate_files


class Action:
    """As much of an action as is asked."""

    def __init__(self, secret: VaultSecret) -> None:
        self._loader = DataLoader()
        self._loader.set_vault_secrets([("default", secret)])

    def _find_needle(self, _folder: str, path: str) -> str:
        if not pathlib.Path(path).exists():
            raise AnsibleError(f"Could not find or access '{path}' on the Ansible Controller.")
        return path


SECRET = VaultSecret(b"a word")


@pytest.fixture
def action() -> t.Any:
    return Action(SECRET)


@pytest.fixture
def files(tmp_path: pathlib.Path) -> dict[str, str]:
    paths = {"certificate": str(tmp_path / "a.crt"), "key": str(tmp_path / "a.key")}
    make = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=a", "-out", paths["certificate"]]
    subprocess.run([*make, "-keyout", paths["key"]], check=True, capture_output=True)
    return paths


def test_a_pair(action: t.Any, files: dict[str, str]) -> None:
    held = _certificate_files.held(action, files)
    assert held["pair_error"] is None
    # As they lie on the machine, in one file
    both = b"\n".join(pathlib.Path(files[what]).read_bytes() for what in ("certificate", "key"))
    assert held["key"]["sha256"] == held["certificate"]["sha256"] == hashlib.sha256(both).hexdigest()
    assert "PRIVATE" not in str(held)


def test_a_key_in_the_vault(action: t.Any, files: dict[str, str]) -> None:
    plain, before = pathlib.Path(files["key"]).read_bytes(), _certificate_files.held(action, files)
    pathlib.Path(files["key"]).write_bytes(VaultLib([("default", SECRET)]).encrypt(plain))
    held = _certificate_files.held(action, files)
    assert held["pair_error"] is None and held == before


def test_no_pair(action: t.Any, files: dict[str, str], tmp_path: pathlib.Path) -> None:
    assert "there is no such file" in _certificate_files.held(action, {**files, "key": "/none"})["key"]["error"]
    other = str(tmp_path / "b.key")
    subprocess.run(["openssl", "genrsa", "-out", other, "2048"], check=True, capture_output=True)
    held = _certificate_files.held(action, {**files, "key": other})
    assert held["pair_error"] == f"the key {other} is not that of the certificate {files['certificate']}"
    pathlib.Path(other).write_bytes(b"x" * 300_000)
    assert "longer than any certificate" in _certificate_files.held(action, {"key": other})["key"]["error"]
