"""What the rules read of ends and changes, from the words to memory and graph."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from memories.selectors.relations import WantedRelations, read_relations
from memories.selectors.sight import Sight
from memories.types import State
from memplatform.lib import clock
from tests.memories.agents import Agent
from tests.memories.services.conftest import use_engine

pytestmark = pytest.mark.django_db

TOLD = datetime(2025, 6, 10, 12, tzinfo=UTC)
LATER = datetime(2025, 7, 28, 12, tzinfo=UTC)


@pytest.fixture
def local(agent) -> Agent:
    use_engine(agent, "local")
    return agent


def tell(agent: Agent, *said: str) -> None:
    """The last of it weeks after the rest."""
    *earlier, last = said
    with clock.frozen(TOLD):
        for text in earlier:
            agent.learn(text)
    with clock.frozen(LATER):
        agent.learn(last)


def edges(agent: Agent, state: str = "active") -> set[str]:
    with agent.scope():
        found = read_relations(Sight(), WantedRelations(states=(state,)), most=100)
        return {f"{r.source.name} {r.type} {r.target.name}" for r in found}


def texts(agent: Agent, state: State = State.ACTIVE) -> set[str]:
    return {head.text for head in agent.heads() if head.state == state}


# said, said weeks later, what holds then, what is over
CHANGES = [
    (["I work at Nokia."], "Now I work at Vaisala.", {"User works_at Vaisala"}, {"User works_at Nokia"}),
    (["I live in Turku."], "Yesterday I moved to Oulu.", {"User lives_in Oulu"}, {"User lives_in Turku"}),
    (["I live in Turku."], "In May I moved to Oulu.", {"User lives_in Oulu"}, {"User lives_in Turku"}),
    (["I work at Bolt."], "Last month I joined Wise.", {"User works_at Wise"}, {"User works_at Bolt"}),
    (["I work at Nokia."], "I quit my job at Nokia yesterday.", set(), {"User works_at Nokia"}),
    (["I work at Nokia."], "Nokia fired me on Monday.", set(), {"User works_at Nokia"}),
    (["I work at Nokia."], "I also work at Kone on weekends.", {"User works_at Nokia", "User also_works_at Kone"}, set()),
    (["My girlfriend Aino is a chemist."], "Aino and I split up last month.", set(), {"User dating Aino"}),
    (["My girlfriend Aino is a chemist."], "My girlfriend Mia lives in Oulu.", {"User dating Mia", "Mia lives_in Oulu"}, {"User dating Aino"}),
    (["I live in Turku."], "Jonas lives in Turku too.", {"User lives_in Turku", "Jonas lives_in Turku"}, set()),
    # Of a brother it is the love that ends.
    (["My brother Jonas is dating Mia."], "Jonas is no longer dating Mia.", {"User brother Jonas"}, {"Jonas dating Mia"}),
    (["My sister Anna is married to Per."], "Anna and Per got divorced in May.", {"User sister Anna"}, {"Anna married_to Per"}),
    (["My grandmother Aili lives in Turku."], "Aili died in May.", {"User grandmother Aili"}, {"Aili lives_in Turku"}),
    (["My sister 花子 lives in 東京."], "花子 moved to 大阪 in May.", {"User sister 花子", "花子 lives_in 大阪"}, {"花子 lives_in 東京"}),
]  # fmt: skip


@pytest.mark.parametrize(("before", "last", "holds", "over"), CHANGES)
def test_a_change_in_plain_words_is_one_in_the_graph(local, before, last, holds, over):
    tell(local, *before, last)
    assert edges(local) == holds
    assert edges(local, "superseded") == over


def test_a_job_is_over_from_the_day_it_was_left(local):
    tell(local, "I work at Nokia.", "I left Nokia in May.")
    (over,) = (head for head in local.heads() if head.state == State.SUPERSEDED)
    assert over.valid_to == datetime(2025, 5, 1, tzinfo=UTC)
    assert texts(local) == {"User left Nokia in May 2025"}


def test_what_was_had_until_it_was_sold_is_kept(local):
    tell(local, "I have a car.", "I sold my car in May.")
    assert texts(local, State.SUPERSEDED) == {"User has a car"}


# plan, what is told weeks later, the edges then
PLANS = [
    ("I'm starting at Kone in July 2025.", "I started at Kone in July.", {"User works_at Kone"}),
    ("I'm moving to Oulu next week.", "I moved to Oulu in June.", {"User lives_in Oulu"}),
    ("I'm going on a trip to Rome in July.", "My trip to Rome is cancelled.", set()),
    ("I plan to move to Lisbon in August.", "I am no longer planning to move to Lisbon.", set()),
]  # fmt: skip


@pytest.mark.parametrize(("plan", "told", "holds"), PLANS)
def test_a_plan_is_over_once_it_came_about_or_is_off(local, plan, told, holds):
    tell(local, plan, told)
    assert edges(local) == holds
    (over,) = (head for head in local.heads() if head.state == State.SUPERSEDED)
    assert over.aspect == "plan"
    assert all(head.aspect != "plan" for head in local.heads() if head != over)


# what was said, what takes it back, what stands
TAKEN_BACK = [
    ("I'm allergic to nuts.", "It turns out I'm not allergic to nuts.", "User is not allergic to nuts"),
    ("I'm allergic to nuts.", "I was wrong, I'm allergic to peanuts, not nuts.", "User is allergic to peanuts, not nuts"),
    ("I live in Turku.", "Sorry, I meant Tampere, not Turku.", "User lives in Tampere"),
    ("I moved to Oulu.", "That was a lie, I never moved to Oulu.", "User never moved to Oulu"),
    ("I have a dog named Musti.", "Musti died last week.", "Musti died in the week of 21 July 2025"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "back", "stands"), TAKEN_BACK)
def test_what_is_taken_back_no_longer_stands(local, said, back, stands):
    tell(local, said, back)
    assert texts(local) == {stands}


def test_two_clauses_are_two_facts(local):
    tell(local, "I work at Nokia.", "I left Nokia in May and now I work at Vaisala.")
    assert edges(local) == {"User works_at Vaisala"}
    assert texts(local) == {"User left Nokia in May 2025", "Now User works at Vaisala"}
