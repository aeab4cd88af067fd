"""Who embeds the baselines, and how much at a time."""

from __future__ import annotations

import numpy as np

from memories.evaluation.evaluate import EMBEDDED_AT_ONCE, in_portions
from memories.management.commands.evaluate import embedder_of


def test_a_run_on_its_own_platform_has_the_platforms_embedder(models):
    embed, name = embedder_of(None)
    assert name == "stand-in (openai, 64 dimensions)"
    assert embed(["I moved to Lisbon."]).shape == (1, 64)


def test_at_an_address_it_is_the_local_one(models):
    """Nobody knows there what the server embeds with."""
    embed, name = embedder_of("http://127.0.0.1:8000")
    assert name == "all-MiniLM-L6-v2 (local, 384 dimensions)"
    assert embed(["I moved to Lisbon."]).shape == (1, 384)


def test_a_long_conversation_is_embedded_in_portions():
    """Each has the endpoint's patience for itself."""
    sizes = []

    def embed(texts):
        sizes.append(len(texts))
        return np.array([[float(text)] for text in texts], dtype=np.float32)

    texts = [str(number) for number in range(2 * EMBEDDED_AT_ONCE + 1)]
    vectors = in_portions(embed)(texts)
    assert sizes == [EMBEDDED_AT_ONCE, EMBEDDED_AT_ONCE, 1]
    assert [str(int(row[0])) for row in vectors] == texts
