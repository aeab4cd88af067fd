"""Whatever happens in whatever order: every ledger balances, every history is whole.

Few texts and many changes, so that memories keep taking words from one another.
"""

from __future__ import annotations

import random
from contextlib import suppress
from datetime import date
from uuid import uuid4

import pytest

from memories.services.edit import restore_version
from memories.store.batch import FACT_COLUMNS
from memories.store.ledger import imbalance
from memories.types import Decision, State, Verdict
from memplatform.lib.errors import InvalidRequest, NotFound
from tests.memories.agents import Agent, counters, decides, overlapping, recount

TEXTS = [f"Ann likes {what}." for what in ("tea", "jam", "figs", "rum", "chess")]
RUNS = [None, "r1", "r2"]
STEPS = 14


class Chance:
    """One random history of one anchor."""

    def __init__(self, agent: Agent, seed: int) -> None:
        self._agent = agent
        self._choose = random.Random(seed)

    def step(self) -> None:
        others = [self.say, self.edit, self.end, self.exchange]
        change = self._choose.choice([self.decide] * 4 + others)
        with suppress(InvalidRequest, NotFound):  # said twice, immutable, deleted
            change()

    def decide(self) -> None:
        scope = {"user_id": "ann", "run_id": self._choose.choice(RUNS)}
        operation_id = self._agent.accept(**scope)
        if self._choose.random() < 0.3:  # what is done while the engine thinks
            with suppress(InvalidRequest, NotFound):
                self._choose.choice([self.edit, self.end])()
        decisions = [self._decision() for _ in range(self._choose.randint(1, 5))]
        self._agent.decide(*decisions, on=operation_id)
        operation = self._agent.operation(operation_id)
        assert operation.status == "SUCCEEDED"
        ledger = self._agent.ledger(operation_id)
        ids = [entry["id"] for entry in ledger["messages"]]
        assert imbalance(ledger, ids, facts=len(decisions)) is None
        assert len(ids) == 1

    def _decision(self) -> Decision:
        verdict = self._choose.choice(list(Verdict))
        target = None if verdict == Verdict.ADD else self._any_id()
        if verdict == Verdict.DELETE and self._choose.random() < 0.4:
            evidence = self._choose.choice([None, "Forget it."])
            return decides(verdict, None, target, evidence=evidence)
        return decides(verdict, self._choose.choice(TEXTS), target)

    def exchange(self) -> None:
        """Memories of one run take one another's words, once one gave up its own."""
        run_id = self._choose.choice(RUNS)
        heads = [
            head
            for head in self._agent.heads()
            if head.run_id == run_id
            and head.state == State.ACTIVE
            and not head.is_immutable
        ]
        if len(heads) < 2:
            return
        self._choose.shuffle(heads)
        texts = [f"Ann likes {uuid4()}.", *(head.text for head in heads[:-1])]
        self._agent.decide(
            *[
                decides(Verdict.UPDATE, text, head)
                for head, text in zip(heads, texts, strict=True)
            ],
            user_id="ann",
            run_id=run_id,
        )
        assert self._agent.head(heads[-1].id).text == texts[-1]

    def say(self) -> None:
        scope = {"user_id": "ann", "run_id": self._choose.choice(RUNS)}
        expires_on = self._choose.choice([None, date(2099, 1, 1)])
        is_immutable = self._choose.random() < 0.2
        text = self._choose.choice(TEXTS)
        self._agent.say(text, **scope, expires_on=expires_on, is_immutable=is_immutable)

    def edit(self) -> None:
        text = self._choose.choice(TEXTS)
        expires_on = self._choose.choice([None, date(2099, 1, 1)])
        self._agent.edit(self._any_id(), text=text, expires_on=expires_on)

    def end(self) -> None:
        """Delete or bring back."""
        memory_id = self._any_id()
        if self._choose.random() < 0.5:
            self._agent.delete(memory_id, delete_linked=self._choose.random() < 0.3)
        else:
            restore_version(self._agent.access, memory_id, self._choose.randint(1, 3))

    def _any_id(self):
        ids = sorted(head.id for head in self._agent.heads())
        return self._choose.choice([*ids, uuid4()])


@pytest.mark.parametrize("seed", range(6))
def test_every_history_is_whole(agent, models, seed):
    chance = Chance(agent, seed)
    for _ in range(STEPS):
        chance.step()
    assert counters(agent) == recount(agent)
    heads = agent.heads()
    for head in heads:
        versions = agent.versions(head.id)
        assert [v.number for v in versions] == list(range(1, head.number + 1))
        assert overlapping(versions) == []
        said = {name: getattr(versions[-1], name) for name in FACT_COLUMNS}
        assert said == {name: getattr(head, name) for name in FACT_COLUMNS}
    active = [(h.run_id, h.text) for h in heads if h.state == State.ACTIVE]
    assert len(active) == len(set(active))
