# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was spent, from what OpenRouter says."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.errors import InvalidOption, ServerFailed
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.options import day_of
from ansible_collections.mai.clients.plugins.plugin_utils._openrouter.usage import (
    by_day_and_model,
    totals_of,
    usage_of,
)
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.openrouter.fakes import a_key


@pytest.mark.parametrize(
    ("limit", "remaining", "percent"),
    [
        (10.0, 7.5, 25.0),
        (10, 0, 100.0),
        (3.0, 1.0, 66.67),
        (0, 0, 100.0),
        (None, None, None),
        (10.0, None, None),
        (5e-324, -1e15, None),
    ],
)
def test_percent_of_the_limit(limit: t.Any, remaining: t.Any, percent: t.Any) -> None:
    key = a_key("a", limit=limit, limit_remaining=remaining, usage=4.0)
    assert usage_of(key)["percent_used"] == percent
    assert (usage_of(key)["usage"], usage_of(key)["name"]) == (4.0, "a")


def test_totals() -> None:
    keys = [a_key("a", usage=0.1, usage_monthly=0.1), a_key("b", usage=0.2, usage_monthly=None, disabled=True)]
    totals = {"usage": 0.3, "usage_daily": 0, "usage_weekly": 0, "usage_monthly": 0.1}
    assert totals_of(keys) == {"count": 2, "disabled": 1, **totals}
    assert totals_of([])["usage"] == 0


def row(date: str, model: str, usage: float, **more: t.Any) -> dict[str, t.Any]:
    return {"date": date, "model": model, "usage": usage, "requests": 1, "provider_name": "P", **more}


def test_providers_of_a_day_and_model_are_one_row() -> None:
    rows = by_day_and_model(
        [
            row("2026-11-22", "b", 1.0),
            row("2026-11-23", "b", 0.1, prompt_tokens=5, byok_usage_inference=0.5),
            row("2026-11-23", "a", 2.0),
            row("2026-11-23 00:00:00", "b", 0.2, prompt_tokens=None, cached_tokens=3),
        ]
    )
    assert [(one["date"], one["model"], one["usage"], one["requests"]) for one in rows] == [
        ("2026-11-23", "a", 2.0, 1),
        ("2026-11-23", "b", 0.3, 2),
        ("2026-11-22", "b", 1.0, 1),
    ]
    assert (rows[1]["prompt_tokens"], rows[1]["cached_tokens"], rows[1]["byok_usage"]) == (5, 3, 0.5)


@given(st.lists(st.tuples(st.sampled_from("12"), st.sampled_from("ab"), st.integers(0, 10**9)), max_size=20))
def test_nothing_is_lost_by_adding_up(spent: list[tuple[str, str, int]]) -> None:
    rows = by_day_and_model([row(f"2026-11-0{day}", model, cents / 100) for day, model, cents in spent])
    assert sum(one["requests"] for one in rows) == len(spent)
    assert round(sum(one["usage"] for one in rows), 2) == sum(cents for *_group, cents in spent) / 100
    assert len({(one["date"], one["model"]) for one in rows}) == len(rows)


@pytest.mark.parametrize("odd", ["5", True, [], {}, float("nan"), float("inf"), 10**400, 1e300, None])
def test_odd_amounts_add_nothing(odd: t.Any) -> None:
    [found] = by_day_and_model([row("2026-11-23", "a", odd, prompt_tokens=odd), row("2026-11-23", "a", 1.0)])
    assert (found["usage"], found["prompt_tokens"], found["requests"]) == (1.0, 0, 2)


def test_words_of_activity_are_shown() -> None:
    [found] = by_day_and_model([row("2026-11-23\nforged", "a\n\x1b[31m" + "b" * 1000, 1.0)])
    assert found["date"] == "2026-11-23"
    assert found["model"].isprintable() and len(found["model"]) <= 500


@pytest.mark.parametrize(
    "broken", [{"model": "a"}, {"date": "2026-11-23"}, {"date": 1, "model": "a"}, {"date": "\x1b[2J", "model": "a"}]
)
def test_rows_that_cannot_be_read(broken: dict[str, t.Any]) -> None:
    with pytest.raises(ServerFailed, match="without its date or model"):
        by_day_and_model([broken])


def test_day() -> None:
    assert day_of({"date": "2026-11-23"}) == "2026-11-23"
    assert day_of({"date": ""}) is day_of({"date": None}) is None
    for wrong in ("23.11.2026", "2026-11-31", "2026-11-23T00:00:00Z", "yesterday"):
        with pytest.raises(InvalidOption, match="date must be a UTC day"):
            day_of({"date": wrong})
