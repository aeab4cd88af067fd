from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from memories.pipeline.engines.single_pass import SinglePass
from memories.types import PromptText, Verdict
from memplatform.lib.errors import (
    ProviderRejected,
    ProviderReplyInvalid,
    ProviderUnavailable,
)
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
    return Conversation(SinglePass, model_server)


def row(**columns):
    """A row of the schema; only what matters to a test differs."""
    plain = {
        "text": "User likes tea.", "from": [1], "who": "user", "cats": [],
        "start": None, "end": None, "conf": 0.9, "entities": [], "relations": [],
        "why": "said so", "op": "ADD", "id": None, "quote": None,
    }  # fmt: skip
    return plain | columns


def reply(*rows) -> str:
    return json.dumps({"facts": rows})


# --- the scripted conversation (decision 35) ------------------------------------------


def test_a_conversation_is_decided_turn_by_turn(talk):
    first = talk.add(
        "Hi! I live in Lisbon. I'm vegan. How are you?", says("Fine.", "assistant")
    )
    assert verdicts(first) == ["ADD", "ADD"]

    again = talk.add("As I said, I live in Lisbon.")
    assert verdicts(again) == ["NONE"]
    assert talk.target_text(again.decisions[0]) == "User lives in Lisbon."

    richer = talk.add("I live in Lisbon with my sister Maria.")
    assert verdicts(richer) == ["UPDATE"]

    moved = talk.add("I moved to Berlin yesterday.")
    assert verdicts(moved) == ["DELETE"]
    assert moved.decisions[0].fact.text == "User moved to Berlin on 2024-05-07."

    assert talk.texts() == ["User is vegan.", "User moved to Berlin on 2024-05-07."]

    retracted = talk.add("Please forget that I am vegan.")
    assert verdicts(retracted) == ["DELETE"]
    assert retracted.decisions[0].fact is None
    assert retracted.decisions[0].evidence == "Please forget that I am vegan."
    assert talk.texts() == ["User moved to Berlin on 2024-05-07."]

    assert talk.add("What is the weather like?").decisions == ()
    assert [call.outcome for call in talk.calls] == ["ok"] * 6


def test_a_fact_carries_who_when_what_and_where_from(talk):
    talk.options = replace(
        OPTIONS, categories={"home": "where they live", "food": "meals"}
    )
    result = talk.decide(
        says("ok", "assistant"), says("I moved to Porto yesterday.", name="Ana")
    )
    (fact,) = [decision.fact for decision in result.decisions]
    assert fact.text == "Ana moved to Porto on 2024-05-07."
    assert (fact.attributed_to, fact.speaker, fact.messages) == ("user", "Ana", (1,))
    assert fact.categories == ("home",)
    assert fact.valid.start == datetime(2024, 5, 7, tzinfo=UTC)
    assert fact.valid.precision == "day"
    assert [entity.name for entity in fact.entities] == ["Ana", "Porto"]
    assert fact.relations[0].target == "Porto"


def test_agent_memory_is_about_what_the_agent_says(talk):
    talk.options = replace(OPTIONS, subject="agent")
    result = talk.decide(
        "I live in Rome.", says("I speak five languages.", "assistant")
    )
    (decision,) = result.decisions
    assert decision.fact.text == "Agent speaks five languages."
    assert decision.fact.attributed_to == "agent"
    assert talk.calls[0].purpose == "single_pass_agent"


def test_a_procedure_is_one_fact(talk):
    talk.options = replace(OPTIONS, memory_type="procedure")
    result = talk.decide("Build it.", says("I ran make.", "assistant"))
    (decision,) = result.decisions
    assert decision.verdict is Verdict.ADD
    assert decision.fact.kind == "procedure"
    assert "2. assistant: I ran make." in decision.fact.text
    assert talk.calls[0].purpose == "procedural"


def test_nothing_said_asks_nobody(talk):
    assert talk.decide("   ").decisions == ()
    assert talk.calls == []


def test_the_graph_can_be_left_out(talk):
    talk.options = replace(OPTIONS, with_graph=False)
    talk.server.configure(keep_bodies=True)
    (decision,) = talk.decide("I live in Porto.").decisions
    assert decision.fact.entities == ()
    assert "entities" not in json.dumps(talk.server.stats()["bodies"])


def test_a_published_prompt_is_used_and_recorded(talk):
    version = uuid4()
    talk.prompts = {
        "single_pass_user": PromptText("single_pass_user", "Be brief.", version)
    }
    talk.decide("I live in Porto.")
    assert talk.calls[0].prompt_version_id == version
    assert talk.calls[0].request[0]["content"].startswith("Be brief.")


# --- a confused model corrupts nothing ------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "problem"),
    [
        ({"op": "DELETE", "id": 7}, "names memory 7, which was not shown"),
        ({"op": "UPDATE", "id": 0}, "names memory 0, which was not shown"),
        ({"op": "NONE", "id": 9}, "names memory 9, which was not shown"),
        ({"op": "UPDATE"}, "names no memory"),
        ({"op": "UPDATE", "id": 2}, "immutable"),
        ({"op": "DELETE", "id": 2}, "immutable"),
        ({"op": "ADD", "text": " "}, "without a text"),
        ({"op": "DELETE", "id": 1, "text": ""}, "quotes no sentence"),
        (
            {"op": "DELETE", "id": 1, "text": "", "quote": "forget it all"},
            "quotes no sentence",
        ),
        # what an assistant or a tool says takes nothing back
        (
            {"op": "DELETE", "id": 1, "text": "", "quote": "Erase the home."},
            "quotes no sentence",
        ),
    ],
)
def test_a_decision_that_means_nothing_is_recorded_as_a_problem(talk, columns, problem):
    talk.memories = [
        known("User lives in Rome."),
        known("User is 40.", is_immutable=True),
    ]
    talk.server.reply(reply(row(**columns)))
    result = talk.decide("I like tea.", says("Erase the home.", "assistant"))
    assert problem in problems(result)[0]


def test_replacing_a_memory_by_its_own_words_changes_nothing(talk):
    talk.memories = [known("User lives in Rome")]
    talk.server.reply(reply(row(text="User lives in  rome.", op="DELETE", id=1)))
    assert verdicts(talk.decide("I live in Rome.")) == ["NONE"]


def test_a_memory_taken_back_twice_is_retired_once_and_credited_to_both(talk):
    talk.memories = [known("User likes tea.")]
    forget = {"op": "DELETE", "id": 1, "text": ""}
    talk.server.reply(
        reply(row(**forget, quote="Forget the tea"), row(**forget, quote="No tea"))
    )
    result = talk.decide("Forget the tea.", "Hello.", "No tea, please.")
    (decision,) = result.decisions
    assert (decision.problem, decision.messages) == (None, (0, 2))


def test_a_quote_outweighs_the_message_the_model_cites(talk):
    talk.memories = [known("User likes tea.")]
    forget = {"op": "DELETE", "id": 1, "text": "", "quote": "Forget the tea"}
    talk.server.reply(reply(row(**forget, **{"from": [1]})))
    (decision,) = talk.decide("Hello.", "Forget the tea.").decisions
    assert decision.messages == (1,)


def test_an_add_ignores_the_number_it_brings(talk):
    talk.server.reply(reply(row(id=4)))
    (decision,) = talk.decide("I like tea.").decisions
    assert (decision.verdict, decision.target, decision.problem) == ("ADD", None, None)


def test_messages_out_of_range_become_those_of_the_user(talk):
    talk.server.reply(reply(row(**{"from": [0, 12]})))
    result = talk.decide(says("Hello", "assistant"), "I like tea.", "Much.")
    assert result.decisions[0].fact.messages == (1, 2)


def test_the_role_of_the_message_outweighs_the_model(talk):
    talk.server.reply(reply(row(**{"from": [1], "who": "user"})))
    (decision,) = talk.decide(says("I advise tea.", "assistant"), "Fine.").decisions
    assert decision.fact.attributed_to == "agent"


def test_a_fact_stated_twice_is_kept_once(talk):
    talk.server.reply(reply(row(), row(text="user likes tea"), row(text="User sings.")))
    result = talk.decide("I like tea.")
    assert [d.fact.text for d in result.decisions] == ["User likes tea.", "User sings."]
    assert [d.reason for d in result.dropped] == ["repeats another fact of this add"]


def test_one_fact_may_replace_two_memories(talk):
    talk.memories = [known("User lives in Rome."), known("User has a flat in Rome.")]
    fact = {"text": "User moved to Oslo.", "op": "DELETE"}
    talk.server.reply(
        reply(row(**fact, id=1), row(**fact, id=2), row(text=fact["text"]))
    )
    result = talk.decide("I moved to Oslo.")
    assert [d.target for d in result.decisions] == [m.id for m in talk.memories]
    assert len(result.dropped) == 1


def test_rows_that_fit_are_kept_and_the_others_reported(talk):
    talk.server.reply(reply(row(), {"text": "User sings.", "op": "MAYBE"}))
    result = talk.decide("I like tea.")
    assert verdicts(result) == ["ADD"]
    assert result.dropped[0].text == "User sings."


ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=6,
)


@settings(
    max_examples=150,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(columns=st.dictionaries(st.sampled_from(sorted(row())), ANYTHING, max_size=4))
def test_whatever_a_row_holds_the_engine_stands(talk, columns):
    """Beside a sound row, nonsense is refused, reported or harmless; it never raises."""
    talk.server.reply(reply(row(text="User is sound."), row(**columns)))
    result = talk.decide("I like tea.")
    assert result.decisions[0].fact.text == "User is sound."
    for fact in (decision.fact for decision in result.decisions if decision.fact):
        assert fact.messages == (0,)
        assert 0 <= fact.confidence <= 1
        assert "\0" not in fact.text
        fact.text.encode()


# --- replies that cannot be used ------------------------------------------------------


@pytest.mark.parametrize("fault", ["malformed", "truncated", "empty", "wrong_schema"])
def test_an_unusable_reply_is_asked_for_again(talk, fault):
    talk.server.order(fault, times=2)
    assert verdicts(talk.decide("I live in Porto.")) == ["ADD"]
    assert [call.outcome for call in talk.calls] == [
        *["provider_reply_invalid"] * 2,
        "ok",
    ]
    assert "# CORRECTION" in talk.calls[1].request[1]["content"]


@pytest.mark.parametrize("fault", ["malformed", "truncated", "empty", "wrong_schema"])
def test_a_model_that_never_makes_sense_fails_the_add(talk, fault):
    talk.server.order(fault, times=9)
    with pytest.raises(ProviderReplyInvalid):
        talk.decide("I live in Porto.")
    assert len(talk.calls) == 3
    assert talk.server.stats()["chat"] == 3


@pytest.mark.parametrize(
    ("fault", "error"), [("refusal", ProviderRejected), ("error", ProviderUnavailable)]
)
def test_a_failed_request_is_recorded_once(talk, fault, error):
    talk.chat_config = {"max_attempts": 1}
    talk.server.order(fault)
    with pytest.raises(error):
        talk.decide("I live in Porto.")
    (call,) = talk.calls
    assert call.outcome == error.code
    assert call.error


# --- long input -----------------------------------------------------------------------


def test_input_beyond_the_window_is_split_and_nothing_lost(talk):
    talk.chat_config = {"context_tokens": 4_000}
    towns = [f"I visited town number {n} with my friends." for n in range(120)]
    result = talk.decide(*towns[:60], "\n".join(towns[60:]), says("ok", "assistant"))
    stored = {decision.fact.text for decision in result.decisions}
    assert len(stored) == 120
    assert result.decisions[-1].fact.messages == (60,)
    assert 2 < len(talk.calls) == talk.server.stats()["chat"]
