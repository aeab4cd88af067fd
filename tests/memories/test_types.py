"""One table of states and one of events, in the code and in the docs."""

from __future__ import annotations

from pathlib import Path

from memories.models import MemoryEvent
from memories.types import EVENT_RULES, STATE_RULES, State

GLOSSARY = Path(__file__).parents[2] / "docs" / "GLOSSARY.md"


def table(heading: str) -> list[list[str]]:
    """The rows of the table under a heading, a dash for nothing."""
    section = GLOSSARY.read_text().split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[1:]]


def word(value: object) -> str:
    return {True: "yes", False: "–", None: "–"}.get(value, value)


def test_every_state_has_its_rule_and_its_line():
    assert set(STATE_RULES) == set(State)
    assert table("States of a memory") == [
        [
            state,
            *map(word, (rule.listed, rule.listed_as_latest, rule.got, rule.counted)),
            rule.wire,
        ]
        for state, rule in STATE_RULES.items()
    ]


def test_every_kind_of_event_has_its_rule_and_its_line():
    assert set(EVENT_RULES) == set(MemoryEvent.Kind.values)
    assert table("Kinds of event") == [
        [kind, rule.result, word(rule.history), word(rule.topic)]
        for kind, rule in EVENT_RULES.items()
    ]


def test_the_wire_knows_four_words_and_history_three():
    assert {rule.result for rule in EVENT_RULES.values()} == {
        "ADD", "UPDATE", "DELETE", "NOOP",
    }  # fmt: skip
    told = {rule.history for rule in EVENT_RULES.values()} - {None}
    assert told == {"ADD", "UPDATE", "DELETE"}
