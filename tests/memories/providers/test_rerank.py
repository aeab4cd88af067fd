"""Rerankers over the wire: four kinds, two ways of asking, faults, walls."""

from __future__ import annotations

import time
from decimal import Decimal
from uuid import uuid4

import httpx2
import pytest

from memories.models import ProviderConfig
from memories.providers import secrets
from memories.providers.factory import reranker_for
from memories.providers.rerank import TEXTS_AT_A_TIME, HttpReranker, RerankConfig
from memplatform.lib.errors import (
    ProviderError,
    ProviderRejected,
    ProviderReplyInvalid,
    ProviderTimeout,
    ScopeError,
)
from tenants.scopes import tenant_scope

QUERY = "Who keeps bees?"
TEXTS = ["The bus is late.", "Ann keeps bees.", "Ann keeps a cat."]


@pytest.fixture
def config(settings, model_server):
    """``config(model="m")``: a project's reranker at the stand-in server."""

    def config(**changes) -> ProviderConfig:
        plain = {
            "tenant_id": uuid4(),
            "project_id": uuid4(),
            "kind": "rerank",
            "base_url": model_server.base_url,
            "model": "reranker-1",
            "api_key_encrypted": secrets.encrypt("sk-rerank", settings.ENCRYPTION_KEYS),
        }
        return ProviderConfig(**plain | changes)

    return config


def ask(config, texts=TEXTS, deadline_s=5.0):
    return reranker_for(config, deadline_s=deadline_s).rerank(QUERY, texts)


@pytest.mark.parametrize("kind", ["cohere", "jina", "vllm", "tei"])
def test_each_kind_is_understood(config, model_server, kind):
    model_server.configure(reranker=kind)
    scores = ask(config()).scores
    assert scores[1] > scores[2] > scores[0] == 0


def test_which_kind_it_is_is_found_out_once(config, model_server):
    model_server.configure(reranker="tei")
    for _ in range(3):
        ask(config())
    assert model_server.stats()["rerank"] == 4


def test_an_endpoint_that_becomes_another_is_asked_its_way(config, model_server):
    """Another server at the same address: nobody has to start this one anew."""
    for kind in ("tei", "cohere", "tei"):
        model_server.configure(reranker=kind)
        assert ask(config()).scores[1] > 0


def test_texts_go_in_portions_where_the_endpoint_wants_that(config, model_server):
    model_server.configure(reranker="tei")
    texts = [f"Nobody keeps {n}." for n in range(TEXTS_AT_A_TIME * 2)] + ["bees"]
    scores = ask(config(), texts).scores
    assert len(scores) == len(texts)
    assert scores[-1] == max(scores) == 1


def test_what_an_endpoint_leaves_out_has_no_score(config, model_server):
    model_server.configure(rerank_most=1)
    assert [score is None for score in ask(config()).scores] == [True, False, True]


@pytest.mark.parametrize(("kind", "is_told"), [("jina", True), ("cohere", False)])
def test_tokens_and_cost_are_told_where_the_endpoint_does(
    config, model_server, kind, is_told
):
    model_server.configure(reranker=kind)
    reply = ask(config(prompt_price=Decimal("0.001")))
    assert reply.prompt_tokens == (11 if is_told else 0)
    assert reply.cost == reply.prompt_tokens * Decimal("0.001")
    assert ask(config()).cost is None


@pytest.mark.parametrize(
    "kind",
    ["error", "drop", "unauthorized", "redirect", "not_json", "nested", "malformed"],
)
def test_a_fault_is_an_error_of_ours(config, model_server, kind):
    model_server.order(kind, path="rerank", times=9)
    with pytest.raises(ProviderError):
        ask(config(), deadline_s=1)


@pytest.mark.parametrize("kind", ["empty", "wrong_schema", "truncated"])
def test_an_answer_without_scores_is_none(config, model_server, kind):
    model_server.order(kind, path="rerank", times=9)
    with pytest.raises(ProviderReplyInvalid):
        ask(config())


FINE = '{"index": 0, "relevance_score": 0.5}'


@pytest.mark.parametrize(
    "rows",
    [
        f'{{"index": 0, "relevance_score": {"9" * 400}}}',
        '{"index": 0, "relevance_score": 1e999}',
        '{"index": 0, "relevance_score": "0.9"}',
        '{"index": 0, "relevance_score": true}',
        '{"index": true, "relevance_score": 0.9}',
        f"{FINE}, {FINE}",
    ],
)
def test_what_is_no_number_or_said_twice_is_no_score(rows):
    said = f'{{"results": [{rows}]}}'
    answers = httpx2.MockTransport(lambda _: httpx2.Response(200, text=said))
    config = RerankConfig(
        base_url="http://model.test/v1",
        model="m",
        http_client=httpx2.Client(transport=answers),
    )
    with pytest.raises(ProviderReplyInvalid):
        HttpReranker(config).rerank(QUERY, TEXTS)


def test_a_refusal_is_told_as_it_came_first(config, model_server):
    """Asking in the other way too must not hide what was wrong."""
    model_server.order("unauthorized", path="rerank", times=2)
    with pytest.raises(ProviderRejected, match="401"):
        ask(config())


@pytest.mark.parametrize("kind", ["hang", "drip"])
def test_it_waits_no_longer_than_it_is_let(config, model_server, kind):
    model_server.order(kind, path="rerank", times=9)
    started = time.monotonic()
    with pytest.raises(ProviderTimeout):
        ask(config(), deadline_s=0.3)
    assert time.monotonic() - started < 2


def test_it_stays_out_of_the_platforms_network(config, model_server, settings):
    settings.ALLOW_PRIVATE_PROVIDERS = False
    with pytest.raises(ProviderRejected):
        ask(config())
    assert model_server.stats()["rerank"] == 0


def test_the_platforms_own_may_be_anywhere(settings, model_server):
    settings.ALLOW_PRIVATE_PROVIDERS = False
    settings.RERANK_BASE_URL = model_server.base_url
    settings.RERANK_MODEL = "m"
    assert ask(None).scores[1] > 0


def test_without_an_endpoint_there_is_none():
    assert reranker_for(None, deadline_s=1) is None


def test_it_is_never_asked_inside_a_transaction(config, acme):
    with tenant_scope(acme.id), pytest.raises(ScopeError):
        ask(config())
