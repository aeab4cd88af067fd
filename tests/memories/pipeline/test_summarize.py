from __future__ import annotations

import json

import pytest

from memories.pipeline.summarize import (
    MAX_CHARS,
    refresh_summary,
    summarize_by_rule,
)
from memplatform.lib.errors import ProviderReplyInvalid
from tests.memories.pipeline.conversations import OPTIONS, chat_at, says


def refresh(server, previous, *messages, calls=None, **config):
    chat = chat_at(server, **config)
    record = (calls if calls is not None else []).append
    return refresh_summary(chat, {}, record, previous, messages, OPTIONS)


def test_the_model_goes_on_from_the_summary_so_far(model_server):
    calls = []
    summary = refresh(
        model_server, "Ana moved.", says("I like it.", name="Ana"), calls=calls
    )
    assert summary == "Ana moved. Ana: I like it."
    assert [call.purpose for call in calls] == ["summary"]


def test_a_long_conversation_is_summarized_in_parts(model_server):
    calls = []
    messages = [says("word " * 300) for _ in range(20)]
    summary = refresh(model_server, None, *messages, calls=calls, context_tokens=6_000)
    assert len(calls) > 1
    assert 0 < len(summary) <= MAX_CHARS


def test_a_summary_that_is_too_long_is_cut_after_a_sentence(model_server):
    model_server.reply(json.dumps({"summary": "A whole sentence. " * 500}))
    summary = refresh(model_server, None, says("hi"))
    assert len(summary) <= MAX_CHARS
    assert summary.endswith("sentence.")


def test_a_model_that_makes_no_sense_fails(model_server):
    model_server.reply(*["no"] * 3)
    with pytest.raises(ProviderReplyInvalid):
        refresh(model_server, None, says("hi"))


def test_nothing_said_changes_nothing(model_server):
    assert refresh(model_server, "Ana moved.") == "Ana moved."


def test_without_a_model_the_last_sentences_stay():
    messages = [
        says("I moved. It rains!", name="Ana"),
        says("A secret prompt.", "system"),
        says("Oh?", "assistant"),
    ]
    summary = summarize_by_rule("User: Hello.", messages)
    assert summary.splitlines() == [
        "User: Hello.",
        "Ana: I moved.",
        "Ana: It rains!",
        "Assistant: Oh?",
    ]


@pytest.mark.parametrize(
    "text", ["Short. " * 2_000, "x" * 9_000, "", "日本語。" * 2_000]
)
def test_without_a_model_the_length_is_bounded(text):
    first = summarize_by_rule(None, [says(text)], max_chars=300)
    assert len(first) <= 300
    assert bool(first) == bool(text)
    assert len(summarize_by_rule(first, [says(text)], max_chars=300)) <= 300
