# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Start-up in Open WebUI's order: tables, stored settings, the environment's administrator; then the port opens."""

from __future__ import annotations

import argparse
import base64
import binascii
import logging
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path

import uvicorn

from . import schema
from .app import App
from .database import Database
from .organization import Organization
from .settings import Settings, SettingsError
from .stored_settings import BlobSettings, RowSettings
from .users import Users

log = logging.getLogger("mai_standin")

SECRET_KEY_FILE = Path(".webui_secret_key")
LOG_LINE_SECONDS = 0.5
CRASH_AFTER_SECONDS = 2.0
OWNER_SECONDS = 1.0


def secret_key(environment: Mapping[str, str]) -> str:
    """The image generates a key for an unset or empty variable, a native start only for an unset one."""
    given = environment.get("WEBUI_SECRET_KEY")
    if given:
        if len(given) == 44 and not _is_fernet_key(given):
            raise SettingsError("WEBUI_SECRET_KEY has 44 characters but is no Fernet key")
        return given
    if given == "" and "DOCKER" not in environment:
        raise SettingsError("WEBUI_SECRET_KEY is empty")
    if not SECRET_KEY_FILE.exists():
        log.info("Generating WEBUI_SECRET_KEY into %s of the working directory", SECRET_KEY_FILE)
        SECRET_KEY_FILE.write_text(secrets.token_hex(32))
    return SECRET_KEY_FILE.read_text().strip()


def _is_fernet_key(value: str) -> bool:
    try:
        return len(base64.urlsafe_b64decode(value)) == 32
    except (binascii.Error, ValueError):
        return False


def start_up(settings: Settings, key: str) -> App:
    if settings.fail == "start":
        raise SettingsError("STANDIN_FAIL asks for a failing start")
    if settings.fail == "stuck":
        log.info("Start-up stands still, as STANDIN_FAIL asks")
        threading.Event().wait()
    database = Database(settings)
    steps = max(1, round(settings.startup_delay / LOG_LINE_SECONDS))
    for step in range(1, steps + 1):
        log.info("Running migration %d of %d", step, steps)
        time.sleep(settings.startup_delay / steps)
    schema.create(database, settings)
    stored = (RowSettings if settings.form == "rows" else BlobSettings)(database, settings.environment)
    users = Users(database, settings, stored, key)
    users.create_admin_from_environment()
    organization = Organization(database, settings)
    organization.seed_from_environment()
    return App(settings, database, stored, users, organization)


def _end_with(owner: int) -> None:
    """Tests that are killed end nothing that they started."""
    while Path("/proc", str(owner)).exists():
        time.sleep(OWNER_SECONDS)
    # Well: who keeps it running has no reason to start it again
    os._exit(0)


def main() -> None:
    parser = argparse.ArgumentParser(prog="mai_standin", description=sys.modules[__package__].__doc__)
    parser.add_argument("--host", default=os.environ.get("HOST", "0.0.0.0"), help="address to listen on")
    parser.add_argument("--port", type=int, default=int(os.environ.get("PORT") or 8080), help="port to listen on")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s | %(levelname)-8s | %(message)s", stream=sys.stdout)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    # As PID 1 a process without handlers does not even see SIGTERM; elsewhere 143 is what the real one ends with.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0 if os.getpid() == 1 else 143))
    try:
        settings = Settings.from_environment(os.environ)
        if settings.owner:
            threading.Thread(target=_end_with, args=[settings.owner], daemon=True).start()
        app = start_up(settings, secret_key(os.environ))
    except SettingsError as error:
        log.error("%s", error)
        sys.exit(1)
    except Exception as error:
        log.error("Start-up failed: %s", type(error).__name__)
        sys.exit(1)
    if settings.fail == "crash":
        threading.Timer(CRASH_AFTER_SECONDS, os._exit, [1]).start()
    uvicorn.run(app.asgi(), host=options.host, port=options.port, log_config=None)
