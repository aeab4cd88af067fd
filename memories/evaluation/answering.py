"""Let a model answer from what was found, and another call judge the answer.

The Mem0 paper's table (arXiv 2504.19413 §4): F1, BLEU-1 and J, the share of answers a
judge holds for right, over several independent rounds. The prompts stand in
``prompts/`` beside this file.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from importlib import resources
from typing import Any

from memories.evaluation.parallel import in_parallel
from memories.evaluation.runs import Run
from memories.evaluation.types import Question
from memories.evaluation.wording import bleu1_of, f1_of
from memories.providers.base import Chat, ChatReply, ChatRequest
from memplatform.lib.errors import ProviderError

ROUNDS = 10
BUDGET_TOKENS = 1500
AT_ONCE = 8
_ANSWER = {
    "type": "object",
    "properties": {"answer": {"type": "string"}},
    "required": ["answer"],
    "additionalProperties": False,
}
_JUDGE = {
    "type": "object",
    "properties": {
        "reason": {"type": "string"},
        "label": {"type": "string", "enum": ["CORRECT", "WRONG"]},
    },
    "required": ["reason", "label"],
    "additionalProperties": False,
}

Progress = Callable[[int], None]


class Unanswered(Exception):
    """Some calls of the model failed; the same command asks for those again."""


@dataclass(frozen=True, slots=True)
class Context:
    """What a method gives the model to answer from; how long finding it took."""

    text: str
    tokens: int
    search_ms: float


ContextOf = Callable[[Question], Context]


@dataclass(slots=True)
class Answering:
    """Answers every question of a method in every round, and has them judged."""

    chat: Chat
    run: Run
    rounds: int = ROUNDS
    prompts: str = field(init=False)
    """What they say, in short: other prompts make other answers."""

    def __post_init__(self) -> None:
        said = read_prompt("answer") + read_prompt("judge")
        self.prompts = sha256(said.encode()).hexdigest()[:12]

    def valid(self, questions: Iterable[Question]) -> Iterator[dict[str, Any]]:
        """What was answered by this model, these prompts and the answers expected now:
        a record of others is no part of any figure.
        """
        wanted = {question.id: self._made_by(question) for question in questions}
        for record in self.run.answers.read():
            made_by = wanted.get(record["question"])
            if made_by is None or record["round"] > self.rounds:
                continue
            if made_by.items() <= record.items():
                yield record

    def _made_by(self, question: Question) -> dict[str, Any]:
        return {
            "model": self.chat.model,
            "prompts": self.prompts,
            "expected": question.answer,
        }

    def answer_all(
        self,
        method: str,
        questions: list[Question],
        context_of: ContextOf,
        progress: Progress,
    ) -> None:
        """What was not answered yet; raises Unanswered when a call fails."""
        done = {
            (record["round"], record["question"])
            for record in self.valid(questions)
            if record["method"] == method
        }
        waiting = [
            (number, question)
            for number in range(1, self.rounds + 1)
            for question in questions
            if (number, question.id) not in done
        ]
        problems: list[ProviderError] = []

        def answer(pair: tuple[int, Question]) -> None:
            try:
                record = self._answered(pair[1], context_of(pair[1]))
            except ProviderError as exc:
                problems.append(exc)
                return
            about = {"method": method, "round": pair[0], "question": pair[1].id}
            made_by = self._made_by(pair[1])
            self.run.answers.append({**about, **made_by, **record})
            progress(1)

        in_parallel(answer, waiting, AT_ONCE)
        if problems:
            raise Unanswered(
                f"{len(problems)} of {len(waiting)} answers failed, the first one:"
                f" {problems[0].message} Run the same command again for those"
                " (without --ask-again, which asks for all)."
            )

    def _answered(self, question: Question, context: Context) -> dict[str, Any]:
        began = time.perf_counter()
        reply = self.chat.complete(answer_request(question, context.text))
        answer_ms = (time.perf_counter() - began) * 1000
        answer = _field(reply, "answer")
        judged = self.chat.complete(judge_request(question, answer))
        return {
            "answer": answer,
            "is_right": _field(judged, "label") == "CORRECT",
            "f1": round(f1_of(answer, question.answer), 4),
            "bleu1": round(bleu1_of(answer, question.answer), 4),
            "search_ms": round(context.search_ms, 2),
            "total_ms": round(context.search_ms + answer_ms, 2),
            "context_tokens": context.tokens,
            "prompt_tokens": reply.prompt_tokens,
            "completion_tokens": reply.completion_tokens,
            "judge_tokens": judged.prompt_tokens + judged.completion_tokens,
        }


def answer_request(question: Question, context: str) -> ChatRequest:
    asked = _quoted({"QUESTION": question.text})
    today = f"\n# TODAY {question.asked_at:%Y-%m-%d}" if question.asked_at else ""
    user = f"# MEMORIES\n{context}\n{asked}{today}"
    return ChatRequest(read_prompt("answer"), user, _ANSWER, "answer")


def judge_request(question: Question, answer: str) -> ChatRequest:
    told = {"QUESTION": question.text, "EXPECTED": question.answer, "ANSWER": answer}
    return ChatRequest(read_prompt("judge"), _quoted(told), _JUDGE, "judge")


def _quoted(told: Mapping[str, str]) -> str:
    """Sections of one JSON string each: no text can open a section of its own."""
    return "\n".join(
        f"# {title}\n{json.dumps(text, ensure_ascii=False)}"
        for title, text in told.items()
    )


def read_prompt(name: str) -> str:
    """One of the files in ``prompts/``."""
    file = resources.files("memories.evaluation") / "prompts" / f"{name}.txt"
    return file.read_text(encoding="utf-8")


def _field(reply: ChatReply, name: str) -> str:
    """A field of a JSON reply; blank where the model did not keep to the form."""
    try:
        found = json.loads(reply.text)
    except (ValueError, RecursionError):
        return ""
    value = found.get(name) if isinstance(found, Mapping) else None
    return value if isinstance(value, str) else ""
