# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Documented in plugins/modules/client_menu.py."""

from __future__ import annotations

import os
import typing as t

from ansible import context
from ansible.errors import AnsibleError
from ansible.parsing.vault import PromptVaultSecret
from ansible.plugins.action import ActionBase
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.modules.client_menu import ARGUMENT_SPEC
from ansible_collections.mai.clients.plugins.plugin_utils import _child, _menu, _terminal
from ansible_collections.mai.clients.plugins.plugin_utils._client import account_keys
from ansible_collections.mai.clients.plugins.plugin_utils._menu import Choice, Target, Unclear
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key
from ansible_collections.mai.clients.plugins.plugin_utils._plan.variables import key_names, other_variable
from ansible_collections.mai.clients.plugins.plugin_utils._playbook import ROOT, playbook
from ansible_collections.mai.clients.plugins.plugin_utils._refusal import Refusal
from ansible_collections.mai.clients.plugins.plugin_utils._sealed import seal, unseal
from ansible_collections.mai.clients.plugins.plugin_utils._terminal import Left, NoTerminal, Question
from ansible_collections.mai.clients.plugins.plugin_utils._values import plain

Values = dict[str, t.Any]

SINGLE = ("new_client", "onboard_client", *(one.playbook for one in _menu.CHOICES if one.playbook))
WRONG_KEY = ("not_a_management_key", "invalid_option")
MOST_NAMED = 20


class ActionModule(ActionBase):
    _requires_connection = False
    _supports_check_mode = True
    _supports_async = False

    def run(self, tmp: str | None = None, task_vars: Values | None = None) -> Values:
        result = super().run(tmp, task_vars)
        _validation, options = self.validate_argument_spec(ARGUMENT_SPEC)
        self._task_vars = task_vars or {}
        self._key_typed = unseal(options["session"])
        hostvars = self._task_vars["hostvars"]
        slugs = self._task_vars["groups"].get("mai_clients", ())
        self._clients = key_names({slug: hostvars[slug] for slug in slugs})
        self._fleet = [*(hostvars[slug] for slug in slugs), self._task_vars]
        try:
            if options["created"]:
                self._guarded(lambda: self._onboard(options["created"]))
            create = self._until_create()
        except NoTerminal:
            raise Refusal(
                "This is a menu, and there is no terminal to ask in. Without one run the playbook that you want: "
                f"{', '.join(playbook(name) for name in SINGLE)}.",
                result={"changed": False},
            ) from None
        return {**result, "changed": False, "create": create, "session": seal(self._key_typed)}

    def _until_create(self) -> bool:
        """What is chosen is done, until a client is to be created, which takes tasks of its own, or it is the exit."""
        while True:
            _terminal.tell(_menu.MENU)
            try:
                answer = _terminal.read("Choice:")
            except Left:
                return False
            chosen = _menu.choice(answer)
            if chosen is None:
                _terminal.tell("  Give one of the numbers.")
                continue
            _terminal.tell(f"  {chosen.words}")
            if chosen.word in ("create", "exit"):
                return chosen.word == "create"
            self._guarded(lambda chosen=chosen: self._list() if chosen.word == "list" else self._of_one(chosen))

    @staticmethod
    def _guarded(do: t.Callable[[], None]) -> None:
        """Whatever becomes of a choice, the menu comes back."""
        try:
            do()
        except Left:
            _terminal.tell("  Left. Nothing was changed by this choice.")
        except (AnsibleError, Unclear, OSError) as error:
            _terminal.tell(f"  {str(error)}")

    # -----------------------------------------------------------------------------------------------------------------

    def _list(self) -> None:
        self._have_key()
        if self._clients:
            self._run("list_clients", {})
        alone = _menu.without_client(self._clients, self._keys())
        _terminal.tell("\nKeys at OpenRouter without a client of this inventory:" if alone else "")
        _terminal.tell(_menu.keys_table(alone) if alone else "Each key at OpenRouter belongs to a client.")

    def _of_one(self, chosen: Choice) -> None:
        self._have_key()
        target = self._target(chosen)
        if target.key:
            self._of_key(chosen, target.key)
        else:
            self._of_client(chosen, target.client)

    def _of_client(self, chosen: Choice, slug: str) -> None:
        variables = {"client": slug}
        if chosen.word == "limit":
            variables["new_limit"] = _terminal.ask(
                Question("New limit, USD per calendar month, or none"), _menu.limit_fault
            )
        elif chosen.word == "disable":
            self._confirm(f"Suspend {slug}: nothing can be spent any more, and its instance is stopped")
        elif chosen.word == "rotate":
            self._confirm(f"Give {slug} a new key: the old one is disabled, and its instance may restart")
        self._run(chosen.playbook, variables)

    def _of_key(self, chosen: Choice, key: Key) -> None:
        if not chosen.of_key:
            raise Unclear(f"the key {shown(key.name, 60)} has no client in this inventory, so there is no instance")
        _terminal.tell(_menu.key_text(key))
        if chosen.word == "information":
            return
        change: Values = {"hash": key.hash}
        if chosen.word == "limit":
            limit = _terminal.ask(Question("New limit in USD, or none"), _menu.limit_fault)
            change.update(limit=limit, limit_reset=key["limit_reset"] or "monthly")
        else:
            self._confirm("Disable this key: whoever uses it can spend nothing any more")
            change["state"] = "disabled"
        changed = self._openrouter("openrouter_key", change)
        now = account_keys([changed["key"]])[0]
        _terminal.tell(f"  {'changed' if changed['changed'] else 'it was so already'}:\n{_menu.key_text(now)}")

    def _onboard(self, slug: str) -> None:
        if _terminal.agreed(f"Onboard {slug} now?"):
            self._have_key()
            self._run("onboard_client", {"client": slug})

    # -----------------------------------------------------------------------------------------------------------------

    def _target(self, chosen: Choice) -> Target:
        if 0 < len(self._clients) <= MOST_NAMED:
            _terminal.tell(f"  Clients: {', '.join(self._clients)}")
        keys = self._keys(whatever=True)
        answer = _terminal.ask(Question("Client, or hash of a key" if chosen.of_key else "Client"))
        return _menu.target(answer, self._clients, keys)

    @staticmethod
    def _confirm(words: str) -> None:
        if not _terminal.agreed(f"{words}. Do it?", default=False):
            raise Left

    def _have_key(self) -> None:
        """The provisioning key is asked for only where none is set, and kept in no other place than this process."""
        while not self._key_is_set() and not self._key_typed:
            typed = _terminal.read("Provisioning key (it is not shown; Enter goes on without):", private=True)
            if not typed:
                return
            self._key_typed = typed
            found = self._openrouter("openrouter_key_info", {}, fails=False)
            if found.get("error") in WRONG_KEY:
                self._key_typed = ""
                _terminal.tell(f"  {found['msg']}")

    def _key_is_set(self) -> bool:
        return bool(
            self._of_inventory("openrouter_provisioning_key")
            or os.environ.get("OPENROUTER_PROVISIONING_KEY", "").strip()
            or os.environ.get("OPENROUTER_PROVISIONING_KEY_FILE")
        )

    def _of_inventory(self, name: str) -> t.Any:
        return next((value for one in self._fleet if (value := other_variable(one, name))), None)

    def _keys(self, whatever: bool = False) -> list[Key]:
        found = self._openrouter("openrouter_key_info", {"include_disabled": True}, fails=not whatever)
        return account_keys(found.get("api_keys"))

    def _openrouter(self, name: str, options: Values, fails: bool = True) -> Values:
        """A task of its own within this one, so that the key is an option of it and of nothing else."""
        task = self._task.copy()
        task.args = {
            "provisioning_key": plain(self._of_inventory("openrouter_provisioning_key")) or self._key_typed or None,
            "base_url": plain(self._of_inventory("openrouter_base_url")),
            **options,
        }
        action = self._shared_loader_obj.action_loader.get(
            f"mai.clients.{name}",
            task=task,
            connection=self._connection,
            play_context=self._play_context,
            loader=self._loader,
            templar=self._templar,
            shared_loader_obj=self._shared_loader_obj,
        )
        found = action.run(task_vars=self._task_vars)
        if fails and found.get("failed"):
            raise AnsibleError(found["msg"])
        return found

    def _run(self, name: str, variables: Values) -> None:
        """The playbook that an operator would have called, told as he would have called it."""
        sources = self._task_vars.get("ansible_inventory_sources") or ()
        _terminal.tell(f"\n$ {_child.command(name, sources, variables)}")
        environment = {"OPENROUTER_PROVISIONING_KEY": self._key_typed} if self._key_typed else {}
        path = os.path.realpath(os.path.join(ROOT, "playbooks", f"{name}.yml"))
        code = _child.run(path, variables, context.CLIARGS, self._asked(), environment, _terminal.tell)
        _terminal.tell("  Done." if code == 0 else f"  It ended with code {code}: see above what is wrong.")

    def _asked(self) -> dict[str, bytes]:
        """The passwords that were asked for when this run began: they are not asked for again."""
        given = context.CLIARGS
        found = {
            f"--vault-id={name}@": secret.bytes
            for name, secret in self._loader._vault.secrets or ()
            if isinstance(secret, PromptVaultSecret)
        }
        for asked, option, password in (
            ("ask_pass", "--connection-password-file=", self._play_context.password),
            ("become_ask_pass", "--become-password-file=", self._play_context.become_pass),
        ):
            if given.get(asked) and password:
                found[option] = str(password).encode()
        return found
