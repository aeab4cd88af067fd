"""GET /v1/profile/: what is held true of a subject, by category, at any instant."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from memories.selectors.filters import parse_filters
from memories.selectors.pictures import Moment, picture_of
from memories.services.categories import assign_categories
from memories.types import Decision, Fact, ValidTime, Verdict
from tests.memories.agents import adds, decides
from tests.memories.api.conftest import memory_path

PROFILE = "/v1/profile/"
ANN = {"user_id": "ann"}
MAY = datetime(2026, 5, 1, tzinfo=UTC)


def noon(month: int, day: int) -> datetime:
    return datetime(2026, month, day, 12, tzinfo=UTC)


def told(answer) -> dict[str, list[str]]:
    """The texts of each category, in the answer's order."""
    assert answer.status_code == 200, answer.json()
    return {
        section["category"]: [fact["memory"] for fact in section["facts"]]
        for section in answer.json()["categories"]
    }


def facts_of(answer) -> dict[str, dict]:
    """Every fact by its text."""
    sections = answer.json()["categories"]
    return {fact["memory"]: fact for section in sections for fact in section["facts"]}


def lives_in(city: str, **valid) -> Fact:
    time = ValidTime(**valid)
    return Fact(f"Ann lives in {city}.", messages=(0,), valid=time)


@pytest.fixture
def moved(agent, frozen):
    """Ann lived in Lisbon, and in Berlin since May; told in March and in June."""
    frozen.move_to(noon(3, 1))
    agent.decide(Decision(Verdict.ADD, lives_in("Lisbon"), reason="new"))
    (lisbon,) = agent.heads()
    frozen.move_to(noon(6, 1))
    fact = lives_in("Berlin", start=MAY)
    agent.decide(Decision(Verdict.DELETE, fact, lisbon.id, reason="she moved"))


def test_facts_stand_by_category_and_those_of_none_come_last(client, agent):
    agent.decide(
        adds("Ann runs.", categories=("sports",)),
        adds("Ann sings.", categories=("music", "hobbies")),
        adds("Ann is 40.", categories=()),
        adds("Ann swims.", categories=("sports",)),
    )
    assert told(client.get(PROFILE, ANN)) == {
        "music": ["Ann sings."],
        "sports": ["Ann swims.", "Ann runs."],
        "Other": ["Ann is 40."],
    }


def test_a_fact_is_linked_to_its_memory_and_to_what_was_merged_into_it(client, agent):
    agent.decide(adds("Ann sings."))
    (sings,) = agent.heads()
    agent.decide(decides(Verdict.MERGE, "Ann likes to sing.", sings))
    merged = next(head for head in agent.heads() if head.id != sings.id)
    fact = facts_of(client.get(PROFILE, ANN))["Ann sings."]
    assert fact["id"] == str(sings.id)
    assert fact["memory_ids"] == [str(sings.id), str(merged.id)]


def test_it_tells_when_a_fact_was_said_last(client, agent, frozen):
    frozen.move_to(noon(3, 1))
    agent.decide(adds("Ann sings."), adds("Ann runs."))
    sings = next(head for head in agent.heads() if head.text == "Ann sings.")
    frozen.move_to(noon(4, 2))
    agent.decide(decides(Verdict.NONE, "Ann sings a lot.", sings))
    facts = facts_of(client.get(PROFILE, ANN))
    assert facts["Ann sings."]["last_confirmed_at"].startswith("2026-04-02")
    assert facts["Ann runs."]["last_confirmed_at"].startswith("2026-03-01")
    then = client.get(PROFILE, {**ANN, "as_of": "2026-03-20"})
    assert facts_of(then)["Ann sings."]["last_confirmed_at"].startswith("2026-03-01")


def test_categories_found_later_confirm_nothing(client, agent, frozen):
    frozen.move_to(noon(3, 1))
    agent.keep("I swim every day.")
    frozen.move_to(noon(4, 2))
    assign_categories(agent.access.tenant_id, agent.access.project_id)
    (fact,) = facts_of(client.get(PROFILE, ANN)).values()
    assert fact["categories"]
    assert fact["last_confirmed_at"].startswith("2026-03-01")


@pytest.mark.parametrize(
    ("asked", "cities"),
    [
        ({}, ["Berlin"]),
        # what was believed in April, before anybody told of the move
        ({"as_of": "2026-04-01"}, ["Lisbon"]),
        # what was true in April and in May, as is known by now
        ({"valid_at": "2026-04-01"}, ["Lisbon"]),
        ({"valid_at": "2026-05-02"}, ["Berlin"]),
        # what in April was believed to be true in May
        ({"as_of": "2026-04-01", "valid_at": "2026-05-02"}, ["Lisbon"]),
        ({"as_of": "2026-02-01"}, []),
    ],
)
def test_both_clocks_may_be_set(client, moved, asked, cities):
    facts = facts_of(client.get(PROFILE, {**ANN, **asked}))
    assert list(facts) == [f"Ann lives in {city}." for city in cities]


@pytest.mark.parametrize(
    ("day", "is_ill"), [("2026-05-01", False), ("2026-05-02", True)]
)
def test_a_day_is_all_of_it_in_the_projects_zone(client, agent, day, is_ill):
    agent.company.project.timezone = "Asia/Tokyo"
    with agent.scope():
        agent.company.project.save(update_fields=["timezone"])
    at_three = ValidTime(MAY.replace(hour=18), MAY.replace(hour=19))
    fact = Fact("Ann was ill.", messages=(0,), valid=at_three)
    agent.decide(Decision(Verdict.ADD, fact, reason="new"))
    facts = facts_of(client.get(PROFILE, {**ANN, "valid_at": day}))
    assert bool(facts) is is_ill


def test_what_is_to_come_is_a_part_of_it_and_what_is_over_is_not(client, agent, frozen):
    frozen.move_to(noon(6, 1))
    flies = Fact(
        "Ann flies to Rome.", valid=ValidTime(start=datetime(2026, 7, 1, tzinfo=UTC))
    )
    flew = Fact(
        "Ann flew to Oslo.", valid=ValidTime(MAY, datetime(2026, 5, 2, tzinfo=UTC))
    )
    agent.decide(*(Decision(Verdict.ADD, fact) for fact in (flies, flew)))
    assert list(facts_of(client.get(PROFILE, ANN))) == ["Ann flies to Rome."]
    today = client.get(PROFILE, {**ANN, "valid_at": "2026-06-01"})
    assert facts_of(today) == {}
    that_day = client.get(PROFILE, {**ANN, "valid_at": "2026-05-01"})
    assert list(facts_of(that_day)) == ["Ann flew to Oslo."]
    in_may = client.get(PROFILE, {**ANN, "valid_at": "2026-05-01T12:00:00Z"})
    assert list(facts_of(in_may)) == ["Ann flew to Oslo."]


def test_what_is_deleted_or_expired_is_no_part_of_it(client, store, frozen):
    frozen.move_to(noon(6, 1))
    gone = store("I keep goats.")
    store("I am in Rome.", expiration_date="2026-06-02")
    store("I keep bees.")
    client.delete(memory_path(gone))
    frozen.advance(days=5)
    assert told(client.get(PROFILE, {"user_id": "ida"})) == {"Other": ["I keep bees."]}


def test_it_comes_in_pages_and_tells_how_many_there_are(client, agent):
    texts = [f"Ann has {n} cats." for n in range(5)]
    agent.decide(*(adds(text, categories=("family",)) for text in texts))
    first = client.get(PROFILE, {**ANN, "page_size": 2}).json()
    assert (first["count"], first["previous"]) == (5, None)
    (section,) = first["categories"]
    assert (section["count"], len(section["facts"])) == (5, 2)
    last = client.get(first["next"])
    assert told(last) == {"family": ["Ann has 2 cats.", "Ann has 1 cats."]}


def test_it_is_of_all_the_ids_that_are_named(client, store):
    store("I keep bees.", user_id="ida", agent_id="bot")
    store("I keep goats.", user_id="ida")
    both = {"user_id": "ida", "agent_id": "bot"}
    assert told(client.get(PROFILE, both)) == {"Other": ["I keep bees."]}


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({}, "user_id"),
        ({"user_id": " "}, "user_id"),
        ({**ANN, "as_of": "yesterday"}, "as_of"),
        ({**ANN, "valid_at": "soon"}, "valid_at"),
        ({**ANN, "page": "0"}, "page"),
    ],
)
def test_what_is_wrong_is_named(client, asked, field):
    answer = client.get(PROFILE, asked)
    assert answer.status_code == 400
    assert field in answer.json()["fields"]


def test_tenants_do_not_meet(outsider, agent):
    agent.decide(adds("Ann sings."))
    assert told(outsider.get(PROFILE, ANN)) == {}


def test_a_narrowed_key_sees_its_own_user_only(idas, store):
    store("I keep bees.", user_id="ida")
    assert told(idas.get(PROFILE, {"user_id": "ida"})) == {"Other": ["I keep bees."]}
    assert idas.get(PROFILE, ANN).status_code == 404


def test_two_queries_answer_it(agent, django_assert_num_queries):
    agent.decide(*(adds(f"Ann has {n} cats.") for n in range(30)))
    with agent.scope(), django_assert_num_queries(2):
        picture_of(parse_filters(ANN), Moment(), page=1, page_size=100)
