"""Bring conversations in, and learn from the ledgers which memory came from where.

Each session goes in as one add, or as several when it is long, in the order of time;
conversations go in side by side. One user per conversation. A memory stands for the
turns that the ledger of its add names: stored, updated or superseded by their facts, or
confirmed by them, for then it says what they say (ADR 0510).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from memories.evaluation.client import Client
from memories.evaluation.parallel import in_parallel
from memories.evaluation.runs import Run
from memories.evaluation.types import Conversation, Dataset, Session, Turn

VERBATIM = "verbatim"
MOST_TURNS, MOST_CHARS = 50, 30_000
"""Of one add: few enough to be stored before it answers."""
MOST_TEXT_CHARS = 200_000
"""Of one message, as the API takes them; what is longer is cut, and counted."""
MOST_USER_CHARS = 256
"""Of a user's id, as the API takes it."""
ENDED_WITHIN_S = 3600.0
AT_ONCE = 4
LEARNED = {"stored", "updated", "superseded"}
CONFIRMED = {"confirmed"}

Progress = Callable[[int], None]
"""Told how many more turns are in."""


class OtherEngine(ValueError):
    """What decided an add is not what the figures would be told of."""


@dataclass(frozen=True, slots=True)
class Links:
    """Which turns each memory came from, by the memory's id.

    ``linked_turns`` led to one at least; ``confirmed`` counts links that only bear out
    what was stored before.
    """

    turns: Mapping[str, frozenset[str]]
    linked_turns: int = 0
    confirmed: int = 0

    def of(self, memory_id: str) -> frozenset[str]:
        """None for a memory that nothing is known of."""
        return self.turns.get(memory_id, frozenset())


@dataclass(frozen=True, slots=True)
class Batch:
    """What one add brings."""

    session: Session
    turns: tuple[Turn, ...]


def user_of(run: Run, style: str, conversation: Conversation) -> str:
    """A name that is too long for a user's ends in a digest of all of it."""
    whole = f"evaluation-{run.id}-{style}-{conversation.id}"
    if len(whole) <= MOST_USER_CHARS:
        return whole
    digest = sha256(whole.encode()).hexdigest()[:16]
    return f"{whole[: MOST_USER_CHARS - len(digest) - 1]}-{digest}"


def retry_key_of(user_id: str, number: int) -> str:
    """The same whenever an add is sent again. A digest, for a header holds ASCII only,
    and less than a name may be long."""
    return sha256(f"{user_id}-{number}".encode()).hexdigest()


def ingest(
    client: Client, run: Run, dataset: Dataset, style: str, progress: Progress
) -> None:
    """Everything that is not in yet; returns when all of it has been processed."""
    begun = {
        (record["conversation"], record["number"]): record["event"]
        for record in run.adds.read()
        if record["style"] == style
    }
    done = {r["conversation"] for r in run.links.read() if r["style"] == style}

    def bring(conversation: Conversation) -> None:
        if conversation.id in done:
            progress(sum(1 for _ in conversation.turns))
            return
        events = list(_add_all(client, run, conversation, style, begun))
        links = links_of(list(_ledgers(client, events, style, progress)))
        run.links.append(
            {
                "style": style,
                "conversation": conversation.id,
                "linked_turns": links.linked_turns,
                "confirmed": links.confirmed,
                "memories": {m: sorted(turns) for m, turns in links.turns.items()},
            }
        )

    in_parallel(bring, dataset.conversations, AT_ONCE, stop=client.close)


def read_links(run: Run, style: str) -> Links:
    """Of every conversation that is in."""
    turns: dict[str, frozenset[str]] = {}
    linked = confirmed = 0
    for record in run.links.read():
        if record["style"] == style:
            turns |= {m: frozenset(ids) for m, ids in record["memories"].items()}
            linked += record["linked_turns"]
            confirmed += record["confirmed"]
    return Links(turns, linked, confirmed)


def batches_of(conversation: Conversation) -> Iterator[Batch]:
    for session in conversation.sessions:
        kept: list[Turn] = []
        chars = 0
        for turn in session.turns:
            is_full = len(kept) == MOST_TURNS or chars + len(turn.text) > MOST_CHARS
            if kept and is_full:
                yield Batch(session, tuple(kept))
                kept, chars = [], 0
            kept.append(turn)
            chars += len(turn.text)
        if kept:
            yield Batch(session, tuple(kept))


def add_body(user_id: str, batch: Batch, style: str) -> dict[str, Any]:
    """The request; a memory's date is that of its session."""
    body: dict[str, Any] = {
        "user_id": user_id,
        "messages": [_message(turn) for turn in batch.turns],
        "infer": style != VERBATIM,
        "metadata": {"session": batch.session.id},
    }
    if batch.turns[0].sent_at is not None:
        body["timestamp"] = int(batch.turns[0].sent_at.timestamp())
    return body


def count_cut(dataset: Dataset) -> int:
    """How many turns are too long to be brought in as they are."""
    turns = (turn for c in dataset.conversations for turn in c.turns)
    return sum(len(turn.text) > MOST_TEXT_CHARS for turn in turns)


def _message(turn: Turn) -> dict[str, Any]:
    message = {"role": turn.role, "content": turn.text[:MOST_TEXT_CHARS]}
    if turn.speaker:
        message["name"] = turn.speaker
    if turn.sent_at is not None:
        message["timestamp"] = turn.sent_at.isoformat()
    return message


def _add_all(
    client: Client,
    run: Run,
    conversation: Conversation,
    style: str,
    begun: Mapping[tuple[str, int], str],
) -> Iterator[tuple[str, tuple[str, ...]]]:
    """(event, ids of its turns) of every add; what was accepted is not sent again."""
    user_id = user_of(run, style, conversation)
    for number, batch in enumerate(batches_of(conversation)):
        event = begun.get((conversation.id, number))
        if event is None:
            body = add_body(user_id, batch, style)
            event = client.add(body, retry_key=retry_key_of(user_id, number))
            run.adds.append(
                {
                    "style": style,
                    "conversation": conversation.id,
                    "number": number,
                    "event": event,
                }
            )
        yield event, tuple(turn.id for turn in batch.turns)


def _ledgers(
    client: Client,
    events: Iterable[tuple[str, tuple[str, ...]]],
    style: str,
    progress: Progress,
) -> Iterator[tuple[Mapping[str, Any], tuple[str, ...]]]:
    """As the adds end, in their order; raises OtherEngine."""
    for event, turns in events:
        ledger = client.ended(event, within_s=ENDED_WITHIN_S)["ledger"]
        _require_engine(ledger, style)
        yield ledger, turns
        progress(len(turns))


def _require_engine(ledger: Mapping[str, Any], style: str) -> None:
    """A project's engine is a setting of it, which no key may read: each add tells."""
    engine = ledger.get("engine", style)
    if engine != style:
        raise OtherEngine(
            f"Adds of this project are decided by {engine}, not by {style}: measure it"
            f" with --ingest {engine}, or give the project that engine (manage.py"
            f" set_project … engine={style}; others than local need a model, LLM_*)"
            " and begin anew with --fresh."
        )


def links_of(
    ledgers: Sequence[tuple[Mapping[str, Any], tuple[str, ...]]],
) -> Links:
    """From each add's ledger and the turns it brought, in their order.

    A fact may rest on messages of another add that was decided with this one.
    """
    turn_of = {
        message["id"]: turn_id
        for ledger, turns in ledgers
        for message, turn_id in zip(ledger["messages"], turns, strict=True)
    }
    found: dict[str, set[str]] = {}
    confirmed = 0
    for ledger, _ in ledgers:
        for fact in ledger["facts"]:
            if fact["memory_id"] is None:
                continue
            turns = {turn_of[m] for m in fact["messages"] if m in turn_of}
            if fact["outcome"] in LEARNED | CONFIRMED:
                found.setdefault(fact["memory_id"], set()).update(turns)
                confirmed += len(turns) * (fact["outcome"] in CONFIRMED)
            elif fact["outcome"] == "merged" and fact["target_id"]:
                found.setdefault(fact["target_id"], set()).update(turns)
                confirmed += len(turns)
    linked = set[str]().union(*found.values())
    kept = {memory_id: frozenset(turns) for memory_id, turns in found.items()}
    return Links(kept, len(linked), confirmed)
