"""Let a model answer from what was found, and another call judge the answer.

The Mem0 paper's table (arXiv 2504.19413 §4): F1, BLEU-1 and J, the share of answers a
judge holds for right, over several independent rounds. The prompts stand in
``prompts/`` beside this file. A reply that keeps to no form, even when asked again, is
kept as a problem: it is in no figure, and the next start asks again.
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
from memories.evaluation.replies import read_answer, read_verdict
from memories.evaluation.runs import Run
from memories.evaluation.types import Question
from memories.evaluation.wording import bleu1_of, f1_of
from memories.pipeline.asking import Asker
from memories.providers.base import Chat, ChatRequest
from memories.types import ModelCall, PromptText
from memplatform.lib.errors import ProviderError, ProviderReplyInvalid

ROUNDS = 10
BUDGET_TOKENS = 1500
AT_ONCE = 8
"""Calls of the model; searches are made before, one at a time."""
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
        return (r for r in self._of_now(questions) if "problem" not in r)

    def unusable(self, questions: Iterable[Question]) -> Iterator[dict[str, Any]]:
        """What kept to no form and was not answered since, with its ``problem``."""
        told = list(self._of_now(questions))
        answered = {_asked(record) for record in told if "problem" not in record}
        last = {_asked(record): record for record in told if "problem" in record}
        return (record for asked, record in last.items() if asked not in answered)

    def _of_now(self, questions: Iterable[Question]) -> Iterator[dict[str, Any]]:
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
        waiting = self._waiting(method, questions)
        contexts = {q.id: context_of(q) for q in _distinct(q for _, q in waiting)}
        problems: list[ProviderError] = []

        def answer(pair: tuple[int, Question]) -> None:
            number, question = pair
            try:
                record = self._answered(question, contexts[question.id])
            except ProviderReplyInvalid as exc:
                record = {"problem": exc.message}
            except ProviderError as exc:
                problems.append(exc)
                return
            about = {"method": method, "round": number, "question": question.id}
            self.run.answers.append({**about, **self._made_by(question), **record})
            progress(1)

        in_parallel(answer, waiting, AT_ONCE)
        if problems:
            raise Unanswered(
                f"{len(problems)} of {len(waiting)} answers failed, the first one:"
                f" {problems[0].message} Run the same command again for those"
                " (without --ask-again, which asks for all)."
            )

    def _waiting(
        self, method: str, questions: list[Question]
    ) -> list[tuple[int, Question]]:
        """Rounds and questions that have no answer."""
        done = {_asked(record) for record in self.valid(questions)}
        return [
            (number, question)
            for number in range(1, self.rounds + 1)
            for question in questions
            if (method, number, question.id) not in done
        ]

    def _answered(self, question: Question, context: Context) -> dict[str, Any]:
        """Raises ProviderReplyInvalid for a reply that keeps to no form."""
        answering: list[ModelCall] = []
        judging: list[ModelCall] = []
        began = time.perf_counter()
        answer = Asker(self.chat, answering.append).ask(
            answer_request(question, context.text), _prompt("answer"), read_answer
        )
        answer_ms = (time.perf_counter() - began) * 1000
        is_right = Asker(self.chat, judging.append).ask(
            judge_request(question, answer), _prompt("judge"), read_verdict
        )
        return {
            "answer": answer,
            "is_right": is_right,
            "f1": round(f1_of(answer, question.answer), 4),
            "bleu1": round(bleu1_of(answer, question.answer), 4),
            "search_ms": round(context.search_ms, 2),
            "total_ms": round(context.search_ms + answer_ms, 2),
            "context_tokens": context.tokens,
            "prompt_tokens": sum(call.prompt_tokens for call in answering),
            "completion_tokens": sum(call.completion_tokens for call in answering),
            "judge_tokens": sum(
                call.prompt_tokens + call.completion_tokens for call in judging
            ),
        }


def _asked(record: Mapping[str, Any]) -> tuple[str, int, str]:
    return record["method"], record["round"], record["question"]


def _distinct(questions: Iterable[Question]) -> Iterable[Question]:
    return {question.id: question for question in questions}.values()


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


def _prompt(name: str) -> PromptText:
    return PromptText(name, read_prompt(name))


def read_prompt(name: str) -> str:
    """One of the files in ``prompts/``."""
    file = resources.files("memories.evaluation") / "prompts" / f"{name}.txt"
    return file.read_text(encoding="utf-8")
