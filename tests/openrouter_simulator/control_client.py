# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What tests call: the control endpoints as methods."""

from __future__ import annotations

import time
from typing import Any

import httpx


class Control:
    def __init__(self, root: str) -> None:
        """`root` is the simulator's address without a path: http://127.0.0.1:8123"""
        # No proxy of the environment stands between a test and its simulator.
        # It is plain HTTP: loading certificates would only cost time.
        self._http = httpx.Client(base_url=root.rstrip("/") + "/__control__", trust_env=False, verify=False, timeout=30)

    def close(self) -> None:
        self._http.close()

    def _call(self, method: str, path: str, **more: Any) -> Any:
        response = self._http.request(method, path, **more)
        if response.is_error:
            raise ValueError(f"{method} {path}: {response.status_code} {response.text}")
        return response.json()

    def health(self) -> dict[str, Any]:
        return self._call("GET", "/health")

    def journal(self, writes: bool = False, everything: bool = False) -> list[dict[str, Any]]:
        """Management calls in order of arrival; `everything` adds inference, `writes` leaves out reads."""
        query = {"writes": str(writes).lower(), "all": str(everything).lower()}
        return self._call("GET", "/journal", params=query)

    def writes(self) -> list[tuple[str, str | None, int | None]]:
        """(method, key name, status) of every management call that could change something."""
        return [(call["method"], call["name"], call["status"]) for call in self.journal(writes=True)]

    def clear_journal(self) -> None:
        self._call("DELETE", "/journal")

    def all_keys(self) -> list[dict[str, Any]]:
        """Every key, disabled and expired ones too, most recent first."""
        return self._call("GET", "/keys")

    def plant_keys(self, names: list[str]) -> list[str]:
        """Many keys at once, whose secrets nobody has; returns their hashes."""
        return self._call("POST", "/keys", json={"names": names})["hashes"]

    def set_key(self, key_hash: str, **fields: Any) -> None:
        """What the API does not let anybody change: `expires_at`, `budgets_above`, `spend` ({}: nothing spent)."""
        self._call("POST", f"/keys/{key_hash}", json=fields)

    def keys_named(self, part: str) -> list[dict[str, Any]]:
        return [key for key in self.all_keys() if part in key["name"]]

    def generations(self) -> list[dict[str, Any]]:
        return self._call("GET", "/generations")

    def faults(self) -> list[dict[str, Any]]:
        return self._call("GET", "/faults")

    def fault(self, **fault: Any) -> int:
        """Plants a fault (README.md) and returns its id."""
        return self._call("POST", "/faults", json=fault)["id"]

    def hits(self, fault_id: int) -> int:
        return next(fault["hits"] for fault in self.faults() if fault["id"] == fault_id)

    def wait_until_held(self, fault_id: int, seconds: float = 30) -> None:
        """Until a request is waiting at a fault of kind `hold`."""
        end = time.monotonic() + seconds
        while not any(fault["id"] == fault_id and fault["waiting"] for fault in self.faults()):
            if time.monotonic() > end:
                raise TimeoutError(f"no request reached fault {fault_id} within {seconds} s")
            time.sleep(0.02)

    def release(self, fault_id: int) -> None:
        self._call("POST", f"/faults/{fault_id}/release")

    def clear_faults(self) -> None:
        self._call("DELETE", "/faults")

    def advance_clock(self, seconds: float) -> None:
        self._call("POST", "/clock", json={"advance": seconds})

    def set_clock(self, now: str) -> None:
        self._call("POST", "/clock", json={"now": now})

    def list_lag(self, seconds: float) -> None:
        self._call("POST", "/list_lag", json={"seconds": seconds})

    def credits(self, total: float) -> None:
        self._call("POST", "/credits", json={"total": total})

    def usage(self, key_hash: str, usd: float, **more: Any) -> dict[str, Any]:
        """Puts usage on a key; `date` (YYYY-MM-DD), `model` and `requests` may be given."""
        return self._call("POST", "/usage", json={"hash": key_hash, "usd": usd, **more})

    def reset(self) -> None:
        """A new account for the next test: no keys, calls or faults, and the real time."""
        self._call("POST", "/reset")
