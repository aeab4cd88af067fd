"""Replies prepared for what the model is told: a story that every engine is to learn.

A script maps a message to the facts of a good model: text, start, end, every, kind,
entities, relations, and ``change``, how it changes which earlier fact ("replaces",
"corrects", "repeats" or "forgets", and its text). The model looks for that fact among
the memories of the request: what it was not shown it cannot change, so that it adds. Of
a message without a line in the script there is nothing to keep.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from tests.model_rules import Known, Reading, Said

Prepared = Mapping[str, Any]
Script = Mapping[str, Sequence[Prepared]]
OPS = {
    "replaces": "DELETE",
    "corrects": "UPDATE",
    "repeats": "NONE",
    "forgets": "DELETE",
}


def scripted(reading: Reading, script: Script) -> dict[str, Any] | None:
    """The reply to a request; None for a purpose that a script says nothing of."""
    answer = _ANSWERS.get(reading.purpose)
    return answer(reading, script) if answer else None


def _single_pass(reading: Reading, script: Script) -> dict[str, Any]:
    rows = []
    for said, fact in _learned(reading, script):
        how, number = _aim(fact, reading)
        op = {"op": OPS.get(how, "ADD"), "id": number}
        if how != "forgets" or number:
            rows.append(_row(fact, said, reading) | op)
    return {"facts": rows}


def _additive(reading: Reading, script: Script) -> dict[str, Any]:
    rows = []
    for said, fact in _learned(reading, script):
        how, number = _aim(fact, reading)
        marks = {"supersedes": None, "duplicates": None}
        if how:
            marks["duplicates" if how == "repeats" else "supersedes"] = number
        if how != "forgets" or number:
            rows.append(_row(fact, said, reading) | marks)
    return {"facts": rows}


def _extract(reading: Reading, script: Script) -> dict[str, Any]:
    """A wish to forget names what is to be forgotten."""
    rows = [
        _row(fact, said, reading) | {"text": fact["text"] or fact["change"][1]}
        for said, fact in _learned(reading, script)
    ]
    return {"facts": rows}


def _decide(reading: Reading, script: Script) -> dict[str, Any]:
    rows = []
    for known in reading.facts or []:
        fact = _prepared_for(known, script)
        how, number = _aim(fact, reading)
        op = OPS.get(how, "NONE" if known.is_forget else "ADD")
        text = fact["text"] if op == "UPDATE" else None
        why = how or "new"
        rows.append(
            {"fact": known.number, "why": why, "op": op, "id": number, "text": text}
        )
    return {"decisions": rows}


def _graph(reading: Reading, script: Script) -> dict[str, Any]:
    rows = []
    for known in reading.facts or []:
        fact = _prepared_for(known, script)
        rows.append({"fact": known.number, **_drawn(fact)})
    return {"facts": rows}


_ANSWERS = {
    "single_pass": _single_pass,
    "additive": _additive,
    "extract": _extract,
    "decide": _decide,
    "graph": _graph,
}


def _learned(reading: Reading, script: Script) -> Iterator[tuple[Said, Prepared]]:
    for said in reading.messages or []:
        if said.role == "user":
            yield from ((said, fact) for fact in script.get(said.text, ()))


def _prepared_for(known: Known, script: Script) -> Prepared:
    """Of several that say the same, the one that is a change: it is also the newer."""
    found = [
        fact
        for facts in script.values()
        for fact in facts
        if (fact["text"] or fact["change"][1]) == known.text
        and (not fact["text"]) == known.is_forget
    ]
    return sorted(found, key=lambda fact: fact["change"] is None)[0]


def _aim(fact: Prepared, reading: Reading) -> tuple[str, int | None]:
    """How it changes a memory, and which by its number; blank for what is new."""
    how, text = fact["change"] or ("", None)
    numbers = [m.number for m in reading.memories or [] if m.text == text]
    if how == "forgets":
        return how, numbers[0] if numbers else None
    return (how, numbers[0]) if numbers else ("", None)


def _row(fact: Prepared, said: Said, reading: Reading) -> dict[str, Any]:
    """The columns that the schema asks for; the verdict is the caller's."""
    asked = reading.schema["properties"]["facts"]["items"]["properties"]
    how, _ = fact["change"] or ("", "")
    row = {
        "text": fact["text"],
        "from": [said.number],
        "who": "user",
        "cats": [],
        "conf": 0.9,
        "why": how or "said so",
        "quote": said.text if how == "forgets" else None,
        "order": False,
        **{name: fact[name] for name in ("start", "end", "every", "kind")},
        **_drawn(fact),
    }
    return {name: row[name] for name in row if name in asked}


def _drawn(fact: Prepared) -> dict[str, Any]:
    return {"entities": fact["entities"], "relations": fact["relations"]}
