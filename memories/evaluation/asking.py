"""Ask every question of a data set through the search API, and keep what came back."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from memories.evaluation.baselines import Asked, Count
from memories.evaluation.client import Client, Found
from memories.evaluation.ingest import VERBATIM, Links, user_of
from memories.evaluation.metrics import LINE_TOKENS, Result, as_far_as_needed
from memories.evaluation.parallel import in_parallel
from memories.evaluation.runs import Run
from memories.evaluation.types import Conversation, Dataset, Question

TOP_K = 50
FURTHER_K = 1000
"""As many as the API gives: short memories fill 7,000 tokens with some 400."""
ALONE = 100
"""So many questions are asked one at a time first: their latency is a search's own."""

Progress = Callable[[int], None]


def search_body(question: Question, user_id: str, *, top_k: int) -> dict[str, Any]:
    body: dict[str, Any] = {
        "query": question.text,
        "filters": {"user_id": user_id},
        "top_k": top_k,
        "threshold": 0,
    }
    if question.asked_at is not None:
        body["reference_date"] = question.asked_at.isoformat()
    return body


def doubt_body(question: Question, user_id: str) -> dict[str, Any]:
    """Asks how likely the answer is known, and for hardly anything of a block."""
    body = search_body(question, user_id, top_k=TOP_K)
    asked = {name: body[name] for name in body if name not in ("top_k", "threshold")}
    little = {"token_budget": 50, "recent_messages": 0, "summaries": False}
    return {**asked, **little}


def ask(
    client: Client,
    run: Run,
    dataset: Dataset,
    style: str,
    count: Count,
    progress: Progress,
    *,
    at_once: int,
) -> None:
    """Every question that was not asked yet; ``count`` counts a memory's tokens.

    Where some have no answer, each is asked for its confidence, too.
    """
    has_unknown = not all(question.is_answerable for question in dataset.questions)
    asked = {r["question"] for r in run.searches.read() if r["style"] == style}
    waiting = [
        (conversation, question)
        for conversation in dataset.conversations
        for question in conversation.questions
        if question.id not in asked
    ]
    alone = _spread(waiting, ALONE - len(asked))
    others = [pair for pair in waiting if pair not in alone]

    def put(pair: tuple[Conversation, Question], *, is_alone: bool = False) -> None:
        conversation, question = pair
        user_id = user_of(run, style, conversation)
        answer = client.search(search_body(question, user_id, top_k=TOP_K))
        doubt = doubt_body(question, user_id)
        sure = {"confidence": client.confidence(doubt)} if has_unknown else {}
        run.searches.append(
            {
                "style": style,
                "question": question.id,
                "ms": round(answer.latency_ms, 2),
                "alone": is_alone,
                "ids": [hit.id for hit in answer.found],
                "scores": [round(hit.score, 4) for hit in answer.found],
                "tokens": [count(hit.text) for hit in answer.found],
                **sure,
            }
        )
        progress(1)

    for pair in alone:
        put(pair, is_alone=True)
    in_parallel(put, others, at_once, stop=client.close)


def unfound(
    run: Run, dataset: Dataset, style: str, links: Links
) -> list[tuple[Conversation, Question]]:
    """Those whose evidence is not all in the first results, and that nobody looked
    further down for: the larger budgets take more than these results.

    Of the others all of it is in every budget that the first results do not fill.
    """
    held = {
        r["question"]: frozenset[str]().union(*(links.of(one) for one in r["ids"]))
        for r in run.searches.read()
        if r["style"] == style
    }
    looked = {r["question"] for r in run.further.read() if r["style"] == style}
    return [
        (conversation, question)
        for conversation in dataset.conversations
        for question in conversation.questions
        if question.is_scored
        and question.id in held.keys() - looked
        and not question.evidence <= held[question.id]
    ]


def ask_further(
    client: Client,
    run: Run,
    waiting: Sequence[tuple[Conversation, Question]],
    style: str,
    count: Count,
    progress: Progress,
    *,
    at_once: int,
) -> None:
    """What follows the first results; their order is that of the first search, for a
    longer list weighs more candidates against each other.
    """
    first = {
        r["question"]: r["ids"] for r in run.searches.read() if r["style"] == style
    }

    def put(pair: tuple[Conversation, Question]) -> None:
        conversation, question = pair
        user_id = user_of(run, style, conversation)
        answer = client.search(search_body(question, user_id, top_k=FURTHER_K))
        known = set(first[question.id])
        hits = [hit for hit in answer.found if hit.id not in known]
        kept = hits[: _needed(hits, count)]
        run.further.append(
            {
                "style": style,
                "question": question.id,
                "ids": [hit.id for hit in kept],
                "tokens": [count(hit.text) for hit in kept],
            }
        )
        progress(1)

    in_parallel(put, waiting, at_once, stop=client.close)


def _needed(hits: Sequence[Found], count: Count) -> int:
    costs = (Result(frozenset(), count(hit.text) + LINE_TOKENS) for hit in hits)
    return len(as_far_as_needed(costs))


def results_of(
    run: Run, dataset: Dataset, style: str, links: Links, count: Count
) -> Iterator[tuple[Asked, dict[str, Any]]]:
    """Each question's results as turns and tokens, with its record."""
    questions = {question.id: question for question in dataset.questions}
    costs = _cost_of_speakers(dataset, count) if style == VERBATIM else {}
    further = {r["question"]: r for r in run.further.read() if r["style"] == style}
    for record in run.searches.read():
        if record["style"] == style and record["question"] in questions:
            cost = costs.get(record["question"], {})
            parts = (record, further.get(record["question"], {}))
            results = tuple(
                _result(links.of(memory_id), tokens, cost)
                for part in parts
                for memory_id, tokens in zip(
                    part.get("ids", ()), part.get("tokens", ()), strict=True
                )
            )
            yield Asked(questions[record["question"]], results), record


def _result(
    turns: frozenset[str], tokens: int, cost_of_speaker: Mapping[str, int]
) -> Result:
    """At the price of a line of a prompt that says who speaks."""
    speaker = max((cost_of_speaker.get(turn, 0) for turn in turns), default=0)
    return Result(turns, tokens + speaker + LINE_TOKENS)


def _cost_of_speakers(dataset: Dataset, count: Count) -> dict[str, dict[str, int]]:
    """What ``Speaker: `` takes: by question, the tokens of each turn it may find.

    The memory of a turn does not say who speaks, what an engine made of it does.
    """
    costs: dict[str, dict[str, int]] = {}
    for conversation in dataset.conversations:
        of_turns = {
            turn.id: count(f"{turn.speaker}: ") if turn.speaker else 0
            for turn in conversation.turns
        }
        costs |= {question.id: of_turns for question in conversation.questions}
    return costs


def _spread[Item](items: Sequence[Item], wanted: int) -> list[Item]:
    """So many of them, evenly over the list."""
    if wanted <= 0 or not items:
        return []
    step = max(1, len(items) // wanted)
    return list(items[::step])[:wanted]
