"""Kept searches: a list, one with all that led to its answer, and the same again."""

from __future__ import annotations

from uuid import UUID

import pytest

from memories.models import Operation
from memories.services.configuration import change_settings
from memories.services.deletion import erase_subject
from memories.types import Actor
from tests.memories.console.pages import text_of

FACTS = ("Ann keeps bees.", "Ann takes the bus.", "Ann is allergic to peanuts.")
FORM = {"query": "Who keeps bees?", "kind": "user", "subject": "ann", "threshold": "0"}


@pytest.fixture
def ann(agent):
    for text in FACTS:
        agent.keep(text)
    return agent


@pytest.fixture
def keep(console, sam, page):
    """Keeps a search from the lab's form; the address of its page."""

    def keep(**changes) -> str:
        answer = console(sam).post(page("memories:keep-search"), FORM | changes)
        assert answer.status_code == 302, answer.content.decode()
        return answer["Location"]

    return keep


@pytest.fixture
def seen(console, bob):
    """What a viewer reads at an address."""

    def seen(address: str, status: int = 200) -> str:
        answer = console(bob).get(address)
        assert answer.status_code == status
        return text_of(answer)

    return seen


def test_the_list_is_empty_until_one_is_kept(seen, page, ann, keep):
    assert "No search is kept" in seen(page("memories:search-traces"))
    keep()
    told = seen(page("memories:search-traces"))
    assert "Who keeps bees?" in told
    assert "user ann" in told


def test_one_shows_what_led_to_its_answer(seen, ann, keep):
    told = seen(keep(top_k="2"))
    assert "Ann keeps bees." in told
    assert "meaning +" in told
    assert "2 returned, of 3 candidates" in told
    assert "beyond top_k" in told
    assert "embed" in told and "gather" in told


def test_it_says_what_was_asked_as_the_api_takes_it(seen, ann, keep):
    told = seen(keep(filters='{"text": {"icontains": "bees"}}'))
    assert '{"AND": [{"user_id": "ann"}, {"text": {"icontains": "bees"}}]}' in told


def test_its_stages_stand_in_their_order(seen, ann, keep):
    """Also when the database has had them."""
    told = seen(keep())
    after = told.index("Took")
    found = [told.index(f" {name} ", after) for name in ("embed", "gather", "rank")]
    assert found == sorted(found)


def test_it_can_be_asked_again_now_and_as_of_then(seen, ann, keep):
    address = keep()
    ann.keep("Ann keeps bees on the roof.")
    now = seen(f"{address}?again=now")
    assert "1 came, 0 left" in now
    assert "on the roof" in now
    then = seen(f"{address}?again=then")
    assert "0 came, 0 left" in then
    assert "on the roof" not in then


def test_asking_again_leaves_no_record(seen, ann, keep):
    address = keep()
    before = ann.count(Operation)
    seen(f"{address}?again=now")
    assert ann.count(Operation) == before


def test_an_embedder_that_fails_is_told(seen, models, agent, keep):
    agent.keep("Ann keeps bees.")
    address = keep()
    models.order("unauthorized", path="embeddings", times=9)
    assert "could not be asked again" in seen(f"{address}?again=now")


def test_what_was_erased_has_no_words_left(seen, ann, keep):
    ann.keep("Ben keeps bees too.", user_id="ben")
    address = keep(subject="", filters='{"user_id": "*"}')
    assert "Ben keeps bees too." in seen(address)
    with ann.scope():
        erase_subject(ann.company.project.id, "user", "ben", Actor("system"))
    told = seen(address)
    assert "Ben keeps bees too." not in told
    assert "erased" in told


def test_a_project_keeps_a_share_by_itself(seen, page, ann):
    with ann.scope():
        change_settings(ann.company.project, {"trace_share": 1})
    ann.search("Who takes the bus?")
    assert "Who takes the bus?" in seen(page("memories:search-traces"))


def test_keeping_wants_a_search_and_a_role(console, sam, bob, page, ann):
    url = page("memories:keep-search")
    assert console(sam).post(url, {"query": ""}).status_code == 400
    assert console(bob).post(url, FORM).status_code == 403
    assert console(sam).get(url).status_code == 405
    assert ann.count(Operation, kind="SEARCH") == 0


def test_the_lab_offers_to_keep_what_it_shows(console, sam, bob, page, ann):
    url = page("memories:search-lab", **FORM)
    assert "Keep this search" in console(sam).get(url).content.decode()
    assert "Keep this search" not in console(bob).get(url).content.decode()


def test_an_outsider_finds_nothing(console, carol, keep, ann, page):
    address = keep()
    assert console(carol).get(address).status_code == 404
    nobodys = page("memories:search-trace", UUID(int=1))
    assert console(ann.company.owner).get(nobodys).status_code == 404


def test_a_hostile_query_is_only_text(console, bob, keep, ann):
    address = keep(query="<script>alert(1)</script>")
    assert "<script>alert" not in console(bob).get(address).content.decode()
