# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An instance's accounts, changed by way of its own API, in a session that root on its machine makes for that.

No message holds a password or the body of an answer. Each call has a session of its own, of a minute at most.
"""

from __future__ import annotations

from typing import Any

from ansible_collections.mai.clients.plugins.module_utils._confined import Refused
from ansible_collections.mai.clients.plugins.module_utils._database import transaction
from ansible_collections.mai.clients.plugins.module_utils._instance import folder, health, session, web
from ansible_collections.mai.clients.plugins.module_utils._instance.place import Place
from ansible_collections.mai.clients.plugins.module_utils._people import accounts

# What is behind the door for everybody who may come in, in every release
_INSIDE = "/api/models"
_REFUSED = (401, 403)
_INCOMPLETE = 422
_NO_SUCH_ROUTE = (404, 405)


class PeopleError(Refused):
    """What did not work, and what to do. The reason is V(session), V(accounts), V(unreachable) or V(refused)."""


class Instance:
    """One that runs, and whose people sign in."""

    def __init__(self, url: str, place: Place) -> None:
        self._url, self._place = url.rstrip("/"), place
        self._secret = folder.variables(place.directory, "secrets.env").get("WEBUI_SECRET_KEY")

    def check(self) -> None:
        config = web.request(self._url + health.CONFIG, timeout=20)
        if config.status is None or config.status >= 500:
            why = f"HTTP {config.status}" if config.status else config.error
            raise PeopleError(
                f"The instance does not answer at {self._url} ({why}). Start it first: onboard_client.yml, or "
                "resume_client.yml for a client that is suspended.",
                "unreachable",
            )
        if not health.has_accounts(config):
            raise PeopleError("This release has no accounts, so there are no people to manage.", "accounts")

    def token(self, identifier: Any) -> str:
        """A session of that account."""
        if not self._secret:
            raise PeopleError(
                f"{self._place.directory}/secrets.env holds no WEBUI_SECRET_KEY, so no session can be made. Put it "
                "there, as the instance has it.",
                "session",
            )
        return session.token(self._secret, self.ask(accounts.claims, identifier))

    def ask(self, work: Any, *arguments: Any) -> Any:
        """What the database says."""
        return transaction(work, *arguments, **self._place.reached(), readonly=True, wait_timeout=10)

    def write(self, work: Any, *arguments: Any) -> Any:
        return transaction(work, *arguments, **self._place.reached(), readonly=False)

    def add(self, acting: Any, person: dict[str, Any], password: str) -> None:
        body = {name: person[name] for name in ("email", "name", "role")}
        answer = self._call("/api/v1/auths/add", acting, dict(body, password=password))
        if answer.status == 400:
            raise PeopleError(
                f"The instance does not accept {person['email']}, or the password for it (HTTP 400). Check the form of "
                "the address, and the instance's own rules for passwords.",
                "refused",
            )
        self._expect(answer, f"{person['email']} could not be added")

    def change(self, acting: Any, account: dict[str, Any], **changes: str) -> None:
        """Role or password; all else stays."""
        path, what = f"/api/v1/users/{account['id']}/update", f"{account['email']} could not be changed"
        answer = self._call(path, acting, changes)
        if answer.status == _INCOMPLETE:
            # Up to 0.6 everything has to be said
            everything = {name: account[name] for name in ("email", "name", "role")}
            everything["profile_image_url"] = self.ask(accounts.picture, account["id"])
            answer = self._call(path, acting, dict(everything, **changes))
        if answer.status == 400 and "password" in changes:
            raise PeopleError(
                f"The instance does not accept the new password of {account['email']} (HTTP 400): see its own rules "
                "for passwords.",
                "refused",
            )
        self._expect(answer, what)

    def delete(self, acting: Any, account: dict[str, Any]) -> None:
        answer = self._call(f"/api/v1/users/{account['id']}", acting, None, "DELETE")
        self._expect(answer, f"{account['email']} could not be deleted")

    def is_let_in(self, token: str) -> bool:
        """Whether who has that session gets anything but the door."""
        answer = web.request(self._url + _INSIDE, token=token, timeout=60)
        if answer.status is None or answer.status >= 500:
            raise PeopleError(f"{self._url}{_INSIDE} did not answer, so it is not proven who gets in.", "unreachable")
        return answer.status not in _REFUSED

    def signs_in(self, email: str, password: str) -> bool | None:
        """Where a second factor is asked for, it is asked after the password. None where nobody signs in with one."""
        body = {"email": email, "password": password}
        answer = web.request(self._url + "/api/v1/auths/signin", body=body, timeout=30)
        if answer.ok and isinstance(answer.data, dict):
            return True
        return False if answer.status in (400, 401) else None

    def knows(self, token: str) -> bool | None:
        """Whether that session is one, whoever's; None where no answer tells."""
        answer = web.request(self._url + "/api/v1/auths/", token=token, timeout=30)
        return None if answer.status is None or answer.status >= 500 else answer.ok

    def _call(self, path: str, acting: Any, body: Any, method: str | None = None) -> web.Answer:
        return web.request(self._url + path, body=body, token=self.token(acting), timeout=60, method=method)

    def _expect(self, answer: web.Answer, otherwise: str) -> None:
        """An unknown address is answered with the page itself: 200, but no JSON."""
        if answer.ok and answer.data is not None:
            return
        if answer.status in _REFUSED:
            raise PeopleError(
                f"{otherwise}: the instance refuses the session made on its machine (HTTP {answer.status}). It demands "
                "a second factor, or has another WEBUI_SECRET_KEY or database than its directory.",
                "session",
            )
        if answer.status in _NO_SUCH_ROUTE or answer.ok:
            raise PeopleError(f"{otherwise}: this release has no such call.", "accounts")
        why = f"HTTP {answer.status}" if answer.status else answer.error or "no answer"
        raise PeopleError(f"{otherwise}: {why}. See the instance's log.", "refused")
