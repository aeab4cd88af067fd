"""Every message and every proposed fact has exactly one outcome, and it can be read."""

from __future__ import annotations

from dataclasses import replace
from uuid import uuid4

import pytest

from memories.models import Ingestion, Message
from memories.selectors.operations import get_operation
from memories.store import apply as applying
from memories.store.apply import LedgerImbalance
from memories.store.ledger import Ledger, MessageOutcome, Outcome, failed, imbalance
from memories.types import ChatMessage, Decision, Dropped, Fact, Verdict
from tests.memories.agents import adds, decides, fact

IDS = (uuid4(), uuid4(), uuid4())


def ledger_of(*outcomes: tuple[Outcome, tuple[int, ...]]) -> Ledger:
    ledger = Ledger(IDS, "single_pass")
    for outcome, messages in outcomes:
        ledger.decided(Decision(Verdict.ADD, Fact("x", messages)), outcome)
    return ledger


def message_outcomes(ledger: Ledger) -> list[str]:
    return [entry["outcome"] for entry in ledger.as_json()["messages"]]


# what became of a message's facts → what became of the message
SUMS = [
    ([], "nothing"),
    ([Outcome.STORED], "learned"),
    ([Outcome.UPDATED], "learned"),
    ([Outcome.SUPERSEDED], "learned"),
    ([Outcome.MERGED], "learned"),
    ([Outcome.RETIRED], "learned"),
    ([Outcome.CONFIRMED], "confirmed"),
    ([Outcome.REFUSED], "dropped"),
    ([Outcome.DROPPED], "dropped"),
    # one fact that changed something outweighs the others
    ([Outcome.DROPPED, Outcome.CONFIRMED], "confirmed"),
    ([Outcome.DROPPED, Outcome.CONFIRMED, Outcome.STORED], "learned"),
]


@pytest.mark.parametrize(("facts", "outcome"), SUMS)
def test_a_message_sums_up_its_facts(facts, outcome):
    ledger = ledger_of(*[(fate, (1,)) for fate in facts])
    assert message_outcomes(ledger) == ["nothing", outcome, "nothing"]


def test_a_fact_from_two_messages_counts_for_both():
    assert message_outcomes(ledger_of((Outcome.STORED, (0, 2)))) == [
        "learned", "nothing", "learned"
    ]  # fmt: skip


def test_what_is_given_stands_unless_a_fact_came_of_it():
    ledger = ledger_of((Outcome.STORED, (0,)))
    for message_id in IDS[:2]:
        ledger.give(message_id, MessageOutcome.RECALLED, "our own words")
    assert message_outcomes(ledger) == ["learned", "recalled", "nothing"]


def test_a_dropped_message_says_what_stood_in_the_way():
    """The engine's own reason is why it proposed the fact, not why it was dropped."""
    ledger = Ledger(IDS, "single_pass")
    proposed = Decision(Verdict.ADD, Fact("x", (0,)), reason="new")
    ledger.decided(proposed, Outcome.DROPPED, note="deleted before applied")
    assert ledger.as_json()["messages"][0]["reason"] == "deleted before applied"


def test_a_dropped_fact_names_its_reason_and_messages():
    ledger = Ledger(IDS, "local")
    ledger.dropped(Dropped("small talk", "Hello!", (1,)))
    (entry,) = ledger.as_json()["facts"]
    assert (entry["outcome"], entry["reason"]) == ("dropped", "small talk")
    assert entry["messages"] == [str(IDS[1])]
    assert message_outcomes(ledger)[1] == "dropped"


def test_a_message_without_a_fact_says_why():
    ledger = Ledger(IDS, "local")
    ledger.dropped(Dropped("no steps to remember", None, (2,)))
    assert ledger.as_json()["messages"][2] == {
        "id": str(IDS[2]), "outcome": "nothing", "reason": "no steps to remember"
    }  # fmt: skip
    assert ledger.facts == []


def test_an_answer_about_nothing_that_was_asked_is_recorded_all_the_same():
    ledger = Ledger(IDS, "two_phase")
    ledger.dropped(Dropped("a decision on fact 9, which was not asked for"))
    (entry,) = ledger.as_json()["facts"]
    assert (entry["outcome"], entry["messages"]) == ("dropped", [])
    assert "fact 9" in entry["reason"]


def test_positions_beyond_the_messages_are_not_credited():
    assert Ledger(IDS, "local").ids_at((0, 7, -1)) == [IDS[0]]


def test_a_failed_ingestion_fails_every_message_with_the_reason():
    entries = failed(IDS, "single_pass", "provider_timeout")["messages"]
    assert [(e["outcome"], e["reason"]) for e in entries] == [
        ("failed", "provider_timeout")
    ] * 3


# --- it balances, or nothing is written ---------------------------------------


def balanced() -> dict:
    return ledger_of((Outcome.STORED, (0,)), (Outcome.DROPPED, (1,))).as_json()


def test_a_whole_ledger_balances():
    assert imbalance(balanced(), IDS, facts=2) is None


# what is done to a sound ledger → it does not balance
BROKEN = [
    lambda ledger: ledger["messages"].pop(),
    lambda ledger: ledger["messages"].append(ledger["messages"][0]),
    lambda ledger: ledger["messages"][0].update(outcome="lost"),
    lambda ledger: ledger["facts"].pop(),
    lambda ledger: ledger["facts"].append(ledger["facts"][0]),
    lambda ledger: ledger["facts"][0].update(outcome="lost"),
    lambda ledger: ledger["totals"]["facts"].clear(),
]


@pytest.mark.parametrize("spoil", BROKEN)
def test_a_spoilt_ledger_does_not_balance(spoil):
    ledger = balanced()
    spoil(ledger)
    assert imbalance(ledger, IDS, facts=2) is not None


def test_a_ledger_that_does_not_balance_takes_everything_back(agent, monkeypatch):
    """A decision that is forgotten on the way must not pass for an applied one."""
    operation_id = agent.accept()
    plan = agent.plan(operation_id, adds("Ann likes tea."), adds("Ann likes jam."))
    lease = agent.claim(operation_id)
    forgetful = applying._Application._apply

    def forget_jam(self, decision):
        if "jam" not in decision.fact.text:
            forgetful(self, decision)

    monkeypatch.setattr(applying._Application, "_apply", forget_jam)
    with pytest.raises(LedgerImbalance):
        agent.apply(lease, plan)
    assert agent.texts() == []
    assert agent.operation(operation_id).status == "RUNNING"


def test_it_balances_whatever_an_engine_decides(agent):
    """One add with every kind of verdict, sound and unsound."""
    tea, milk, rum = (
        agent.keep(f"Ann likes {what}.") for what in ("tea", "milk", "rum")
    )
    fixed = agent.keep("Ann was born in 1990.", is_immutable=True)
    decisions = (
        adds("Ann likes figs."),
        adds("Ann likes figs."),
        decides(Verdict.UPDATE, "Ann likes black tea.", tea),
        decides(Verdict.DELETE, "Ann dislikes milk.", milk),
        decides(Verdict.DELETE, None, rum, evidence="Forget the rum.", messages=(1,)),
        decides(Verdict.DELETE, None, tea),
        decides(Verdict.UPDATE, "Ann was born in 1991.", fixed),
        decides(Verdict.MERGE, "Ann drinks tea.", uuid4()),
        decides(Verdict.NONE, "Ann is called Ann.", None),
        decides(Verdict.NONE, "Ann sings.", None, problem="NONE names memory 9"),
    )
    operation_id = agent.accept("Hello.", "Forget the rum.", "Bye.")
    dropped = (Dropped("small talk", "Bye.", (2,)), Dropped("of no use", None, (0,)))
    agent.decide(*decisions, on=operation_id, dropped=dropped)
    ledger = agent.ledger(operation_id)
    assert [fate["outcome"] for fate in ledger["facts"]] == [
        "stored", "confirmed", "updated", "superseded", "retired", "refused",
        "stored", "stored", "confirmed", "stored", "dropped",
    ]  # fmt: skip
    assert [m["outcome"] for m in ledger["messages"]] == [
        "learned", "learned", "dropped"
    ]  # fmt: skip
    assert sum(ledger["totals"]["facts"].values()) == 11


def test_every_accepted_message_is_in_the_ledger_in_order(agent):
    operation = agent.decide(adds("Ann likes tea."), on=agent.accept("a", "b", "c"))
    with agent.scope():
        ingestion = Ingestion.objects.get(operation=operation)
        rows = Message.objects.filter(ingestion=ingestion).order_by("position")
        ids = [str(row.id) for row in rows]
    assert [entry["id"] for entry in ingestion.ledger["messages"]] == ids


def test_it_is_read_with_the_operation(agent):
    operation_id = agent.accept()
    agent.decide(adds("Ann likes tea."), on=operation_id)
    with agent.scope():
        assert get_operation(operation_id).ledger == agent.ledger(operation_id)


def test_it_holds_no_words_of_a_memory(agent):
    operation = agent.decide(
        adds("Ann likes tea."), dropped=(Dropped("small talk", "Ann says hi.", (0,)),)
    )
    assert "Ann" not in str(agent.ledger(operation.id))


# --- a retraction is credited to the message that made it ----------------------


def test_a_message_that_only_takes_back_is_credited(agent):
    tea = agent.keep("Ann likes tea.")
    forget = decides(
        Verdict.DELETE, None, tea, evidence="Forget the tea.", messages=(1,)
    )
    operation_id = agent.accept("Hello.", "Forget the tea.")
    agent.decide(forget, on=operation_id)
    ledger = agent.ledger(operation_id)
    assert [m["outcome"] for m in ledger["messages"]] == ["nothing", "learned"]
    assert ledger["facts"][0]["messages"] == [ledger["messages"][1]["id"]]
    cause = agent.history(tea)[-1]
    assert [said.content for said in cause.messages] == ["Forget the tea."]


def test_a_refused_retraction_is_credited_too(agent):
    tea = agent.keep("Ann likes tea.", is_immutable=True)
    forget = decides(
        Verdict.DELETE, None, tea, evidence="Forget the tea.", messages=(0,)
    )
    operation = agent.decide(forget)
    (entry,) = agent.ledger(operation.id)["messages"]
    assert (entry["outcome"], entry["reason"]) == (
        "dropped", "its target is immutable"
    )  # fmt: skip


# --- what an add did not read --------------------------------------------------


def test_an_empty_message_is_not_read_and_says_so(agent):
    operation_id = agent.accept("I like tea.", ChatMessage("user", " "))
    agent.run(operation_id)
    entries = agent.ledger(operation_id)["messages"]
    assert [(e["outcome"], e["reason"]) for e in entries] == [
        ("learned", ""), ("dropped", "empty")
    ]  # fmt: skip


def test_a_replaced_fact_keeps_its_messages():
    decision = adds("Ann likes tea.", messages=(2,))
    assert replace(decision, fact=fact("x", messages=(1,))).cited == (1,)
    assert Decision(Verdict.DELETE, messages=(2,)).cited == (2,)


def test_what_another_add_dropped_does_not_make_this_one_partial():
    """Of two that were decided together; the first one's message led nowhere."""
    first, second = (
        Ledger(IDS, "single_pass", mine=mine) for mine in (range(1), range(1, 3))
    )
    first.others, second.others = [second], [first]
    first.decided(Decision(Verdict.ADD, Fact("x", (0,))), Outcome.DROPPED)
    second.decided(Decision(Verdict.ADD, Fact("y", (1,))), Outcome.STORED)
    assert (first.is_partial, second.is_partial) == (True, False)
