# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Certificates and keys that lie on the controller, some of them encrypted with Ansible Vault.

This is private to the collection.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import typing as t

from ansible.errors import AnsibleError
from ansible.plugins.action import ActionBase
from ansible_collections.mai.clients.plugins.module_utils._certificate import joined, pair_error

LONGEST = 256 * 1024


def read(action: ActionBase, path: str) -> bytes:
    """What a file holds, found like any file that a play names. Raises AnsibleError with a sentence."""
    found = action._find_needle("files", os.path.expanduser(path))
    try:
        content = action._loader._get_file_contents(found)[0]
    except OSError as error:
        raise AnsibleError(f"{error.strerror}") from None
    if len(content) > LONGEST:
        raise AnsibleError("it is longer than any certificate")
    return t.cast(bytes, content)


def held(action: ActionBase, files: t.Mapping[str, str]) -> dict[str, t.Any]:
    """Of each file the SHA-256 as on the machine, or why it cannot be read; and why certificate and key are none."""
    contents: dict[str, bytes] = {}
    result: dict[str, t.Any] = {"pair_error": None}
    for what, path in files.items():
        try:
            contents[what] = read(action, path)
            result[what] = {"sha256": hashlib.sha256(contents[what]).hexdigest(), "error": None}
        except AnsibleError as error:
            # Its own sentence names every place where it was looked for
            result[what] = {"sha256": None, "error": _reason(error)}
    if {"certificate", "key"} <= set(contents):
        result["pair_error"] = _pair(files, contents)
        # On the machine they are one file
        digest = hashlib.sha256(joined(contents["certificate"], contents["key"])).hexdigest()
        result.update({what: {"sha256": digest, "error": None} for what in ("certificate", "key")})
    return result


def _reason(error: AnsibleError) -> str:
    text = str(error)
    return "there is no such file" if "Could not find" in text or "could not be found" in text.lower() else text[:200]


def _pair(files: t.Mapping[str, str], contents: t.Mapping[str, bytes]) -> str | None:
    """OpenSSL wants files: these are in memory where the system has such, else nobody else's and gone again."""
    with contextlib.ExitStack() as stack:
        paths = {}
        for what in ("certificate", "key"):
            if hasattr(os, "memfd_create"):
                file = stack.enter_context(open(os.memfd_create(what), "wb"))
                path = f"/proc/self/fd/{file.fileno()}"
            else:
                file = stack.enter_context(tempfile.NamedTemporaryFile())
                path = file.name
            file.write(contents[what])
            file.flush()
            paths[what] = path
        said = pair_error(paths["certificate"], paths["key"])
    for what, path in paths.items():
        said = said.replace(path, files[what]) if said else said
    return said
