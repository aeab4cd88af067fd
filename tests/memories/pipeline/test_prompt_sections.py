"""What a prompt may hold, and what is said of one that holds something else."""

from __future__ import annotations

import pytest

from memories.pipeline.conversation import read_conversation
from memories.pipeline.prompt_sections import check_prompt, sections_of
from memories.prompts import NAMES, shipped_prompts
from memories.prompts.purposes import PURPOSES


@pytest.mark.parametrize("name", NAMES)
def test_every_shipped_prompt_is_without_fault_and_has_a_purpose(name):
    checked = check_prompt(name, shipped_prompts()[name].text)
    assert (checked.problems, checked.notes) == ((), ())
    assert PURPOSES[name].spoken
    assert all(
        section.is_used for section in sections_of(name, shipped_prompts()[name].text)
    )


def test_an_unknown_section_is_refused_and_the_known_ones_named():
    (problem,) = check_prompt("decide", "Decide. {project} {facts} {facts}").problems
    assert problem == "There is no section {facts} here; this prompt has {project}."


def test_a_section_of_another_prompt_is_unknown_here():
    assert check_prompt("decide", "In {words} words. {project}").problems


def test_json_in_braces_is_no_section():
    assert check_prompt("decide", 'Say {"a": 1} or {}. {project}').problems == ()


def test_what_is_left_out_is_explained():
    notes = check_prompt("summary", "Sum up.").notes
    assert notes == (
        "{project} is missing: what it stands for follows at the very end.",
        "{words} is missing: the model is not told that limit.",
    )


# pasted → (role, content) of each message
CONVERSATIONS = [
    ("I keep bees.", [("user", "I keep bees.")]),
    (
        "User: Hi.\nI keep bees.\nAssistant: Nice: bees!",
        [("user", "Hi.\nI keep bees."), ("assistant", "Nice: bees!")],
    ),
    (
        "Before.\n**Human**: a\nAI: b",
        [("user", "Before."), ("user", "a"), ("assistant", "b")],
    ),
    ("Note: not a turn", [("user", "Note: not a turn")]),
    ("User:\nAssistant: b", [("assistant", "b")]),
    ("  ", []),
]


@pytest.mark.parametrize(("pasted", "said"), CONVERSATIONS)
def test_a_pasted_conversation_is_read_as_turns(pasted, said):
    assert [(m.role, m.content) for m in read_conversation(pasted)] == said
