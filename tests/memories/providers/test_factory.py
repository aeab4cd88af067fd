"""Which model serves a project, with which key, and at whose address."""

from __future__ import annotations

from uuid import uuid4

import pytest
from cryptography.fernet import Fernet

from memories.models import EmbeddingSpace, ProviderConfig
from memories.providers import secrets
from memories.providers.base import ChatRequest
from memories.providers.factory import (
    chat_for,
    configured_space,
    embedder_for,
    platform_embedder,
)
from memories.providers.openai import registry
from memories.selectors.projects import get_setup
from memories.services.configuration import configure_provider
from memories.types import SpaceKey
from memplatform.lib.errors import ProviderRejected, ScopeError

PLATFORM_KEY, PROJECT_KEY = "sk-platform", "sk-project"


@pytest.fixture(autouse=True)
def _keys(settings):
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    settings.LLM_API_KEY = settings.EMBEDDING_API_KEY = PLATFORM_KEY


def chat_config(settings, **changes) -> ProviderConfig:
    plain = {
        "tenant_id": uuid4(),
        "project_id": uuid4(),
        "kind": "chat",
        "base_url": "https://models.acme.example/v1",
        "model": "big-1",
        "api_key_encrypted": secrets.encrypt(PROJECT_KEY, settings.ENCRYPTION_KEYS),
    }
    return ProviderConfig(**(plain | changes))


def space_at(base_url: str = "") -> EmbeddingSpace:
    return EmbeddingSpace(
        tenant_id=uuid4(),
        project_id=uuid4(),
        provider="openai",
        model="m",
        dimension=8,
        base_url=base_url,
    )


def sent_to(chat_or_embedder):
    """(address, key) that requests go out with."""
    client = chat_or_embedder.inner._caller._client
    return str(client.base_url).rstrip("/"), client.api_key


# --- whose address, whose key --------------------------------------------------------


def test_a_projects_endpoint_gets_the_projects_key(settings):
    chat = chat_for(chat_config(settings))
    assert sent_to(chat) == ("https://models.acme.example/v1", PROJECT_KEY)


def test_the_platforms_key_never_goes_to_a_projects_address(settings):
    """Also not for want of another."""
    _, key = sent_to(chat_for(chat_config(settings, api_key_encrypted="")))
    assert key == "none"
    space = space_at("https://e.acme.example/v1")
    assert sent_to(embedder_for(space)) == ("https://e.acme.example/v1", "none")


def test_the_platforms_address_gets_the_platforms_key(settings):
    settings.LLM_BASE_URL = settings.EMBEDDING_BASE_URL = "https://llm.example/v1"
    assert sent_to(chat_for(None)) == ("https://llm.example/v1", PLATFORM_KEY)
    space = space_at()
    assert sent_to(embedder_for(space)) == ("https://llm.example/v1", PLATFORM_KEY)


def test_a_key_alone_is_openais(settings):
    assert sent_to(chat_for(None)) == ("https://api.openai.com/v1", PLATFORM_KEY)


def test_the_environments_organization_goes_to_no_projects_address(
    settings, monkeypatch
):
    monkeypatch.setenv("OPENAI_ORG_ID", "org-platform")
    monkeypatch.setenv("OPENAI_PROJECT_ID", "proj-platform")
    registry.close()
    client = chat_for(chat_config(settings)).inner._caller._client
    assert "platform" not in str(client.default_headers)


def test_a_project_cannot_reach_into_the_platforms_network(
    settings, acme, model_server
):
    settings.ALLOW_PRIVATE_PROVIDERS = False
    chat = chat_for(chat_config(settings, base_url=model_server.base_url))
    with pytest.raises(ProviderRejected):
        chat.complete(ChatRequest("s", "u"))
    space = space_at(model_server.base_url)
    with pytest.raises(ProviderRejected):
        embedder_for(space).embed(["a"])
    assert model_server.stats()["chat"] + model_server.stats()["embeddings"] == 0


def test_the_platforms_own_endpoint_may_be_anywhere(settings, model_server):
    settings.ALLOW_PRIVATE_PROVIDERS = False
    settings.LLM_BASE_URL = model_server.base_url
    model_server.reply("hello")
    assert chat_for(None).complete(ChatRequest("s", "u")).text == "hello"


def test_one_projects_concurrency_does_not_slow_another_down(settings):
    narrow = chat_for(chat_config(settings, options={"concurrency": 1}))
    other = secrets.encrypt("sk-other", settings.ENCRYPTION_KEYS)
    wide = chat_for(chat_config(settings, api_key_encrypted=other))
    gates = [chat.inner._caller.endpoint.gate for chat in (narrow, wide)]
    assert [gate.limit for gate in gates] == [1, settings.LLM_CONCURRENCY]


# --- local ---------------------------------------------------------------------------


def test_without_a_key_the_platform_is_local(settings, agent):
    settings.LLM_API_KEY = settings.EMBEDDING_API_KEY = ""
    assert chat_for(None) is None
    assert configured_space(None).provider == "local"
    assert agent.setup.engine == "local"


def test_the_platforms_embedder_needs_no_project(models):
    """As ``manage.py evaluate`` asks it: what a new project would embed with."""
    embedder = platform_embedder()
    assert embedder.space == configured_space(None)
    assert embedder.embed(["I keep bees."]).shape == (1, 64)


def test_the_platforms_embedder_is_the_local_one_without_a_key(settings):
    settings.EMBEDDING_API_KEY = ""
    assert platform_embedder().embed(["I keep bees."]).shape == (1, 384)


def test_a_projects_embedder_is_named_with_its_dimension(settings):
    config = chat_config(settings, kind="embedding", options={"dimension": 768})
    assert configured_space(config) == SpaceKey("openai", "big-1", 768)


# --- no transaction ------------------------------------------------------------------


def test_no_model_is_asked_inside_a_transaction(settings, agent, model_server):
    settings.LLM_BASE_URL = model_server.base_url
    with agent.scope():
        with pytest.raises(ScopeError):
            chat_for(None).complete(ChatRequest("s", "u"))
        with pytest.raises(ScopeError):
            embedder_for(space_at()).embed(["a"])
    assert model_server.stats()["chat"] == 0


# --- secrets -------------------------------------------------------------------------


def test_a_secret_reads_back_and_looks_like_nothing():
    keys = [Fernet.generate_key().decode()]
    token = secrets.encrypt("sk-1", keys)
    assert "sk-1" not in token
    assert secrets.decrypt(token, keys) == "sk-1"
    assert secrets.encrypt("", keys) == secrets.decrypt("", []) == ""


def test_a_rotated_secret_needs_the_new_key_only():
    old, new = (Fernet.generate_key().decode() for _ in range(2))
    token = secrets.rotate(secrets.encrypt("sk-1", [old]), [new, old])
    assert secrets.decrypt(token, [new]) == "sk-1"
    with pytest.raises(ProviderRejected, match="enter it again"):
        secrets.decrypt(token, [old])


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        ([], "not set"),
        (["short"], "no Fernet key"),
        ([Fernet.generate_key().decode()], "enter it again"),
    ],
)
def test_what_is_wrong_with_the_keys_is_said(keys, said):
    token = secrets.encrypt("sk-1", [Fernet.generate_key().decode()])
    for use in (secrets.decrypt, secrets.rotate):
        with pytest.raises(ProviderRejected, match=said):
            use(token, keys)


def test_a_key_that_cannot_be_read_fails_the_add_with_its_reason(settings, agent, acme):
    with agent.scope():
        configure_provider(
            acme.project, "chat", base_url="https://x.example/v1", model="m",
            api_key="sk-1",
        )  # fmt: skip
    settings.LLM_API_KEY = settings.EMBEDDING_API_KEY = ""
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    operation = agent.learn("I keep bees.")
    assert (operation.status, operation.error_code) == ("FAILED", "provider_rejected")
    with agent.scope():
        assert get_setup(acme.project.id).chat_config.model == "m"
