# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is proposed for a new client, and what it would clash with."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.mai.clients.plugins.plugin_utils import _new_client
from ansible_collections.mai.clients.plugins.plugin_utils._new_client import Fleet
from ansible_collections.mai.clients.plugins.plugin_utils._variables import SLUG

ONE = {"ansible_host": "mai-01", "mai_port": 8001, "mai_client_name": "Company ABC", "mai_monthly_limit": 500}
TWO = {"ansible_host": "mai-01", "mai_port": "8003", "mai_client_name": "Ab-C", "mai_monthly_limit": 1000}
OTHER = {"ansible_host": "mai-02", "mai_port": 8002, "mai_client_name": "Żółw"}
FLEET = Fleet(
    {"company-abc": ONE, "ab-c": TWO, "zolw": OTHER}, {"mai_clients", "all", "company-abc", "ab-c", "zolw", "web"}
)
NOBODY = Fleet({})


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Company ABC", "company-abc"),
        ('Żółw & Söhne "Sp. z o.o."', "zolw-soehne"),
        ("O'Brien $HOME", "obrien-home"),
        ("O\u2019Brien", "obrien"),
        ("Straßenbau Groß GmbH & Co. KG", "strassenbau-gross"),
        ("Smørrebrød A/S", "smorrebrod"),
        ("Łódź\nDwa", "lodz-dwa"),
        ("Þórður ehf", "thordur-ehf"),
        ("ﬁne Ｆｕｌｌ①", "fine-full1"),
        ("e\u0301cole", "ecole"),
        ("İstanbul Ağı", "istanbul-agi"),
        ("{{ jinja }}", "jinja"),
        ("GmbH", "gmbh"),
        ("100% 😀 Ltd.", "100"),
        ("中文公司", ""),
        ("Ωmega", "mega"),
        ("--- ---", ""),
        ("Verband der " + "x" * 300, "verband-der-" + "x" * 38),
        ("one two three four five six seven eight nine ten eleven", "one-two-three-four-five-six-seven-eight-nine-ten"),
    ],
)
def test_a_slug_for_a_name(name: str, slug: str) -> None:
    assert _new_client.slug_of(name) == slug
    assert not slug or SLUG.fullmatch(slug)


@pytest.mark.parametrize(
    ("wanted", "free"),
    [
        ("newcomer", "newcomer"),
        ("company-abc", "company-abc-2"),
        ("a-bc", "a-bc-2"),  # ab-c, without its dashes
        ("web", "web-2"),
        ("all", "all-2"),
        ("", ""),
        ("x" * 50, "x" * 50),
    ],
)
def test_a_slug_that_is_free(wanted: str, free: str) -> None:
    assert _new_client.free_slug(wanted, FLEET) == free


def test_a_long_slug_stays_one() -> None:
    fleet = Fleet({"x" * 50: ONE, "x" * 48 + "-2": ONE})
    assert _new_client.free_slug("x" * 50, fleet) == "x" * 48 + "-3"


@pytest.mark.parametrize(
    ("slug", "said"),
    [
        ("Newcomer", "is not a slug"),
        ("-x", "is not a slug"),
        ("x" * 51, "is not a slug"),
        ("../../x", "is not a slug"),
        (360, "is not a slug"),
        ("company-abc", "there is a client company-abc already"),
        ("web", "another host or a group"),
        ("localhost", "another host or a group"),
        ("a-bc", "both would be called mai-abc"),
        ("newcomer", None),
        ("360", None),
    ],
)
def test_slugs_that_clash(slug: t.Any, said: str | None) -> None:
    found = _new_client.slug_fault(slug, FLEET)
    assert found is None if said is None else said in (found or "")


@pytest.mark.parametrize(
    ("machine", "listening", "port"),
    [
        ("mai-01", [], 8002),
        ("mai-01", [22, 8002], 8004),
        ("mai-02", [], 8001),
        ("mai-03", [8001, 8002], 8003),
        ("mai-03", range(8001, 8021), 8021),
    ],
)
def test_the_next_free_port(machine: str, listening: t.Collection[int], port: int) -> None:
    assert _new_client.free_port(FLEET, FLEET.on(machine), listening) == port


def test_one_address_may_stand_for_several_machines() -> None:
    """Behind another SSH port; the new client goes to the last one's."""
    fleet = Fleet({"a": {**ONE, "mai_port": 8001}, "b": {**ONE, "ansible_port": 2222, "mai_port": 8002}})
    assert fleet.on("mai-01") == ["b"]
    assert _new_client.free_port(fleet, fleet.on("mai-01"), []) == 8001
    assert _new_client.problems(fleet, "new", "mai-01", [], {"mai_client_name": "New", "mai_port": 8001}) == []


@pytest.mark.parametrize(
    ("limits", "limit", "why"),
    [
        ([], 500, "the guide's example"),
        ([None, "none"], 500, "the guide's example"),
        ([200], 200, "your other client's limit"),
        ([200, "500", 1000, None], 500, "the median of your 3 clients' limits"),
        ([1, 2], 1.5, "the median of your 2 clients' limits"),
    ],
)
def test_the_limit_to_begin_with(limits: list[t.Any], limit: float, why: str) -> None:
    fleet = Fleet({f"c{number}": {"mai_monthly_limit": one} for number, one in enumerate(limits)})
    assert _new_client.limit_of(fleet) == (limit, why)


@pytest.mark.parametrize(
    ("rates", "rate", "why"),
    [
        ([], 1.3, "the guide's"),
        ([None, None], 1.3, "the guide's"),
        ([1.5, "1.5"], 1.5, "as your other clients"),
        ([1.5, 1.4], 1.3, "the guide's"),
    ],
)
def test_the_markup_to_begin_with(rates: list[t.Any], rate: float, why: str) -> None:
    found = _new_client.markup_of(Fleet({f"c{number}": {"mai_markup_rate": one} for number, one in enumerate(rates)}))
    assert found[0] == rate and found[1].startswith(why)


@pytest.mark.parametrize(
    ("name", "value", "typed"),
    [
        ("mai_port", " 8002 ", 8002),
        ("mai_port", "http", "http"),
        ("mai_monthly_limit", "750", 750),
        ("mai_monthly_limit", "12.50", 12.5),
        ("mai_monthly_limit", "None", "none"),
        ("mai_monthly_limit", "", None),
        ("mai_markup_rate", "1.50", 1.5),
        ("mai_client_name", " x ", " x "),
        ("mai_billing_email", "", None),
        ("mai_extra_env", {"A": "1"}, {"A": "1"}),
    ],
)
def test_values_as_they_are_written(name: str, value: t.Any, typed: t.Any) -> None:
    found = _new_client.typed(name, value)
    assert (found, type(found)) == (typed, type(typed))


@pytest.mark.parametrize(
    ("slug", "machine", "listening", "variables", "said"),
    [
        ("new", "mai-01", [], {}, None),
        ("new", "mai-01", [8002], {"mai_port": 8002}, "something listens on port 8002 of mai-01 already"),
        (
            "new",
            "mai-01",
            [8001],
            {"mai_port": 8001},
            "mai_port 8001 is also that of company-abc on the machine mai-01",
        ),
        ("new", "mai-02", [], {"mai_port": 8003}, None),
        ("new", "mai-01", [], {"mai_port": 80}, "give a number from 1024"),
        ("new", "mai 01", [], {}, "the machine is 'mai 01'"),
        ("new", "-oProxyCommand=x", [], {}, "the machine is"),
        ("new", "2001:db8::1", [], {}, None),
        ("company-abc", "mai-01", [], {}, "there is a client company-abc already"),
        ("a-bc", "mai-09", [], {}, "both would be called mai-abc"),
        ("new", "mai-01", [], {"mai_key_name": "client-ab-c"}, "mai_key_name 'client-ab-c' is also that of ab-c"),
        ("new", "mai-01", [], {"mai_client_id": "zolw-001"}, "mai_client_id 'zolw-001' is also that of zolw"),
        ("new", "mai-01", [], {"mai_client_name": "Bell \a"}, "the control character U+0007"),
        ("new", "mai-01", [], {"mai_client_name": "x" * 300}, "at most 200 characters"),
        (
            *("new", "mai-01", [], {"mai_deployment_dir": "/opt/mai/deployments/client-ab-c/x"}),
            "lies in that of ab-c",
        ),
    ],
)
def test_what_a_new_client_would_clash_with(
    slug: str, machine: str, listening: list[int], variables: dict[str, t.Any], said: str | None
) -> None:
    given = {"mai_client_name": "New", "mai_port": 8044, "mai_monthly_limit": 5, **variables}
    found = _new_client.problems(FLEET, slug, machine, listening, given)
    assert found == [] if said is None else any(said in one for one in found), found


def test_addresses_clash_by_the_domain_that_all_clients_have() -> None:
    fleet = Fleet({"one": {**ONE, "mai_domain": "x.org", "mai_fqdn": "mai-new.x.org"}})
    [found] = _new_client.problems(fleet, "new", "mai-09", [], {"mai_client_name": "New", "mai_port": 8044})
    assert "mai-new.x.org is also the address of one" in found


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("mai_admin_password", "holds a secret"),
        ("mai_database_url", "holds a secret"),
        ("mai_montly_limit", "did you mean mai_monthly_limit?"),
        ("mai_password_bytes", "no variable of a client"),
        ("mai_domain", None),
        ("mai_extra_env", None),
    ],
)
def test_what_can_be_given(name: str, said: str | None) -> None:
    found = _new_client.strange([name])
    assert found == [] if said is None else said in found[0]


@pytest.mark.parametrize(
    ("machine", "given", "said"),
    [
        ("mai-01", {"mai_client_name": "Company ABC", "mai_port": 8001}, None),
        (None, {}, None),
        ("mai-02", {}, "its machine is mai-01, not mai-02"),
        ("mai-01", {"mai_client_name": "Company"}, "its mai_client_name is 'Company ABC', not 'Company'"),
        ("mai-01", {"mai_billing_email": "a@b.example"}, "its mai_billing_email is 'None', not 'a@b.example'"),
    ],
)
def test_a_client_that_is_there_already(machine: str | None, given: dict[str, t.Any], said: str | None) -> None:
    assert _new_client.differences(FLEET, "company-abc", machine, given) == ([] if said is None else [said])
