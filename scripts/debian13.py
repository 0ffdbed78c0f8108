# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs a Python script of this repository in a Debian 13 beside the machine's own system, for its newer Python.

Debian 12 has Python 3.11 only, and newer releases of ansible-core do not start there. The system is unpacked into
.cache/debian13 from the archive that apt uses on this machine; the machine itself is left as it is.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import tree

SYSTEM = tree.ROOT / ".cache" / "debian13"
PACKAGES = "python3,python3-venv,git,ca-certificates"
# How pip, and TLS, reach the outside on this machine.
SETTINGS = ("/etc/resolv.conf", "/etc/hosts", "/etc/pip.conf", "/etc/xdg/pip", "/etc/ssl/certs/ca-certificates.crt")

# The mounts are gone with the process. /run hides nothing: the system in there has no services.
INSIDE = """
set -e
system=$1 repository=$2
shift 2
mkdir -p "$system$repository"
mount --bind "$repository" "$system$repository"
mount --rbind /dev "$system/dev"
mount -t proc proc "$system/proc"
mount -t tmpfs tmpfs "$system/tmp"
exec chroot "$system" env PATH=/usr/sbin:/usr/bin python3 "$@"
"""


def possible() -> bool:
    return sys.platform == "linux" and os.geteuid() == 0 and Path("/etc/debian_version").exists()


def run(*script: str) -> int:
    """Runs `python3 script…` there, with the repository at its own place."""
    unpack()
    for setting in map(Path, SETTINGS):
        target = SYSTEM / setting.relative_to("/")
        if setting.is_dir():
            shutil.copytree(setting, target, dirs_exist_ok=True)
        elif setting.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            shutil.copyfile(setting, target)
    command = ["unshare", "--mount", "--propagation", "slave", "sh", "-c", INSIDE, "sh"]
    return subprocess.run([*command, str(SYSTEM), str(tree.ROOT), *script], check=False).returncode


def unpack() -> None:
    ready = SYSTEM / ".ready"
    if ready.exists() and ready.read_text(encoding="utf-8") == PACKAGES:
        return
    sys.path.insert(0, str(tree.ROOT))
    from tests.hosts import apt, engine

    engine.install_missing(mmdebstrap="mmdebstrap")
    shutil.rmtree(SYSTEM, ignore_errors=True)
    SYSTEM.parent.mkdir(exist_ok=True)
    build = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={PACKAGES}", f"--keyring={apt.KEYRING}"]
    build += [f"--aptopt={line}" for line in apt.configuration().splitlines()]
    print("Unpacking a Debian 13 into .cache/debian13", flush=True)
    subprocess.run([*build, "trixie", str(SYSTEM), "-"], input=apt.sources("trixie"), text=True, check=True)
    ready.write_text(PACKAGES, encoding="utf-8")
