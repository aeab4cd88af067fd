"""Moves are told in any order, and somebody lives in one place at a time."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import permutations

import pytest

from memories.selectors.relations import TRUE_ONCE, WantedRelations, read_relations
from memories.selectors.sight import Sight
from memories.types import ChatMessage
from tests.memories.agents import ANN, Agent
from tests.memories.services.conftest import use_engine

pytestmark = pytest.mark.django_db

TOLD = datetime(2025, 12, 20, tzinfo=UTC)
TURKU = "I moved to Turku on 1 January 2025."
ESPOO = "I moved to Espoo on 5 May 2025."
VAASA = "I moved to Vaasa on 8 August 2025."
SALO = "I moved to Salo on 11 November 2025."
HOMES = {(2, 1): "Turku", (6, 10): "Espoo", (9, 1): "Vaasa"}


@pytest.fixture
def local(agent) -> Agent:
    use_engine(agent, "local")
    return agent


def tell(agent: Agent, *texts: str, at: datetime = TOLD) -> None:
    for text in texts:
        said = ChatMessage("user", text, sent_at=at)
        agent.learn(said, created_at=at)


def homes(agent: Agent, at: datetime) -> tuple[list[str], list[str]]:
    """Where memories, and where edges say that somebody lived at an instant."""
    told = agent.texts({"AND": [ANN, {"valid_at": at.isoformat()}]})
    wanted = WantedRelations(states=TRUE_ONCE, type="lives_in", valid=(at, at))
    with agent.scope():
        found = read_relations(Sight(), wanted, most=9)
    named = ["Turku", "Espoo", "Vaasa", "Salo", "Pori"]
    said = [name for text in told for name in named if name in text]
    return said, [edge.target.name for edge in found]


@pytest.mark.parametrize(
    "order", [*permutations([TURKU, ESPOO, VAASA]), [" ".join([TURKU, VAASA, ESPOO])]]
)
def test_whatever_the_order_there_is_one_home_at_a_time(local, order):
    tell(local, *order)
    for (month, day), home in HOMES.items():
        at = datetime(2025, month, day, tzinfo=UTC)
        assert homes(local, at) == ([home], [home])


@pytest.mark.parametrize(
    "order", [(TURKU, VAASA, SALO, ESPOO), (VAASA, SALO, ESPOO, TURKU)]
)
def test_what_was_replaced_long_ago_bounds_what_comes_in_before_it(local, order):
    tell(local, *order)
    for at, home in ((6, "Espoo"), (9, "Vaasa"), (12, "Salo")):
        at = datetime(2025, at, 15, tzinfo=UTC)
        assert homes(local, at) == ([home], [home])


def test_what_was_over_is_not_what_a_move_ends(local):
    """The memory that is nearest in words is not the one that held until then."""
    for text in (
        "I moved to Pori on 1 July 2025.",
        TURKU,
        VAASA,
        "I moved to Salo on 10 December 2025.",
    ):
        tell(local, text)
    by_state = {head.text.split()[3]: head.state for head in local.heads()}
    assert by_state == {
        "Pori": "superseded",
        "Turku": "active",  # over by its own end, and replaced by nothing
        "Vaasa": "superseded",
        "Salo": "active",
    }
    assert homes(local, TOLD) == (["Salo"], ["Salo"])


def test_a_corrected_end_is_another_version_of_what_was_superseded(local):
    tell(local, TURKU, VAASA, ESPOO)
    (turku,) = [head for head in local.heads() if "Turku" in head.text]
    ends = [version.valid_to for version in local.versions(turku.id)]
    assert ends == [
        None,
        datetime(2025, 8, 8, tzinfo=UTC),
        datetime(2025, 5, 5, tzinfo=UTC),
    ]
    assert local.events(turku.id) == ["ADD", "SUPERSEDE", "SUPERSEDE"]


def test_another_ones_home_is_not_cut_for_it(local):
    """Beside one move another memory says where a sister lived."""
    tell(local, "My sister Anna moved to Pori on 2 March 2025.")
    tell(local, "My sister Anna moved to Salo on 9 September 2025.")
    tell(local, TURKU, VAASA, ESPOO)
    (pori,) = [head for head in local.heads() if "Pori" in head.text]
    assert pori.valid_to == datetime(2025, 9, 9, tzinfo=UTC)


RESTS_ON_NOTHING = [
    "I graduated from Turku University in 2010.",  # it happened
    "I ran the Turku marathon on 1 September 2024.",
    "I was born in Turku.",  # it is so for good
    "My sister Outi met her husband in Turku.",  # another one's
    "My son Mark studies at Turku University.",
    "I study at Turkus Lyceum.",  # another name
]


def test_who_moves_leaves_behind_only_what_rests_on_the_place(local):
    rests = ["I take the tram in Turku.", "I play chess with Bob in Turku."]
    tell(local, "I live in Turku.", *RESTS_ON_NOTHING, *rests)
    tell(local, "I moved to Oulu on 1 December 2025.")
    marked = {head.text for head in local.heads() if head.is_stale_suspect}
    assert marked == {
        "User takes the tram in Turku",
        "User plays chess with Bob in Turku",
    }
