"""What every engine should know of Alice's year: a table each for states, edges, answers.

Patterns are regular expressions, because ``local`` keeps Alice's own words. No engine is
excused from a row.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from memories.types import State
from tests.memories.year.story import NEW_YEARS_EVE, day

ACTIVE, SUPERSEDED, RETIRED = State.ACTIVE, State.SUPERSEDED, State.RETIRED
IN_WINTER = day("2025-02-01", 12)
BEFORE_BERLIN = day("2025-05-01", 12)
IN_SUMMER = day("2025-07-01", 12)
IN_AUTUMN = day("2025-09-30", 12)
INSTANTS = (IN_WINTER, BEFORE_BERLIN, IN_SUMMER, IN_AUTUMN, NEW_YEARS_EVE)

CITIES = {BEFORE_BERLIN: "Lisbon", IN_SUMMER: "Berlin"}
"""Where Alice lives once she is brought back to an instant."""


@dataclass(frozen=True, slots=True)
class Stands:
    """A memory as it is known at an instant: its state, and when it is true.

    Bounds are days; "" leaves one open to any engine's reading.
    """

    pattern: str
    state: State = ACTIVE
    valid_from: str | None = ""
    valid_to: str | None = ""


STATES: Mapping[datetime, tuple[Stands, ...]] = {
    IN_WINTER: (
        Stands("lives in Lisbon", ACTIVE, None, None),
        Stands("works at Corvo", ACTIVE, None, None),
        Stands("sister Anna lives in Oslo", ACTIVE, None, None),
        Stands("half marathon in Sintra on 10 January 2025", ACTIVE, "2025-01-10"),
        Stands("plans to visit .* Anna in Oslo", ACTIVE, "2025-02-03"),
        Stands("Anna from work is vegan"),
        Stands("swims every Sunday"),
        Stands("eats meat every day"),
    ),
    BEFORE_BERLIN: (
        Stands("lives in Lisbon", ACTIVE, None, None),
        Stands("is dating Tomas", ACTIVE, None, None),
        Stands("visited .*Anna in Oslo on 3 February 2025", ACTIVE, "2025-02-03"),
        Stands("plans to visit .* Anna in Oslo", SUPERSEDED),
        Stands("silver ring on 14 February 2025", ACTIVE, "2025-02-14", None),
        Stands("trip to Madrid in April 2025", SUPERSEDED),
        Stands("cat named Mia in March 2025", ACTIVE, "2025-03-01"),
        Stands("move to Berlin in May 2025", ACTIVE, "2025-05-01"),
        Stands("commute to the Corvo office takes 25 minutes"),
    ),
    IN_SUMMER: (
        Stands("lives in Lisbon", SUPERSEDED, None, "2025-05-10"),
        Stands("(lives in Berlin|moved to Berlin on 10 May)", ACTIVE, "2025-05-10", None),
        Stands("works at Corvo", SUPERSEDED, None, "2025-05-19"),
        Stands("Lumen as a data engineer", ACTIVE, "2025-05-19", None),
        Stands("is dating Tomas", SUPERSEDED, None, "2025-06-02"),
        Stands("broke up on 2 June 2025", ACTIVE, "2025-06-02"),
        Stands("eats meat every day", SUPERSEDED, None, "2025-06-10"),
        Stands("no longer eats meat", ACTIVE),
        Stands("loves fado", SUPERSEDED, None, "2025-06-16"),
        Stands("favourite colour is blue", SUPERSEDED, None, "2025-06-20"),
        Stands("favourite colour is green", ACTIVE),
        Stands("silver ring", ACTIVE),
    ),
    IN_AUTUMN: (
        Stands("silver ring", RETIRED),
        Stands("drives a Fiat", None, None, "2025-07-07"),
        Stands("swims every Sunday", SUPERSEDED, None, "2025-07-11"),
        Stands("climbs every Thursday", ACTIVE),
        Stands("hike in Norway", SUPERSEDED),
        Stands("sister Anna lives in Oslo", SUPERSEDED, None, "2025-08-01"),
        Stands("sister Anna (lives in|moved to) Bergen", ACTIVE, "2025-08-01", None),
        Stands("met Jonas at the climbing gym on 14 August 2025", ACTIVE, "2025-08-14"),
        Stands("(wants|plans) to run the Lisbon marathon", SUPERSEDED),
        Stands("not going to run the Lisbon marathon", ACTIVE),
        Stands("likes coffee$|likes coffee\\.$", SUPERSEDED, None, "2025-09-24"),
    ),
    NEW_YEARS_EVE: (
        Stands("lives in Lisbon", SUPERSEDED, None, "2025-05-10"),
        Stands("(lives in Berlin|moved to Berlin on 10 May)", SUPERSEDED, "2025-05-10", "2025-11-01"),
        Stands("(lives in|moved to) Hamburg", ACTIVE, "2025-11-01", None),
        Stands("Halden as a team lead", ACTIVE, "2025-11-03", None),
        Stands("favourite colour is green", RETIRED),
        Stands("favourite colour is blue", SUPERSEDED),
        Stands("Bruno died on 15 October 2025", ACTIVE, "2025-10-15"),
        Stands("is allergic to peanuts", ACTIVE, None, None),
        Stands("is dating Jonas", SUPERSEDED, None, "2025-12-25"),
        Stands("got engaged", ACTIVE, "2025-12-25"),
        Stands("travel to Japan in April 2026", ACTIVE, "2026-04-01"),
    ),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Edge:
    """An edge "source relation target" that is there at an instant, or is not."""

    pattern: str
    is_there: bool = True


def gone(pattern: str, **details: Any) -> Edge:
    return Edge(pattern, is_there=False, **details)


SISTER = "(Anna sister_of Alice|Alice sister(_of)? Anna)"
EDGES: Mapping[datetime, tuple[Edge, ...]] = {
    IN_WINTER: (
        Edge("Alice lives_in Lisbon"),
        Edge("Alice works_at Corvo"),
        Edge(SISTER),
        Edge("Anna lives_in Oslo"),
        Edge("Alice likes fado"),
        Edge("Alice allergic_to peanuts"),
        Edge("Alice dating Tomas"),
        gone("Alice lives_in Berlin"),
    ),
    BEFORE_BERLIN: (
        Edge("Alice lives_in Lisbon"),
        gone("Alice lives_in Berlin"),
        gone("Alice works_at Lumen"),
        Edge("Anna works_as nurse"),
        Edge("Alice (owns|cat) Mia"),
    ),
    IN_SUMMER: (
        Edge("Alice lives_in Berlin"),
        gone("Alice lives_in Lisbon"),
        Edge("Alice works_at Lumen"),
        gone("Alice works_at Corvo"),
        gone("Alice dating Tomas"),
        gone("Alice likes fado"),
        Edge("Alice likes techno"),
        Edge("Anna lives_in Oslo"),
        Edge("Anna( from work)? lives_in Porto"),
    ),
    IN_AUTUMN: (
        Edge("Anna lives_in Bergen"),
        gone("Anna lives_in Oslo"),
        Edge(SISTER),
        Edge("Alice dating Jonas"),
        gone("Alice owns Fiat"),
        gone("Alice likes coffee"),
        Edge("Alice works_at Lumen"),
    ),
    NEW_YEARS_EVE: (
        Edge("Alice lives_in Hamburg"),
        gone("Alice lives_in (Berlin|Lisbon)"),
        Edge("Alice works_at Halden"),
        gone("Alice works_at (Corvo|Lumen)"),
        Edge("Jonas lives_in Hamburg"),
        Edge("Alice engaged_to Jonas"),
        gone("Alice dating Jonas"),
        Edge("Anna lives_in Bergen"),
        Edge(SISTER),
        gone("Alice owns Bruno"),
    ),
}


@dataclass(frozen=True, slots=True)
class Asks:
    """A search on New Year's Eve, and what is among its ``first`` answers.

    ``never`` must be in none of them. ``as_of`` is known time; ``filters`` are more
    conditions on Alice's memories.
    """

    question: str
    expected: str
    first: int = 3
    as_of: datetime | None = None
    never: str = ""
    filters: Mapping[str, Any] | None = None


def true_at(day_: str) -> Mapping[str, Any]:
    return {"valid_at": f"{day_}T12:00:00Z"}


def true_between(start: str, end: str) -> Mapping[str, Any]:
    return {"valid_between": [f"{start}T00:00:00Z", f"{end}T00:00:00Z"]}


QUESTIONS = (
    # What is so today.
    Asks("Where does Alice live?", "Alice (lives in|moved to) Hamburg", first=1),
    Asks("Where does Alice live now?", "Alice (lives in|moved to) Hamburg", first=1),
    Asks("Where do I live?", "Alice (lives in|moved to) Hamburg"),
    Asks("Where do I work?", "Halden", first=1),
    Asks("Where do I live?", "Alice (lives in|moved to) Hamburg", first=1),
    Asks("Where does Alice work?", "Halden", first=1),
    Asks("Who is Alice engaged to?", "engaged .*(Jonas)|Jonas got engaged", first=1),
    Asks("Does Alice eat meat?", "no longer eats meat", first=1),
    Asks("Which music does Alice love?", "loves techno", first=1),
    Asks("Does Alice still like fado?", "no longer likes fado", first=1),
    Asks("Does Alice drink coffee?", "no longer likes coffee", first=1),
    Asks("What is Alice allergic to?", "peanuts", first=1),
    Asks("What does Alice do every Thursday?", "climbs every Thursday", first=1),
    Asks("What does Alice do every Tuesday?", "German class every Tuesday", first=1),
    Asks("What happened to Bruno?", "Bruno died", first=1),
    # Two Annas.
    Asks("Where does Alice's sister live?", "Bergen", first=1),
    Asks("Where does Anna from work live?", "Anna from work lives in Porto", first=1),
    Asks("What does Alice's sister Anna do for a living?", "nurse", first=1),
    Asks("Which Anna is vegan?", "Anna from work is vegan", first=1),
    Asks("Who is expecting a baby?", "sister Anna is expecting", first=1),
    # What was believed then.
    Asks("Where does Alice live?", "Lisbon", first=1, as_of=IN_WINTER, never="Berlin|Hamburg"),
    Asks("Where does Alice live?", "Lisbon", first=3, as_of=BEFORE_BERLIN, never="Hamburg"),
    Asks("Where does Alice live?", "Berlin", first=1, as_of=IN_SUMMER, never="Hamburg"),
    Asks("Where does Alice work?", "Corvo", first=1, as_of=BEFORE_BERLIN),
    Asks("Where does Alice work?", "Lumen", as_of=IN_AUTUMN, never="Halden as"),
    Asks("Who is Alice dating?", "dating Tomas", first=1, as_of=IN_WINTER, never="Jonas"),
    Asks("When did Alice adopt Mia?", "Mia in February", first=1, as_of=day("2025-03-17")),
    Asks("When did Alice adopt Mia?", "Mia in March", first=1),
    Asks("What is Alice's favourite colour?", "blue", first=1, as_of=IN_WINTER, never="green"),
    Asks("What is Alice's favourite colour?", "green", first=1, as_of=IN_AUTUMN),
    Asks("What is Alice's favourite colour?", ".", never="green"),
    Asks("What did Tomas give Alice?", "silver ring", as_of=IN_SUMMER),
    Asks("What did Tomas give Alice?", ".", never="ring"),
    # What was so before, and when.
    Asks("Where did Alice live before Berlin?", "Lisbon", first=1),
    Asks("Where did Alice live before she moved to Lisbon?", "Porto from 2019 to 2023"),
    Asks("Where did Alice work before Lumen?", "Corvo", first=1),
    Asks("When did Alice move to Berlin?", "10 May 2025|lives in Berlin"),
    Asks("When did Alice run a half marathon?", "10 January 2025", first=1),
    Asks("When did Alice and Tomas break up?", "2 June 2025", first=1),
    Asks("What did Alice do in July 2025?", "Crete"),
    Asks("What did Alice do in August with her sister?", "Norway"),
    Asks("What did Alice buy in October 2025?", "red bicycle", first=1),
    Asks("When did Alice meet Jonas?", "14 August 2025", first=3),
    # What was true at an instant, as it is known today.
    Asks("Where did Alice live?", "Lisbon", first=1, filters=true_at("2025-03-01"), never="Berlin|Hamburg"),
    Asks("Where did Alice live?", "Berlin", filters=true_at("2025-07-01"), never="Lisbon|Hamburg"),
    Asks("Where did Alice live?", "Porto", first=1, filters=true_at("2021-06-01"), never="Lisbon"),
    Asks("Where did Alice work?", "Lumen", filters=true_at("2025-06-01"), never="Corvo as|Halden as"),
    Asks("Where did Alice's sister live?", "Oslo", first=1, filters=true_at("2025-07-15"), never="Bergen"),
    Asks("Where was Alice?", "Crete", filters=true_at("2025-07-08")),
    Asks("What did Alice eat?", "eats meat", filters=true_at("2025-04-01"), never="no longer eats"),
    Asks("Where did Alice travel?", "Crete", filters=true_between("2025-07-01", "2025-08-01"), never="Oslo on 3|Japan"),
    # Both clocks: in May it was still believed that she would live in Lisbon in June.
    Asks("Where does Alice live?", "Lisbon", first=1, as_of=BEFORE_BERLIN,
         filters=true_at("2025-06-01"), never="lives in Berlin"),
    # What was meant to be.
    Asks("What did Alice plan for April 2025?", "Madrid"),
    Asks("Did Alice run the marathon in October?", "not going to run", first=3),
    Asks("What are Alice's plans for April 2026?", "Japan", first=1),
    Asks("What will Alice do next?", "Japan in April 2026"),
    # Through somebody else.
    Asks("Who was Alice's boss before she moved to Berlin?", "Marta"),
    Asks("Who lives in the city where Alice lives?", "Jonas lives in Hamburg"),
)  # fmt: skip
