"""Texts to vectors: chunks that fit, every space, and how a vector is written."""

from __future__ import annotations

from uuid import uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from memories.providers.openai import EmbedderConfig, OpenAIEmbedder
from memories.providers.vectors import (
    CHARS_PER_TOKEN,
    as_direction,
    as_literal,
    embed_in_spaces,
    head_of,
    split_text,
)
from memplatform.lib.errors import ProviderRejected
from tenants.scopes import read_rows

LIMIT = 10 * CHARS_PER_TOKEN


def embedder(server, dimension=8, **details) -> OpenAIEmbedder:
    config = {"model": "stand-in", "max_tokens": 10} | details
    server.configure(dimension=dimension)
    return OpenAIEmbedder(
        EmbedderConfig(base_url=server.base_url, dimension=dimension, **config)
    )


@pytest.mark.parametrize(
    ("text", "chunks"),
    [
        ("Short.", ["Short."]),
        ("One sentence here. Another one here.", ["One sentence here.", "Another one here."]),
        ("A. B. C. D. " * 4, ["A. B. C. D. A. B. C. D. A. B.", "C. D. A. B. C. D."]),
        ("x" * 65, ["x" * 30, "x" * 30, "x" * 5]),  # nowhere to cut
        ("", [""]),
        (" " * 100, [" " * LIMIT]),  # an embedder needs something
    ],
)  # fmt: skip
def test_a_text_is_cut_at_sentences(text, chunks):
    assert split_text(text, 10) == chunks


@given(st.text(min_size=1, max_size=300))
def test_no_chunk_is_too_long_and_nothing_is_left_out(text):
    chunks = split_text(text, 10)
    assert all(len(chunk) <= LIMIT for chunk in chunks)
    assert "".join("".join(chunks).split()) == "".join(text.split())


def test_the_head_of_a_text_is_what_one_input_holds():
    assert (head_of("abc", 10), len(head_of("x" * 99, 10))) == ("abc", LIMIT)


def test_every_text_has_its_chunks_from_one_call(model_server):
    space = uuid4()
    texts = ["Short.", "One sentence here. Another one here.", "End."]
    answers = embed_in_spaces({space: embedder(model_server)}, texts)
    assert [answer[space].shape for answer in answers] == [(1, 8), (2, 8), (1, 8)]
    assert model_server.stats()["embeddings"] == 1


def test_no_text_asks_nobody(model_server):
    assert embed_in_spaces({uuid4(): embedder(model_server)}, []) == []
    assert model_server.stats()["embeddings"] == 0


def test_only_a_building_space_may_fail(model_server):
    read, building = uuid4(), uuid4()
    broken = embedder(model_server, model="stand-in#unauthorized")
    spaces = {read: embedder(model_server), building: broken}
    (answer,) = embed_in_spaces(spaces, ["a"], building={building})
    assert set(answer) == {read}
    with pytest.raises(ProviderRejected):
        embed_in_spaces(spaces, ["a"], building={read})


def test_a_written_vector_points_where_it_did():
    vector = np.random.default_rng(1).standard_normal(64).astype(np.float32)
    vector /= np.linalg.norm(vector)
    for written in (as_literal(vector), as_direction(vector).to_text()):
        read = np.array(eval(written), dtype=np.float32)
        assert read @ vector / np.linalg.norm(read) > 0.99999
        assert np.abs(read).max() < 65_504  # halfvec's largest


@pytest.mark.parametrize("is_prepared", [True, False])
def test_sent_in_binary_or_as_text_it_is_the_same(acme, settings, is_prepared):
    settings.DB_PREPARED_STATEMENTS = is_prepared
    sent = as_direction(np.array([0.6, -0.8, 0.0, 1e-5], dtype=np.float32))
    rows = read_rows(acme.tenant.id, "SELECT (%s::halfvec)::text", [sent])
    assert rows == [("[44992,-60000,0,1]",)]
