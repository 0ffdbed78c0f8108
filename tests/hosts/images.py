# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images of target hosts, built from Debian's archive and kept in the engine until their definition changes."""

from __future__ import annotations

import hashlib
import json
import os
import shlex
import subprocess

from . import apt, engine
from .paths import FarmError, locked

# What a freshly installed Debian server has that Ansible and people count on.
SERVER = (
    "ca-certificates,dbus,debian-archive-keyring,iproute2,less,libnss-myhostname,openssh-server,passwd,procps,python3,"
    "sudo,systemd,systemd-sysv"
)
# Where restic is missing it is installed: the bare machines prove that
DOCKER = "curl,docker.io,docker-cli,docker-compose,iptables,python3-apt,restic"
IMAGES = {
    "mai-test-host:trixie": ("trixie", f"{SERVER},{DOCKER}"),
    "mai-test-host-bare:trixie": ("trixie", SERVER),
    "mai-test-host-bare:bookworm": ("bookworm", SERVER),
}
# Nobody tests with these units, and they cost time or take apt's lock behind a test's back.
MASKED = (
    "apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer getty.target console-getty.service "
    "systemd-modules-load.service systemd-tmpfiles-clean.timer"
)
PREPARATION = (
    'chroot "$1" useradd --create-home --shell /bin/bash ops',
    # An account without a password counts as locked, and sshd refuses it; `*` means key only.
    "chroot \"$1\" usermod --password '*' ops",
    'echo "ops ALL=(ALL:ALL) NOPASSWD: ALL" > "$1/etc/sudoers.d/ops" && chmod 0440 "$1/etc/sudoers.d/ops"',
    # Every host gets its own at its first start.
    'rm -f "$1"/etc/ssh/ssh_host_* "$1/etc/machine-id" "$1/var/lib/dbus/machine-id" && : > "$1/etc/machine-id"',
    # How the archive is reached is told to each host at run time.
    'rm -rf "$1"/etc/apt/sources.list* "$1/etc/apt/apt.conf.d/99mmdebstrap" "$1"/var/lib/apt/lists/*',
    f'chroot "$1" systemctl mask --quiet {MASKED}',
    'chroot "$1" systemctl enable --quiet ssh.service',
)


def ensure(name: str, on: engine.Engine) -> str:
    """Have that image in the engine; built at the first use and after every change of its definition."""
    if name not in IMAGES:
        raise FarmError(f"There is no test image {name!r}; there are {', '.join(IMAGES)}.")
    definition = hashlib.sha256(json.dumps([IMAGES[name], PREPARATION]).encode()).hexdigest()[:16]
    with locked("images"):
        label = on.docker(
            "image", "inspect", name, "--format", '{{index .Config.Labels "mai.clients.definition"}}', check=False
        )
        if label.stdout.strip() != definition:
            _build(name, definition, on)
    return name


def _build(name: str, definition: str, on: engine.Engine) -> None:
    engine.install_missing(mmdebstrap="mmdebstrap")
    suite, packages = IMAGES[name]
    build = ["mmdebstrap", "--quiet", "--variant=minbase", f"--include={packages}", f"--keyring={apt.KEYRING}"]
    build += [f"--aptopt={line}" for line in apt.configuration().splitlines()]
    build += [f"--customize-hook={line}" for line in PREPARATION]
    build += [suite, "-", "-"]
    changes = [
        f"LABEL mai.clients.definition={definition}",
        # systemd asks for this; without it it takes itself for the machine's own and mounts what it should not.
        "ENV container=docker",
        # Overlay on overlay does not work: an engine inside needs a real file system.
        'VOLUME ["/var/lib/docker", "/var/lib/containerd"]',
        "STOPSIGNAL SIGRTMIN+3",
        'CMD ["/sbin/init"]',
    ]
    accept = ["docker", "import", *(part for change in changes for part in ("--change", change)), "-", name]
    environment = {**os.environ, **on.environment}
    maker = subprocess.Popen(
        build, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert maker.stdin and maker.stdout and maker.stderr
    taker = subprocess.Popen(
        accept, env=environment, stdin=maker.stdout, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    )
    maker.stdout.close()
    maker.stdin.write(apt.sources(suite).encode())
    maker.stdin.close()
    complaints = maker.stderr.read().decode()
    refused = taker.communicate()[1].decode()
    if maker.wait() or taker.returncode:
        # A half image would have been imported under the name if the maker ended early.
        on.docker("image", "rm", name, check=False)
        end = "\n".join(complaints.splitlines()[-20:])
        raise FarmError(f"Building {name} failed.\n{shlex.join(build)}\n{end}\n{refused}")
