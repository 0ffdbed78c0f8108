# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""Observe, plan, apply: many keys at once. What goes wrong with one does not keep the others from being done.

This is private to the collection. Each key is created, changed and deleted by the same code as a single one.
"""

from __future__ import annotations

import traceback
import typing as t
from datetime import datetime, timezone

from .bulk_plan import Decided, Entry, Left, Prune, PruneRule, missing_in_theirs, plan_keys
from .carry_out import Outcome, carry_out
from .client import Client
from .create import Creation, new_nonce
from .decide import Decision
from .errors import OpenRouterError, StoreConflict
from .keys import Key
from .parallel import in_parallel
from .show import projected, result_of
from .values import told

_NAMED_IN_MESSAGE = 5


class NotTried(OpenRouterError):
    """OpenRouter failed for so long that nobody waits for it any more."""

    code = "not_tried"


class Bug(OpenRouterError):
    code = "bug"


class Single:
    """One key of many: it is planned already, and whether another run made the same is looked up once for all."""

    def __init__(self, client: Client, decided: Decided, check_mode: bool, nonce: t.Callable[[], str]) -> None:
        self.entry = decided.entry
        self.error: OpenRouterError | None = decided.error
        self.result: dict[str, t.Any] | None = None
        self.created: Key | None = None
        self._client = client
        self._decided = decided
        self._check_mode = check_mode
        self._creation = Creation(client, self.entry.name, nonce=nonce)

    @property
    def unfinished(self) -> str | None:
        """Name of the key that an interruption now would leave, and whose secret nobody has."""
        return self._creation.unfinished

    def do(self) -> None:
        try:
            self.result = self._carry_out()
        except OpenRouterError as error:
            self.error = error
        except Exception as error:  # its text may quote what it did not like
            where = traceback.extract_tb(error.__traceback__)[-1]
            self.error = Bug(f"{type(error).__name__} in {where.name}, line {where.lineno}.")
            self.take_back()

    def _carry_out(self) -> dict[str, t.Any]:
        if self._decided.plan is None:
            raise AssertionError("nothing was planned for this key")
        decision = Decision(self._decided.plan, self._decided.keys)
        outcome = Outcome(projected(decision.plan, self.entry.name))
        if decision.plan.actions and not self._check_mode:
            outcome = carry_out(self._client, decision, self._creation)
            self.created = outcome.created
        return result_of(decision, self.entry.name, outcome, self._creation.warnings)

    def give_way(self, named: t.Iterable[Key]) -> None:
        """Without a file nothing decides between two runs: whoever sees the other's key removes its own."""
        if self.created and any(key.hash != self.created.hash for key in named):
            self.error = StoreConflict(f"Another run created a key named {self.entry.name} at the same time.")
            self._creation.undo(self.created, self.error)
            self.error.add("Run again.")

    def take_back(self) -> None:
        """Nobody will get the secret of the key that was made."""
        if self.created:
            self._creation.unfinished = self.entry.name
            self._creation.undo(self.created, self.error or OpenRouterError("Interrupted."))
            self.created = None


class Bulk:
    """Brings many keys to what is desired."""

    def __init__(
        self,
        client: Client,
        entries: t.Sequence[Entry],
        rule: PruneRule | None = None,
        concurrency: int = 8,
        check_mode: bool = False,
        now: t.Callable[[], datetime] = lambda: datetime.now(timezone.utc),
        nonce: t.Callable[[], str] = new_nonce,
    ) -> None:
        self._client = client
        self._entries = entries
        self._rule = rule
        self._concurrency = concurrency
        self._check_mode = check_mode
        self._now = now
        self._nonce = nonce
        self._singles: list[Single] = []
        self._pruned: list[Key] = []
        self._left: list[Left] = []
        self._not_pruned: list[tuple[Key, OpenRouterError]] = []

    @property
    def workspaces(self) -> set[str | None]:
        return {entry.workspace for entry in self._entries}

    @property
    def unfinished(self) -> list[str]:
        """Names of the keys that an interruption left, and whose secrets nobody has."""
        return [single.unfinished for single in self._singles if single.unfinished]

    def run(self) -> dict[str, t.Any]:
        listings, hopeless = self._list()
        steps = plan_keys(self._entries, listings, hopeless, self._rule, self._now(), self._nonce)
        self._singles = [Single(self._client, one, self._check_mode, self._nonce) for one in steps.decided]
        try:
            self._apply()
            self._check_alone()
            self._prune(steps.prune)
        except BaseException:
            self._client.hurry()
            self._in_parallel(Single.take_back, self._singles)
            raise
        return self._result()

    def _in_parallel(self, work: t.Callable[[t.Any], None], items: t.Iterable[t.Any]) -> list[t.Any]:
        return in_parallel(work, items, self._concurrency)

    def _list(self) -> tuple[dict[str | None, list[Key]], dict[int, OpenRouterError]]:
        """Each workspace once, and the entries for which that was not possible."""
        listings: dict[str | None, list[Key]] = {}
        failures: dict[str | None, OpenRouterError] = {}

        def look(workspace: str | None) -> None:
            try:
                listings[workspace] = self._client.list_keys(workspace)
            except OpenRouterError as error:
                failures[workspace] = error

        self._in_parallel(look, self.workspaces)
        if failures and not listings:
            raise next(iter(failures.values()))
        hopeless = {entry.index: failures[entry.workspace] for entry in self._entries if entry.workspace in failures}
        missing = missing_in_theirs([entry for entry in self._entries if entry.workspace in listings], listings)
        if missing and None not in {*listings, *failures}:
            look(None)
        if None in failures:
            hopeless.update((entry.index, failures[None]) for entry in missing)
        return listings, hopeless

    def _apply(self) -> None:
        possible = [single for single in self._singles if single.error is None]
        for single in in_parallel(Single.do, possible, self._concurrency, lambda: self._client.patient):
            single.error = _not_tried()

    def _check_alone(self) -> None:
        created = [single for single in self._singles if single.created]
        for workspace in {single.entry.workspace for single in created}:
            try:
                listed = self._client.list_keys(workspace)
            except OpenRouterError:
                continue  # the secrets must not be lost for the sake of this check
            by_name: dict[str, list[Key]] = {}
            for key in listed:
                by_name.setdefault(key.name, []).append(key)
            for single in created:
                if single.entry.workspace == workspace:
                    single.give_way(by_name.get(single.entry.name, []))

    def _prune(self, prune: Prune) -> None:
        self._left = list(prune.left)
        if self._check_mode:
            self._pruned = list(prune.doomed)
            return
        for key in in_parallel(self._prune_one, prune.doomed, self._concurrency, lambda: self._client.patient):
            self._not_pruned.append((key, _not_tried()))

    def _prune_one(self, listed: Key) -> None:
        """Somebody may have begun to use the key since it was listed."""
        try:
            key = self._client.get_key(listed.hash)
            if key is None:
                return
            if key.name != listed.name or not (key.unused or (self._rule and self._rule.used)):
                self._left.append(Left(key, "has changed since it was listed"))
                return
            self._client.delete_key(key.hash)
            self._pruned.append(key)
        except OpenRouterError as error:
            self._not_pruned.append((listed, error))

    # Showing

    def _result(self) -> dict[str, t.Any]:
        result: dict[str, t.Any] = {name: [] for name in ("created", "updated", "deleted", "unchanged", "actions")}
        diff: dict[str, t.Any] = {"before": {"keys": {}}, "after": {"keys": {}}}
        left = [_left(one.key.shown(), one.why) for one in self._left]
        warnings: list[str] = []
        for single in self._singles:
            if single.error is None and single.result is not None:
                _add(result, diff, single.entry, single.result)
                left += [_left(key, "its creation has not been finished") for key in single.result["pending_left"]]
                warnings += single.result["warnings"]
        pruned = sorted(self._pruned, key=lambda key: key.name)
        for key in pruned:
            result["actions"].append({"action": "delete", "name": key.name, "hash": key.hash, "why": "pruned"})
            diff["before"]["keys"][key.hash] = key.settings()
        failed = [_failed(single.entry, single.error) for single in self._singles if single.error]
        failed += [_failed_prune(key, error) for key, error in self._not_pruned]
        result.update(changed=bool(result["actions"]), left=left, failed_entries=failed)
        result.update(pruned=[{"name": key.name, "hash": key.hash} for key in pruned])
        result.update(warnings=warnings, diff=diff)
        if failed:
            result.update(failed=True, msg=_summary(failed, len(self._entries)))
        return result


def _add(result: dict[str, t.Any], diff: dict[str, t.Any], entry: Entry, done: dict[str, t.Any]) -> None:
    """One entry's result to that of all; names and hashes only, but for what was created."""
    name, key = entry.name, done["key"]
    if not done["actions"]:
        result["unchanged"].append({"name": name, "hash": key["hash"] if key else None})
        return
    result["actions"] += [{"entry": name, **action} for action in done["actions"]]
    for action in done["actions"]:
        if action["action"] == "create":
            secret = {"secret": done["secret"]} if "secret" in done else {}
            result["created"].append({"name": name, "hash": key["hash"], "key": key, **secret})
        elif action["action"] == "delete":
            result["deleted"].append({"name": action["name"], "hash": action["hash"], "why": action["why"]})
        elif action["action"] == "update" and action["hash"]:
            result["updated"].append({"name": action["name"], "hash": action["hash"], "changes": action["changes"]})
    for side in ("before", "after"):
        for key_hash, settings in done["diff"][side]["keys"].items():
            diff[side]["keys"][name if key_hash == "new key" else key_hash] = settings


def _left(key: t.Mapping[str, t.Any], why: str) -> dict[str, t.Any]:
    return {"name": key["name"], "hash": key["hash"], "usage": key["usage"], "why": why}


def _failed(entry: Entry, error: OpenRouterError) -> dict[str, t.Any]:
    about = {"index": entry.index, "name": entry.name, "hash": None}
    return {**about, "msg": str(error), "error": error.code, "status": error.status, **error.details}


def _failed_prune(key: Key, error: OpenRouterError) -> dict[str, t.Any]:
    about = {"index": None, "name": key.name, "hash": key.hash}
    return {**about, "msg": f"Not pruned. {error}", "error": error.code, "status": error.status}


def _not_tried() -> NotTried:
    return NotTried("Not tried, because OpenRouter had failed for too long. Run again later.")


def _summary(failed: t.Sequence[t.Mapping[str, t.Any]], entries: int) -> str:
    lines = [f"- {_where(one)}: {one['msg']}" for one in failed[:_NAMED_IN_MESSAGE]]
    more = len(failed) - len(lines)
    if more:
        lines.append(f"- and {more} more, see failed_entries in the result")
    pruning = sum(one["index"] is None for one in failed)
    what = f"{len(failed) - pruning} of {entries} entries failed"
    if pruning:
        what += f", and {pruning} keys could not be pruned"
    return "\n".join([f"{what}. Everything else is done.", *lines])


def _where(failed: t.Mapping[str, t.Any]) -> str:
    place = "prune" if failed["index"] is None else f"api_keys[{failed['index']}]"
    return f"{place} ({told(failed['name'])})"
