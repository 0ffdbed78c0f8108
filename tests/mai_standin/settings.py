# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the stand-in reads from its environment, once, at its start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

GENERATIONS = ("A", "B", "C", "none")
FORMS = ("rows", "blob")
FAILURES = ("", "start", "stuck", "crash", "unhealthy")


class SettingsError(Exception):
    """The environment asks for something that does not exist."""


def is_true(value: str) -> bool:
    return value.strip().lower() == "true"


def _one_of(env: Mapping[str, str], name: str, allowed: tuple[str, ...], default: str) -> str:
    value = env.get(name) or default
    if value not in allowed:
        raise SettingsError(f"{name} must be one of {', '.join(repr(one) for one in allowed)}, not {value!r}")
    return value


@dataclass(frozen=True)
class Settings:
    """Settings that count at every start; those that are stored in the database are in stored_settings.py."""

    generation: str = "C"
    form: str = "rows"
    fail: str = ""
    startup_delay: float = 0.0
    track_any_url: bool = False
    owner: int | None = None
    data_dir: Path = Path("data")
    database_url: str = field(default="", repr=False)
    name: str = "mAI"
    production: bool = False
    bypass_model_access: bool = False
    allowed_origins: tuple[str, ...] = ("*",)
    secure_cookie: bool = False
    admin_email: str = ""
    admin_password: str = field(default="", repr=False)
    admin_name: str = "Admin"
    external_user: str = ""
    organization_name: str = ""
    openrouter_api_key: str = field(default="", repr=False)
    environment: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def version(self) -> str:
        return "0.12.4" if self.form == "rows" else "0.6.18"

    @property
    def usage_is_configured(self) -> bool:
        """mAI records nothing, silently, when one of its three variables is missing."""
        return bool(self.external_user and self.organization_name and self.openrouter_api_key)

    def is_tracked_url(self, url: str) -> bool:
        return self.track_any_url or "openrouter.ai" in url

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Settings:
        return cls(
            generation=_one_of(env, "STANDIN_GENERATION", GENERATIONS, "C"),
            form=_one_of(env, "STANDIN_CONFIG", FORMS, "rows"),
            fail=_one_of(env, "STANDIN_FAIL", FAILURES, ""),
            startup_delay=float(env.get("STANDIN_STARTUP_DELAY") or 0),
            track_any_url=is_true(env.get("STANDIN_TRACK_ANY_URL", "")),
            owner=int(env["STANDIN_OWNER"]) if env.get("STANDIN_OWNER") else None,
            data_dir=Path(env.get("DATA_DIR") or "data"),
            database_url=env.get("DATABASE_URL", ""),
            name=env.get("WEBUI_NAME") or "mAI",
            production=env.get("ENV", "dev") == "prod",
            bypass_model_access=is_true(env.get("BYPASS_MODEL_ACCESS_CONTROL", "")),
            allowed_origins=tuple((env.get("CORS_ALLOW_ORIGIN") or "*").split(";")),
            secure_cookie=is_true(env.get("WEBUI_AUTH_COOKIE_SECURE", env.get("WEBUI_SESSION_COOKIE_SECURE", ""))),
            admin_email=env.get("WEBUI_ADMIN_EMAIL", ""),
            admin_password=env.get("WEBUI_ADMIN_PASSWORD", ""),
            admin_name=env.get("WEBUI_ADMIN_NAME") or "Admin",
            external_user=env.get("OPENROUTER_EXTERNAL_USER", ""),
            organization_name=env.get("ORGANIZATION_NAME", ""),
            openrouter_api_key=env.get("OPENROUTER_API_KEY", ""),
            environment=dict(env),
        )
