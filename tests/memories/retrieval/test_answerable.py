"""Whether what was asked is known at all: evidence, and what is made of it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from memories.retrieval.answerable import (
    ABSTAIN_BELOW,
    Evidence,
    confidence,
    evidence_of,
)


def ranked(meaning=None, words=None, speaker=0.0):
    """A candidate as far as evidence asks for it; None: a leg did not find it."""

    def leg(value):
        return SimpleNamespace(value=value, scaled=0.5 if value is None else value)

    cue = SimpleNamespace(value=None, scaled=speaker)
    signals = {"meaning": leg(meaning), "words": leg(words), "speaker": cue}
    return SimpleNamespace(signals=signals)


@pytest.mark.parametrize(
    ("found", "evidence"),
    [
        ([], Evidence()),
        ([ranked(0.5, 0.2), ranked(0.3, 0.4)], Evidence(0.5, 0.4, 0.0)),
        # Who is named said it, and said more of it than anybody else.
        ([ranked(0.5, 0.5, 1.0), ranked(0.3, 0.25)], Evidence(0.5, 0.5, 0.25)),
        # Somebody else said it.
        ([ranked(0.5, 0.25, 1.0), ranked(0.6, 0.75)], Evidence(0.6, 0.75, -0.5)),
        # Nobody else said anything: no lead.
        ([ranked(0.5, 0.5, 1.0)], Evidence(0.5, 0.5, 0.0)),
        ([ranked(None, 0.5), ranked(0.4, None)], Evidence(0.4, 0.5, 0.0)),
    ],
)
def test_what_speaks_for_an_answer(found, evidence):
    assert evidence_of(found) == evidence


def test_more_evidence_is_more_confidence():
    none = confidence(Evidence(), "local")
    for more in (Evidence(meaning=0.3), Evidence(words=0.3), Evidence(lead=0.3)):
        assert none < confidence(more, "local") < 1
    assert confidence(Evidence(lead=-0.3), "local") < none


def test_the_default_keeps_what_is_near_and_doubts_what_is_not():
    assert confidence(Evidence(meaning=0.7, words=0.5), "local") > ABSTAIN_BELOW
    assert confidence(Evidence(meaning=0.2, words=0.05), "local") < ABSTAIN_BELOW


def test_another_embedder_has_constants_too():
    assert 0 < confidence(Evidence(0.5, 0.5), "openai") < 1
