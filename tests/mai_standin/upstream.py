# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OpenAI-compatible connections: their model lists, and chats that are passed on."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from .errors import Refused
from .organization import Organization
from .settings import Settings
from .stored_settings import BlobSettings, RowSettings

log = logging.getLogger("mai_standin")

MODEL_LIST_SECONDS = 1.0
MODEL_LIST_TIMEOUT = 10.0
CHAT_TIMEOUT = httpx.Timeout(300, connect=10)


@dataclass(frozen=True)
class Connection:
    url: str
    key: str = field(repr=False)


class Upstream:
    """What the instance asks of the providers behind its stored connections."""

    def __init__(self, settings: Settings, stored: RowSettings | BlobSettings, organization: Organization) -> None:
        self._settings = settings
        self._stored = stored
        self._organization = organization
        self._client = httpx.AsyncClient(timeout=CHAT_TIMEOUT)
        self._models: list[dict[str, Any]] = []
        self._models_until = 0.0

    async def close(self) -> None:
        await self._client.aclose()

    def _connections(self) -> list[Connection]:
        if not self._stored.get("openai.enable"):
            return []
        keys = self._stored.get("openai.api_keys")
        return [
            Connection(url.rstrip("/"), keys[index] if index < len(keys) else "")
            for index, url in enumerate(self._stored.get("openai.api_base_urls"))
        ]

    # Models

    async def models(self, refresh: bool = False) -> list[dict[str, Any]]:
        """The list may be a second old, and a failing provider never empties it: only `refresh` tells the truth."""
        if refresh or time.monotonic() >= self._models_until:
            listed = [
                {**model, "owned_by": "openai", "urlIdx": index}
                for index, connection in enumerate(self._connections())
                for model in await self._list(connection)
            ]
            if refresh or listed:
                self._models = listed
            self._models_until = time.monotonic() + MODEL_LIST_SECONDS
        return self._models

    async def _list(self, connection: Connection) -> list[dict[str, Any]]:
        try:
            answer = await self._client.get(
                f"{connection.url}/models", headers=_authorization(connection.key), timeout=MODEL_LIST_TIMEOUT
            )
            answer.raise_for_status()
            return [{"id": model["id"], "name": model.get("name", model["id"])} for model in answer.json()["data"]]
        except (httpx.HTTPError, httpx.InvalidURL, ValueError, KeyError, TypeError) as error:
            log.error("Listing models failed: %s", type(error).__name__)
            return []

    async def models_for(self, user: dict[str, Any], refresh: bool = False) -> list[dict[str, Any]]:
        models = await self.models(refresh)
        if user["role"] == "admin" or self._settings.bypass_model_access:
            return models
        return models if await run_in_threadpool(self._organization.is_member, user["id"]) else []

    # Chat

    async def chat(self, user: dict[str, Any], body: dict[str, Any]) -> Response:
        model = body.get("model")
        found = [one for one in await self.models_for(user) if one["id"] == model]
        connections = self._connections()
        if not found or found[0]["urlIdx"] >= len(connections):
            raise Refused(400, "Model not found")
        connection = connections[found[0]["urlIdx"]]
        key = connection.key
        if self._organization.exists and self._settings.is_tracked_url(connection.url):
            key = self._settings.openrouter_api_key or key
        external_user = await run_in_threadpool(self._organization.external_user_id, user["id"])
        if external_user:
            body = {**body, "user": external_user}

        request = self._client.build_request(
            "POST", f"{connection.url}/chat/completions", json=body, headers=_authorization(key)
        )
        try:
            answer = await self._client.send(request, stream=True)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            log.error("The provider cannot be reached: %s", type(error).__name__)
            raise Refused(500, "Open WebUI: Server Connection Error") from None

        async def record(result: dict[str, Any]) -> None:
            await run_in_threadpool(self._organization.record, connection.url, user["id"], str(model), result)

        media_type = answer.headers.get("content-type", "")
        if answer.is_success and media_type.startswith("text/event-stream"):
            return StreamingResponse(_stream(answer, record), media_type=media_type)
        try:
            content = await answer.aread()
        except httpx.HTTPError as error:
            log.error("The provider's answer was cut off: %s", type(error).__name__)
            raise Refused(500, "Open WebUI: Server Connection Error") from None
        finally:
            await answer.aclose()
        if answer.is_success:
            await record(_object(content))
        return Response(content, answer.status_code, media_type=media_type)


def _authorization(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def _object(content: str | bytes) -> dict[str, Any]:
    try:
        value = json.loads(content)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


async def _stream(answer: httpx.Response, record: Any) -> AsyncIterator[bytes]:
    """Pass every line on as it comes; the chunk that carries the usage is what gets recorded."""
    usage: dict[str, Any] = {}
    try:
        async for line in answer.aiter_lines():
            yield f"{line}\n".encode()
            chunk = _object(line[len("data:") :]) if line.startswith("data:") else {}
            if chunk.get("usage"):
                usage = chunk
    except httpx.HTTPError as error:
        log.error("The provider's stream was cut off: %s", type(error).__name__)
    finally:
        await answer.aclose()
    if usage:
        await record(usage)
