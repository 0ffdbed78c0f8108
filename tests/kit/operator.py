# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What an operator can see and do of a client beside the playbooks, wherever the client is."""

from __future__ import annotations

import typing as t

import httpx

from tests.openrouter_simulator import Control, Simulator


class Operator:
    openrouter: Simulator

    @property
    def control(self) -> Control:
        return self.openrouter.control  # another one after each start

    def url(self, slug: str) -> str:
        """Of the instance, for those who are not on its machine."""
        raise NotImplementedError

    def variables(self, slug: str, name: str) -> dict[str, str]:
        """What is in one of the client's environment files."""
        raise NotImplementedError

    def secret(self, slug: str) -> str:
        """The key on the target."""
        values = self.variables(slug, "api_key.env")
        assert values["OPENAI_API_KEY"] == values["OPENROUTER_API_KEY"]
        return values["OPENAI_API_KEY"]

    def key(self, slug: str) -> dict[str, t.Any]:
        """The one key of the client's name at OpenRouter: those that were replaced have other names."""
        [key] = [key for key in self.control.all_keys() if key["name"] == f"client-{slug}"]
        return key

    def api(self, slug: str) -> httpx.Client:
        return httpx.Client(base_url=self.url(slug), trust_env=False, timeout=30)

    def sign_in(self, slug: str, email: str | None = None, password: str | None = None) -> httpx.Response:
        """The administrator, as the machine knows him, unless somebody else is named."""
        admin = self.variables(slug, "admin.env")
        form = {"email": email or admin["WEBUI_ADMIN_EMAIL"], "password": password or admin["WEBUI_ADMIN_PASSWORD"]}
        with self.api(slug) as api:
            return api.post("/api/v1/auths/signin", json=form)

    def session(self, slug: str) -> httpx.Client:
        """The administrator, signed in."""
        answer = self.sign_in(slug).raise_for_status()
        api = self.api(slug)
        api.headers["Authorization"] = f"Bearer {answer.json()['token']}"
        return api
