"""The overview: figures of the last days, and what needs somebody."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memories.models import Memory, Operation, Webhook
from memories.prompts import shipped_prompts
from memories.retrieval.search import search
from memories.selectors import attention
from memories.selectors.filters import parse_filters
from memories.types import PromptText, SearchRequest, State
from memplatform.lib import clock
from memplatform.lib.ids import new_id
from tenants import services, usage
from tenants.scopes import tenant_scope
from tenants.usage import Amounts, Payer


@pytest.fixture
def see(console, alice, page):
    """``see(days=14)``: the page as the owner sees it."""

    def see(operator=alice, **query):
        answer = console(operator).get(page("memories:overview", **query))
        assert answer.status_code == 200
        return answer

    return see


def text(answer) -> str:
    return " ".join(answer.content.decode().split())


def count(company, operation: str, **amounts) -> None:
    payer = Payer(company.id, company.project.id, None)
    usage.count(payer, operation, Amounts(**amounts or {"requests": 1}))
    usage.flush()


def project_scope(company):
    return tenant_scope(company.id, project_id=company.project.id)


# --- who may look ---------------------------------------------------------------------


def test_every_member_may_look(see, alice, bob):
    assert "acme project" in text(see(alice))
    assert "acme project" in text(see(bob))


def test_another_tenant_is_not_there(console, carol, globex, page):
    assert console(carol).get(page("memories:overview")).status_code == 404


def test_a_stranger_is_sent_to_the_sign_in(client, page):
    answer = client.get(page("memories:overview"))
    assert answer["Location"].startswith("/console/sign-in/?next=")


# --- figures --------------------------------------------------------------------------


def test_a_new_project_says_how_to_begin(see):
    shown = text(see())
    assert "Send your first memory" in shown
    assert "/v3/memories/add/" in shown


def test_adds_searches_and_memories_stand_in_their_days(see, agent, frozen):
    agent.learn("I keep bees.")
    count(agent.company, "add")
    count(agent.company, "search", requests=7)
    frozen.advance(days=2)
    count(agent.company, "search", requests=5)
    charts = {chart.slug: chart for chart in see().context["charts"]}
    searches = [bar.value for bar in charts["searches"].bars]
    assert searches[-3:] == [7, 0, 5]
    assert (charts["adds"].total, charts["memories"].total) == (1, 1)
    assert len(searches) == 30


def test_a_period_is_chosen_from_those_there_are(see, agent):
    agent.learn("I keep bees.")
    assert len(see(days=90).context["charts"][0].bars) == 90
    for odd in ("1000000", "-1", "soon", ""):
        assert len(see(days=odd).context["charts"][0].bars) == 30


def test_a_chart_can_be_read_without_seeing_it(see, agent, frozen):
    agent.learn("I keep bees.")
    count(agent.company, "search", requests=1234)
    shown = text(see())
    assert "1234 searches from 2026-01-31 to 2026-03-01" in shown
    assert '<td>2026-03-01</td> <td class="number">1,234</td>' in shown


def test_times_are_of_what_was_done(see, agent):
    agent.learn("I keep bees.")
    filters = parse_filters({"user_id": "ida"})
    for _ in range(3):
        search(agent.access, SearchRequest("bees?", filters))
    with project_scope(agent.company):
        Operation.objects.filter(kind="SEARCH").update(latency_ms=40.0)
        Operation.objects.filter(kind="ADD").update(latency_ms=2500.0)
    stats = {stat.label: stat for stat in see().context["stats"]}
    assert stats["Search, median"].value == "40 ms"
    assert stats["Search, median"].note == "95 % in 40 ms, last 3"
    assert stats["Add, median"].value == "2.5 s"


def test_models_tell_what_they_took(see, agent):
    agent.learn("I keep bees.")
    took = {"prompt_tokens": 900, "completion_tokens": 100, "model_calls": 3}
    count(agent.company, "add", **took)
    stats = {stat.label: stat for stat in see().context["stats"]}
    assert (stats["Model calls"].value, stats["Model calls"].note) == (
        "3",
        "1,000 tokens",
    )
    assert "Cost" not in stats  # the provider has no price


# --- what needs attention -------------------------------------------------------------


def labels(answer) -> dict[str, str]:
    return {notice.label: notice.text for notice in answer.context["attention"]}


def test_without_a_model_it_says_that_rules_read(see, models, settings):
    assert "Engine" not in labels(see())
    settings.LLM_BASE_URL = ""
    assert "rules do" in labels(see())["Engine"]


def test_failures_and_what_is_stuck_come_first(see, agent, frozen):
    agent.learn("I keep bees.")
    with project_scope(agent.company):
        done = Operation.objects.get()
        for status in ("FAILED", "PENDING", "RUNNING"):
            done.id, done.status, done.seq = new_id(), status, None
            done.save(force_insert=True)
    assert labels(see())["Failed"] == "1 ingestion failed in the last 7 days."
    assert "Stuck" not in labels(see())
    frozen.advance(minutes=6)
    shown = see()
    assert labels(shown)["Stuck"].startswith("2 operations")
    assert [n.label for n in shown.context["attention"]][:2] == ["Failed", "Stuck"]
    frozen.advance(days=8)
    assert "Failed" not in labels(see())


def test_webhooks_that_do_not_get_through_are_named(see, acme):
    with project_scope(acme):
        Webhook.objects.create(
            project=acme.project,
            name="CRM",
            url="https://crm.example/",
            failures=2,
            event_types=["memory_add"],
        )
        Webhook.objects.create(
            project=acme.project,
            name="fine",
            url="https://ok.example/",
            event_types=["memory_add"],
        )
    assert labels(see())["Webhook"] == "The webhook “CRM” does not get through."


def test_keys_that_expire_soon_are_named(see, acme):
    with project_scope(acme):
        for name, days in (("soon", 3), ("later", 90)):
            expires_at = clock.now() + timedelta(days=days)
            services.issue_api_key(
                acme.project, acme.owner, name=name, expires_at=expires_at
            )
    assert "“soon”" in labels(see())["API key"]
    assert "“later”" not in text(see())


def test_what_waits_for_review_is_counted(see, agent):
    agent.learn("I keep bees.")
    with project_scope(agent.company):
        Memory.objects.update(state=State.QUARANTINED)
    assert labels(see())["Review"] == "1 memory waiting for a decision."


def test_a_quota_near_its_end_is_told_to_who_can_change_it(see, acme, bob, valkey):
    with tenant_scope(acme.id):
        services.set_limits(acme.tenant, {"per_month": {"add": 10}})
    count(acme, "add", requests=7)
    assert "Quota" not in labels(see())


def test_a_quota_from_eighty_percent_on(see, acme, bob, valkey):
    with tenant_scope(acme.id):
        services.set_limits(acme.tenant, {"per_month": {"add": 10}})
    count(acme, "add", requests=8)
    assert labels(see())["Quota"] == "8 of 10 add a month, organization are used."
    assert "Quota" not in labels(see(bob))


def test_a_release_that_ships_a_newer_text_says_so(see, agent, monkeypatch):
    agent.learn("I keep bees.")
    assert "Prompts" not in labels(see())
    newer = {**shipped_prompts(), "summary": PromptText("summary", "A newer text.")}
    monkeypatch.setattr(attention, "shipped_prompts", lambda: newer)
    assert labels(see())["Prompts"] == "This release ships newer texts of: summary."


# --- live, and cheap ------------------------------------------------------------------


def test_it_is_answered_304_while_nothing_happens(console, alice, page, agent, frozen):
    agent.learn("I keep bees.")
    asked = {"HTTP_HX_REQUEST": "true"}
    client, url = console(alice), page("memories:overview")
    first = client.get(url, **asked)
    assert b"<html" not in first.content
    again = client.get(url, **asked, HTTP_IF_NONE_MATCH=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    agent.learn("I keep hens.")
    changed = client.get(url, **asked, HTTP_IF_NONE_MATCH=first["ETag"])
    assert changed.status_code == 200
    frozen.advance(minutes=1)
    later = client.get(url, **asked, HTTP_IF_NONE_MATCH=changed["ETag"])
    assert later.status_code == 200


def test_as_many_queries_for_much_as_for_little(console, alice, page, agent):
    client, url = console(alice), page("memories:overview")

    def queries() -> int:
        with CaptureQueriesContext(connection) as taken:
            client.get(url)
        return len(taken)

    agent.learn("I keep bees.")
    client.get(url)  # the first visit fills caches
    few = queries()
    for number in range(8):
        agent.learn(f"I own {number + 2} boats.", user_id=f"user-{number}")
    assert queries() == few
