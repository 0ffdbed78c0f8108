# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The instance of a client: the settings it is started with, whether it has to be started again, and why.

This is private to the collection. Nothing is done or asked here: ``client`` are the variables of role mai, ``seen`` is
what M(mai.clients.instance_info) found, ``key`` is the client's key at OpenRouter.
"""

from __future__ import annotations

import json
import re
import typing as t
from dataclasses import dataclass

from ansible_collections.mai.clients.plugins.module_utils._envfile import to_text
from ansible_collections.mai.clients.plugins.module_utils._host_in_url import (
    EVERYWHERE,
    EVERYWHERE_6,
    LOOPBACK,
    asked_at,
    canonical,
    family,
)
from ansible_collections.mai.clients.plugins.module_utils._instance.folder import ADOPTED
from ansible_collections.mai.clients.plugins.module_utils._instance.image_user import user_of
from ansible_collections.mai.clients.plugins.module_utils._same_url import hashes_of_url
from ansible_collections.mai.clients.plugins.module_utils._secret import sha256
from ansible_collections.mai.clients.plugins.module_utils._text import shown
from ansible_collections.mai.clients.plugins.plugin_utils._client import has_url
from ansible_collections.mai.clients.plugins.plugin_utils._plan import database as databases
from ansible_collections.mai.clients.plugins.plugin_utils._plan import native
from ansible_collections.mai.clients.plugins.plugin_utils._plan.compose_extra import DATA, compose_extra
from ansible_collections.mai.clients.plugins.plugin_utils._playbook import playbook
from ansible_collections.mai.clients.plugins.plugin_utils._variables import money

Values = t.Mapping[str, t.Any]

# Informational: an instance is not restarted for it, so it follows at the next start that has another reason
LATE_SETTINGS = ("MONTHLY_LIMIT",)

# The first engine and Compose that know start_interval; older ones refuse to start anything whose Compose file has it
START_INTERVAL_ENGINE = (25, 0, 0)
START_INTERVAL_COMPOSE = (2, 20, 2)


@dataclass(frozen=True)
class Situation:
    """What a run knows better than the look that it took at its beginning."""

    administered: bool | None = None  # an administrator was proven
    open_signup: bool = False  # an older release lets its first administrator sign up
    new_image: bool = False  # an upgrade: the image of the inventory, though there is data
    former_keys: t.Sequence[str] = ()  # hashes of keys that the instance may still have: withdrawn, or replaced


def service(slug: str) -> str:
    """Name of the client's container, Compose service and unit."""
    return f"mai-{slug.replace('-', '')}"


def settings(client: Values, bind: str, open_signup: bool = False) -> dict[str, t.Any]:
    """Environment of the instance. The key, the secret key and the first password are in files of their own."""
    own = {
        "OPENAI_API_BASE_URL": client["mai_instance_api_base_url"],
        "ENABLE_OPENAI_API": "true",
        "CLIENT_ORG_NAME": client["mai_client_name"],
        "ORGANIZATION_NAME": client["mai_client_name"],
        "OPENROUTER_EXTERNAL_USER": client["mai_client_id"],
        "USAGE_MARKUP_MULTIPLIER": str(float(client["mai_markup_rate"])),
        "WEBUI_NAME": client["mai_client_name"],
        "ENABLE_SIGNUP": "true" if open_signup else "false",
        # Without it users who are not administrators see no model
        "BYPASS_MODEL_ACCESS_CONTROL": "true",
        "ENV": "prod",
        # OpenRouter's days and months are UTC; the instance's must be the same
        "TZ": "UTC",
    }
    return {**own, **_published(client), **_place(client, bind), **client["mai_extra_env"]}


def _published(client: Values) -> dict[str, str]:
    if not client["mai_domain"]:
        return {}
    url = f"https://{client['mai_fqdn']}"
    secure = dict.fromkeys(("WEBUI_SESSION_COOKIE_SECURE", "WEBUI_AUTH_COOKIE_SECURE"), "true")
    return {"WEBUI_URL": url, "CORS_ALLOW_ORIGIN": url, **secure}


def _place(client: Values, bind: str) -> dict[str, str]:
    """Where it listens and keeps its data. In a container, too: an image may have an ENV of its own."""
    if client["mai_deployment"] == "native":
        return {"HOST": bind, "PORT": str(client["mai_port"]), "DATA_DIR": f"{client['mai_deployment_dir']}/data"}
    return {"HOST": EVERYWHERE, "PORT": "8080", "DATA_DIR": DATA}


def settings_file(client: Values, bind: str, open_signup: bool = False) -> dict[str, t.Any]:
    """What settings.env holds: the settings, and those that are only told to the instance."""
    limit = money(client["mai_monthly_limit"])
    return {"MONTHLY_LIMIT": "unlimited" if limit is None else limit, **settings(client, bind, open_signup)}


def settings_changes(wanted: Values, seen: t.Mapping[str, str], ignored: t.Sequence[str] = ()) -> dict[str, list[str]]:
    """Names of settings to be added, changed and removed; ``seen`` maps names to SHA-256 of values."""
    hashes = {
        name: sha256(to_text(value)) for name, value in wanted.items() if value is not None and name not in ignored
    }
    old = {name: digest for name, digest in seen.items() if name not in ignored}
    return {
        "added": sorted(set(hashes) - set(old)),
        "changed": sorted(name for name in set(hashes) & set(old) if hashes[name] != old[name]),
        "removed": sorted(set(old) - set(hashes)),
    }


def administered(seen: Values) -> bool | None:
    """Whether it has an administrator; None where its database knows, and rests. One without accounts needs none."""
    users, health = seen["database"]["users"], seen["health"]
    if (users or 0) > 0:
        return True
    if health["ok"] and health["accounts"] is False:
        return True
    if not health["ok"] and seen["database"]["error_reason"] == "stopped":
        return None
    if not health["ok"] or users is not None:
        return False
    return health["onboarding"] is None or bool(seen["database"]["error"] and not health["onboarding"])


def bind_address(client: Values, is_administered: bool | None) -> str:
    """Where the instance may be reached: from its own machine only, until it has an administrator."""
    behind_proxy = client["mai_domain"] and client["mai_proxy"] == "caddy"
    # Docker binds each of them for its own family alone
    everywhere = EVERYWHERE_6 if family(client["machine"]) == 6 else EVERYWHERE
    final = canonical(client["mai_bind_address"] or (LOOPBACK if behind_proxy else everywhere))
    return final if is_administered else LOOPBACK


def own_container(seen: Values, name: str) -> Values:
    """The client's container, if it was made by us."""
    ours = (one for one in seen["containers"] if one["managed"] and one["name"] == name)
    return next(ours, {})


def last_image(seen: Values, container: Values) -> Values:
    """What its data was last used with: name, identifier (None: only the name was noted), is it on the machine?

    A container may be gone (pruned, taken down, lost with the engine's own files), while its compose file is there.
    """
    if container:
        return {"reference": container["image"], "id": container["image_id"], "present": True}
    return seen["last_image"] or {}


def _runs_as(client: Values) -> t.Any:
    """The user whom the operator names in place of the image's; None for nobody."""
    return (client["mai_compose_extra"].get("service") or {}).get("user")


def _may_not_be_root(client: Values, seen: Values, pinned: bool) -> bool:
    """Whether its data is to be given to somebody; of an image that is yet to come nothing is known."""
    if _runs_as(client) is not None:
        return user_of(_runs_as(client)) is not None
    image = seen["last_image"] if pinned else seen["image"]
    comes = not image or not image["present"] or (not pinned and client["mai_image_pull"] == "always")
    return comes or image["user"] is not None


def last_image_is_gone(client: Values, last: Values) -> str:
    identifier = f" ({last['id'][:19]})" if last["id"] else ""
    return (
        f"the image that its data was last used with, {shown(last['reference'])}{identifier}, is not on the machine "
        "any more, and another one could change the data for good: load it there again, or run "
        f"{upgrade_command(client)}, which copies the data first"
    )


def upgrade_command(client: Values) -> str:
    return f"ansible-playbook {playbook('upgrade_client')} -e client={client['slug']}"


def another_image(client: Values, seen: Values, last: Values) -> bool:
    """Whether the inventory's image is not the one that the instance was last started from."""
    if not last:
        return False
    if last["id"]:
        return last["id"] != seen["image"]["id"]
    return last["reference"] != client["mai_image"]


def keeper(client: Values, seen: Values) -> str:
    """Who keeps the instance running."""
    if client["mai_deployment"] == "docker":
        return "compose"
    if client["mai_native_service"] != "auto":
        return client["mai_native_service"]
    return "systemd" if seen["machine"]["systemd"] and seen["machine"]["root"] else "process"


def key_from_environment(seen: Values) -> bool:
    """Whether another key in its environment means anything to the instance.

    Where Open WebUI reads what it saved at each request it does not; but mAI takes the key for its chats from there.
    """
    saved = seen["stored_connection"]
    if seen["database"]["error"]:
        return False
    return saved["form"] != "rows" or not saved["connections"] or bool(seen["database"]["tracks_usage"])


def instance(
    client: Values, seen: Values, key: Values, recipes: t.Mapping[str, str], situation: Situation = Situation()
) -> dict[str, t.Any]:
    """Everything about starting it. ``recipes`` are the texts of the templates from which it is started, by name."""
    is_native = client["mai_deployment"] == "native"
    name = service(client["slug"])
    is_administered = administered(seen) if situation.administered is None else situation.administered
    bind = bind_address(client, is_administered)
    container = own_container(seen, name)
    last = last_image(seen, container)
    image_differs = not is_native and another_image(client, seen, last)
    # An instance that has data keeps the image it has: changing it is upgrade_client.yml, which backs up first
    has_image = bool(last) and seen["database"]["exists"] and not situation.new_image
    keeps_image = has_image and image_differs
    # A name may stand for another image by now, or, where somebody pulls it, in a moment; an identifier never does
    pinned = keeps_image or (has_image and bool(last["id"]))
    recipe = "start-mai-instance.sh" if is_native else "compose.yml"
    secret_files = ["secrets.env", *(["admin.env"] if _needs_credentials(client, seen, is_administered) else [])]
    database = databases.database(client, seen, name, situation.new_image)
    database_files = [] if client["mai_database"] == "sqlite" else ["database.env"]
    wanted = settings(client, bind, situation.open_signup)
    user, command = native.user(client, seen, name), sha256(client["mai_start_command"] or "")
    plan: dict[str, t.Any] = {
        "service": name,
        "keeper": keeper(client, seen),
        "recipe": recipe,
        "user": user,
        "own_user": user is not None and not client["mai_native_user"],
        "directory_mode": native.directory_mode(user),
        # Its data may become what only the new command can read: then there is a copy of it to go back to
        "command": command,
        "command_differs": bool(is_native and seen["start_command"] and seen["start_command"] != command),
        "env_files": [*_adopted(seen), *secret_files, *database_files, "settings.env", "api_key.env"],
        "secrets_missing": bool(set(secret_files) - set(seen["files"])) or database["file_due"],
        "database": database,
        "administered": is_administered,
        "open_signup": situation.open_signup,
        "bind": bind,
        "fqdn": client["mai_fqdn"],
        "local_url": f"http://{asked_at(bind)}:{client['mai_port']}",
        "image": (last["id"] or last["reference"]) if pinned else client["mai_image"],
        "image_id": last.get("id") if has_image else None,
        # For people
        "image_name": last["reference"] if keeps_image else client["mai_image"],
        # What an upgrade can go back to
        "former_image": (last["id"] or last["reference"]) if last.get("present") else "",
        # Said where what is brought by the inventory's name turns out to be another one
        "image_gone": last_image_is_gone(client, last) if keeps_image and not last["present"] else "",
        "image_differs": image_differs,
        "keeps_image": keeps_image,
        "compose_files": [recipe, *([seen["override"]["name"]] if seen["override"] else [])],
        "compose_extra": compose_extra(client["mai_compose_extra"], client["slug"], database["service"]),
        "exists": recipe in seen["files"],
        "runs": _runs(client, seen, container),
        "container": dict(container),
        # With those of mai_compose_extra
        "containers": [dict(one) for one in (*seen["containers"], *seen["beside"]) if one["managed"]],
        "health_intervals": health_intervals(seen["docker"]),
    }
    plan["settings_changes"] = settings_changes(wanted, seen["settings"], LATE_SETTINGS)
    plan["settings_differ"] = sorted(name for names in plan["settings_changes"].values() for name in names)
    plan["digest"] = _digest(client, plan, wanted, recipes, seen)
    plan["why"] = list(_why(plan, client, seen, key))
    suspended = bool(key["disabled"])
    plan["due"] = bool(plan["why"]) and not suspended
    plan["administrator_due"] = bool(client["mai_admin_email"]) and not is_administered and not suspended
    plan["runs_as"] = _runs_as(client)
    plan["data_owner_due"] = plan["due"] and (bool(user) if is_native else _may_not_be_root(client, seen, pinned))
    plan["beside"] = list(_beside(client, seen, plan))
    plan["saved_key"] = _saved_key(client, seen, key, situation)
    plan["not_applied"] = _not_applied(wanted, seen)
    return plan


def _adopted(seen: Values) -> list[str]:
    """What a client that was made by hand had, and nobody has said in the inventory yet; what is said there wins."""
    return [ADOPTED] if ADOPTED in seen["files"] else []


def _needs_credentials(client: Values, seen: Values, is_administered: bool | None) -> bool:
    """Of an instance that had its administrator before, nobody here knows a password."""
    if not client["mai_admin_email"]:
        return False
    return "admin.env" in seen["files"] or not (_adopted(seen) and is_administered is not False)


def _runs(client: Values, seen: Values, container: Values) -> bool:
    if client["mai_deployment"] == "docker":
        return container.get("state") == "running"
    process, unit = seen["process"] or {}, seen["unit"] or {}
    return bool(process.get("running")) or unit.get("active_state") == "active"


def _digest(client: Values, plan: Values, wanted: Values, recipes: t.Mapping[str, str], seen: Values) -> str:
    """What the instance is made from, as a digest that it carries with it: all but its image, its key and itself."""
    # As text: a port may be written as a number or in quotes
    inputs = {name: to_text(client[name]) for name in RECIPE_VARIABLES if client[name] is not None}
    inputs.update((name, plan[name]) for name in ("service", "env_files", "bind"))
    if client["mai_compose_extra"]:
        inputs["compose_extra"] = plan["compose_extra"]
    if plan["user"]:
        inputs["user"] = plan["user"]
    if plan["database"]["service"]:
        inputs["database"] = plan["database"]["service"]
    if seen["override"] and plan["recipe"] == "compose.yml":
        inputs["override"] = seen["override"]["sha256"]
    values = {name: to_text(value) for name, value in wanted.items() if value is not None}
    used = ["mai.service.j2"] if plan["keeper"] == "systemd" else []
    texts = [recipes[name] for name in (f"{plan['recipe']}.j2", *used)]
    return sha256(json.dumps([values, inputs, texts], sort_keys=True))


# What the templates of role instance take from the client's variables
RECIPE_VARIABLES = (
    "slug",
    "mai_port",
    "mai_health_path",
    "mai_health_timeout",
    "mai_memory_limit",
    "mai_cpu_limit",
    "mai_deployment_dir",
    "mai_start_command",
)


def _why(plan: Values, client: Values, seen: Values, key: Values) -> t.Iterator[str]:
    """Why the instance has to be started or started again, in an operator's words."""
    environment = seen["environment"]
    if not plan["exists"]:
        yield "it is not there yet"
    elif not plan["runs"]:
        yield "it does not run"
    elif not seen["health"]["ok"]:
        yield "it is not healthy"
    if plan["settings_differ"]:
        yield f"settings: {', '.join(plan['settings_differ'])}"
    if client["mai_deployment"] == "docker":
        labels = plan["container"].get("labels") or {}
        differs = labels.get("mai.clients.configuration") != plan["digest"]
    else:
        differs = environment.get("MAI_CONFIGURATION") != sha256(plan["digest"])
    # Where it listens follows from whether it has an administrator
    if differs and not plan["settings_differ"] and plan["administered"] is not None:
        yield "how it is started"
    if plan["image_differs"] and not plan["keeps_image"]:
        yield "image"
    if plan["exists"]:
        yield from databases.why(client, seen, plan["database"])
    if key_from_environment(seen) and environment.get("OPENAI_API_KEY") != key["hash"]:
        yield "key"


def _beside(client: Values, seen: Values, plan: Values) -> t.Iterator[str]:
    """What an operator should know of that which lies beside what the collection made; nothing of it is removed."""
    if plan["recipe"] != "compose.yml":
        return
    directory = client["mai_deployment_dir"]
    if seen["override"]:
        yield (
            f"{directory}/{seen['override']['name']} adds to what the inventory says: it is used, as Compose does. "
            "Write it as mai_compose_extra, so that the inventory tells all"
        )
    if seen["directory"]["shadowed_by"]:
        yield (
            f"{directory}/{seen['directory']['shadowed_by']} is not used here, but docker compose, called there, takes "
            "it instead of compose.yml: put it away"
        )
    if not seen["override"]:
        for one in seen["beside"]:
            if one["service"] not in (*plan["compose_extra"]["services"], plan["database"]["service"]):
                yield (
                    f"container {shown(one['name'])} belongs to the client's Compose project, but to none of its "
                    "services: remove it by hand where nobody needs it"
                )


def _saved_key(client: Values, seen: Values, key: Values, situation: Situation) -> dict[str, t.Any]:
    """The key and URL that Open WebUI saved: ours to replace only where they are known to have been ours."""
    connections, url = seen["stored_connection"]["connections"], client["mai_instance_api_base_url"]
    former = [seen["key_hash"], *situation.former_keys, *seen["former_key_hashes"]]
    keys = [one for one in dict.fromkeys(former) if one and one != key["hash"]]
    # As the look has it: the SHA-256 of the URL that the instance was last given
    urls = [one for one in [seen["settings"].get("OPENAI_API_BASE_URL")] if one and one not in hashes_of_url(url)]
    right = [one for one in connections if one["key_hash"] == (key["hash"] or "") and has_url(one, url)]
    return {
        "due": bool(connections) and not right and not key["disabled"],
        "replaces": keys,
        "replaces_urls": urls,
        "held": sorted({one["key_hash"] for one in connections} & set(keys)),
    }


def _not_applied(wanted: Values, seen: Values) -> list[str]:
    """Settings that the instance keeps in its database by now. The API's URL is kept up to date with the saved key."""
    changed = settings_changes(wanted, seen["stored_settings"])["changed"]
    return [name for name in changed if name != "OPENAI_API_BASE_URL"]


def health_intervals(docker: Values) -> dict[str, int]:
    """Seconds for a Compose file's health check, which asks soon after a start, and rarely then."""
    engine, compose = version(docker["engine"]), version(docker["compose"])
    if engine >= START_INTERVAL_ENGINE and compose >= START_INTERVAL_COMPOSE:
        return {"interval": 60, "start_interval": 5}
    # The first check, too, comes after so long. Of an engine that this run installs nothing was seen.
    return {"interval": 30}


def version(text: str | None) -> tuple[int, ...]:
    found = re.match(r"(\d+)(?:\.(\d+))?(?:\.(\d+))?", text or "")
    return tuple(int(number or 0) for number in found.groups()) if found else ()


def upgrade_faults(before: t.Mapping[str, int], now: Values, heads: str) -> list[str]:
    """What is missing in a database after an upgrade; ``heads`` is the revision at which its image's migrations end."""
    counts = now["counts"]
    faults = [
        f"the table {table} had {rows} rows and has {counts.get(table, 0)}."
        for table, rows in before.items()
        if counts.get(table, 0) < rows
    ]
    if heads and heads != now["schema_revision"]:
        faults.append(
            f"its migrations did not end: the database is at revision {now['schema_revision']}, "
            f"the image at {shown(heads)}."
        )
    return faults
