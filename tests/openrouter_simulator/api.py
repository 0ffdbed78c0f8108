# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The endpoints below /api/v1."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.openrouter_simulator import catalogue, chat, validation
from tests.openrouter_simulator.account import PAGE_SIZE, Account, Key, hash_of, label_of
from tests.openrouter_simulator.clock import stamp
from tests.openrouter_simulator.errors import ApiError

_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ACTIVITY_DAYS = 30


class Api:
    def __init__(self, account: Account, management_key: str) -> None:
        self._account = account
        self._management_hash = hash_of(management_key)
        self._management_label = label_of(management_key)

    def routes(self) -> list[Route]:
        return [
            Route("/keys", self.list_keys, methods=["GET"]),
            Route("/keys", self.create_key, methods=["POST"]),
            Route("/keys/{hash}", self.get_key, methods=["GET"]),
            Route("/keys/{hash}", self.update_key, methods=["PATCH"]),
            Route("/keys/{hash}", self.delete_key, methods=["DELETE"]),
            Route("/key", self.current_key, methods=["GET"]),
            Route("/credits", self.credits, methods=["GET"]),
            Route("/activity", self.activity, methods=["GET"]),
            Route("/workspaces", self.list_workspaces, methods=["GET"]),
            Route("/workspaces", self.create_workspace, methods=["POST"]),
            Route("/workspaces/{reference}", self.get_workspace, methods=["GET"]),
            Route("/workspaces/{reference}", self.update_workspace, methods=["PATCH"]),
            Route("/workspaces/{reference}", self.delete_workspace, methods=["DELETE"]),
            Route("/models", self.models, methods=["GET"]),
            Route("/chat/completions", self.chat, methods=["POST"]),
            Route("/generation", self.generation, methods=["GET"]),
        ]

    # Who calls

    def _caller(self, request: Request) -> Key | None:
        """The ordinary key that calls, or None for the management key."""
        scheme, _space, secret = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not secret:
            raise ApiError(401, "Missing Authentication header")
        key_hash = hash_of(secret.strip())
        if key_hash == self._management_hash:
            return None
        key = self._account.find(key_hash)
        if key is None:
            raise ApiError(401)
        if key.disabled:
            raise ApiError(401, "API key is disabled")
        if key.expired(self._account.clock.now()):
            raise ApiError(401, "API key has expired")
        return key

    def _require_management(self, request: Request) -> None:
        if self._caller(request) is not None:
            raise ApiError(401, "Invalid management key")

    def _require_ordinary(self, request: Request) -> Key:
        key = self._caller(request)
        if key is None:
            raise ApiError(403, "Management keys cannot be used for inference")
        return key

    # Keys

    async def list_keys(self, request: Request) -> Response:
        self._require_management(request)
        query = request.query_params
        workspace = query.get("workspace_id", self._account.default_workspace)
        page = self._account.page(
            validation.count(query.get("offset"), "offset"),
            self._workspace(workspace)["id"],
            validation.flag(query.get("include_disabled"), "include_disabled"),
            validation.flag(query.get("include_expired"), "include_expired"),
        )
        now = self._account.clock.now()
        return JSONResponse({"data": [key.describe(now) for key in page]})

    async def create_key(self, request: Request) -> Response:
        body = await request.body()
        self._require_management(request)
        values = validation.new_key(validation.json_object(body))
        if "workspace_id" in values:
            values["workspace_id"] = self._workspace(values["workspace_id"])["id"]
        key, secret = self._account.create(values)
        return JSONResponse({"data": key.describe(self._account.clock.now()), "key": secret}, status_code=201)

    def _key(self, request: Request) -> Key:
        self._require_management(request)
        key = self._account.find(request.path_params["hash"])
        if key is None:
            raise ApiError(404, "API key not found")
        return key

    async def get_key(self, request: Request) -> Response:
        return JSONResponse({"data": self._key(request).describe(self._account.clock.now())})

    async def update_key(self, request: Request) -> Response:
        body = await request.body()
        key = self._key(request)
        values = validation.changed_key(validation.json_object(body))
        if "workspace_id" in values:
            values["workspace_id"] = self._workspace(values["workspace_id"])["id"]
        self._account.update(key, values)
        return JSONResponse({"data": key.describe(self._account.clock.now())})

    async def delete_key(self, request: Request) -> Response:
        self._account.delete(self._key(request))
        return JSONResponse({"deleted": True})

    async def current_key(self, request: Request) -> Response:
        key = self._caller(request)
        now = self._account.clock.now()
        if key is None:
            # The management key is described like any key that has no limit and has spent nothing.
            key = Key(
                hash=self._management_hash,
                name="Management key",
                label=self._management_label,
                sequence=-1,
                created_at=stamp(now),
                listed_from=stamp(now),
                workspace_id=self._account.default_workspace,
            )
        budgets = key.budgets(now)
        is_management = key.hash == self._management_hash
        return JSONResponse(
            {
                "data": {
                    **key.spending(now),
                    "budgets": budgets,
                    "effective_budget": min(budgets, key=lambda one: one["remaining_usd"], default=None),
                    "is_management_key": is_management,
                    "is_provisioning_key": is_management,
                    "is_free_tier": self._account.credit <= 0,
                    "free_model_daily_requests": {"limit": 1000, "used": 0, "remaining": 1000},
                    "allowed_data_regions": ["global"],
                    "organization_id": None,
                    "rate_limit": {"requests": -1, "interval": "10s", "note": "This field is deprecated."},
                }
            }
        )

    # Account

    async def credits(self, request: Request) -> Response:
        self._require_management(request)
        account = self._account
        return JSONResponse({"data": {"total_credits": account.credit, "total_usage": account.total_usage()}})

    async def activity(self, request: Request) -> Response:
        self._require_management(request)
        query = request.query_params
        rows: dict[tuple[str, ...], dict[str, Any]] = {}
        by_workspace = query.get("group_by") == "workspace"
        wanted_hash, wanted_user = query.get("api_key_hash"), query.get("user_id")
        wanted_workspace = self._workspace(query["workspace_id"])["id"] if "workspace_id" in query else None
        for key, day, model, spend in self._account.spent_on(self._days(query.get("date"))):
            if (
                wanted_hash not in (None, key.hash)
                or wanted_user not in (None, key.creator_user_id)
                or wanted_workspace not in (None, key.workspace_id)
            ):
                continue
            group = (day, model, key.workspace_id if by_workspace else "")
            row = rows.setdefault(group, _empty_activity(*group))
            row["usage"] = round(row["usage"] + spend.usage, 12)
            row["requests"] += spend.requests
            row["prompt_tokens"] += spend.prompt_tokens
            row["completion_tokens"] += spend.completion_tokens
        return JSONResponse({"data": [rows[group] for group in sorted(rows, reverse=True)]})

    def _days(self, asked: str | None) -> list[str]:
        """The completed UTC days that are asked for."""
        today = self._account.clock.now().date()
        days = [(today - timedelta(days=back)).isoformat() for back in range(1, _ACTIVITY_DAYS + 1)]
        if asked is None:
            return days
        try:
            date.fromisoformat(asked)
        except ValueError:
            raise ApiError(400, "Invalid input: date: expected YYYY-MM-DD") from None
        if asked not in days:
            raise ApiError(400, f"Date must be within the last {_ACTIVITY_DAYS} (completed) UTC days")
        return [asked]

    # Workspaces

    def _workspace(self, reference: str) -> dict[str, Any]:
        workspace = self._account.workspace(reference)
        if workspace is None:
            raise ApiError(404, "Workspace not found")
        return workspace

    async def list_workspaces(self, request: Request) -> Response:
        self._require_management(request)
        found = list(self._account.workspaces.values())
        offset = validation.count(request.query_params.get("offset"), "offset")
        limit = validation.count(request.query_params.get("limit"), "limit", PAGE_SIZE)
        return JSONResponse({"data": found[offset : offset + min(limit, PAGE_SIZE)], "total_count": len(found)})

    async def create_workspace(self, request: Request) -> Response:
        body = await request.body()
        self._require_management(request)
        values = self._workspace_values(validation.json_object(body), required=("name", "slug"))
        workspace = self._account.add_workspace(**values)
        self._account.save()
        return JSONResponse({"data": workspace}, status_code=201)

    async def get_workspace(self, request: Request) -> Response:
        self._require_management(request)
        return JSONResponse({"data": self._workspace(request.path_params["reference"])})

    async def update_workspace(self, request: Request) -> Response:
        body = await request.body()
        self._require_management(request)
        workspace = self._workspace(request.path_params["reference"])
        workspace.update(self._workspace_values(validation.json_object(body), current=workspace))
        workspace["updated_at"] = stamp(self._account.clock.now())
        self._account.save()
        return JSONResponse({"data": workspace})

    async def delete_workspace(self, request: Request) -> Response:
        self._require_management(request)
        workspace = self._workspace(request.path_params["reference"])
        if workspace["id"] == self._account.default_workspace:
            raise ApiError(400, "The default workspace cannot be deleted")
        if any(key.workspace_id == workspace["id"] for key in self._account.all_keys()):
            raise ApiError(400, "The workspace still has API keys")
        del self._account.workspaces[workspace["id"]]
        self._account.save()
        return JSONResponse({"deleted": True})

    def _workspace_values(
        self, body: dict[str, Any], required: tuple[str, ...] = (), current: dict[str, Any] | None = None
    ) -> dict[str, Any]:
        values = {name: body[name] for name in ("name", "slug", "description") if body.get(name) is not None}
        for name in required:
            if name not in values:
                raise ApiError(400, f"Invalid input: {name}: required")
        if not all(isinstance(value, str) and value for value in values.values()):
            raise ApiError(400, "Invalid input: name, slug, description: expected strings of at least 1 character")
        slug = values.get("slug")
        if slug is not None:
            if not _SLUG.fullmatch(slug):
                raise ApiError(400, "Invalid input: slug: expected lower-case words joined by single hyphens")
            if self._account.workspace(slug) not in (None, current):
                raise ApiError(409, "A workspace with this slug exists")
        return values

    # Inference

    async def models(self, request: Request) -> Response:
        # Public, as at OpenRouter: no key is asked for.
        models = catalogue.models()
        offset = validation.count(request.query_params.get("offset"), "offset")
        limit = validation.count(request.query_params.get("limit"), "limit", len(models))
        page = models[offset : offset + limit]
        return JSONResponse({"data": page, "total_count": len(models), "links": {"next": None}})

    async def chat(self, request: Request) -> Response:
        body = await request.body()
        return chat.complete(self._account, self._require_ordinary(request), validation.json_object(body))

    async def generation(self, request: Request) -> Response:
        key = self._require_ordinary(request)
        wanted = request.query_params.get("id")
        if not wanted:
            raise ApiError(400, "Invalid input: id: required")
        for generation in self._account.generations:
            if generation["data"]["id"] == wanted and generation["key_hash"] == key.hash:
                return JSONResponse({"data": generation["data"]})
        raise ApiError(404, f"Generation {wanted} not found")


def _empty_activity(day: str, model: str, workspace_id: str) -> dict[str, Any]:
    row = {
        "date": day,
        "model": model,
        "model_permaslug": model,
        "endpoint_id": "simulated-endpoint",
        "provider_name": "Simulator",
        "usage": 0.0,
        "byok_usage_inference": 0.0,
        "requests": 0,
        "prompt_tokens": 0,
        "completion_tokens": 0,
        "reasoning_tokens": 0,
        "cached_tokens": 0,
    }
    if workspace_id:
        row["workspace_id"] = workspace_id
    return row
