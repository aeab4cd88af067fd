from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memories.pipeline.reply import ListReader, ObjectReader
from memories.pipeline.schemas import (
    INTEGER,
    INTEGER_OR_NULL,
    NUMBER,
    STRING,
    SUMMARY,
    array_of,
    list_of_rows,
    one_of,
)
from memplatform.lib.errors import ProviderReplyInvalid

SCHEMA = list_of_rows(
    "facts",
    {"text": STRING, "from": array_of(INTEGER), "conf": NUMBER},
    {"op": one_of("ADD", "NONE"), "id": INTEGER_OR_NULL},
)
READER = ListReader(SCHEMA, "facts")
ROW = '{"text":"User sings","from":[1],"conf":1,"op":"ADD","id":null}'
PARSED = {"text": "User sings", "from": [1], "conf": 1, "op": "ADD", "id": None}


@pytest.mark.parametrize(
    "text",
    [
        f'{{"facts":[{ROW}]}}',
        f"[{ROW}]",  # a bare list
        f'```json\n{{"facts":[{ROW}]}}\n```',  # fenced
        f'Sure! Here it is:\n```\n{{"facts":[{ROW}]}}\n``` Anything else?',
        f'<think>{{"facts":[]}} no…</think>\n{{"facts":[{ROW}]}}',  # reasoning first
        f'{{"facts":[{ROW},]}}',  # a comma too many
        f"{{facts: [{ROW}]}}",  # a key without quotes
        f'{{"facts":[{ROW}],"note":"extra keys do not matter"}}',
        '{"facts":[{"text":"User sings","conf":"1","op":"ADD","from":["1"]}]}',
        '{"facts":[{"text":"User sings","conf":1,"op":"ADD","from":1}]}',
        '{"facts":[{"text":"User\\u0000 sings","conf":1,"op":"ADD","from":[1.0]}]}',
        '{"facts":[{"text":"User sings","from":[1],"conf":1,"op":"ADD","id":"null","x":1}]}',
    ],
)
def test_it_reads_what_was_meant(text):
    assert READER.read(text).kept == (PARSED,)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "I would say nothing happened.",
        "null",
        "{}",
        '{"memories":[]}',
        '{"facts":{}}',
        '{"facts":[1,2]}',
        '{"facts":[{"text":"x"}]}',
        '{"facts":[{"text":1,"from":[1],"conf":1,"op":"ADD"}]}',
        '{"facts":[{"text":"User li',
    ],
)
def test_what_cannot_be_read_is_an_error_not_an_empty_answer(text):
    with pytest.raises(ProviderReplyInvalid):
        READER.read(text)


def test_no_reply_brings_what_cannot_be_stored():
    rows = READER.read(f'{{"facts":[{ROW.replace("sings", chr(92) + "ud800")}]}}')
    assert rows.kept[0]["text"] == "User ?"


def test_an_empty_list_is_an_answer():
    rows = READER.read('{"facts":[]}')
    assert rows.kept == rows.dropped == ()


def test_the_rows_that_fit_are_kept_and_the_rest_reported():
    rows = READER.read(f'{{"facts":[{ROW},{{"text":"User runs","op":"MAYBE"}},7]}}')
    assert rows.kept == (PARSED,)
    assert [drop.text for drop in rows.dropped] == ["User runs", "7"]
    assert all("unusable" in drop.reason for drop in rows.dropped)


WHOLE = f'{{"facts": [{ROW}, {ROW.replace("sings", "runs }] ,")}, {ROW}]}}'


@pytest.mark.parametrize("before", ["", "```json\n", "Sure!\n"])
def test_a_reply_that_was_cut_off_anywhere_is_asked_for_again(before):
    """Between rows too: a server that says "stop" may have lost the rest."""
    for end in range(1, len(WHOLE)):
        with pytest.raises(ProviderReplyInvalid):
            READER.read(before + WHOLE[:end])
    assert len(READER.read(before + WHOLE).kept) == 3


def test_a_reply_that_lost_a_bracket_in_the_middle_is_asked_for_again():
    with pytest.raises(ProviderReplyInvalid, match="do not match"):
        READER.read(f'{{"facts":[{ROW[:-1]}]}}')


def test_a_bracket_too_many_is_mended():
    assert READER.read(f'{{"facts":[{ROW}]}}}}').kept == (PARSED,)


def test_a_text_may_hold_a_code_fence_and_brackets():
    said = ROW.replace("User sings", "User writes ```[{```")
    rows = READER.read(f'```json\n{{"facts":[{said}]}}\n```')
    assert rows.kept[0]["text"] == "User writes ```[{```"


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, "[" * 5_000 + "]" * 5_000, '{"facts":' * 90 + "[]" + "}" * 90],
)
def test_a_reply_that_nests_too_deep_is_an_error_like_any_other(text):
    with pytest.raises(ProviderReplyInvalid, match="deep"):
        READER.read(text)


def test_an_object_is_read_whole_or_not_at_all():
    reader = ObjectReader(SUMMARY)
    assert reader.read('{"summary":"They met."}') == {"summary": "They met."}
    for text in ('{"summary":3}', '["They met."]', '{"summary":"They m', "{}"):
        with pytest.raises(ProviderReplyInvalid):
            reader.read(text)


@given(st.text())
def test_no_text_escapes_as_another_exception(text):
    with suppress(ProviderReplyInvalid):
        READER.read(text)


@given(st.recursive(st.none() | st.integers() | st.text(), st.lists))
def test_no_json_escapes_as_another_exception(value):
    with suppress(ProviderReplyInvalid):
        READER.read(json.dumps({"facts": value}))


@pytest.mark.parametrize(
    ("reader", "text"),
    [
        (READER, '{"facts":[{"text":["User sings."]}]}'),
        (ObjectReader(SUMMARY), '{"summary":["User sings."]}'),
    ],
)
def test_what_is_wrong_is_quoted_to_the_model_only(reader, text):
    """The message is kept with the operation; a reply is a text of the user's."""
    with pytest.raises(ProviderReplyInvalid) as caught:
        reader.read(text)
    assert "sings" not in caught.value.message
    assert "sings" in caught.value.detail
