# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The web application: Open WebUI's paths that the collection, the demo and their tests use."""

from __future__ import annotations

import contextlib
import re
import uuid
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

from .database import Database
from .errors import Refused
from .organization import Organization
from .settings import Settings
from .stored_settings import BlobSettings, RowSettings
from .upstream import Upstream
from .users import NO_PERMISSION, Users

PAGE = "<!doctype html><html><head><title>{name}</title></head><body>{text}</body></html>"


class App:
    """The handlers, around the parts they need."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        stored: RowSettings | BlobSettings,
        users: Users,
        organization: Organization,
    ) -> None:
        self.settings = settings
        self.database = database
        self.stored = stored
        self.users = users
        self.organization = organization
        self.upstream = Upstream(settings, stored, organization)

    def asgi(self) -> Starlette:
        @contextlib.asynccontextmanager
        async def lifespan(_app: Starlette) -> AsyncIterator[None]:
            yield
            await self.upstream.close()

        post = ["POST"]
        routes = [
            Route("/health", self.health),
            Route("/health/db", self.health_db),
            Route("/api/version", self.version),
            Route("/api/config", self.config),
            Route("/api/v1/auths/", self.session_user),
            Route("/api/v1/auths/signin", self.sign_in, methods=post),
            Route("/api/v1/auths/signup", self.sign_up, methods=post),
            Route("/api/v1/auths/add", self.add_user, methods=post),
            Route("/api/v1/auths/update/password", self.change_password, methods=post),
            Route("/api/v1/users/{id}/update", self.update_user, methods=post),
            Route("/api/v1/users/{id}", self.delete_user, methods=["DELETE"]),
            Route("/openai/config", self.connections),
            Route("/openai/config/update", self.update_connections, methods=post),
            Route("/api/models", self.models),
            Route("/api/chat/completions", self.chat, methods=post),
            Route("/api/v1/chats/new", self.new_chat, methods=post),
            Route("/api/v1/files/", self.upload, methods=post),
            WebSocketRoute("/ws/socket.io/", self.websocket),
            Route("/ws/socket.io/", self.polling, methods=["GET", "POST"]),
        ]
        if self.settings.form == "rows":
            routes.append(Route("/ready", self.ready))
        if self.organization.exists:
            routes.append(Route("/api/v1/usage-tracking/my-organization/usage-summary", self.usage_summary))
        if not self.settings.production:
            routes.append(Route("/docs", self.docs))
        routes.append(Route("/{path:path}", self.page))
        return Starlette(
            routes=routes,
            lifespan=lifespan,
            exception_handlers={Refused: _refuse},
            middleware=[
                Middleware(
                    CORSMiddleware,
                    allow_origins=list(self.settings.allowed_origins),
                    allow_credentials=True,
                    allow_methods=["*"],
                    allow_headers=["*"],
                )
            ],
        )

    # Health

    def health(self, _request: Request) -> Response:
        return self._healthy()

    def health_db(self, _request: Request) -> Response:
        self.database.read("SELECT 1")
        return self._healthy()

    def ready(self, _request: Request) -> Response:
        try:
            self.database.read("SELECT 1")
        except Exception:
            raise Refused(503, "Database not ready") from None
        return self._healthy()

    def _healthy(self) -> Response:
        if self.settings.fail == "unhealthy":
            raise Refused(503, "Unhealthy, as STANDIN_FAIL asks")
        return JSONResponse({"status": True})

    # Without a session

    def version(self, _request: Request) -> Response:
        return JSONResponse({"version": self.settings.version, "deployment_id": ""})

    def config(self, _request: Request) -> Response:
        features = {
            "auth": True,
            "enable_signup": self.stored.get("ui.enable_signup"),
            "enable_login_form": True,
            "enable_websocket": True,
        }
        onboarding = {} if self.users.exist() else {"onboarding": True}
        return JSONResponse(
            {
                **onboarding,
                "status": True,
                "name": self.settings.name,
                "version": self.settings.version,
                "default_locale": self.stored.get("ui.default_locale"),
                "oauth": {"providers": {}},
                "features": features,
            }
        )

    def docs(self, _request: Request) -> Response:
        return HTMLResponse(PAGE.format(name="Swagger UI", text="swagger-ui"))

    def page(self, _request: Request) -> Response:
        """The single-page application answers every unknown path with 200."""
        return HTMLResponse(PAGE.format(name="Open WebUI", text="<div id='app'></div>"))

    # Users

    async def sign_in(self, request: Request) -> Response:
        form = await _form(request, "email", "password")
        return self._session(await run_in_threadpool(self.users.sign_in, form["email"], form["password"]))

    async def sign_up(self, request: Request) -> Response:
        form = await _form(request, "email", "password", "name")
        user = await run_in_threadpool(self.users.sign_up, form["email"], form["password"], form["name"])
        return self._session(user)

    def session_user(self, request: Request) -> Response:
        """Who waits or is blocked is told so, and gets nothing else."""
        return JSONResponse(self._described(self._anybody(request)))

    async def add_user(self, request: Request) -> Response:
        self._admin(request)
        form = await _form(request, "email", "password", "name")
        role = form.get("role", "pending")
        user = await run_in_threadpool(self.users.add, form["email"], form["password"], form["name"], role)
        return JSONResponse(self._described(user))

    async def update_user(self, request: Request) -> Response:
        acting = self._admin(request)
        # Up to 0.6 a change is everything of an account
        whole = ("name", "email", "role", "profile_image_url") if self.settings.form == "blob" else ()
        form = await _form(request, *whole)
        changes = {key: form[key] for key in ("name", "email", "role", "password") if form.get(key)}
        user_id = request.path_params["id"]
        return JSONResponse(await run_in_threadpool(self.users.update, user_id, changes, acting["id"]))

    async def delete_user(self, request: Request) -> Response:
        acting = self._admin(request)
        await run_in_threadpool(self.users.delete, request.path_params["id"], acting["id"])
        return JSONResponse(True)

    async def change_password(self, request: Request) -> Response:
        user = self._user(request)
        form = await _form(request, "password", "new_password")
        await run_in_threadpool(self.users.change_password, user["id"], form["password"], form["new_password"])
        return JSONResponse(True)

    def _described(self, user: dict[str, Any]) -> dict[str, Any]:
        token, expires_at = self.users.token(user["id"])
        shown = {key: user[key] for key in ("id", "name", "role", "email", "profile_image_url")}
        return {**shown, "token": token, "token_type": "Bearer", "expires_at": expires_at, "permissions": {}}

    def _session(self, user: dict[str, Any]) -> Response:
        described = self._described(user)
        response = JSONResponse(described)
        response.set_cookie("token", described["token"], httponly=True, secure=self.settings.secure_cookie)
        return response

    def _user(self, request: Request) -> dict[str, Any]:
        user = self._anybody(request)
        if user["role"] not in ("user", "admin"):
            raise Refused(401, NO_PERMISSION)
        return user

    def _anybody(self, request: Request) -> dict[str, Any]:
        scheme, _space, token = request.headers.get("authorization", "").partition(" ")
        token = token if scheme.lower() == "bearer" else request.cookies.get("token", "")
        if not token:
            raise Refused(401, "Not authenticated")
        user = self.users.from_token(token)
        if not user:
            raise Refused(401, "Your session has expired or the token is invalid. Please sign in again.")
        return user

    def _admin(self, request: Request) -> dict[str, Any]:
        user = self._user(request)
        if user["role"] != "admin":
            raise Refused(401, NO_PERMISSION)
        return user

    # Connections, models, chat

    def connections(self, request: Request) -> Response:
        self._admin(request)
        return JSONResponse(self._connections())

    def _connections(self) -> dict[str, Any]:
        return {
            "ENABLE_OPENAI_API": self.stored.get("openai.enable"),
            "OPENAI_API_BASE_URLS": self.stored.get("openai.api_base_urls"),
            "OPENAI_API_KEYS": self.stored.get("openai.api_keys"),
            "OPENAI_API_CONFIGS": self.stored.get("openai.api_configs"),
        }

    async def update_connections(self, request: Request) -> Response:
        self._admin(request)
        form = await _form(request, "OPENAI_API_BASE_URLS", "OPENAI_API_KEYS", "OPENAI_API_CONFIGS")
        urls, keys = form["OPENAI_API_BASE_URLS"], form["OPENAI_API_KEYS"]
        changes = {
            "openai.enable": form.get("ENABLE_OPENAI_API", True),
            "openai.api_base_urls": urls,
            # As many keys as URLs, whatever was sent.
            "openai.api_keys": (keys + [""] * len(urls))[: len(urls)],
            "openai.api_configs": form["OPENAI_API_CONFIGS"],
        }
        await run_in_threadpool(self.stored.save, changes)
        await run_in_threadpool(self.organization.create_for_saved_key, keys)
        return JSONResponse(self._connections())

    async def models(self, request: Request) -> Response:
        user = self._user(request)
        refresh = request.query_params.get("refresh") == "true"
        return JSONResponse({"data": await self.upstream.models_for(user, refresh)})

    async def chat(self, request: Request) -> Response:
        user = self._user(request)
        return await self.upstream.chat(user, await _form(request, "model", "messages"))

    async def new_chat(self, request: Request) -> Response:
        user = self._user(request)
        form = await _form(request, "chat")
        return JSONResponse(await run_in_threadpool(self.users.keep_chat, user["id"], form["chat"]))

    async def upload(self, request: Request) -> Response:
        """A file of a form of one field; what it holds is counted, and kept nowhere."""
        self._user(request)
        size, head = 0, b""
        async for piece in request.stream():
            size += len(piece)
            head = head or piece[:1000]
        name = re.search(rb'filename="([^"]*)"', head)
        if not name:
            return JSONResponse({"detail": "Field required"}, 422)
        return JSONResponse({"id": str(uuid.uuid4()), "filename": name[1].decode(), "meta": {"size": size}})

    def usage_summary(self, request: Request) -> Response:
        self._user(request)
        return JSONResponse(self.organization.summary())

    # Live connection of the user interface

    async def websocket(self, websocket: WebSocket) -> None:
        origin = websocket.headers.get("origin")
        allowed = self.settings.allowed_origins
        if websocket.query_params.get("EIO") != "4" or (origin and "*" not in allowed and origin not in allowed):
            await websocket.close()
            return
        await websocket.accept()
        sid = uuid.uuid4().hex[:20]
        await websocket.send_text(
            f'0{{"sid":"{sid}","upgrades":[],"pingTimeout":20000,"pingInterval":25000,"maxPayload":1000000}}'
        )
        with contextlib.suppress(WebSocketDisconnect):
            while True:
                message = await websocket.receive_text()
                if message.startswith("40"):
                    await websocket.send_text(f'40{{"sid":"{sid}"}}')

    def polling(self, _request: Request) -> Response:
        return JSONResponse("Invalid transport", 400)


def _refuse(_request: Request, refused: Refused) -> Response:
    return JSONResponse({"detail": refused.detail}, refused.status)


async def _form(request: Request, *required: str) -> dict[str, Any]:
    try:
        form = await request.json()
    except ValueError:
        raise Refused(422, "The request body is not JSON") from None
    missing = [name for name in required if not isinstance(form, dict) or name not in form]
    if missing:
        raise Refused(422, f"Field required: {', '.join(missing)}")
    return form
