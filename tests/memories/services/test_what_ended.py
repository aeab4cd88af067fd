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
    (["My girlfriend Aino is a chemist."], "Aino and I split up last month.", set(), {"User girlfriend Aino"}),
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
