"""The graph over the API: entities, relations, what is around one, paths, merges."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from memories.selectors.compare import About
from memories.selectors.graph import graph_of
from memories.types import (
    Aspect,
    Decision,
    ProposedEntity,
    ProposedRelation,
    ValidTime,
    Verdict,
)
from tenants.models import AuditEntry
from tenants.scopes import tenant_scope
from tests.memories.agents import Agent, adds, fact, now
from tests.memories.api.conftest import NOBODYS_ID, SEARCH

GRAPH = "/v1/graph/"
ENTITIES = f"{GRAPH}entities/"
RELATIONS = f"{GRAPH}relations/"
PATH = f"{GRAPH}path/"
IDA = {"user_id": "ida"}
TYPES = {"Ida": "person", "Bo": "person", "Bobby": "person", "Cy": "person"}


def entity_path(entity_id: str = NOBODYS_ID, rest: str = "") -> str:
    return f"{ENTITIES}{entity_id}/{rest}"


def undo_path(merge_id: str = NOBODYS_ID) -> str:
    return f"{GRAPH}merges/{merge_id}/undo/"


def edge(source: str, type_: str, target: str) -> dict:
    """What a fact that says so brings along."""
    nodes = [
        ProposedEntity(name, TYPES.get(name, "place")) for name in (source, target)
    ]
    return {
        "entities": tuple(nodes),
        "relations": (ProposedRelation(source, type_, target),),
    }


def memory_of(agent, text: str):
    return next(head for head in agent.heads() if head.text == text)


@pytest.fixture
def agent(acme) -> Agent:
    return Agent(acme)


@pytest.fixture
def say(agent):
    """``say("Ida", "knows", "Bo")`` is remembered of the user ida; the memory."""

    def say(source: str, type_: str, target: str, **ids):
        text = f"{source} {type_.replace('_', ' ')} {target}."
        agent.decide(adds(text, **edge(source, type_, target)), **(ids or IDA))
        return memory_of(agent, text)

    return say


@pytest.fixture
def chain(say):
    """Ida knows Bo, who knows Cy, who lives in Riga, where the Daugava is."""
    say("Ida", "knows", "Bo")
    say("Bo", "knows", "Cy")
    say("Cy", "lives_in", "Riga")
    say("Daugava", "flows_through", "Riga")


@pytest.fixture
def moved(agent, say):
    """Ida lived in Riga until May; the memories of Riga and of Oslo."""
    riga = say("Ida", "lives_in", "Riga")
    since = ValidTime(start=datetime(2026, 5, 1, tzinfo=UTC))
    moves = fact("Ida lives in Oslo.", valid=since, **edge("Ida", "lives_in", "Oslo"))
    agent.decide(Decision(Verdict.DELETE, moves, riga.id, reason="she moved"), **IDA)
    return riga, memory_of(agent, "Ida lives in Oslo.")


@pytest.fixture
def lives(learn):
    """Learned by the rules, with vectors of the embedder."""
    learn("I live in Riga.")
    learn("My sister Anna lives in Oslo.")


def ok(answer) -> dict:
    assert answer.status_code == 200, answer.json()
    return answer.json()


def names(answer) -> list[str]:
    return [entity["name"] for entity in ok(answer)["results"]]


def told(relations: list[dict]) -> list[str]:
    """Each as words."""
    return [
        f"{r['source']['name']} {r['type']} {r['target']['name']}" for r in relations
    ]


def said(answer) -> list[str]:
    return told(ok(answer)["results"])


@pytest.fixture
def ids(client):
    """The id of each of ida's entities, by name."""

    def ids() -> dict[str, str]:
        found = ok(client.get(ENTITIES, IDA))["results"]
        return {entity["name"]: entity["id"] for entity in found}

    return ids


# --- Entities ---------------------------------------------------------------


def test_they_are_listed_the_most_mentioned_first(client, chain):
    found = ok(client.get(ENTITIES, IDA))
    assert found["count"] == 5
    counts = [entity["memory_count"] for entity in found["results"]]
    assert counts == sorted(counts, reverse=True)
    assert {e["name"] for e in found["results"][:3]} == {"Bo", "Cy", "Riga"}


def test_an_entity_says_whose_it_is_and_who_mentions_it(client, ids, moved):
    oslo = ok(client.get(entity_path(ids()["Oslo"])))
    assert (oslo["name"], oslo["type"], oslo["state"]) == ("Oslo", "place", "active")
    assert (oslo["user_id"], oslo["agent_id"], oslo["app_id"]) == ("ida", None, None)
    assert oslo["memory_ids"] == [str(moved[1].id)]
    assert (oslo["memory_count"], oslo["merges"], oslo["merged_into"]) == (1, [], None)


def test_they_are_narrowed_by_type_and_part_of_a_name(client, chain):
    assert set(names(client.get(ENTITIES, {**IDA, "type": "Place"}))) == {
        "Riga", "Daugava"
    }  # fmt: skip
    assert names(client.get(ENTITIES, {**IDA, "name": "GAV"})) == ["Daugava"]


def test_pages_are_followed(client, chain):
    first = ok(client.get(ENTITIES, {**IDA, "page_size": 3}))
    rest = ok(client.get(first["next"]))
    assert len(first["results"] + rest["results"]) == first["count"] == 5
    past = ok(client.get(ENTITIES, {**IDA, "page": 9, "page_size": 3}))
    assert (past["results"], past["count"]) == ([], 5)


def test_a_name_is_looked_for(client, chain):
    found = ok(client.get(ENTITIES, {**IDA, "query": "riga"}))["results"]
    assert (found[0]["name"], found[0]["score"]) == ("Riga", 1.0)
    scores = [entity["score"] for entity in found]
    assert scores == sorted(scores, reverse=True)


def test_what_nobody_mentions_any_more_is_not_there(client, agent, ids, say):
    bo = say("Ida", "knows", "Bo")
    known = ids()
    agent.delete(bo.id)
    assert names(client.get(ENTITIES, IDA)) == []
    assert client.get(entity_path(known["Bo"])).status_code == 404


# --- Relations --------------------------------------------------------------


def test_what_is_true_is_listed_and_what_was_on_request(client, moved):
    assert said(client.get(RELATIONS, IDA)) == ["Ida lives_in Oslo"]
    was = ok(client.get(RELATIONS, {**IDA, "state": "superseded"}))["results"]
    assert told(was) == ["Ida lives_in Riga"]
    (oslo,) = ok(client.get(RELATIONS, IDA))["results"]
    assert was[0]["replaced_by"] == oslo["id"]
    assert was[0]["valid_to"] == oslo["valid_from"] == "2026-05-01T00:00:00+00:00"
    assert len(said(client.get(RELATIONS, {**IDA, "state": "any"}))) == 2


def test_a_relation_names_its_memory_and_its_words(client, moved):
    (listed,) = ok(client.get(RELATIONS, IDA))["results"]
    one = ok(client.get(f"{RELATIONS}{listed['id']}/"))
    assert one == listed
    assert one["fact"] == "Ida lives in Oslo."
    assert one["memory_ids"] == [str(moved[1].id)]
    assert one["single_valued"] is True


def test_what_was_true_on_a_day(client, agent, say):
    lived = ValidTime(
        start=datetime(2025, 1, 1, tzinfo=UTC), end=datetime(2025, 6, 1, tzinfo=UTC)
    )
    rome = fact("Ida lived in Rome.", valid=lived, **edge("Ida", "lives_in", "Rome"))
    agent.decide(Decision(Verdict.ADD, rome, reason="new"), **IDA)
    asked = {**IDA, "valid_at": "2025-03-01"}
    assert said(client.get(RELATIONS, asked)) == ["Ida lives_in Rome"]
    assert said(client.get(RELATIONS, {**IDA, "valid_at": "2025-06-01"})) == []
    between = {**IDA, "valid_between": "2025-05-20,2025-07-01"}
    assert said(client.get(RELATIONS, between)) == ["Ida lives_in Rome"]


def test_what_is_over_by_its_own_end_is_true_no_more(client, agent, ids):
    """Nobody replaced Rome; it is believed as it was, and leads nowhere today."""
    until = ValidTime(end=datetime(2025, 6, 1, tzinfo=UTC))
    rome = fact("Ida lived in Rome.", valid=until, **edge("Ida", "lives_in", "Rome"))
    agent.decide(Decision(Verdict.ADD, rome, reason="new"), **IDA)
    assert said(client.get(RELATIONS, IDA)) == []
    believed = client.get(RELATIONS, {**IDA, "state": "active"})
    assert said(believed) == ["Ida lives_in Rome"]
    known = ids()
    ends = {"from": known["Ida"], "to": known["Rome"]}
    assert ok(client.get(PATH, ends))["relations"] == []
    then = ok(client.get(PATH, {**ends, "valid_at": "2025-05-01"}))
    assert told(then["relations"]) == ["Ida lives_in Rome"]


def test_what_replaced_it_is_named_while_it_can_be_read(client, agent, moved):
    """Whoever was superseded stays so until somebody restores it."""
    _, oslo = moved
    agent.delete(oslo.id)
    assert said(client.get(RELATIONS, IDA)) == []
    (riga,) = ok(client.get(RELATIONS, {**IDA, "state": "any"}))["results"]
    assert (riga["state"], riga["replaced_by"]) == ("superseded", None)


def test_what_happened_is_true_as_long_as_it_is_exact(client, agent):
    """Somebody met once is not met for ever after; a state goes on."""
    day = ValidTime(start=datetime(2025, 8, 21, tzinfo=UTC), precision="day")
    for type_, aspect in (("met", Aspect.EVENT), ("knows", Aspect.RELATIONSHIP)):
        known = edge("Ida", type_, "Bo")
        one = fact(f"Ida {type_} Bo.", valid=day, aspect=aspect, **known)
        agent.decide(Decision(Verdict.ADD, one, reason="new"), **IDA)

    def at(**when: str) -> set[str]:
        return set(said(client.get(RELATIONS, {**IDA, **when})))

    both = {"Ida met Bo", "Ida knows Bo"}
    assert at(valid_at="2025-08-20") == set()
    assert at(valid_at="2025-08-21") == both
    assert at(valid_at="2025-08-22") == {"Ida knows Bo"}
    assert at(valid_between="2025-08-01,2025-08-31") == both
    assert at(valid_between="2025-09-01,2025-09-30") == {"Ida knows Bo"}


def test_as_of_is_what_was_believed_then(client, agent, moved, ids):
    riga, _ = moved
    then = {**IDA, "as_of": riga.known_from.isoformat()}
    assert said(client.get(RELATIONS, then)) == ["Ida lives_in Riga"]
    assert set(names(client.get(ENTITIES, then))) == {"Ida", "Riga"}
    oslo = entity_path(ids()["Oslo"])
    assert client.get(oslo, {"as_of": then["as_of"]}).status_code == 404


def test_relations_are_narrowed(client, chain, ids):
    known = ids()
    for asked, expected in (
        ({"type": "lives in"}, {"Cy lives_in Riga"}),
        ({"name": "daug"}, {"Daugava flows_through Riga"}),
        ({"entity_id": known["Cy"]}, {"Bo knows Cy", "Cy lives_in Riga"}),
        ({"source_id": known["Cy"]}, {"Cy lives_in Riga"}),
        ({"target_id": known["Cy"]}, {"Bo knows Cy"}),
    ):
        assert set(said(client.get(RELATIONS, {**IDA, **asked}))) == expected, asked


def test_relations_are_looked_for_by_what_is_said(client, lives):
    for asked, expected in (("Where does Anna live?", "Oslo"), ("Riga", "Riga")):
        found = ok(client.get(RELATIONS, {**IDA, "query": asked}))["results"]
        assert found[0]["target"]["name"] == expected
        assert found[0]["score"] >= found[-1]["score"]


def test_a_run_sees_what_its_own_memories_say(client, say):
    say("Ida", "knows", "Bo", user_id="ida", run_id="trip")
    say("Ida", "knows", "Cy")
    assert said(client.get(RELATIONS, {"run_id": "trip"})) == ["Ida knows Bo"]
    assert set(names(client.get(ENTITIES, {"run_id": "trip"}))) == {"Ida", "Bo"}


# --- Walks ------------------------------------------------------------------


def test_a_neighbourhood_is_as_deep_as_asked(client, chain, ids):
    start = entity_path(ids()["Ida"], "neighbourhood/")
    for depth, expected in ((1, "Ida Bo"), (2, "Ida Bo Cy"), (3, "Ida Bo Cy Riga")):
        found = ok(client.get(start, {"depth": depth}))
        distances = {e["name"]: e["distance"] for e in found["entities"]}
        assert distances == {name: at for at, name in enumerate(expected.split())}
        assert len(found["relations"]) == depth
        assert found["is_cut"] is False
    assert ok(client.get(start, {"depth": 9}))["depth"] == 3


def test_a_neighbourhood_says_when_it_is_cut(client, chain, ids, monkeypatch):
    monkeypatch.setattr("memories.selectors.walks.MOST_NODES", 2)
    start = entity_path(ids()["Ida"], "neighbourhood/")
    found = ok(client.get(start, {"depth": 3}))
    assert [entity["name"] for entity in found["entities"]] == ["Ida", "Bo"]
    assert found["is_cut"] is True


def test_a_path_goes_over_relations_in_either_direction(client, chain, ids):
    known = ids()
    ends = {"from": known["Ida"], "to": known["Daugava"]}
    way = ok(client.get(PATH, ends))
    assert [e["name"] for e in way["entities"]] == [
        "Ida",
        "Bo",
        "Cy",
        "Riga",
        "Daugava",
    ]
    assert told(way["relations"]) == [
        "Ida knows Bo",
        "Bo knows Cy",
        "Cy lives_in Riga",
        "Daugava flows_through Riga",
    ]
    assert way["length"] == 4
    short = ok(client.get(PATH, {**ends, "depth": 3}))
    assert (short["length"], short["entities"], short["is_cut"]) == (None, [], True)


def test_a_walk_keeps_to_what_was_believed_then(client, agent, moved, ids):
    riga, _ = moved
    known = ids()
    was = ok(client.get(RELATIONS, {**IDA, "state": "superseded"}))["results"][0]
    ends = {"from": known["Ida"], "to": was["target"]["id"]}
    assert ok(client.get(PATH, ends))["length"] is None
    then = {**ends, "as_of": riga.known_from.isoformat()}
    assert ok(client.get(PATH, then))["length"] == 1


def test_users_never_meet(client, say):
    say("Ida", "knows", "Bo")
    say("Bo", "knows", "Cy", user_id="bea")
    asked = {"user_id": "*"}
    both = ok(client.get(ENTITIES, {**asked, "name": "Bo"}))["results"]
    assert [entity["name"] for entity in both] == ["Bo", "Bo"]
    ends = {"from": both[0]["id"], "to": both[1]["id"]}
    assert ok(client.get(PATH, ends))["length"] is None


# --- In search answers ------------------------------------------------------


def test_a_search_tells_relations_on_request_only(client, lives):
    asked = {"query": "Where does Anna live?", "filters": IDA, "top_k": 1}
    assert "relations" not in ok(client.post(SEARCH, asked))
    found = ok(client.post(SEARCH, {**asked, "relations": True}))
    assert "Oslo" in found["results"][0]["memory"]
    first = found["relations"][0]
    assert first["memory_ids"] == [found["results"][0]["id"]]
    assert client.post(SEARCH, {**asked, "relations": "yes"}).status_code == 400


def test_what_a_search_does_not_see_it_tells_no_relation_of(client, lives):
    hidden = {"query": "Anna", "relations": True, "threshold": 0}
    for filters in ({"user_id": "bea"}, {"AND": [IDA, {"categories": {"in": ["no"]}}]}):
        found = ok(client.post(SEARCH, {**hidden, "filters": filters}))
        assert (found["results"], found["relations"]) == ([], [])


# --- Merges -----------------------------------------------------------------


@pytest.fixture
def two(say, ids):
    """Bo, and Zed, who is Bo; their ids."""
    say("Ida", "knows", "Bo")
    say("Zed", "lives_in", "Riga")
    known = ids()
    return known["Bo"], known["Zed"]


def merge(client, keep: str, other: str):
    return client.post(entity_path(keep, "merge/"), {"other_id": other})


def test_two_are_merged_and_parted_again(client, acme, two, ids):
    bo, zed = two
    merged = ok(merge(client, bo, zed))
    assert (merged["kept"]["id"], merged["absorbed"]["name"]) == (bo, "Zed")
    assert (merged["decided_by"], merged["undone_at"]) == ("operator", None)
    one = ok(client.get(entity_path(bo)))
    assert (one["aliases"], one["memory_count"]) == (["Zed"], 2)
    assert [m["id"] for m in one["merges"]] == [merged["id"]]
    assert ok(client.get(entity_path(zed)))["merged_into"] == bo
    assert names(client.get(ENTITIES, {**IDA, "state": "merged"})) == ["Zed"]
    assert "Bo lives_in Riga" in said(client.get(RELATIONS, IDA))
    undone = ok(client.post(undo_path(merged["id"])))
    assert undone["undone_at"] is not None
    assert "Zed lives_in Riga" in said(client.get(RELATIONS, IDA))
    with tenant_scope(acme.id):
        actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"entity.merge", "entity.unmerge"} <= actions


def test_as_of_a_memory_mentions_what_its_words_of_then_did(client, agent, say, ids):
    bo = say("Ida", "knows", "Bo")
    more = fact("Ida knows Bo and Cy.", **edge("Ida", "knows", "Cy"))
    agent.decide(Decision(Verdict.UPDATE, more, bo.id, reason="and Cy"), **IDA)
    now, then = ids(), {"as_of": bo.known_from.isoformat()}
    assert set(names(client.get(ENTITIES, {**IDA, **then}))) == {"Ida", "Bo"}
    assert client.get(entity_path(now["Cy"]), then).status_code == 404
    ida = ok(client.get(entity_path(now["Ida"]), then))
    assert ida["memory_count"] == 1
    asked = {"query": "Ida knows", "filters": IDA, "threshold": 0, "relations": True}
    found = ok(client.post(SEARCH, {**asked, **then}))
    assert told(found["relations"]) == ["Ida knows Bo"]
    with agent.scope():
        shown = graph_of(About("user", "ida"), as_of=bo.known_from)
    assert {node.name for node in shown.nodes} == {"Ida", "Bo"}


def test_as_of_before_a_merge_they_are_two(client, two):
    bo, zed = two
    before = now().isoformat()
    merged = ok(merge(client, bo, zed))
    then = {**IDA, "as_of": before}
    assert {"Bo", "Zed"} <= set(names(client.get(ENTITIES, then)))
    assert "Zed lives_in Riga" in said(client.get(RELATIONS, then))
    during = now().isoformat()
    ok(client.post(undo_path(merged["id"])))
    then = {**IDA, "as_of": during}
    assert "Bo lives_in Riga" in said(client.get(RELATIONS, then))
    assert ok(client.get(entity_path(bo), then))["aliases"] == ["Zed"]


def test_a_merge_that_cannot_be_says_why(client, two, say):
    bo, zed = two
    say("Bo", "knows", "Cy", user_id="bea")
    (other,) = ok(client.get(ENTITIES, {"user_id": "bea", "name": "Bo"}))["results"]
    merged = ok(merge(client, bo, zed))
    for answer in (
        merge(client, bo, bo),
        merge(client, bo, zed),
        merge(client, bo, other["id"]),
        merge(client, bo, "x"),
        client.post(entity_path(bo, "merge/"), {}),
    ):
        assert answer.status_code == 400, answer.json()
        assert list(answer.json()["fields"]) == ["other_id"]
    ok(client.post(undo_path(merged["id"])))
    again = client.post(undo_path(merged["id"]))
    assert (again.status_code, list(again.json()["fields"])) == (400, ["merge_id"])


# --- Whose ------------------------------------------------------------------


def calls(browser, bo: str, zed: str, relation: str, merge_id: str) -> list:
    """Everything that names something of somebody."""
    return [
        browser.get(entity_path(bo)),
        browser.get(entity_path(bo, "neighbourhood/")),
        browser.get(f"{RELATIONS}{relation}/"),
        browser.get(PATH, {"from": bo, "to": zed}),
        merge(browser, bo, zed),
        browser.post(undo_path(merge_id)),
    ]


@pytest.fixture
def everything(client, two):
    """Ids of two entities, a relation and a merge of the user ida."""
    bo, zed = two
    relation = ok(client.get(RELATIONS, IDA))["results"][0]["id"]
    return bo, zed, relation, ok(merge(client, bo, zed))["id"]


def test_not_yours_is_not_there(outsider, everything):
    nothing = calls(outsider, NOBODYS_ID, NOBODYS_ID[:-1] + "1", NOBODYS_ID, NOBODYS_ID)
    for answer, as_nothing in zip(calls(outsider, *everything), nothing, strict=True):
        assert (answer.status_code, answer.json()) == (404, as_nothing.json())
    assert names(outsider.get(ENTITIES, {"user_id": "*"})) == []
    assert said(outsider.get(RELATIONS, {"user_id": "*"})) == []


def test_a_narrowed_key_has_its_own_graph(client, idas, everything, say):
    say("Bea", "lives_in", "Oslo", user_id="bea")
    (bea,) = ok(client.get(ENTITIES, {"user_id": "bea", "name": "Bea"}))["results"]
    (oslo,) = ok(client.get(RELATIONS, {"user_id": "bea"}))["results"]
    assert "Bea" not in names(idas.get(ENTITIES))
    assert set(said(idas.get(RELATIONS))) == set(said(client.get(RELATIONS, IDA)))
    assert idas.get(ENTITIES, {"user_id": "bea"}).status_code == 404
    assert idas.get(entity_path(bea["id"])).status_code == 404
    assert idas.get(f"{RELATIONS}{oslo['id']}/").status_code == 404
    assert merge(idas, everything[0], bea["id"]).status_code == 404
    foreign = ok(merge(client, bea["id"], oslo["target"]["id"]))
    assert idas.post(undo_path(foreign["id"])).status_code == 404
    assert ok(idas.post(undo_path(everything[3])))["undone_at"]


def test_a_reading_key_reads_and_merges_nothing(reader, everything):
    *reads, merged, undone = calls(reader, *everything)
    assert {answer.status_code for answer in reads} == {200}
    assert {merged.status_code, undone.status_code} == {403}


@pytest.mark.parametrize(
    ("path", "query", "field"),
    [
        (ENTITIES, {}, "user_id"),
        (RELATIONS, {}, "user_id"),
        (ENTITIES, {**IDA, "state": "gone"}, "state"),
        (RELATIONS, {**IDA, "state": "gone"}, "state"),
        (RELATIONS, {**IDA, "valid_at": "soon"}, "valid_at"),
        (RELATIONS, {**IDA, "valid_between": "2025"}, "valid_between"),
        (RELATIONS, {**IDA, "valid_between": "2025-02-01,2025-01-01"}, "valid_between"),
        (RELATIONS, {**IDA, "entity_id": "7"}, "entity_id"),
        (ENTITIES, {**IDA, "as_of": "soon"}, "as_of"),
        (ENTITIES, {**IDA, "name": "x" * 301}, "name"),
        (ENTITIES, {**IDA, "page": "0"}, "page"),
        (PATH, {"to": NOBODYS_ID}, "from"),
        (PATH, {"from": NOBODYS_ID, "to": "7"}, "to"),
        (entity_path("7"), {}, "entity_id"),
        (entity_path(rest="neighbourhood/"), {"depth": "0"}, "depth"),
        (f"{RELATIONS}7/", {}, "relation_id"),
    ],
)
def test_bad_input_names_the_field(client, path, query, field):
    answer = client.get(path, query)
    assert answer.status_code == 400, answer.json()
    assert list(answer.json()["fields"]) == [field]


def test_a_half_interval_in_a_query_says_how_two_are_given(client):
    answer = client.get(RELATIONS, {**IDA, "valid_between": "2026-01-01"})
    assert answer.status_code == 400
    assert "with a comma between them" in str(answer.json()["fields"])
