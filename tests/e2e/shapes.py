# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Clients as people make them by hand: with the guide, with mAI's own scripts, in whatever way."""

from __future__ import annotations

import hashlib
import json
import shlex
import typing as t
from dataclasses import dataclass, field

INSIDE = "/app/backend/data"
NAMES = ("client-{slug}", "mAI Client: {name}", "{name}")
DIRECTORIES = ("/opt/mai/deployments/client-{slug}", "/srv/mai/{slug}", "/home/ops/{slug} mai")
# Where its data are: in the directory, in a volume, in a folder elsewhere, nowhere but in the container
DATA = ("folder", "volume", "elsewhere", "layer")
# What made it: Compose v2, its predecessor (whose containers have other names), docker run
TOOLS = ("v2", "v1", "run")


@dataclass(frozen=True)
class Shape:
    number: int
    key_name: str
    directory_form: str
    data: str
    tool: str
    running: bool
    own_secret_key: bool
    generation: str
    extra: dict[str, str] = field(default_factory=dict)

    @property
    def slug(self) -> str:
        return f"hand-{self.number}"

    @property
    def name(self) -> str:
        return f"Hand & Söhne {self.number} 'GmbH'"

    @property
    def key(self) -> str:
        return self.key_name.format(slug=self.slug, name=self.name)

    @property
    def directory(self) -> str:
        return self.directory_form.format(slug=self.slug)

    @property
    def port(self) -> int:
        return 20100 + self.number

    @property
    def identifier(self) -> str:
        """Of its organisation, as the guide says, or as mAI's own scripts make it."""
        if self.key_name == NAMES[1]:
            return f"mai_client_{hashlib.md5(self.name.encode(), usedforsecurity=False).hexdigest()[:8]}"
        return f"{self.slug}-001"

    @property
    def container(self) -> str:
        names = {
            "v2": f"mai-{self.slug.replace('-', '')}",
            "v1": f"mai{self.number}_mai_1",
            "run": f"webui {self.number}",
        }
        return names[self.tool].replace(" ", "-")

    @property
    def mount(self) -> str | None:
        return {
            "folder": f"{self.directory}/data:{INSIDE}",
            "volume": f"hand{self.number}_data:{INSIDE}",
            "elsewhere": f"/srv/disk/{self.slug}:{INSIDE}",
            "layer": None,
        }[self.data]

    def environment(self, url: str, secret: str) -> dict[str, str]:
        found = {
            "OPENAI_API_BASE_URL": url,
            "OPENAI_API_KEY": secret,
            "CLIENT_ORG_NAME": self.name,
            "MONTHLY_LIMIT": "300",
            "WEBUI_ADMIN_EMAIL": "boss@example.com",
            "WEBUI_ADMIN_PASSWORD": "of the b0ss",
            "STANDIN_CONFIG": "rows",
            "STANDIN_GENERATION": self.generation,
            "HOSTILE": f"a\"b'c$d\\e `x` #{self.number} Ż",
            **self.extra,
        }
        if self.key_name == NAMES[1]:
            found.update(
                OPENROUTER_API_KEY=secret, OPENROUTER_EXTERNAL_USER=self.identifier, ORGANIZATION_NAME=self.name
            )
        if self.own_secret_key:
            found["WEBUI_SECRET_KEY"] = f"by hand {self.number} $HOME 'x'"
        return found

    def script(self, image: str, url: str, secret: str) -> str:
        """What somebody typed once, on the machine."""
        quote = shlex.quote
        lines = [f"mkdir -p {quote(self.directory)} /srv/disk", f"cd {quote(self.directory)}"]
        environment = self.environment(url, secret)
        if self.tool == "v2":
            service: dict[str, t.Any] = {
                "image": image,
                "container_name": self.container,
                "ports": [f"{self.port}:8080"],
                "environment": {name: value.replace("$", "$$") for name, value in environment.items()},
                "restart": "unless-stopped",
            }
            whole: dict[str, t.Any] = {"services": {"mai": service}}
            if self.mount:
                service["volumes"] = [self.mount.replace(f"{self.directory}/data", "./data")]
            if self.data == "volume":
                whole["volumes"] = {f"hand{self.number}_data": {"name": f"hand{self.number}_data"}}
            lines += [
                f"cat > docker-compose.yml <<'YAML'\n{json.dumps(whole, ensure_ascii=False)}\nYAML",
                "echo COMPOSE_PROJECT_NAME=by-hand > .env",
                f"docker compose --project-name hand{self.number} up --detach --quiet-pull 2> /dev/null",
            ]
            return "\n".join(lines)
        options = ["--detach", "--name", self.container, "--publish", f"{self.port}:8080", "--restart", "always"]
        for name, value in environment.items():
            options += ["--env", f"{name}={value}"]
        if self.mount:
            options += ["--volume", self.mount]
        if self.tool == "v1":
            labels = {
                "project": f"mai{self.number}",
                "service": "mai",
                "version": "1.29.2",
                "project.working_dir": self.directory,
                "project.config_files": "docker-compose.yml",
            }
            for label, value in labels.items():
                options += ["--label", f"com.docker.compose.{label}={value}"]
            lines += ["echo \"version: '2'\" > docker-compose.yml", "touch .env"]
        lines += [f"docker run {' '.join(map(quote, options))} {image} > /dev/null"]
        return "\n".join(lines)


def shapes() -> list[Shape]:
    """Twenty: each kind of data with each tool, and beside that each way to differ at least six times."""
    found = []
    for number in range(20):
        tool, data = TOOLS[number % 3], DATA[(number + number // 12) % 4]
        found.append(
            Shape(
                number=number,
                key_name=NAMES[(number // 2) % 3],
                directory_form=DIRECTORIES[(number // 3) % 3],
                data=data,
                tool=tool,
                running=number % 5 not in (1, 3) or data == "layer",
                own_secret_key=number % 2 == 0,
                generation=("A", "C", "none")[number % 3] if number % 5 else "B",
            )
        )
    return found
