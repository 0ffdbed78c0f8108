# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The program that backs a client up on its machine, as one file: the collection's own code, and nothing of Ansible.

This is private to the collection. No rule stands twice: what the modules do on a machine, the program does with the
same files. They are embedded as they are, so that whoever opens it can read it.
"""

from __future__ import annotations

import functools
import os
import typing as t

_ROOT = os.path.join(os.path.dirname(__file__), os.pardir, "module_utils")
_PACKAGE = "ansible_collections.mai.clients.plugins.module_utils"
# What _backup.run needs, with all that these need; a test runs the program without the collection
PARTS = (
    *("_confined", "_database", "_database_base", "_database_postgresql", "_database_sqlite", "_envfile", "_own_file"),
    *("_host_in_url", "_secret", "_text", "_organization.__init__", "_organization.members", "_organization.schema"),
    *("_instance.__init__", "_instance.copy", "_instance.database", "_instance.engine", "_instance.folder"),
    *("_instance.image_user", "_instance.networks", "_instance.place", "_instance.private_file"),
    *("_instance.saved_settings", "_instance.system", "_instance.tracking"),
    *("_backup.__init__", "_backup.database", "_backup.restic", "_backup.run", "_backup.settings", "_backup.stage"),
    "_backup.state",
)
_HEAD = """\
#!/usr/bin/python3 -B
# Written by the Ansible collection mai.clients: backs up the client in whose directory it lies. Do not edit it.
# SPDX-License-Identifier: GPL-3.0-or-later
import importlib.abc
import importlib.util
import sys

SOURCES = {}
"""
_TAIL = '''

class Embedded(importlib.abc.Loader, importlib.abc.MetaPathFinder):
    """Finds the modules that are in this file."""

    def find_spec(self, name, path=None, target=None):
        if name not in SOURCES:
            return None
        package = SOURCES[name] is None or name + ".__init__" in SOURCES
        return importlib.util.spec_from_loader(name, self, is_package=package)

    def exec_module(self, module):
        name = module.__name__
        source = SOURCES.get(name + ".__init__") or SOURCES[name] or ""
        exec(compile(source, "<" + name + ">", "exec"), module.__dict__)


if __name__ == "__main__":
    sys.meta_path.insert(0, Embedded())
    from ansible_collections.mai.clients.plugins.module_utils._backup.run import main

    sys.exit(main(__file__))
'''


@functools.lru_cache(maxsize=1)
def text() -> str:
    """The file; the same for every client."""
    return _HEAD + "".join(_entries()) + _TAIL


def _entries() -> t.Iterator[str]:
    parts = _PACKAGE.split(".")
    for length in range(1, len(parts) + 1):
        yield f"SOURCES[{'.'.join(parts[:length])!r}] = None\n"
    for part in PARTS:
        name = f"{_PACKAGE}.{part}"
        with open(os.path.join(_ROOT, *part.split(".")) + ".py", encoding="utf-8") as file:
            source = file.read()
        if part.endswith(".__init__"):
            yield f"SOURCES[{name[: -len('.__init__')]!r}] = None\n"
        yield f"SOURCES[{name!r}] = r'''\n{_embeddable(source)}'''\n"


def _embeddable(source: str) -> str:
    """As a raw text between three quotes; a source that cannot stand so is a fault that its test finds."""
    if "'''" in source or source.endswith(("'", "\\")):
        raise ValueError("a module of the backup's program has ''' in it")
    return source
