"""A year in the life of Alice, as she tells it to an assistant.

She moves from Lisbon to Berlin and on to Hamburg, changes jobs and people, says things
that were not quite so, takes others back, plans what comes about and what does not, and
knows two Annas: her sister, and one from work. Every add has its instant, what was
said, and what a good model would make of it; nobody tells ``local``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

ALICE = {"user_id": "alice"}


@dataclass(frozen=True, slots=True)
class Learned:
    """A fact of a good model: "" in ``text`` where something is only to be forgotten.

    ``replaces``, ``corrects``, ``repeats`` and ``forgets`` are the text of the memory
    that it changes. ``start`` and ``end`` are as a model writes them; ``every`` is a
    rule of what recurs. ``edges`` are "source relation target", with "_" in names of
    several words.
    """

    text: str
    kind: str = "state"
    start: str | None = None
    end: str | None = None
    every: str | None = None
    edges: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    replaces: str | None = None
    corrects: str | None = None
    repeats: str | None = None
    forgets: str | None = None

    @property
    def change(self) -> tuple[str, str] | None:
        """What it does to which memory; None: it is new."""
        for how in ("replaces", "corrects", "repeats", "forgets"):
            if text := getattr(self, how):
                return how, text
        return None


@dataclass(frozen=True, slots=True)
class Said:
    """One add: what Alice said at an instant, the assistant's answer, what to learn."""

    at: datetime
    text: str
    answer: str
    learned: tuple[Learned, ...] = ()


def day(text: str, hour: int = 0) -> datetime:
    """An instant of the year, "2025-05-10" at midnight unless an hour is given."""
    return datetime.fromisoformat(text).replace(hour=hour, tzinfo=UTC)


def on(at: str, text: str, answer: str, *learned: Learned) -> Said:
    return Said(datetime.fromisoformat(at).replace(tzinfo=UTC), text, answer, learned)


KINDS = {
    **dict.fromkeys(("Alice", "Anna", "Anna_from_work", "Tomas", "Jonas", "Marta"), "person"),
    **dict.fromkeys(("Bruno", "Mia"), "animal"),
    **dict.fromkeys(("Lisbon", "Oslo", "Berlin", "Bergen", "Hamburg", "Porto"), "place"),
    **dict.fromkeys(("Sintra", "Madrid", "Crete", "Norway", "Japan"), "place"),
    **dict.fromkeys(("Corvo", "Lumen", "Halden"), "organization"),
}  # fmt: skip

LISBON, BERLIN, HAMBURG = (
    f"Alice lives in {city}." for city in ("Lisbon", "Berlin", "Hamburg")
)
CORVO = "Alice works at Corvo as a data analyst."
LUMEN = "Alice works at Lumen as a data engineer."
LEAD = "Alice works at Lumen as a lead engineer."
HALDEN = "Alice works at Halden as a team lead."
OSLO = "Alice's sister Anna lives in Oslo."
BERGEN = "Alice's sister Anna lives in Bergen."
TOMAS = "Alice is dating Tomas."
JONAS = "Alice is dating Jonas."
BRUNO = "Alice has a dog named Bruno."
MEAT = "Alice eats meat every day."
FADO = "Alice loves fado."
COFFEE = "Alice likes coffee."
BLUE, GREEN = (f"Alice's favourite colour is {colour}." for colour in ("blue", "green"))
FIAT = "Alice drives a Fiat."
SWIMS = "Alice swims every Sunday."
RING = "Tomas gave Alice a silver ring on 14 February 2025."
PEANUTS = "Alice is allergic to peanuts."
TO_OSLO = "Alice plans to visit her sister Anna in Oslo on 3 February 2025."
TO_MADRID = "Alice plans a trip to Madrid in April 2025."
TO_RUN = "Alice plans to run the Lisbon marathon in October 2025."
TO_BERLIN = "Alice plans to move to Berlin in May 2025."
TO_NORWAY = "Alice plans to hike in Norway with her sister Anna in August 2025."
TO_HALDEN = "Alice plans to start at Halden on 3 November 2025."
MIA_IN_FEBRUARY = "Alice adopted a cat named Mia in February 2025."
MET_JONAS_LATE = "Alice met Jonas at the climbing gym on 21 August 2025."

JANUARY = [
    on("2025-01-03 09:10", "Hi, I'm Alice. I live in Lisbon.", "Nice to meet you!",
       Learned(LISBON, edges=("Alice lives_in Lisbon",))),
    on("2025-01-03 09:14", "I work at Corvo as a data analyst.", "That sounds busy.",
       Learned(CORVO, edges=("Alice works_at Corvo",))),
    on("2025-01-05 20:02", "My sister Anna lives in Oslo.", "How nice.",
       Learned(OSLO, edges=("Anna sister_of Alice", "Anna lives_in Oslo"))),
    on("2025-01-06 08:30", "I have a dog named Bruno.", "Good boy.",
       Learned(BRUNO, edges=("Alice owns Bruno",))),
    on("2025-01-07 12:45", "I'm allergic to peanuts.", "Good to know.",
       Learned(PEANUTS, edges=("Alice allergic_to peanuts",))),
    on("2025-01-08 22:10", "I love fado.", "It is beautiful.",
       Learned(FADO, "preference", edges=("Alice likes fado",))),
    on("2025-01-12 10:00", "I swim every Sunday.", "Good for you.",
       Learned(SWIMS, every="FREQ=WEEKLY;BYDAY=SU")),
    on("2025-01-15 18:20", "I ran a half marathon in Sintra last Friday.", "Well done!",
       Learned("Alice ran a half marathon in Sintra on 10 January 2025.", "event",
               start="2025-01-10", edges=("Alice visited Sintra",))),
    on("2025-01-16 13:05", "Anna from work is vegan.", "I see.",
       Learned("Anna from work is vegan.", edges=("Alice works_with Anna_from_work",))),
    on("2025-01-18 17:00", "What should I cook tonight?", "How about a soup?"),
    on("2025-01-20 19:30", "I plan to visit my sister Anna in Oslo in two weeks.", "Safe travels.",
       Learned(TO_OSLO, "plan", start="2025-02-03", names=("Alice", "Anna", "Oslo"))),
    on("2025-01-25 11:15", "I drive a Fiat.", "A classic.",
       Learned(FIAT, edges=("Alice owns Fiat",))),
    on("2025-01-27 21:40", "My favourite colour is blue.", "Like the sea.",
       Learned(BLUE, "preference", names=("Alice",))),
    on("2025-01-29 09:55", "I'm dating Tomas.", "Lovely.",
       Learned(TOMAS, "relationship", edges=("Alice dating Tomas",))),
    on("2025-01-31 12:30", "I eat meat every day.", "Noted.",
       Learned(MEAT, every="FREQ=DAILY", names=("Alice",))),
]  # fmt: skip
FEBRUARY = [
    on("2025-02-01 08:00", "Is it going to rain today?", "It may."),
    on("2025-02-06 20:45", "I visited my sister Anna in Oslo last Monday.", "How was it?",
       Learned("Alice visited her sister Anna in Oslo on 3 February 2025.", "event",
               start="2025-02-03", edges=("Alice visited Oslo",), names=("Anna",),
               replaces=TO_OSLO)),
    on("2025-02-10 09:20", "My boss at Corvo is Marta.", "All right.",
       Learned("Alice's boss at Corvo is Marta.", edges=("Alice reports_to Marta", "Marta works_at Corvo"))),
    on("2025-02-14 23:10", "Tomas gave me a silver ring today.", "How sweet.",
       Learned(RING, "event", start="2025-02-14", names=("Alice", "Tomas"))),
    on("2025-02-18 18:05", "I'm planning a trip to Madrid in April.", "Spring in Madrid!",
       Learned(TO_MADRID, "plan", start="2025-04", names=("Alice", "Madrid"))),
    on("2025-02-22 10:30", "I like coffee.", "Who does not?",
       Learned(COFFEE, "preference", edges=("Alice likes coffee",))),
    on("2025-02-26 20:00", "I started learning German this month.", "Viel Erfolg!",
       Learned("Alice started learning German in February 2025.", "event", start="2025-02",
               edges=("Alice learns German",))),
]  # fmt: skip
MARCH = [
    on("2025-03-03 08:40", "As I said, I live in Lisbon.", "Yes, I remember.",
       Learned(LISBON, edges=("Alice lives_in Lisbon",), repeats=LISBON)),
    on("2025-03-08 16:25", "My sister Anna is a nurse.", "A fine job.",
       Learned("Alice's sister Anna is a nurse.", edges=("Anna works_as nurse", "Anna sister_of Alice"))),
    on("2025-03-12 13:00", "Anna from work has a son.", "How old is he?",
       Learned("Anna from work has a son.", names=("Anna_from_work",))),
    on("2025-03-16 19:15", "I adopted a cat named Mia in February.", "Welcome, Mia.",
       Learned(MIA_IN_FEBRUARY, "event", start="2025-02", edges=("Alice owns Mia",))),
    on("2025-03-18 08:10", "No, it was March when I adopted a cat named Mia.", "Corrected.",
       Learned("Alice adopted a cat named Mia in March 2025.", "event", start="2025-03",
               edges=("Alice owns Mia",), corrects=MIA_IN_FEBRUARY)),
    on("2025-03-22 18:50", "My commute to the Corvo office takes 25 minutes.", "Not too bad.",
       Learned("Alice's commute to the Corvo office takes 25 minutes.", names=("Alice", "Corvo"))),
    on("2025-03-27 07:30", "I want to run the Lisbon marathon in October.", "A great goal.",
       Learned(TO_RUN, "plan", start="2025-10", names=("Alice",))),
    on("2025-03-30 21:00", "Thanks for all your help.", "You are welcome."),
]  # fmt: skip
APRIL = [
    on("2025-04-02 19:05", "I'm not going on the trip to Madrid in April.", "What a pity.",
       Learned("Alice is not going on the trip to Madrid in April 2025.", "absence",
               names=("Alice", "Madrid"), replaces=TO_MADRID)),
    on("2025-04-09 12:20", "My flat in Lisbon has a view of the river.", "Enjoy it.",
       Learned("Alice's flat in Lisbon has a view of the river.", names=("Alice", "Lisbon"))),
    on("2025-04-15 17:45", "I got a job offer from Lumen in Berlin.", "Congratulations!",
       Learned("Alice got a job offer from Lumen in Berlin.", "event", start="2025-04-15",
               edges=("Lumen located_in Berlin",), names=("Alice",))),
    on("2025-04-22 20:30", "I'm going to move to Berlin next month.", "How exciting.",
       Learned(TO_BERLIN, "plan", start="2025-05", names=("Alice", "Berlin"))),
    on("2025-04-26 09:00", "Can you recommend a film?", "Try Wings of Desire."),
]  # fmt: skip
MAY = [
    on("2025-05-12 21:10", "I moved to Berlin last Saturday.", "Welcome to Berlin.",
       Learned("Alice moved to Berlin on 10 May 2025.", "event", start="2025-05-10",
               names=("Alice", "Berlin"), replaces=TO_BERLIN),
       Learned(BERLIN, start="2025-05-10", edges=("Alice lives_in Berlin",), replaces=LISBON)),
    on("2025-05-19 18:30", "I started working at Lumen as a data engineer today.", "Good luck!",
       Learned(LUMEN, start="2025-05-19", edges=("Alice works_at Lumen",), replaces=CORVO)),
    on("2025-05-25 19:40", "My commute to the Lumen office takes 40 minutes.", "Time to read.",
       Learned("Alice's commute to the Lumen office takes 40 minutes.", names=("Alice", "Lumen"))),
    on("2025-05-29 13:10", "Anna from work lives in Porto now.", "A lovely city.",
       Learned("Anna from work lives in Porto.", edges=("Anna_from_work lives_in Porto",))),
]  # fmt: skip
JUNE = [
    on("2025-06-03 22:00", "Tomas and I broke up yesterday.", "I am sorry.",
       Learned("Alice and Tomas broke up on 2 June 2025.", "event", start="2025-06-02",
               names=("Alice", "Tomas"), replaces=TOMAS)),
    on("2025-06-10 12:15", "I no longer eat meat.", "Understood.",
       Learned("Alice no longer eats meat.", "absence", start="2025-06-10", names=("Alice",),
               replaces=MEAT)),
    on("2025-06-14 23:30", "I love techno.", "That is Berlin.",
       Learned("Alice loves techno.", "preference", edges=("Alice likes techno",))),
    on("2025-06-16 21:20", "I no longer like fado.", "Tastes change.",
       Learned("Alice no longer likes fado.", "absence", names=("Alice", "fado"), replaces=FADO)),
    on("2025-06-20 10:10", "My favourite colour is green now.", "Like the parks.",
       Learned(GREEN, "preference", names=("Alice",), replaces=BLUE)),
    on("2025-06-25 18:00", "I go to German class every Tuesday.", "Sehr gut.",
       Learned("Alice goes to German class every Tuesday.", every="FREQ=WEEKLY;BYDAY=TU",
               names=("Alice", "German"))),
    on("2025-06-28 09:30", "I live in Berlin, as you know.", "I do.",
       Learned(BERLIN, edges=("Alice lives_in Berlin",), repeats=BERLIN)),
]  # fmt: skip
JULY = [
    on("2025-07-03 20:20", "Please forget that Tomas gave me a silver ring.", "Forgotten.",
       Learned("", forgets=RING)),
    on("2025-07-07 17:35", "I no longer drive a Fiat.", "Fewer worries.",
       Learned("Alice no longer drives a Fiat.", "absence", names=("Alice", "Fiat"), replaces=FIAT)),
    on("2025-07-11 21:00", "I stopped swimming.", "All right.",
       Learned("Alice stopped swimming.", "absence", names=("Alice",), replaces=SWIMS)),
    on("2025-07-13 21:05", "I climb every Thursday.", "Hold on tight.",
       Learned("Alice climbs every Thursday.", every="FREQ=WEEKLY;BYDAY=TH", names=("Alice",))),
    on("2025-07-19 10:45", "I was in Crete from 5 July to 12 July 2025.", "Sun and sea.",
       Learned("Alice was in Crete from 5 July to 12 July 2025.", "event", start="2025-07-05",
               end="2025-07-12", edges=("Alice visited Crete",))),
    on("2025-07-25 19:50", "I will hike in Norway with my sister Anna next month.", "Pack warm things.",
       Learned(TO_NORWAY, "plan", start="2025-08", names=("Alice", "Anna", "Norway"))),
    on("2025-07-30 12:00", "How do I say thank you in Norwegian?", "Takk."),
]  # fmt: skip
AUGUST = [
    on("2025-08-18 20:15", "I hiked in Norway with my sister Anna last week.", "Takk for turen.",
       Learned("Alice hiked in Norway with her sister Anna in the week of 11 August 2025.",
               "event", start="2025-08-11", end="2025-08-17", edges=("Alice visited Norway",),
               names=("Anna",), replaces=TO_NORWAY)),
    on("2025-08-22 18:25", "My sister Anna moved to Bergen this month.", "Rainy Bergen.",
       Learned(BERGEN, start="2025-08", edges=("Anna lives_in Bergen",),
               replaces=OSLO)),
    on("2025-08-27 22:05", "I met Jonas at the climbing gym last Thursday.", "Tell me more.",
       Learned(MET_JONAS_LATE, "event", start="2025-08-21", edges=("Alice met Jonas",))),
]  # fmt: skip
SEPTEMBER = [
    on("2025-09-08 19:00", "I'm dating Jonas.", "How lovely.",
       Learned(JONAS, "relationship", edges=("Alice dating Jonas",))),
    on("2025-09-10 08:20", "No, I met Jonas at the climbing gym on 14 August 2025.", "Corrected.",
       Learned("Alice met Jonas at the climbing gym on 14 August 2025.", "event",
               start="2025-08-14", edges=("Alice met Jonas",), corrects=MET_JONAS_LATE)),
    on("2025-09-12 07:15", "I'm not going to run the Lisbon marathon in October.", "Another year.",
       Learned("Alice is not going to run the Lisbon marathon in October 2025.", "absence",
               names=("Alice",), replaces=TO_RUN)),
    on("2025-09-18 17:55", "I was promoted to lead engineer at Lumen on 15 September 2025.", "Bravo!",
       Learned(LEAD, start="2025-09-15", edges=("Alice works_at Lumen",), replaces=LUMEN)),
    on("2025-09-24 07:05", "I no longer like coffee.", "Tea, then?",
       Learned("Alice no longer likes coffee.", "absence", names=("Alice", "coffee"), replaces=COFFEE)),
    on("2025-09-27 15:00", "Good night!", "Sleep well."),
]  # fmt: skip
OCTOBER = [
    on("2025-10-07 18:40", "I bought a red bicycle yesterday.", "Ride safely.",
       Learned("Alice bought a red bicycle on 6 October 2025.", "event", start="2025-10-06",
               edges=("Alice owns red_bicycle",))),
    on("2025-10-13 21:25", "I will start at Halden on 3 November 2025.", "A new chapter.",
       Learned(TO_HALDEN, "plan", start="2025-11-03", names=("Alice", "Halden"))),
    on("2025-10-18 20:00", "My dog Bruno died last Wednesday.", "I am so sorry.",
       Learned("Alice's dog Bruno died on 15 October 2025.", "event", start="2025-10-15",
               names=("Alice", "Bruno"), replaces=BRUNO)),
    on("2025-10-24 19:10", "I lived in Porto from 2019 to 2023.", "Before Lisbon, then.",
       Learned("Alice lived in Porto from 2019 to 2023.", start="2019", end="2023",
               edges=("Alice lives_in Porto",))),
    on("2025-10-28 08:30", "What time is it in Tokyo?", "Late afternoon."),
]  # fmt: skip
NOVEMBER = [
    on("2025-11-03 07:20", "I moved to Hamburg last Saturday.", "Moin!",
       Learned(HAMBURG, start="2025-11-01", edges=("Alice lives_in Hamburg",), replaces=BERLIN)),
    on("2025-11-04 18:45", "I started working at Halden as a team lead yesterday.", "How was it?",
       Learned(HALDEN, start="2025-11-03", edges=("Alice works_at Halden",), replaces=LEAD),
       Learned("Alice started at Halden on 3 November 2025.", "event", start="2025-11-03",
               names=("Alice", "Halden"), replaces=TO_HALDEN)),
    on("2025-11-14 09:05", "Please forget my favourite colour is green.", "Forgotten.",
       Learned("", forgets=GREEN)),
    on("2025-11-20 20:35", "Jonas lives in Hamburg too.", "Together at last.",
       Learned("Jonas lives in Hamburg.", edges=("Jonas lives_in Hamburg",))),
]  # fmt: skip
DECEMBER = [
    on("2025-12-02 12:40", "I'm allergic to peanuts, remember.", "I remember.",
       Learned(PEANUTS, edges=("Alice allergic_to peanuts",), repeats=PEANUTS)),
    on("2025-12-08 19:20", "My sister Anna is expecting a baby in March 2026.", "Congratulations to her.",
       Learned("Alice's sister Anna is expecting a baby in March 2026.", "plan", start="2026-03",
               names=("Alice", "Anna"))),
    on("2025-12-13 11:30", "I plan to visit my sister Anna in Bergen on 30 December 2025.", "Enjoy.",
       Learned("Alice plans to visit her sister Anna in Bergen on 30 December 2025.", "plan",
               start="2025-12-30", names=("Alice", "Anna", "Bergen"))),
    on("2025-12-25 22:50", "Jonas and I got engaged today.", "Congratulations!",
       Learned("Alice got engaged to Jonas on 25 December 2025.", "relationship",
               start="2025-12-25", edges=("Alice engaged_to Jonas",), replaces=JONAS)),
    on("2025-12-29 17:00", "I plan to travel to Japan in April 2026.", "Cherry blossoms.",
       Learned("Alice plans to travel to Japan in April 2026.", "plan", start="2026-04",
               names=("Alice", "Japan"))),
]  # fmt: skip

YEAR = [
    *JANUARY, *FEBRUARY, *MARCH, *APRIL, *MAY, *JUNE, *JULY, *AUGUST, *SEPTEMBER,
    *OCTOBER, *NOVEMBER, *DECEMBER,
]  # fmt: skip
NEW_YEARS_EVE = day("2025-12-31", 18)


def script() -> dict[str, list[dict[str, Any]]]:
    """What the stand-in model is to reply, by message (``tests/model_script.py``)."""
    return {said.text: [_prepared(fact) for fact in said.learned] for said in YEAR}


def _prepared(fact: Learned) -> dict[str, Any]:
    relations = [edge.split() for edge in fact.edges]
    ends = [end for source, _, target in relations for end in (source, target)]
    return {
        "text": fact.text,
        "start": fact.start,
        "end": fact.end,
        "every": fact.every,
        "kind": fact.kind,
        "change": fact.change,
        "entities": [
            {"name": _name(name), "type": KINDS.get(name, "thing")}
            for name in dict.fromkeys([*fact.names, *ends])
        ],
        "relations": [
            {"source": _name(source), "type": kind, "target": _name(target)}
            for source, kind, target in relations
        ],
    }


def _name(name: str) -> str:
    return name.replace("_", " ")
