from __future__ import annotations

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from memories.pipeline.local import engine
from memories.pipeline.local.engine import (
    CORRECTED,
    EXCLUDED,
    NO_STEPS,
    NOT_INCLUDED,
    NOTHING_TO_FORGET,
    SAID_TWICE,
    LocalEngine,
)
from memories.pipeline.local.screening import NOT_SELF_CONTAINED
from memories.types import ChatMessage, Context, ProposedRelation, Verdict
from tests.memories.pipeline.local.conversation import (
    EMBEDDER,
    TUESDAY,
    Conversation,
    options,
    verdicts,
)

LATER = TUESDAY + timedelta(weeks=1)
# What is said, one after the other, and what is decided: verdicts, then the target.
SCRIPT = [
    ("Hi! I live in Lisbon and work at Acme.", ["ADD", "ADD"], None),
    # the same place in other words
    ("I'm based in Lisbon.", ["NONE"], "User lives in Lisbon"),
    # one place at a time: superseded, the new fact is kept
    ("I moved to Berlin last month.", ["DELETE"], "User lives in Lisbon"),
    # another person's place
    ("My sister Anna lives in Rome.", ["ADD"], None),
    ("I no longer work at Acme", ["DELETE"], "User works at Acme"),
    ("I work at Globex now", ["ADD"], None),
    ("I'm vegetarian", ["ADD"], None),
    ("I'm not vegetarian anymore", ["DELETE"], "User is vegetarian"),
    ("My favorite color is blue", ["ADD"], None),
    ("My favourite color is green", ["DELETE"], "User's favorite color is blue"),
    # likings stand together until one is denied
    ("I love tea", ["ADD"], None),
    ("I love coffee", ["ADD"], None),
    ("I don't like tea", ["DELETE"], "User loves tea"),
    # more of the same
    ("I love coffee with oat milk", ["UPDATE"], "User loves coffee"),
    # a pet's name, given and changed
    ("I have a dog named Rex", ["ADD"], None),
    ("My dog's name is Max", ["DELETE"], "User has a dog named Rex"),
    # age, marriage, number of children
    ("I am 34", ["ADD"], None),
    ("I turned 35 yesterday", ["DELETE"], "User is 34"),
    ("I'm single", ["ADD"], None),
    ("I got married last week", ["DELETE"], "User is single"),
    ("I have two kids", ["ADD"], None),
    ("I have three kids", ["DELETE"], "User has two kids"),
    # questions, thanks and requests leave nothing
    ("What time is it? Thanks! Please call me a taxi.", [], None),
]


def test_a_scripted_conversation():
    conversation = Conversation()
    for said, expected, target in SCRIPT:
        known = dict(conversation.memories)
        result = conversation.say(said)
        assert verdicts(result) == expected, said
        if target:
            assert known[result.decisions[0].target].text == target
    assert conversation.texts == [
        "User moved to Berlin in April 2023",
        "User's sister Anna lives in Rome",
        "User no longer works at Acme",
        "User works at Globex now",
        "User is not vegetarian anymore",
        "User's favourite color is green",
        "User does not like tea",
        "User loves coffee with oat milk",
        "User's dog's name is Max",
        "User turned 35 on 8 May 2023",
        "User got married in the week of 1 May 2023",
        "User has three kids",
    ]


PARAPHRASES = [
    "I am allergic to peanuts",
    "peanuts give me an allergic reaction",
    "I have a peanut allergy",
    "I can't eat peanuts, I'm allergic",
    "I'm severely allergic to peanuts",
    "I have an allergy to peanuts",
    "I've been allergic to peanuts",
    "My peanut allergy is bad",
]


@pytest.mark.parametrize("first", range(8))
def test_eight_paraphrases_are_one_memory(first):
    conversation = Conversation()
    for said in PARAPHRASES[first:] + PARAPHRASES[:first]:
        conversation.say(said)
    assert len(conversation.texts) == 1


def test_other_allergies_are_other_memories():
    conversation = Conversation()
    for food in ("peanuts", "shellfish", "milk"):
        conversation.say(f"I'm allergic to {food}")
    assert len(conversation.texts) == 3


# --- retractions ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("known", "said"),
    [
        ("My address is 12 Main Street", "Please forget my address."),
        ("I have a dog named Rex", "I don't have a dog anymore"),
        ("I play tennis on Mondays", "I no longer play tennis"),
    ],
)
def test_a_retraction_stands_alone_and_cites_the_sentence(known, said):
    conversation = Conversation()
    conversation.say(known, "I live in Lisbon")
    (decision,) = conversation.say(said).decisions
    assert (decision.verdict, decision.fact) == (Verdict.DELETE, None)
    assert decision.evidence == said
    assert conversation.texts == ["User lives in Lisbon"]


@pytest.mark.parametrize(
    "said", ["I moved to Berlin", "I live in Lisbon", "I no longer live in Lisbon"]
)
def test_a_reason_does_not_quote_another_memory(said):
    """Reasons outlive the memory: its id says which one is meant."""
    conversation = Conversation()
    conversation.say("I live in Lisbon")
    (decision,) = conversation.say(said).decisions
    assert decision.target
    assert "Lisbon" not in decision.reason


def test_nothing_is_forgotten_that_was_not_meant():
    conversation = Conversation()
    conversation.say("My sister's address is 12 Main Street")
    result = conversation.say("Forget my address")
    assert result.decisions == ()
    assert result.dropped[0].reason == NOTHING_TO_FORGET


def test_a_name_in_common_is_no_reason_to_forget():
    """A rare name makes all that is known of its bearer alike to an embedder."""
    conversation = Conversation()
    for said in ("I work at Casa Verde.", "My address is 12 Main Street."):
        conversation.add([ChatMessage("user", said, name="Amélie")])
    forget = ChatMessage("user", "Please forget my address.", name="Amélie")
    conversation.add([forget])
    assert conversation.texts == ["Amélie works at Casa Verde"]


def test_an_ended_possession_nobody_knew_of_is_a_fact():
    result = Conversation().say("I don't have a car anymore")
    assert result.decisions[0].fact.text == "User no longer has a car"


def test_a_wish_to_forget_what_another_did():
    conversation = Conversation()
    conversation.say("Tomas gave me a silver ring", "Tomas gave me a book")
    (decision,) = conversation.say(
        "Please forget that Tomas gave me a silver ring."
    ).decisions
    assert (decision.verdict, decision.fact) == (Verdict.DELETE, None)
    assert conversation.texts == ["Tomas gave User a book"]


@pytest.mark.parametrize("said", ["Forget that.", "Please forget that idea."])
def test_forgetting_nothing_in_particular_forgets_nothing(said):
    conversation = Conversation()
    conversation.say("I have an idea for a book")
    assert conversation.say(said).decisions == ()


@pytest.mark.parametrize(
    "said",
    [
        "I no longer go to yoga.",
        "I don't go to yoga any more.",
        "I don't go to yoga anymore.",
        "I stopped going to yoga.",
        "I gave up yoga.",
        "I've quit yoga.",
        "I'm no longer going to yoga.",
    ],
)
def test_a_habit_that_is_given_up_ends(said):
    conversation = Conversation()
    conversation.say("I go to yoga every Tuesday and Thursday.")
    assert verdicts(conversation.say(said)) == ["DELETE"]
    assert len(conversation.texts) == 1


@pytest.mark.parametrize(
    ("habit", "said"),
    [
        ("I go to yoga every Tuesday and Thursday.", "I no longer go to yoga on Tuesdays."),
        ("I teach kids playing tennis.", "I stopped playing tennis."),
        ("My sister goes to yoga every Tuesday.", "I no longer go to yoga."),
        ("I go to yoga every Tuesday.", "I no longer go to the pool."),
    ],
)  # fmt: skip
def test_what_is_not_given_up_goes_on(habit, said):
    conversation = Conversation()
    conversation.say(habit)
    assert verdicts(conversation.say(said)) == ["ADD"]


# --- plans, and corrections -----------------------------------------------------------


def test_what_came_about_ends_the_plan_and_what_was_so_before():
    conversation = Conversation()
    conversation.say("I live in Lisbon", "I will move to Berlin next week")
    result = conversation.say("I moved to Berlin last Sunday", reference=LATER)
    assert verdicts(result) == ["DELETE", "DELETE"]
    assert conversation.texts[-1] == "User moved to Berlin on 14 May 2023"
    assert not [
        text for text in conversation.texts if "will" in text or "lives" in text
    ]


@pytest.mark.parametrize(
    "said",
    [
        "I visited my sister Anna in Rome in 2019",  # long before
        "I visited my sister Anna in Rome in December 2023",  # another time
        "I plan to visit my brother Tom in Rome next month",
    ],
)
def test_what_is_not_what_was_planned_leaves_the_plan(said):
    conversation = Conversation()
    conversation.say("I plan to visit my sister Anna in Rome next month")
    assert verdicts(conversation.say(said, reference=LATER)) == ["ADD"]


@pytest.mark.parametrize(
    ("known", "said", "stands"),
    [
        (
            "I adopted a cat named Mia in February",
            "No, it was March when I adopted a cat named Mia.",
            "User adopted a cat named Mia in March 2023",
        ),
        (
            "I met Ben at the gym on 3 May 2023",
            "Sorry, it was 4 May 2023 that I met Ben at the gym.",
            "User met Ben at the gym on 4 May 2023",
        ),
        (
            "I met Ben at the gym last Friday",
            "No, I met Ben at the gym last Saturday.",
            "User met Ben at the gym on 6 May 2023",
        ),
    ],
)
def test_what_was_told_of_another_day_is_corrected(known, said, stands):
    conversation = Conversation()
    conversation.say(known)
    assert verdicts(conversation.say(said)) == ["UPDATE"]
    assert conversation.texts == [stands]


@pytest.mark.parametrize(
    "said",
    [
        "I met Ben at the gym on 4 May 2023",  # again
        "No, I met Ben at the pool on 4 May 2023",
        "No, I met Eva at the gym on 4 May 2023",
    ],
)
def test_what_corrects_nothing_is_kept_beside(said):
    conversation = Conversation()
    conversation.say("I met Ben at the gym on 3 May 2023")
    assert verdicts(conversation.say(said)) == ["ADD"]


def test_an_answer_is_no_correction():
    conversation = Conversation()
    conversation.say("I met Ben at the gym on 3 May 2023")
    asked = ChatMessage("assistant", "Did you meet Ben only once?")
    said = ChatMessage("user", "No, I met Ben at the gym on 4 May 2023.")
    assert verdicts(conversation.add([asked, said])) == ["ADD"]


# --- within one add -------------------------------------------------------------------


def test_facts_of_one_add_are_settled_among_themselves():
    conversation = Conversation()
    result = conversation.say("I like tea. I like tea. I don't like tea.")
    likes, dislikes = result.decisions
    assert (likes.verdict, dislikes.verdict) == (Verdict.ADD, Verdict.DELETE)
    assert dislikes.target_text == likes.fact.text == "User likes tea"
    assert conversation.texts == ["User does not like tea"]
    assert [d.reason for d in result.dropped] == [SAID_TWICE]


def test_what_was_told_wrongly_in_the_same_add_is_dropped():
    said = "I met Ben at the gym on 3 May 2023. No, I met Ben at the gym on 4 May 2023."
    result = Conversation().say(said)
    assert [d.fact.text for d in result.decisions] == [
        "User met Ben at the gym on 4 May 2023"
    ]
    assert [d.reason for d in result.dropped] == [CORRECTED]


@pytest.mark.parametrize(
    ("said", "stands"),
    [
        ("I met Ben in May. No, in April.", "User met Ben in April 2023"),
        ("I met Ben yesterday. Wait, it was Sunday.", "User met Ben on 7 May 2023"),
        ("I live in Oslo. I meant Bergen.", "User lives in Bergen"),
        ("I live in Oslo. Sorry, I meant Bergen, not Oslo.", "User lives in Bergen"),
    ],
)
def test_what_was_meant_takes_the_place_of_what_was_said(said, stands):
    result = Conversation().say(said)
    assert [d.fact.text for d in result.decisions] == [stands]
    assert [d.reason for d in result.dropped] == [CORRECTED]


@pytest.mark.parametrize(
    "said",
    [
        "I meant July.",  # what?
        "I meant Globex.",
        "I met Ben at Acme. I meant Tom.",  # instead of whom?
    ],
)
def test_what_was_meant_without_what_was_said_is_dropped(said):
    result = Conversation().say(said)
    assert not [d for d in result.decisions if "meant" in d.fact.text]
    assert [d.reason for d in result.dropped] == [NOT_SELF_CONTAINED]


def test_what_was_long_before_a_plan_of_the_same_add_leaves_it():
    plan = "I plan to visit my sister Anna in Rome next month."
    result = Conversation().say(plan, "I visited my sister Anna in Rome in 2019.")
    assert verdicts(result) == ["ADD", "ADD"]


def test_what_is_ended_was_kept_or_there_is_nothing_to_end():
    result = Conversation().say("I love gin. I hate gin.", excludes="loves gin")
    assert all(d.target_text is None for d in result.decisions)


def test_recall_is_called_once_with_all_texts():
    conversation = Conversation()
    conversation.say("I live in Lisbon. I like tea. Forget my address.")
    assert conversation.recalls == [
        ["User lives in Lisbon", "User likes tea", "User's address"]
    ]


def test_a_long_add_is_settled_in_windows(monkeypatch):
    """Nothing is lost between them: not a fact, not a repetition across one."""
    monkeypatch.setattr(engine, "WINDOW", 2)
    beats: list[int] = []
    texts = ["I like tea.", "I live in Rome.", "I own a boat.", "I am fond of tea."]
    recalled: list[int] = []

    def recall(queries):
        recalled.append(len(queries))
        return [[] for _ in queries]

    messages = [ChatMessage("user", text) for text in texts]
    local = LocalEngine(EMBEDDER, lambda: beats.append(1))
    result = local.decide(messages, Context(), options(), recall)
    assert [d.fact.messages for d in result.decisions] == [(0,), (1,), (2,)]
    assert [(d.reason, d.messages) for d in result.dropped] == [(SAID_TWICE, (3,))]
    assert recalled == [2, 1]
    assert len(beats) == 2


def test_a_correction_is_found_among_many_facts_that_are_much_alike(monkeypatch):
    """A fact is judged against its nearest few, and these are not the latest."""
    monkeypatch.setattr(engine, "NEAREST", 3)
    sums = [f"I paid {n} euros for the boat." for n in range(10, 40)]
    result = Conversation().say("I live in Rome.", *sums, "I moved to Oslo.")
    last = result.decisions[-1]
    assert last.fact.text == "User moved to Oslo"
    assert last.target_text == "User lives in Rome"
    assert len(result.decisions) == len(sums) + 2


def test_recall_is_not_called_for_nothing():
    conversation = Conversation()
    conversation.say("Thanks!")
    assert conversation.recalls == []


def test_a_memory_is_changed_once():
    conversation = Conversation()
    conversation.say("I live in Lisbon")
    result = conversation.say("I moved to Berlin", "Forget where I live in Lisbon")
    targets = [d.target for d in result.decisions if d.target]
    assert len(targets) == len(set(targets))


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_unlike_facts_are_all_kept(order):
    said = ["I run every morning", "I run a bakery", "I ran out of milk"]
    conversation = Conversation()
    for number in order:
        conversation.say(said[number])
    assert len(conversation.texts) == 3


# --- options --------------------------------------------------------------------------


def test_agent_memory_is_about_the_agent():
    messages = [
        ChatMessage("user", "I live in Lisbon"),
        ChatMessage("assistant", "I recommended visiting Sintra."),
    ]
    result = Conversation().add(messages, subject="agent")
    (decision,) = result.decisions
    assert decision.fact.text == "Assistant recommended visiting Sintra"
    assert decision.fact.attributed_to == "agent"


def test_excluded_topics_are_dropped():
    said = "I live in Lisbon. I earn 5000 euros a month. I take medication for asthma."
    result = Conversation().say(said, excludes="health information, financial details")
    assert [d.fact.text for d in result.decisions] == ["User lives in Lisbon"]
    assert {d.reason for d in result.dropped} == {EXCLUDED}


def test_only_included_topics_are_kept():
    result = Conversation().say(
        "I love hiking. My bank is ING.", includes="Only hobbies"
    )
    assert [d.fact.text for d in result.decisions] == ["User loves hiking"]
    assert [d.reason for d in result.dropped] == [NOT_INCLUDED]


def test_entities_and_relations():
    (decision,) = Conversation().say("My sister Anna lives in Rome").decisions
    assert decision.fact.relations == (
        ProposedRelation("User", "sister", "Anna"),
        ProposedRelation("Anna", "lives_in", "Rome"),
    )
    types = {entity.name: entity.type for entity in decision.fact.entities}
    assert types == {"User": "person", "Anna": "person", "Rome": "place"}


def test_no_graph_when_not_asked_for():
    (decision,) = Conversation().say("I live in Rome", with_graph=False).decisions
    assert (decision.fact.entities, decision.fact.relations) == ((), ())


# --- procedures -----------------------------------------------------------------------


def test_a_procedure_is_one_fact():
    messages = [
        ChatMessage("user", "Deploy the web app to staging."),
        ChatMessage(
            "assistant",
            "First, I built the image.\n1. Open the dashboard\nFinally, the deployment was completed.",
        ),
    ]
    (decision,) = Conversation().add(messages, memory_type="procedure").decisions
    assert decision.fact.kind == "procedure"
    assert decision.fact.messages == (0, 1)
    assert decision.fact.text == (
        "Procedure: Deploy the web app to staging\n1. I built the image\n"
        "2. Open the dashboard\nOutcome: The deployment was completed"
    )


def test_no_steps_no_procedure():
    result = Conversation().say("Hello there", memory_type="procedure")
    assert (result.decisions, result.dropped[0].reason) == ((), NO_STEPS)


# --- robustness -----------------------------------------------------------------------


@settings(max_examples=40)
@given(
    st.lists(st.text(max_size=120), max_size=4),
    st.sampled_from(["user", "assistant", "tool"]),
)
def test_it_never_raises_and_accounts_for_every_message(texts, role):
    messages = [ChatMessage(role, text) for text in texts]
    result = LocalEngine(EMBEDDER).decide(
        messages, Context(), options(), lambda queries: [[] for _ in queries]
    )
    seen = {n for d in result.decisions if d.fact for n in d.fact.messages}
    seen |= {n for d in result.dropped for n in d.messages}
    seen |= {n for n, text in enumerate(texts) if "forget" in text.lower()}
    assert seen == set(range(len(texts)))


@pytest.mark.parametrize(
    "text",
    [
        "I " * 5000,
        "a" * 20_000,
        "my sister and I " * 1000,
        '"' * 5000,
        "User's " * 1000,
        "I like tea and " * 1000,
    ],
)
@pytest.mark.timeout(20)
def test_long_nonsense_takes_no_long_time(text):
    Conversation().say(text)
