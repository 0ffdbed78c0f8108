# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

"""What is wrong with one client, why, and what to do: the guide's troubleshooting as checks that only decide.

Every copy of the key is compared with the key at OpenRouter, so that one wrong copy is one failure and not five.
What cannot be tried is unknown and never failed.

Much of it was written by the instance's people. In a sentence it is text of one line. In a command, which somebody
pastes beside the agency's keys, it stands only where it is plain.
"""

from __future__ import annotations

import re
import typing as t
from datetime import datetime, timezone

from ansible_collections.mai.clients.plugins.module_utils._secret import sha256
from ansible_collections.mai.clients.plugins.module_utils._text import show_url, shown
from ansible_collections.mai.clients.plugins.plugin_utils._client import (
    CELL,
    GIB,
    NOT_KNOWN,
    amount,
    found,
    keys_of,
    limit_difference,
    number,
    own_container,
    some_of,
    told,
    unreadable,
)
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key, carried_usage
from ansible_collections.mai.clients.plugins.plugin_utils._plan.backup import age_text
from ansible_collections.mai.clients.plugins.plugin_utils._plan.checks import HOPELESS, judge
from ansible_collections.mai.clients.plugins.plugin_utils._plan.instance import LATE_SETTINGS, key_from_environment
from ansible_collections.mai.clients.plugins.plugin_utils._playbook import playbook

Values = t.Mapping[str, t.Any]
Finding = t.Tuple[str, str, str]  # result, cause, remedy

MIB = 1024**2
EMPTY = sha256("")
# mAI's own when the bank that gives the rate does not answer.
FALLBACK_RATE = 4.0
# A word to the shell, a value to k=v, and no template to Jinja, which reads the arguments of an ansible command.
PLAIN = re.compile(r"[A-Za-z0-9/._][A-Za-z0-9/._:@+-]{0,254}")
LONGEST_COMMAND = 10_000
# Where an image of Open WebUI keeps its database (see the volume in roles/instance/templates/compose.yml.j2).
IN_CONTAINER = "/app/backend/data/webui.db"


def plain(value: t.Any) -> bool:
    """Whether a value may stand in a command that somebody pastes."""
    return isinstance(value, str) and bool(PLAIN.fullmatch(value))


def needed(value: t.Any) -> float | None:
    """A number, or nothing where a release does not have it; anything else is not read as if it were."""
    if value is not None and number(value) is None:
        raise TypeError("no number")
    return value


class Case:
    """One client: what was seen of it, and the commands that help it."""

    def __init__(
        self, seen: Values | None, client: Values, account: Values, keys: t.Sequence[Values] | None, chat: Values | None
    ) -> None:
        self.seen, self.client, self.account, self.chat = found(seen), client, told(account), told(chat)
        self.openrouter = keys is not None
        self.of_name = keys_of(keys, client["key_name"])
        self.current = [key for key in self.of_name if key.name == client["key_name"]]

    @property
    def key(self) -> Key:
        """Of several with the name, the one that the machine has."""
        mine = [key for key in self.current if self.seen and key.hash == self.seen["key_hash"]]
        return (mine or self.current)[0]

    @property
    def suspended(self) -> bool:
        return bool(self.current and self.key.disabled)

    @property
    def key_hash(self) -> str | None:
        """What every copy of the key is compared with; where OpenRouter does not tell, the machine's own."""
        return self.key.hash if self.current else self.seen["key_hash"]

    @property
    def others(self) -> list[str]:
        """Addresses of the connections that are not the client's."""
        saved = self.seen["stored_connection"]["connections"]
        return [one["url"] for one in saved if one["key_hash"] not in (self.key_hash, None)]

    def play(self, name: str, more: str = "") -> str:
        slug = self.client["slug"]
        if not plain(slug):
            return f"{playbook(name)} for this client, after its name in the inventory was corrected"
        return f"ansible-playbook {self.client['inventory']} {playbook(name)} -e client={slug}{more}"

    def put_right(self) -> str:
        """A suspended client stays so whenever it is onboarded."""
        return self.play("resume_client" if self.suspended else "onboard_client")

    def on_machine(self, arguments: str, *values: t.Any, instead: str, then: str = "") -> str:
        """A command with a value for each {}, and another after it; where a value is not plain, what to do instead."""
        if not all(map(plain, (self.client["slug"], *values))):
            return instead
        command = f"ansible {self.client['inventory']} {self.client['slug']} -b {arguments.format(*values)}"
        return f"{command} && {then}" if then else command

    def log(self) -> str:
        if self.client["deployment"] == "docker":
            what, arguments, value = "its container", "-a 'docker logs --tail 50 {}'", self.client["service"]
        elif self.seen["unit"] and self.seen["unit"]["exists"]:
            what, arguments, value = "its unit", "-a 'journalctl -n 50 -u {}'", self.client["service"]
        else:
            what, arguments, value = "the instance", "-a 'tail -n 50 {}'", f"{self.client['directory']}/instance.log"
        return self.on_machine(arguments, value, instead=f"see the log of {what} on its machine")

    def by_hand(self, what: str) -> str:
        slug = self.client["slug"] if plain(self.client["slug"]) else "…"
        where = f"{playbook('client_info')} -e client={slug}"
        return f"see {what} in {where}, and correct by hand the one that is not the client's"

    def organization(self, identifier: t.Any, more: str = "", then: str = "") -> str:
        return self.on_machine(
            f"-m mai.clients.client_organization -a 'id={{}} deployment_dir={{}}{more}'",
            identifier,
            self.client["directory"],
            instead=self.by_hand("the organisations"),
            then=then,
        )

    def sql(self, statement: str, *values: t.Any, instead: str) -> str:
        """For any shell; every machine has Python, and not every one has a command sqlite3.

        What runs in a container is changed in there: root on the machine opens nothing by a name of the instance's.
        """
        if self.seen["database"].get("kind") == "postgresql":
            return instead
        path, does, *rest = (f'\\"{text}\\"' for text in ("{}", statement, *("{}" for _value in values)))
        program = f"python3 -c 'import sqlite3; db = sqlite3.connect({path}); db.execute({does}, [{', '.join(rest)}])"
        program += "; db.commit()'"
        if self.client["deployment"] != "docker":
            return self.on_machine(f'-m shell -a "{program}"', self.seen["database"]["path"], *values, instead=instead)
        arguments = f'-m shell -a "docker exec {{}} {program}"'
        return self.on_machine(arguments, self.client["service"], IN_CONTAINER, *values, instead=instead)

    @property
    def expected(self) -> Values:
        expiry = self.key.expiry(datetime.now(timezone.utc))[1] if self.current else ""
        own = {"key": {"hash": self.key_hash}, "expiry": expiry, "answered": self.openrouter}
        site = self.client.get("proxy") or {}
        return {**self.client, **own, "site": site, "off": self.suspended, "now": datetime.now(timezone.utc)}

    def verified(self, check: str, remedy: t.Callable[[], str]) -> Finding:
        """One of the checks that end an onboarding."""
        result, cause = judge(check, self.seen, self.expected)
        return (result, cause, remedy() if result == "failed" else "")


def ok(cause: str) -> Finding:
    return ("ok", cause, "")


def unknown(cause: str) -> Finding:
    return ("unknown", cause, "")


# What a check needs: why it cannot be made, or nothing


def _no_openrouter(case: Case) -> str:
    return "" if case.openrouter else "the keys at OpenRouter are not known, see the provisioning key"


def _no_key(case: Case) -> str:
    return _no_openrouter(case) or ("" if case.current else f"there is no key {case.client['key_name']}")


def _no_machine(case: Case) -> str:
    if not case.seen:
        return "its machine does not answer" if case.client["unreachable"] else "its machine could not be looked at"
    return ""


def _no_client(case: Case) -> str:
    return _no_machine(case) or ("" if case.seen["directory"]["managed"] else "it was not onboarded")


def _no_answer(case: Case) -> str:
    return _no_client(case) or ("" if case.seen["health"]["status"] is not None else "the instance does not answer")


def _no_database(case: Case) -> str:
    missing = _no_client(case)
    if missing:
        return missing
    database = case.seen["database"]
    return "the database cannot be read, see there" if database["error"] else ""


# The account and the key


def _provisioning_key(case: Case) -> Finding:
    account = case.account
    if account.get("management_key"):
        return ok("OpenRouter accepts it")
    if account.get("error") in ("not_a_management_key", "invalid_option"):
        return ("failed", account["msg"], "export OPENROUTER_PROVISIONING_KEY_FILE=/path/to/the/management/key")
    if account.get("error") == "unfit_environment":
        return ("failed", account["msg"], "env | grep -i -e proxy -e ssl")
    return unknown(account.get("msg") or "OpenRouter was not asked")


def _credits(case: Case) -> Finding:
    credit = case.account.get("credits")
    if not credit:
        return unknown("the credits are not known, see the provisioning key")
    if credit["left"] > 0:
        return ok(f"{credit['left']:.2f} USD are left")
    return ("failed", "the agency's credits at OpenRouter are used up", "https://openrouter.ai/settings/credits")


def _inventory(case: Case) -> Finding:
    if not case.client["problems"]:
        return ok("the client's name and variables are acceptable")
    slug = case.client["slug"]
    query = f"ansible-inventory {case.client['inventory']} --host {slug} --yaml"
    return ("failed", "; ".join(case.client["problems"]), query if plain(slug) else "correct the inventory")


def _key_exists(case: Case) -> Finding:
    name = case.client["key_name"]
    if len(case.current) == 1:
        return ok(f"{name} is {case.key['label'] or case.key.hash[:8]}")
    if not case.current:
        return ("failed", f"OpenRouter has no key named {name}", case.play("onboard_client"))
    hashes = some_of(key.hash[:8] for key in case.current)
    cause = f"{len(case.current)} keys have the name {name}: {hashes}. Delete those that are not the client's"
    return ("failed", cause, "https://openrouter.ai/settings/keys")


def _key_enabled(case: Case) -> Finding:
    if not case.key.disabled:
        return ok("it is enabled")
    return ("failed", "it is disabled: the client is suspended", case.play("resume_client"))


def _key_not_expired(case: Case) -> Finding:
    expires = case.key.expires
    if expires is None:
        return ok("it does not expire")
    kind, _said = case.key.expiry(datetime.now(timezone.utc))
    when = f"{expires:%Y-%m-%d %H:%M} UTC"
    if not kind:
        return ok(f"it expires at {when}")
    return ("failed", f"it {'expired' if kind == 'expired' else 'expires'} at {when}", case.play("rotate_key"))


def _limit_ordered(case: Case) -> Finding:
    if case.client["limit"] == NOT_KNOWN:
        return unknown("mai_monthly_limit is no limit, see name and variables")
    differs = limit_difference(case.key, carried_usage(case.of_name, case.client["key_name"]), case.client["limit"])
    if differs:
        return ("failed", differs, case.put_right())
    return ok("it is that of the inventory")


def _limit(case: Case) -> Finding:
    limit, left, reset = needed(case.key["limit"]), case.key["limit_remaining"], case.key["limit_reset"]
    if limit is None:
        return ok("NO LIMIT")
    if left is None or left > 0:
        return ok(f"{NOT_KNOWN if left is None else amount(left)} of {amount(limit)} USD are left")
    until = {"daily": "today", "weekly": "this week", "monthly": "this month"}.get(reset, "for good")
    more = f" -e new_limit={limit * 2 if limit > 0 else 10:g}"
    return ("failed", f"all of its {amount(limit)} USD are used {until}", case.play("set_limit", more))


def _budgets(case: Case) -> Finding:
    probed = case.seen["probe"]["key"]
    if not probed["ok"] or case.seen["key_hash"] != case.key_hash:
        return unknown(probed["error"] or "the key on the machine is another")
    budget = probed["effective_budget"] or {}
    left = needed(budget.get("remaining_usd"))
    if budget.get("scope") == "key_limit" or left is None or left > 0:
        return ok("no budget of its workspace or of a guardrail is used up")
    words = (budget.get("scope"), budget.get("guardrail_id") or budget.get("budget_id"))
    what = " ".join(shown(word, CELL) for word in words if word)
    cause = f"a budget above the key is used up: {what}, {amount(budget.get('limit_usd'))} USD. Raise it there"
    return ("failed", cause, "https://openrouter.ai/settings")


# The machine and the instance


def _onboarded(case: Case) -> Finding:
    directory = case.seen["directory"]
    if directory["managed"]:
        return ok(directory["path"])
    cause = f"there is no instance of this client in {directory['path']}"
    if directory["exists"] and not directory["empty"]:
        cause = f"{directory['path']} was made by somebody else"
    return ("failed", cause, case.play("onboard_client"))


def _reached(case: Case) -> Finding:
    return case.verified("OpenRouter from the machine", case.put_right)


def _key_on_machine(case: Case) -> Finding:
    if case.seen["key_hash"] == case.key.hash:
        return ok("it is the client's")
    return ("failed", "the key in api_key.env is not the client's key at OpenRouter", case.play("onboard_client"))


def _instance_up(case: Case) -> Finding:
    container = own_container(case.seen)
    if case.client["deployment"] == "docker" and container.get("state") != "running":
        return ("failed", f"its container is {container.get('state', 'missing')}", case.put_right())
    if case.seen["health"]["status"] is None and not case.seen["port"]["ours"]:
        return ("failed", f"nothing answers at {case.seen['health']['url']}", case.put_right())
    return ok("it runs")


def _instance_healthy(case: Case) -> Finding:
    if case.seen["health"]["status"] is None and not case.seen["port"]["ours"]:
        return unknown("the instance does not run")
    return case.verified("instance healthy", case.log)


def _environment(case: Case) -> Finding:
    has = case.seen["environment"]
    if not has:
        return unknown("the instance does not run")
    wanted = {name: digest for name, digest in case.seen["settings"].items() if name not in LATE_SETTINGS}
    if key_from_environment(case.seen):
        # Not the file's: a wrong key there has a check of its own
        wanted.update(dict.fromkeys(("OPENAI_API_KEY", "OPENROUTER_API_KEY"), case.key_hash))
    differ = sorted(name for name, digest in wanted.items() if has.get(name) != digest)
    if differ:
        return ("failed", f"it runs with other values than its files have: {some_of(differ)}", case.put_right())
    return ok("it runs with what its files have")


def _address(case: Case) -> Finding:
    saved = [c["url"] for c in case.seen["stored_connection"]["connections"] if c["key_hash"] == case.key_hash]
    address = str(saved[0]) if saved else show_url(case.client["api_base_url"])
    if not case.seen["database"]["tracks_usage"] or "openrouter.ai" in address:
        return ok(address)
    cause = f"mAI counts usage only at openrouter.ai, and the instance uses {address}: remove mai_instance_api_base_url"
    return ("failed", cause, case.play("onboard_client"))


def _tracking_variables(case: Case) -> Finding:
    if not case.seen["database"]["tracks_usage"]:
        return ok("this release counts no usage")
    has = case.seen["environment"]
    if not has:
        return unknown("the instance does not run")
    names = ("OPENROUTER_EXTERNAL_USER", "ORGANIZATION_NAME", "OPENROUTER_API_KEY")
    missing = [name for name in names if has.get(name, EMPTY) == EMPTY]
    if missing:
        cause = f"mAI counts no usage without {', '.join(missing)}: somebody edited settings.env"
        return ("failed", cause, case.play("onboard_client"))
    if has["OPENROUTER_EXTERNAL_USER"] != sha256(case.client["client_id"]):
        cause = f"OPENROUTER_EXTERNAL_USER is not {case.client['client_id']}: somebody edited settings.env"
        return ("failed", cause, case.play("onboard_client"))
    return ok("mAI has all three")


def _key_saved(case: Case) -> Finding:
    return case.verified("key saved in Open WebUI", lambda: _save_key(case))


def _save_key(case: Case) -> str:
    """An onboarding replaces only keys and URLs that are known to have been the client's."""
    saved = [one for one in case.seen["stored_connection"]["connections"] if one["key_hash"]]
    ours = [one for one in saved if one["key_hash"] == case.key_hash]
    if not saved or (not ours and saved[0]["key_hash"] in case.seen["former_key_hashes"]):
        return case.play("onboard_client")
    # The hash of a URL: the URL is whatever somebody typed. One of the inventory with an @ may hold a password.
    replaces, replaced = ("replaces_urls", ours[0].get("url_hash")) if ours else ("replaces", saved[0]["key_hash"])
    url = case.client["api_base_url"]
    return case.on_machine(
        f"-m mai.clients.stored_connection -a 'deployment_dir={{}} secret_file={{}} base_url={{}} {replaces}={{}}'",
        case.client["directory"],
        f"{case.client['directory']}/api_key.env",
        None if "@" in url else url,
        replaced,
        instead="put the client's key and URL back in the instance, under Settings, Connections",
    )


def _models(case: Case) -> Finding:
    result, cause, remedy = case.verified("models listed", case.log)
    status = needed(case.seen["probe"]["key"]["status"])
    unreached = judge("OpenRouter from the machine", case.seen, case.expected)[0] == "failed"
    if result == "failed" and (unreached or (status or 0) >= 500):
        return unknown("the machine gets no answer of OpenRouter")
    return (result, cause, remedy)


# The database


def _database(case: Case) -> Finding:
    database = case.seen["database"]
    if not database["error"]:
        return ok("it can be read") if database.get("exists", True) else unknown("the instance has made none yet")
    if database.get("error_reason") not in HOPELESS:
        return unknown(f"it cannot be read: {database['error']}")
    remedy = case.log()
    if database["error_reason"] == "foreign":
        look = "see what lies in the data directory of the instance"
        remedy = case.on_machine("-a 'ls -lab {}/data'", case.client["directory"], instead=look)
    return ("failed", f"it cannot be read, because of what is in it or in its place: {database['error']}", remedy)


def _organization(case: Case) -> Finding:
    # What was found is as it is shown, so what is expected is made so
    wanted = shown(case.client["client_id"])
    active = [row["id"] for row in case.seen["database"]["organizations"] if row["is_active"]]
    others = [identifier for identifier in active if identifier != wanted]

    def remedy() -> str:
        if not others:
            return case.put_right()
        # An onboarding refuses to take over what it did not make. Recorded usage is kept.
        more = " active=false" if wanted in active else " state=absent"
        return case.organization(others[0], more, then=case.put_right())

    return case.verified("organisation recorded", remedy)


def _usage(case: Case) -> Finding:
    counted = needed((case.seen["database"]["tracking"] or {}).get("used_today"))
    if counted is None:
        return ok("this release counts no usage")
    spent = sum(key["usage_daily"] or 0 for key in case.of_name)
    others = f" ({some_of(case.others)})" if case.others else ""
    if spent and not counted:
        cause = f"{spent:.4f} USD today at OpenRouter, nothing in the instance"
        if case.seen["environment"].get("INFLUXDB_FIRST_ENABLED") == sha256("true"):
            return unknown(f"{cause}: the batch that counts has not run yet")
        cause += ": it did not count them, or the batch that counts has not run yet, or the key is used elsewhere"
        return ("failed", cause, case.log())
    if counted and not spent:
        cause = f"{counted:.4f} USD today in the instance, nothing at OpenRouter on the client's key: chats go over"
        return ("failed", f"{cause} another connection that an administrator added{others}", case.play("client_info"))
    words = f"today {spent:.4f} USD at OpenRouter, {counted:.4f} USD in the instance"
    return ok(words + (f"; chats over another connection{others} are not counted" if others else ""))


def _people(name: str) -> t.Callable[[Case], Finding]:
    def check(case: Case) -> Finding:
        people = needed((case.seen["database"]["tracking"] or {}).get(f"users_{name.replace(' ', '_')}"))
        active = [row["id"] for row in case.seen["database"]["organizations"] if row["is_active"]]
        if active != [shown(case.client["client_id"])]:
            return unknown("see the organisation")
        if people is None:
            return ok("this release does not read that")
        if not people:
            return ok("all users")
        cause = f"{people} users are {name} of the organisation"
        return ("failed", cause, case.organization(case.client["client_id"]))

    return check


def _no_provisioning_key(case: Case) -> Finding:
    if not (case.seen["database"]["tracking"] or {}).get("provisioning_key_saved"):
        return ok("none in the instance's database")
    cause = (
        "a provisioning key is saved in the instance (global_settings), whose administrators can download it: "
        "remove it, and replace it at OpenRouter"
    )
    statement = "UPDATE global_settings SET openrouter_provisioning_key = NULL"
    return ("failed", cause, case.sql(statement, instead="empty that column in the instance's database"))


def _administrator(case: Case) -> Finding:
    people = needed(case.seen["database"]["administrators"])
    if people is None:
        return unknown("this release has no table of users")
    if people:
        return ok(f"users who administer it: {people}")
    email = case.client["admin_email"] or ""
    if case.seen["database"]["users"] and plain(email):
        cause = f"none of its users administers the instance: {email} can be made to"
        statement, instead = "UPDATE user SET role = ? WHERE email = ?", "make that user administrator in the database"
        return ("failed", cause, case.sql(statement, "admin", email, instead=instead))
    return ("failed", "nobody can administer the instance: set mai_admin_email", case.play("onboard_client"))


def _signup(case: Case) -> Finding:
    def remedy() -> str:
        if case.seen["stored_connection"]["form"] != "rows":
            return case.play("onboard_client")
        # Newer releases read it there, and no longer from their environment
        statement, instead = "UPDATE config SET value = ? WHERE key = ?", "switch it off under Settings, General"
        return case.sql(statement, "false", "ui.enable_signup", instead=instead)

    return case.verified("sign-up closed", remedy)


def _published(check: str) -> t.Callable[[Case], Finding]:
    def finding(case: Case) -> Finding:
        if not (case.client.get("proxy") or {}).get("fqdn"):
            return ok("it is not published by this collection")
        return case.verified(check, lambda: _serve(case))

    return finding


def _serve(case: Case) -> str:
    site = (case.seen["proxy"] or {}).get("site") or {}
    if not site.get("exists") or case.client["proxy"].get("why"):
        return case.put_right()
    return case.on_machine("-a 'journalctl -n 50 -u caddy'", instead="see the log of Caddy on its machine")


def _exchange_rate(case: Case) -> Finding:
    rate = (case.seen["database"]["tracking"] or {}).get("exchange_rate")
    if not rate:
        return ok("none is kept")
    date = shown(rate["date"], CELL)
    if number(rate["rate"]) is None:
        return (
            "failed",
            f"the rate of {date} in the instance's database is no number: PLN are shown wrongly",
            case.log(),
        )
    if rate["rate"] != FALLBACK_RATE and "fallback" not in str(rate["source"]).lower():
        return ok(f"{rate['rate']} of {date}")
    cause = f"the rate of {date} is the built-in {rate['rate']}: the bank's was not reached, PLN are shown wrongly"
    bank = "https://api.nbp.pl/api/exchangerates/rates/a/usd/"
    return (
        "failed",
        cause,
        case.on_machine(f"-a 'curl -sS {bank}'", instead=f"see whether its machine reaches {bank}"),
    )


def _disk(case: Case) -> Finding:
    places = (case.seen["directory"]["free_bytes"], case.seen["docker"]["data_root_free_bytes"])
    free = min((place for place in map(needed, places) if place is not None), default=None)
    if free is None:
        return unknown("the free space is not known")
    words = f"{free / GIB:.1f} GiB are free"
    if free >= case.client["disk_gib"] * GIB:
        return ok(words)
    return (
        "failed",
        f"only {words}",
        case.on_machine("-m shell -a 'df -h; docker system df'", instead="see what takes it"),
    )


def _memory(case: Case) -> Finding:
    free = needed(case.seen["machine"]["memory_available_bytes"])
    if free is None:
        return unknown("the free memory is not known")
    words = f"{free / MIB:.0f} MiB are free"
    if free >= case.client["memory_mib"] * MIB:
        return ok(words)
    command = "-m shell -a 'free -m; ps aux --sort=-rss | head'"
    return ("failed", f"only {words}", case.on_machine(command, instead="see what takes it"))


def _chat(case: Case) -> Finding:
    chat, wanted = case.chat or {}, shown(case.client["client_id"])
    if chat.get("status") == "failed":
        return ("failed", chat["reason"], case.log())
    if chat.get("status") != "ok":
        return unknown(chat.get("reason") or chat.get("msg") or "it was not tried")
    user = chat["external_user"] or ""
    if user == wanted or user.startswith(wanted + "_user_"):
        return ok(f"OpenRouter has it under {user}")
    return ("failed", f"OpenRouter has it under {user or 'nobody'}, not under {wanted}", case.play("onboard_client"))


def _backup(case: Case) -> Finding:
    planned = case.client.get("backup") or {}
    if not planned:
        return unknown("it was not looked at")
    if not planned["wanted"]:
        return ok("none is wanted: mai_backup_repository is not set")
    if planned["first"]:
        return ("failed", "there is none yet", case.play("backup_client"))
    if planned["trouble"]:
        return ("failed", "; ".join(planned["trouble"]), case.play("backup_client"))
    return ok("; ".join([f"the last one is {age_text(planned['age_hours'])} old", *planned["warnings"]]))


def _usage_history(case: Case) -> Finding:
    planned = case.client.get("usage_history") or {}
    if not planned:
        return unknown("it was not looked at")
    if not planned["wanted"]:
        return ok("none is wanted: mai_usage_history is false")
    if planned["why"]:
        return ("failed", f"the daily reading of its usage: {', '.join(planned['why'])}", case.play("onboard_client"))
    if planned["trouble"]:
        instead = "see its journal on its machine"
        return (
            "failed",
            planned["trouble"][0],
            case.on_machine("-a 'journalctl -n 50 -u {}'", planned["unit"], instead=instead),
        )
    return ok("; ".join(planned["notes"]) or "no day of the last 30 is missing")


CHECKS: dict[str, tuple[t.Callable[[Case], str] | None, t.Callable[[Case], Finding]]] = {
    "provisioning key": (None, _provisioning_key),
    "credits": (None, _credits),
    "name and variables": (None, _inventory),
    "key exists": (_no_openrouter, _key_exists),
    "key enabled": (_no_key, _key_enabled),
    "key not expired": (_no_key, _key_not_expired),
    "limit as ordered": (_no_key, _limit_ordered),
    "limit not used up": (_no_key, _limit),
    "onboarded": (_no_machine, _onboarded),
    "OpenRouter from the machine": (_no_client, _reached),
    "budgets not used up": (_no_client, _budgets),
    "key on the machine": (lambda case: _no_client(case) or _no_key(case), _key_on_machine),
    "instance up": (_no_client, _instance_up),
    "instance healthy": (_no_client, _instance_healthy),
    "environment": (_no_client, _environment),
    "database": (_no_client, _database),
    "key saved in Open WebUI": (_no_database, _key_saved),
    "models": (_no_answer, _models),
    "address of OpenRouter": (_no_database, _address),
    "variables for tracking": (_no_database, _tracking_variables),
    "organisation": (_no_database, _organization),
    "users mapped": (_no_database, _people("not mapped")),
    "users members": (_no_database, _people("not members")),
    "usage today": (lambda case: _no_key(case) or _no_database(case), _usage),
    "exchange rate": (_no_database, _exchange_rate),
    "no provisioning key inside": (_no_database, _no_provisioning_key),
    "administrator": (_no_database, _administrator),
    "sign-up closed": (_no_answer, _signup),
    "address over HTTPS": (_no_client, _published("address over HTTPS")),
    "web socket through the proxy": (_no_answer, _published("web socket through the proxy")),
    "backup": (_no_client, _backup),
    "usage history": (_no_client, _usage_history),
    "disk": (_no_machine, _disk),
    "memory": (_no_machine, _memory),
}


def diagnosis(
    seen: Values | None,
    client: Values,
    account: Values,
    keys: t.Sequence[Values] | None,
    chat: Values | None = None,
) -> list[dict[str, str]]:
    """Each check in the guide's order: ``check``, ``result`` (ok, failed, unknown), ``cause`` and ``remedy``."""
    case = Case(seen, client, account, keys, chat)
    checks = {**CHECKS, **({} if chat is None else {"chat of one token": (_no_answer, _chat)})}
    results = []
    for name, (needs, check) in checks.items():
        result, cause, remedy = _found(case, name, needs, check)
        # In one line, too, what a message of several lines says
        cause, remedy = shown(" ".join(str(cause).split())), shown(remedy, LONGEST_COMMAND)
        results.append({"check": name, "result": result, "cause": cause, "remedy": remedy})
    return results


def _found(case: Case, name: str, needs: t.Callable[[Case], str] | None, check: t.Callable[[Case], Finding]) -> Finding:
    """One check. What it looks at may be anything, which must not keep the others from running."""
    try:
        missing = needs(case) if needs else ""
        return unknown(missing) if missing else check(case)
    except Exception:
        return ("failed", unreadable(name), case.play("client_info") if needs else "")


def diagnosis_table(checks: t.Sequence[Values]) -> str:
    """For people: how many of each, and a line for each check, the worst first, with its remedy below."""
    counts = {result: sum(one["result"] == result for one in checks) for result in ("failed", "unknown", "ok")}
    width = max((len(one["check"]) for one in checks), default=0)
    lines = [", ".join(f"{number} {result}" for result, number in counts.items() if number), ""]
    for one in sorted(checks, key=lambda one: list(counts).index(one["result"])):
        result = one["result"].upper() if one["result"] == "failed" else one["result"]
        lines.append(f"{result:<7}  {one['check']:<{width}}  {shown(one['cause'])}")
        if one["remedy"]:
            lines.append(f"{'':<7}  {'':<{width}}  > {shown(one['remedy'], LONGEST_COMMAND)}")
    return "\n".join(lines)


class FilterModule:
    """Ansible's entry point."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"diagnosis": diagnosis, "diagnosis_table": diagnosis_table}
