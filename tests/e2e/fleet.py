# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients on hosts: their inventory, runs of playbooks, and what is then on their hosts and at OpenRouter."""

from __future__ import annotations

import contextlib
import itertools
import json
import pathlib
from typing import Any

from ansible_collections.mai.clients.plugins.module_utils import _envfile

from tests.hosts import project as projects
from tests.hosts.host import Host
from tests.hosts.project import Project, Result, Run
from tests.kit.operator import Operator
from tests.openrouter_simulator import Simulator

# One port for one client, whichever file of tests it is of: the files of a session share their hosts
PORTS = itertools.count(10001)
ONBOARDING = "playbooks/onboard_client.yml"
SECRETS = {
    "api_key.env": ("OPENAI_API_KEY",),
    "secrets.env": ("WEBUI_SECRET_KEY",),
    "admin.env": ("WEBUI_ADMIN_PASSWORD",),
}
READ_TABLE = """
import json, sqlite3, sys
database = sqlite3.connect("file:" + sys.argv[1] + "?mode=ro", uri=True)
database.row_factory = sqlite3.Row
print(json.dumps([dict(row) for row in database.execute("SELECT * FROM " + sys.argv[2])]))
"""


class Fleet(Operator):
    """An inventory that can be changed, and a view of what became of it."""

    def __init__(
        self, project: Project, openrouter: Simulator, folder: pathlib.Path, variables: dict[str, Any] | None = None
    ) -> None:
        self.project = project
        self.openrouter = openrouter
        self.folder = folder
        self._variables = variables or {}
        self._clients: dict[str, tuple[Host, dict[str, Any]]] = {}
        self._hosts: set[Host] = set()

    # The operator's side

    def put(self, slug: str, host: Host, **variables: Any) -> None:
        """A client, or more of its variables. Values are data: what looks like a template stays what it is.

        Its mai_port is one that nobody has, unless it is given.
        """
        self._hosts.add(host)
        _host, known = self._clients.get(slug) or (host, {"mai_port": variables.get("mai_port") or next(PORTS)})
        self._clients[slug] = (host, {**known, **variables})

    def change(self, slug: str, **variables: Any) -> None:
        self.put(slug, self._clients[slug][0], **variables)

    def run(
        self,
        clients: str,
        *arguments: str,
        playbook: str = ONBOARDING,
        check: bool = True,
        seconds: float = 600,
        **environment: str,
    ) -> Result:
        """One run of a playbook; the simulator's journal begins anew with it."""
        self.control.clear_journal()
        result = self.start(clients, *arguments, playbook=playbook, **environment).wait(seconds)
        assert not (check and result.rc), f"{playbook} ended with {result.rc}:\n{result.output}"
        return result

    def start(self, clients: str, *arguments: str, playbook: str = ONBOARDING, **environment: str) -> Run:
        self.write_inventory()
        env = {
            "OPENROUTER_BASE_URL": self.openrouter.url,
            "OPENROUTER_PROVISIONING_KEY": self.openrouter.provisioning_key,
            **environment,
        }
        return projects.start_playbook(
            self.project, playbook, "-e", f"client={clients}", *arguments, inventory=self.folder, env=env
        )

    def write_inventory(self) -> None:
        projects.write_inventory(self.folder, {slug: (host, {}) for slug, (host, _own) in self._clients.items()})
        (self.folder / "group_vars" / "mai_clients.yml").write_text(json.dumps(self._variables))
        (self.folder / "host_vars").mkdir(exist_ok=True)
        for slug, (_host, own) in self._clients.items():
            # A number is no template, and set_limit would replace the tag together with it.
            tags = {key: "" if isinstance(value, (int, float)) else "!unsafe " for key, value in own.items()}
            lines = [f"{key}: {tags[key]}{json.dumps(value, ensure_ascii=False)}\n" for key, value in own.items()]
            (self.folder / "host_vars" / f"{slug}.yml").write_text("".join(lines))

    @property
    def writes(self) -> list[tuple[str, str | None, int | None]]:
        """What the last run wrote to OpenRouter."""
        return self.control.writes()

    def remove(self) -> None:
        """The clients' containers go, wherever there still are some; what else they have on their hosts stays."""
        for host in self._hosts:
            services = [self.service(slug) for slug in self._clients]
            databases = [f"{service}-database" for service in services]
            host.exec("docker", "rm", "--force", *services, *databases, check=False)

    # What there is

    def host(self, slug: str) -> Host:
        return self._clients[slug][0]

    def known(self, slug: str) -> dict[str, Any]:
        """Its own variables."""
        return dict(self._clients[slug][1])

    def clients(self) -> dict[str, dict[str, Any]]:
        """Each client's own variables."""
        return {slug: dict(own) for slug, (_host, own) in self._clients.items()}

    @staticmethod
    def directory(slug: str) -> str:
        return f"/opt/mai/deployments/client-{slug}"

    @staticmethod
    def service(slug: str) -> str:
        return "mai-" + slug.replace("-", "")

    def sh(self, slug: str, script: str, check: bool = True) -> str:
        return self.host(slug).exec("sh", "-c", script, check=check).stdout

    def file(self, slug: str, name: str) -> str:
        return self.host(slug).exec("cat", f"{self.directory(slug)}/{name}").stdout

    def variables(self, slug: str, name: str) -> dict[str, str]:
        return _envfile.parse(self.file(slug, name))

    def secrets(self, slug: str) -> list[str]:
        found = [self.openrouter.provisioning_key]
        for name, variables in SECRETS.items():
            with contextlib.suppress(Exception):
                known = self.variables(slug, name)
                found += [known[variable] for variable in variables]
        return found

    def container(self, slug: str) -> dict[str, Any]:
        return json.loads(self.host(slug).exec("docker", "inspect", self.service(slug)).stdout)[0]

    def started(self, slug: str) -> tuple[str, str]:
        """Changes with every restart and every re-creation of the container."""
        container = self.container(slug)
        return container["Id"], container["State"]["StartedAt"]

    def environment(self, slug: str) -> dict[str, str]:
        """What the processes in the container really have."""
        entries = self.host(slug).exec("docker", "exec", self.service(slug), "env", "-0").stdout.split("\0")
        return dict(entry.split("=", 1) for entry in entries if entry)

    def table(self, slug: str, name: str) -> list[dict[str, Any]]:
        database = f"{self.directory(slug)}/data/webui.db"
        return json.loads(self.host(slug).exec("python3", "-c", READ_TABLE, database, name).stdout)

    def organization(self, slug: str) -> dict[str, Any]:
        """The client's row; there is exactly one."""
        [row] = self.table(slug, "client_organizations")
        return row

    def only_key(self, slug: str) -> dict[str, Any]:
        """The client's key at OpenRouter; there is exactly one, by whatever name."""
        [key] = self.control.keys_named(f"client-{slug}")
        return key

    def handover(self, slug: str) -> str:
        """The record on the controller."""
        return (self.project.path / "handovers" / f"{slug}.md").read_text()

    def url(self, slug: str) -> str:
        return f"http://{self.host(slug).address()}:{self.published(slug)['HostPort']}"

    def published(self, slug: str) -> dict[str, str]:
        [places] = self.container(slug)["HostConfig"]["PortBindings"].values()
        return places[0]
