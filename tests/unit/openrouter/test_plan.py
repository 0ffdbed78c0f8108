# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every state of the account and the target, and what is to be done about it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter import errors
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.keys import Key
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.plan import Desired, Plan, plan
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.secret_store import Stored

from tests.unit.openrouter.fakes import NAME, NOW, PATH, a_key

NONCE = "0a1b2c"
RETIRED = f"{NAME} ~retired-{NONCE}"
CURRENT = a_key(NAME, "current")
USED = a_key(NAME, "current", usage=2.5, last_used_at="2026-11-01T00:00:00Z")
PENDING = a_key(f"{NAME} ~pending-aaaaaa", "pending")
OLD_PENDING = a_key(f"{NAME} ~pending-bbbbbb", "old pending", age=7200)
USED_PENDING = a_key(f"{NAME} ~pending-cccccc", "used pending", age=7200, usage=0.1)
OTHER = a_key("client-other", "other")
UNKNOWN = a_key("nowhere", "unknown")
EMPTY = Stored(PATH)


def holding(*keys: Key, **more: t.Any) -> Stored:
    return Stored(PATH, "d" * 64, {f"VARIABLE_{n}": key.hash for n, key in enumerate(keys)}, **more)


def make(keys: t.Sequence[Key], stored: Stored | None, **desired: t.Any) -> Plan:
    return plan(Desired(**{"name": NAME, **desired}), keys, stored, NOW, NONCE)


def kinds(steps: Plan) -> list[tuple[str, str | None]]:
    return [(action.kind, action.key.name if action.key else None) for action in steps.actions]


@pytest.mark.parametrize(
    ("keys", "stored", "expected"),
    [
        pytest.param([OTHER], EMPTY, [("create", None), ("commit", None)], id="nothing anywhere"),
        pytest.param([OTHER], None, [("create", None), ("commit", None)], id="nothing anywhere, no file"),
        pytest.param([CURRENT], None, [], id="exists, no file"),
        pytest.param([CURRENT], holding(CURRENT), [], id="exists and is stored"),
        pytest.param([PENDING], holding(PENDING), [("commit", PENDING.name)], id="stored, not committed"),
        pytest.param(
            [CURRENT, PENDING],
            holding(PENDING),
            [("retire", NAME), ("commit", PENDING.name)],
            id="replacement not committed",
        ),
        pytest.param(
            [a_key(RETIRED, "current"), PENDING],
            holding(PENDING),
            [("commit", PENDING.name)],
            id="replacement interrupted after the old key went",
        ),
        pytest.param(
            [PENDING, OLD_PENDING],
            EMPTY,
            [("create", None), ("commit", None), ("delete", OLD_PENDING.name)],
            id="left-overs: only the old one is garbage for sure",
        ),
        pytest.param([CURRENT, USED_PENDING], holding(CURRENT), [], id="a used left-over is never deleted"),
        pytest.param([CURRENT, PENDING], holding(CURRENT), [], id="a young left-over may be another run's"),
        pytest.param(
            [CURRENT],
            holding(CURRENT, faults=["mode 644 instead of 600"]),
            [("repair", NAME)],
            id="stored with the wrong mode",
        ),
        pytest.param([CURRENT], holding(CURRENT, OTHER), [("repair", NAME)], id="one of two variables is wrong"),
        pytest.param([a_key(f"{NAME}-2 ~pending-aaaaaa")], EMPTY, [("create", None), ("commit", None)], id="prefix"),
    ],
)
def test_present(keys: list[Key], stored: Stored | None, expected: list[tuple[str, str | None]]) -> None:
    assert kinds(make(keys, stored)) == expected


def test_locked_run_sweeps_young_leftovers() -> None:
    steps = make([CURRENT, PENDING, USED_PENDING], holding(CURRENT), locked=True)
    assert kinds(steps) == [("delete", PENDING.name)]
    assert list(steps.pending_left) == [USED_PENDING]
    assert USED_PENDING.hash in steps.warnings[0]


def test_without_a_look_at_the_file_only_keys_that_never_had_one_are_swept() -> None:
    unsaved = a_key(f"{NAME} ~pending-unsaved-ffffff", "unsaved", age=7200)
    steps = make([CURRENT, OLD_PENDING, unsaved], None, locked=True)
    assert kinds(steps) == [("delete", unsaved.name)]
    assert list(steps.pending_left) == [OLD_PENDING]


def test_leftover_of_unknown_age_or_usage_is_not_deleted() -> None:
    ageless = a_key(f"{NAME} ~pending-dddddd", "ageless", created_at=None)
    opaque = a_key(f"{NAME} ~pending-eeeeee", "opaque", age=7200, usage=None)
    steps = make([CURRENT, ageless, opaque], holding(CURRENT))
    assert kinds(steps) == []
    assert list(steps.pending_left) == [ageless, opaque]


@pytest.mark.parametrize("stored", [EMPTY, holding(UNKNOWN)], ids=["no file", "unknown secret"])
@pytest.mark.parametrize(
    ("key", "lost_secret", "replaces"),
    [
        (CURRENT, "fail", False),
        (CURRENT, "replace_unused", True),
        (CURRENT, "replace", True),
        (USED, "fail", False),
        (USED, "replace_unused", False),
        (USED, "replace", True),
    ],
)
def test_lost_secret(key: Key, stored: Stored, lost_secret: str, replaces: bool) -> None:
    if not replaces:
        with pytest.raises(errors.LostSecret) as caught:
            make([key], stored, lost_secret=lost_secret)
        for word in (key.hash, PATH, "write its secret into that file", "replace_lost_key=true"):
            assert word in str(caught.value)
        return
    steps = make([key], stored, lost_secret=lost_secret)
    assert kinds(steps) == [("create", None), ("retire", NAME), ("commit", None)]
    assert steps.actions[1].changes == {"name": RETIRED, "disabled": True}
    assert key.hash in steps.replaced
    assert (stored.hash in steps.replaced) == bool(stored.hash)


def test_replacement_takes_over_what_is_not_mentioned() -> None:
    old = a_key(NAME, "x", limit=500, limit_reset="monthly", disabled=True, expires_at="2027-01-01T00:00:00Z")
    steps = make([old], EMPTY, lost_secret="replace", fields={"limit": 20.0})
    assert kinds(steps) == [("create", None), ("update", None), ("retire", NAME), ("commit", None)]
    assert steps.actions[0].changes == {
        "limit": 20.0,
        "limit_reset": "monthly",
        "include_byok_in_limit": False,
        "workspace_id": "default",
        "expires_at": "2027-01-01T00:00:00Z",
    }
    assert steps.actions[1].changes == {"disabled": True}


def test_interrupted_replacement_of_a_suspended_client_stays_suspended() -> None:
    steps = make([a_key(NAME, "x", disabled=True), PENDING], holding(PENDING))
    assert kinds(steps) == [("update", PENDING.name), ("retire", NAME), ("commit", PENDING.name)]
    assert steps.actions[0].changes == {"disabled": True}
    assert steps.actions[2].changes == {"name": NAME}


def test_deleted_at_openrouter() -> None:
    with pytest.raises(errors.LostSecret, match="does not know"):
        make([OTHER], holding(UNKNOWN))
    steps = make([OTHER], holding(UNKNOWN), lost_secret="replace")
    assert kinds(steps) == [("create", None), ("commit", None)]
    assert steps.replaced == [UNKNOWN.hash]
    with pytest.raises(errors.LostSecret):
        make([OTHER], holding(UNKNOWN), lost_secret="replace_unused")


@pytest.mark.parametrize("keys", [[OTHER], [OTHER, CURRENT]])
@pytest.mark.parametrize("lost_secret", ["fail", "replace"])
def test_secret_of_another_key_is_never_overwritten(keys: list[Key], lost_secret: str) -> None:
    with pytest.raises(errors.ForeignSecret, match="client-other"):
        make(keys, holding(OTHER), lost_secret=lost_secret)


@pytest.mark.parametrize("state", ["present", "disabled", "absent"])
def test_two_keys_of_one_name(state: str) -> None:
    twin = a_key(NAME, "twin", created_at="2026-01-02T03:04:05Z")
    with pytest.raises(errors.DuplicateName) as caught:
        make([CURRENT, twin], EMPTY, state=state)
    for word in (CURRENT.hash, twin.hash, "2026-01-02T03:04:05Z"):
        assert word in str(caught.value)


def test_only_what_differs_is_changed() -> None:
    key = a_key(NAME, limit=500, limit_reset="monthly")
    steps = make([key], None, fields={"limit": 250.0, "limit_reset": "monthly", "include_byok_in_limit": False})
    assert [action.changes for action in steps.actions] == [{"limit": 250.0}]
    assert make([key], None, fields={"limit": 500.0}).actions == []
    assert [action.changes for action in make([key], None, fields={"limit": None}).actions] == [{"limit": None}]


def test_present_alone_never_enables() -> None:
    disabled = a_key(NAME, disabled=True)
    assert make([disabled], None).actions == []
    assert make([disabled], None, fields={"disabled": False}).actions[0].changes == {"disabled": False}


def test_nothing_is_created_where_nothing_could_be_stored() -> None:
    blocked = Stored(PATH, obstacle="its directory does not exist")
    with pytest.raises(errors.StoreRefused, match="directory does not exist"):
        make([], blocked)


def test_expiry_cannot_be_changed() -> None:
    key = a_key(NAME, expires_at="2027-01-01T00:00:00.000Z")
    assert make([key], None, expires_at="2027-01-01T00:00:00Z").actions == []
    with pytest.raises(errors.NotPossible, match="cannot be patched"):
        make([key], None, expires_at="2028-01-01T00:00:00Z")


def test_expired_key_is_kept_and_named() -> None:
    key = a_key(NAME, "current", expires_at="2026-01-01T00:00:00Z")
    steps = make([key], holding(CURRENT))
    assert steps.actions == []
    assert "expired" in steps.warnings[0]


def test_disabled_switches_off_everything_the_client_could_hold() -> None:
    steps = make([CURRENT, PENDING], None, state="disabled", fields={"disabled": True})
    assert kinds(steps) == [("update", NAME), ("update", PENDING.name)]
    assert all(action.changes == {"disabled": True} for action in steps.actions)
    off = [a_key(NAME, "current", disabled=True), a_key(PENDING.name, "pending", disabled=True)]
    assert make(off, None, state="disabled", fields={"disabled": True}).actions == []
    with pytest.raises(errors.NotFound, match="no key named"):
        make([OTHER], None, state="disabled", fields={"disabled": True})


def test_absent() -> None:
    steps = make([CURRENT, PENDING, USED_PENDING, OTHER], None, state="absent")
    assert kinds(steps) == [("delete", NAME), ("delete", PENDING.name), ("update", USED_PENDING.name)]
    assert make([OTHER], None, state="absent").actions == []


def test_by_hash() -> None:
    assert kinds(make([CURRENT], None, name=None, hash=CURRENT.hash, state="absent")) == [("delete", NAME)]
    assert make([], None, name=None, hash=CURRENT.hash, state="absent").actions == []
    renamed = make([CURRENT], None, name="new", hash=CURRENT.hash, fields={"workspace_id": "w"})
    assert renamed.actions[0].changes == {"workspace_id": "w", "name": "new"}
    with pytest.raises(errors.NotFound, match="never by hash"):
        make([], None, name=None, hash=CURRENT.hash)


def test_retired_keys_are_named_for_whoever_looks_for_old_secrets() -> None:
    retired = a_key(RETIRED, "retired", disabled=True)
    assert make([CURRENT, retired], holding(CURRENT)).replaced == [retired.hash]
