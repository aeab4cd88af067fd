from __future__ import annotations

import json
from dataclasses import replace

import pytest

from memories.pipeline.engines.two_phase import TwoPhase
from memplatform.lib.errors import ProviderReplyInvalid
from tests.memories.pipeline.conversations import (
    OPTIONS,
    Conversation,
    known,
    problems,
    says,
    verdicts,
)


@pytest.fixture
def talk(model_server) -> Conversation:
    return Conversation(TwoPhase, model_server)


def fact(text: str, **columns):
    plain = {
        "text": text, "from": [1], "who": "user", "cats": [], "start": None,
        "end": None, "conf": 1, "why": "said so", "quote": None,
    }  # fmt: skip
    return plain | columns


def decision(number: int, op: str, **columns):
    return {"fact": number, "why": "w", "op": op, "id": None, "text": None} | columns


def script(talk: Conversation, facts: list, *decisions: list) -> None:
    """What the model answers: the facts, then each list of decisions."""
    talk.options = replace(OPTIONS, with_graph=False)
    talk.server.reply(json.dumps({"facts": facts}))
    talk.server.reply(*(json.dumps({"decisions": rows}) for rows in decisions))


def purposes(talk: Conversation) -> list[str]:
    return [call.purpose for call in talk.calls]


def test_a_conversation_is_decided_turn_by_turn(talk):
    first = talk.add("I live in Lisbon. I'm vegan.", says("Nice.", "assistant"))
    assert verdicts(first) == ["ADD", "ADD"]
    assert purposes(talk) == ["extract_user", "decide", "graph"]

    assert verdicts(talk.add("You know, I live in Lisbon.")) == ["NONE"]
    assert verdicts(talk.add("I live in Lisbon with my sister Maria.")) == ["UPDATE"]
    assert verdicts(talk.add("I moved to Berlin.")) == ["DELETE"]
    assert talk.texts() == ["User is vegan.", "User moved to Berlin."]

    retracted = talk.add("Please forget that I am vegan.")
    assert verdicts(retracted) == ["DELETE"]
    assert retracted.decisions[0].evidence == "Please forget that I am vegan."
    assert talk.texts() == ["User moved to Berlin."]


def test_small_talk_stops_after_the_first_phase(talk):
    assert talk.decide("How are you?").decisions == ()
    assert purposes(talk) == ["extract_user"]


def test_facts_that_are_not_stored_need_no_graph(talk):
    talk.memories = [known("User lives in Lisbon.")]
    talk.decide("I live in Lisbon.")
    assert purposes(talk) == ["extract_user", "decide"]


def test_the_graph_call_gives_facts_their_entities(talk):
    (stored,) = talk.decide("I live in Lisbon.").decisions
    assert [entity.name for entity in stored.fact.entities] == ["User", "Lisbon"]
    assert stored.fact.relations[0].type == "lives"


def test_recall_is_asked_once_for_all_facts_and_shown_once(talk):
    asked = []
    memories = [known("User lives in Rome."), known("User sings.")]
    talk.recall = lambda texts: asked.append(texts) or [memories for _ in texts]
    talk.decide("I like tea. I like rice.")
    assert asked == [["User likes tea.", "User likes rice."]]
    assert talk.calls[1].request[1]["content"].count("User lives in Rome.") == 1


def test_an_update_takes_the_merged_text(talk):
    talk.memories = [known("User has a dog.")]
    merged = decision(1, "UPDATE", id=1, text="User has a dog called Rex.")
    script(talk, [fact("The dog is called Rex.")], [merged])
    assert talk.decide("x").decisions[0].fact.text == "User has a dog called Rex."


@pytest.mark.parametrize(
    ("row", "problem"),
    [
        (decision(1, "DELETE", id=5), "names memory 5"),
        (decision(1, "UPDATE"), "names no memory"),
        (decision(1, "DELETE", id=1), "immutable"),
    ],
)
def test_a_decision_that_means_nothing_is_recorded_as_a_problem(talk, row, problem):
    talk.memories = [known("User is 40.", is_immutable=True)]
    script(talk, [fact("User is 41.")], [row])
    assert problem in problems(talk.decide("x"))[0]


def test_a_fact_passed_over_is_asked_about_again(talk):
    script(
        talk,
        [fact("User sings."), fact("User runs.")],
        [decision(2, "ADD")],
        [decision(1, "ADD")],
    )
    result = talk.decide("x")
    assert [d.fact.text for d in result.decisions] == ["User runs.", "User sings."]
    assert "User runs" not in talk.calls[2].request[1]["content"]


def test_a_fact_passed_over_for_good_is_recorded_as_a_problem(talk):
    script(talk, [fact("User sings.")], [], [], [])
    assert problems(talk.decide("x")) == ["the model gave no decision on it"]


def test_surplus_and_invented_decisions_are_reported(talk):
    rows = [decision(1, "ADD"), decision(1, "NONE"), decision(9, "ADD")]
    script(talk, [fact("User sings."), fact("user sings")], rows)
    result = talk.decide("x")
    assert verdicts(result) == ["ADD"]
    assert sorted(dropped.reason for dropped in result.dropped) == [
        "a decision on fact 9, which was not asked for",
        "a second decision (NONE) on one fact",
        "repeats another fact of this add",
    ]


def test_a_wish_to_forget_needs_its_sentence_in_a_message(talk):
    talk.memories = [known("User lives in Rome.")]
    script(talk, [fact("forget", quote="Forget Rome.")], [decision(1, "DELETE", id=1)])
    assert "quotes no sentence" in problems(talk.decide("I love Rome."))[0]


def test_a_wish_to_forget_the_unknown_is_dropped(talk):
    result = talk.decide("Forget my shoe size, please.")
    assert result.decisions == ()
    assert result.dropped[0].reason == "a wish to forget what is not remembered"


@pytest.mark.parametrize("good_replies", [0, 1, 2])
def test_any_phase_that_fails_fails_the_add(talk, good_replies):
    replies = [
        json.dumps({"facts": [fact("User sings.")]}),
        json.dumps({"decisions": [decision(1, "ADD")]}),
    ]
    talk.server.reply(*replies[:good_replies], *["nonsense"] * 3)
    with pytest.raises(ProviderReplyInvalid):
        talk.decide("I sing.")
    assert len(talk.calls) == good_replies + 3


def test_a_small_window_splits_the_decision_too(talk):
    talk.chat_config = {"context_tokens": 3_000}
    talk.options = replace(OPTIONS, with_graph=False)
    talk.recall = lambda texts: [
        [known(f"User keeps note {n} about a long matter.") for n in range(8)]
        for _ in texts
    ]
    result = talk.decide(*(f"I like dish number {n}." for n in range(9)))
    assert len(result.decisions) == 9
    assert purposes(talk).count("decide") > 1
