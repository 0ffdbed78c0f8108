# Copyright (c) 2026 The mai.clients team
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The machine lost the key that OpenRouter shows once: found again where it still is, replaced only where it is not."""

from __future__ import annotations

import signal

from tests.kit.agency import KEPT, Agency

COMPARE = "Compare the key saved in Open WebUI with the client's key"
FOREIGN = ("https://llm.example.com/v1", "sk-somebody-elses-connection")


def forget_everywhere_but(agency: Agency, slug: str, place: str = "nowhere") -> None:
    """The key's file is gone, and so is every copy of it on the machine but one."""
    agency.key_file(slug).unlink()
    if place == "environment":
        return  # an instance without its connection would be broken; it is asked first
    agency.stop(slug)
    if place != "connection":
        agency.query(slug, "DELETE FROM config WHERE key LIKE 'openai.%'")
    if place != "row":
        agency.query(slug, "UPDATE client_organizations SET openrouter_api_key = 'lost'")


def test_a_key_that_is_still_somewhere_on_the_machine_is_recovered(onboarded: Agency) -> None:
    agency, slug = onboarded, KEPT
    secret, pid = agency.secret(slug), agency.pid(slug)
    agency.control.usage(agency.key(slug)["hash"], 1.5)  # a used key is never replaced in passing
    agency.control.clear_journal()

    places = {"environment": "environment", "connection": "saved in Open WebUI", "row": "organisation row"}
    for place, found in places.items():
        forget_everywhere_but(agency, slug, place)
        if place == "environment":
            foreseen = agency.onboard(slug, "--check")
            assert foreseen.total("changed") > 0 and not agency.key_file(slug).exists()
        # Asked to replace what is lost, it still finds first.
        run = agency.onboard(slug, "-v", "-e", "replace_lost_key=true")
        assert f"found: {found}" in run.said
        assert agency.secret(slug) == secret
        agency.assert_converged(slug)
        if place == "environment":
            assert agency.pid(slug) == pid, "it was restarted though it has the key"

    assert agency.onboard(slug).total("changed") == 0
    assert agency.control.writes() == []


def test_a_lost_key_that_was_never_used_is_replaced(onboarded: Agency) -> None:
    agency, slug = onboarded, KEPT
    old = agency.key(slug)["hash"]
    forget_everywhere_but(agency, slug)
    agency.onboard(slug)
    agency.assert_converged(slug)
    assert agency.key(slug)["hash"] != old
    [retired] = [key for key in agency.control.keys_named(slug) if key["hash"] == old]
    assert retired["disabled"]


def test_a_lost_key_that_was_used_stops_the_run_until_somebody_decides(onboarded: Agency) -> None:
    agency, slug = onboarded, KEPT
    old = agency.key(slug)["hash"]
    agency.control.usage(old, 1.5)
    forget_everywhere_but(agency, slug)
    agency.control.clear_journal()

    stopped = agency.run(slug)
    assert stopped.rc == 2
    assert "write its secret into that file" in stopped.said and "replace_lost_key=true" in stopped.said
    assert agency.control.writes() == [] and not agency.key_file(slug).exists()

    agency.onboard(slug, "-e", "replace_lost_key=true")
    agency.assert_converged(slug)
    [retired] = [key for key in agency.control.keys_named(slug) if key["hash"] == old]
    assert retired["disabled"] and retired["usage"] == 1.5
    assert [key["disabled"] for key in agency.control.keys_named(f"client-{slug}")].count(False) == 1
    # Said once more, it has nothing left to do.
    assert agency.onboard(slug, "-e", "replace_lost_key=true").total("changed") == 0


FORMS = ("rows", "blob")
SAVED = ",".join(f"saved-{form}" for form in FORMS)


def test_the_key_saved_in_open_webui_follows_and_other_connections_stay(agency: Agency) -> None:
    """Of the releases that save it in rows, and of those that save it in one document."""
    slugs = [agency.client(f"saved-{form}", mai_extra_env={"STANDIN_CONFIG": form}) for form in FORMS]
    agency.onboard(SAVED)
    secrets = {slug: agency.secret(slug) for slug in slugs}
    connections = {slug: [FOREIGN, (agency.openrouter.url, secret)] for slug, secret in secrets.items()}
    for slug in slugs:
        with agency.session(slug) as session:
            answer = session.post(
                "/openai/config/update",
                json={
                    "OPENAI_API_BASE_URLS": [url for url, _key in connections[slug]],
                    "OPENAI_API_KEYS": [key for _url, key in connections[slug]],
                    "OPENAI_API_CONFIGS": {"0": {"enable": False}, "1": {}},
                },
            )
            assert answer.status_code == 200, answer.text

    def saved() -> dict[str, list[tuple[str, str]]]:
        return {slug: agency.saved(slug) for slug in slugs}

    assert saved() == connections
    assert agency.onboard(SAVED).total("changed") == 0

    # Somebody deletes the keys at OpenRouter; only their secrets are left, everywhere, and of no use.
    for slug in slugs:
        agency.openrouter.delete_key(agency.key(slug)["hash"])
    stopped = agency.failures(SAVED)
    assert set(stopped) == set(slugs) and all("replace_lost_key=true" in message for message in stopped.values())
    assert saved() == connections

    foreseen = agency.onboard(SAVED, "--check", "-e", "replace_lost_key=true")
    assert "Would put the client's new key into Open WebUI" in foreseen.said and saved() == connections
    # Killed when everything but the saved keys is up to date: the next run still knows the old ones for ours.
    agency.start_until(COMPARE, SAVED, "-e", "replace_lost_key=true").kill(signal.SIGKILL)
    assert saved() == connections
    agency.onboard(SAVED)
    for slug in slugs:
        assert agency.saved(slug) == [FOREIGN, (agency.openrouter.url, agency.secret(slug))]
        assert agency.secret(slug) != secrets[slug]
        with agency.session(slug) as session:
            # What it uses, not only what lies in its database; and it did not write the old one back.
            assert session.get("/openai/config").json()["OPENAI_API_KEYS"] == [FOREIGN[1], agency.secret(slug)]
            assert session.get("/openai/config").json()["OPENAI_API_CONFIGS"]["0"] == {"enable": False}
    assert agency.onboard(SAVED).total("changed") == 0
