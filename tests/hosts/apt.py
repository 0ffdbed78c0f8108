# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine's apt knows: the mirror of the Debian archive and how to reach it; packages from there."""

from __future__ import annotations

import functools
import os
import pathlib
import subprocess
import tempfile
from collections.abc import Iterable

from .paths import FarmError

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
# Only what decides how an archive is reached; a machine's other settings say nothing about another release.
REACHING = (
    "Acquire::http::Proxy",
    "Acquire::https::Proxy",
    "Acquire::https::Verify-",
    "Acquire::http::Timeout",
    "Acquire::Check-",
    "Acquire::Retries",
)


@functools.lru_cache(maxsize=None)
def _mirrors() -> tuple[str, str | None]:
    """Address of the archive and of its security updates, as apt has them here."""
    with open("/etc/os-release") as file:
        release = dict(line.rstrip().split("=", 1) for line in file if "=" in line)
    names = {release.get("VERSION_CODENAME", "").strip('"'), "stable", "oldstable", "testing"}
    listing = _run("apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)", "Identifier: Packages")
    archive = security = None
    for line in listing.splitlines():
        uri, suite, component = line.split()[:3]
        if component != "main":
            continue
        if suite in names:
            archive = archive or uri
        elif suite.removesuffix("-security") in names and suite.endswith("-security"):
            security = security or uri
    if archive is None or release.get("ID") != "debian":
        raise FarmError(
            "The apt of this machine knows no Debian archive, so no test host can be built from it. "
            "Run the tests on Debian 12 or 13, with a line for the release itself in /etc/apt/sources.list(.d)."
        )
    return archive, security


def _run(*command: str) -> str:
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def sources(suite: str) -> str:
    """A sources.list for that release of Debian, from the mirror that this machine uses."""
    archive, security = _mirrors()
    lines = [f"deb [signed-by={KEYRING}] {archive} {suite} main\n"]
    if security:
        lines.append(f"deb [signed-by={KEYRING}] {security} {suite}-security main\n")
    return "".join(lines)


def options() -> dict[str, str]:
    """The settings of this machine by which apt reaches its mirror (proxies, and the like)."""
    found = {}
    for scheme in ("http", "https"):
        proxy = os.environ.get(f"{scheme}_proxy")
        if proxy:
            found[f"Acquire::{scheme}::Proxy"] = proxy
    for line in _run("apt-config", "dump", "--format", "%f %v%n", "Acquire").splitlines():
        name, _space, value = line.partition(" ")
        if value and name.startswith(REACHING):
            found[name] = value
    return found


def configuration() -> str:
    """The same settings as a file for /etc/apt/apt.conf.d."""
    return "".join(f'{name} "{value}";\n' for name, value in options().items())


def unpack(suite: str, packages: Iterable[str], destination: pathlib.Path) -> None:
    """Fetch packages of that release with a private configuration of apt and unpack them; the system sees nothing."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="apt-", dir=destination.parent) as folder:
        work = pathlib.Path(folder)
        for name in ("lists/partial", "cache/archives/partial", "programs"):
            (work / name).mkdir(parents=True)
        (work / "sources.list").write_text(sources(suite))
        private = [
            f"-oDir::Etc::SourceList={work}/sources.list",
            "-oDir::Etc::SourceParts=-",
            f"-oDir::State::Lists={work}/lists",
            f"-oDir::Cache={work}/cache",
            "-oAPT::Sandbox::User=root",
        ]
        for arguments in (["update"], ["download", *(f"{package}/{suite}" for package in packages)]):
            done = subprocess.run(
                ["apt-get", "-qq", *private, *arguments], cwd=work, text=True, capture_output=True, check=False
            )
            if done.returncode:
                raise FarmError(f"Fetching packages of Debian {suite} failed: {done.stderr.strip()}")
        for archive in sorted(work.glob("*.deb")):
            subprocess.run(["dpkg", "-x", str(archive), str(work / "programs")], check=True)
        (work / "programs").rename(destination)
