"""The management commands of memories: a story each, and what they say is wrong."""

from __future__ import annotations

import io
from uuid import uuid4

import pytest
from cryptography.fernet import Fernet
from django.core.management import CommandError, call_command

from memories.models import EmbeddingSpace, Operation, ProviderConfig
from memories.selectors.projects import get_setup
from memories.services.configuration import configure_provider


@pytest.fixture(autouse=True)
def _keys(settings):
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


@pytest.fixture
def endpoint(model_server, monkeypatch) -> str:
    """The stand-in's address, with a key to give it."""
    monkeypatch.setenv("PROVIDER_API_KEY", "sk-canary")
    model_server.configure(dimension=64)
    return model_server.base_url


# --- set_project ---------------------------------------------------------------------


def test_a_project_is_shown_and_changed(acme):
    assert "recalled_memories = 10" in run("set_project", "acme")
    said = run(
        "set_project", "acme", "recalled_memories=5", "instructions=Only food, please",
        'categories={"food": "what they eat"}',
    )  # fmt: skip
    assert "recalled_memories = 5" in said
    assert 'instructions = "Only food, please"' in said
    assert 'categories = {"food": "what they eat"}' in said
    assert "recalled_memories = 10" in run("set_project", "acme", "recalled_memories=")


def test_where_a_projects_users_are_is_set(acme):
    said = run("set_project", "acme", "languages=pt-BR, en", "timezone=America/Bahia")
    assert 'languages = ["pt-BR", "en"]' in said
    assert 'timezone = "America/Bahia"' in said
    assert 'languages = ["de"]' in run("set_project", "acme", 'languages=["de"]')
    said = run("set_project", "acme", "languages=", "timezone=", "recent_messages=3")
    assert "languages = []" in said
    assert 'timezone = "UTC"' in said
    assert "recent_messages = 3" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["acme", "languages=klingon"], "codes such as en or pt-BR"),
        (["acme", "languages=[1]"], "codes such as en or pt-BR"),
        (["acme", "timezone=Mars/Base"], "There is no timezone 'Mars/Base'"),
        (["acme", "timezone=5"], "There is no timezone"),
        (["nowhere"], "nowhere"),
        (["acme", "--project", "none"], "its projects: 'acme project'"),
        (["acme", "engine"], "'engine' is not name=value"),
        (["acme", "engine=magic"], "one of single_pass, two_phase, additive, local"),
        (["acme", "recent_messages=many"], "a whole number from 0 to 100"),
        (["acme", "colour=blue"], "there is no such setting; there are engine"),
        (["acme", "with_graph=maybe"], "must be true or false"),
    ],
)
def test_set_project_says_what_to_do(acme, arguments, said):
    with pytest.raises(CommandError) as caught:
        run("set_project", *arguments)
    assert said in str(caught.value)


# --- set_provider, reembed -----------------------------------------------------------


def test_a_project_gets_its_own_model(agent, endpoint, model_server):
    said = run("set_provider", "acme", "chat", endpoint, "big-1", "timeout_s=5")
    assert said == f"chat: big-1 at {endpoint}\n"
    assert agent.learn("I keep bees.").status == "SUCCEEDED"
    assert model_server.stats()["by_purpose"] == {"single_pass": 1}


def test_a_project_gets_its_own_embedder_and_goes_back(agent, endpoint, model_server):
    agent.keep("Ann keeps bees.")
    said = run("set_provider", "acme", "embedding", endpoint, "e-1", "dimension=64")
    assert "manage.py reembed acme" in said
    started = run("reembed", "acme")
    assert "Re-embedding with e-1 started" in started
    operation_id = started.split()[-1]
    assert agent.run(operation_id).status == "SUCCEEDED"
    assert agent.found("bees") == ["Ann keeps bees."]
    # The memory, the message it came in, and the query.
    assert model_server.stats()["embeddings"] == 3
    assert "On the way back" in run("reembed", "acme", "--back")


def test_a_project_gets_its_own_reranker(agent, endpoint, model_server):
    agent.keep("Ann keeps bees.")
    said = run("set_provider", "acme", "rerank", endpoint, "reranker-1")
    assert said == f"rerank: reranker-1 at {endpoint}\n"
    assert agent.search("bees", rerank=True)[0].signals["rerank"] > 0
    assert model_server.stats()["rerank"] == 1


def test_a_new_key_serves_without_embedding_anew(
    agent, endpoint, monkeypatch, model_server
):
    run("set_provider", "acme", "embedding", endpoint, "e-1", "dimension=64")
    agent.keep("Ann keeps bees.")
    monkeypatch.setenv("PROVIDER_API_KEY", "sk-fresh")
    run("set_provider", "acme", "embedding", endpoint, "e-1", "dimension=64")
    assert "is still read" in run("reembed", "acme")
    with agent.scope():
        space = EmbeddingSpace.objects.get()
        config = ProviderConfig.objects.get()
    assert space.api_key_encrypted == config.api_key_encrypted
    assert model_server.stats()["texts"] == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere", "chat", "http://x/v1", "m"], "nowhere"),
        (["acme", "chat", "x", "m"], "an http(s) address, such as"),
        (["acme", "chat", "http://x/v1", " "], "model: name one"),
        (["acme", "chat", "http://x/v1", "m", "fast"], "name=value"),
        (["acme", "chat", "http://x/v1", "m", "speed=9"], "chat has timeout_s"),
        (["acme", "rerank", "http://x/v1", "m", "fast=1"], "rerank has none"),
        (["acme", "song", "http://x/v1", "m"], "invalid choice: 'song'"),
    ],
)
def test_set_provider_says_what_to_do(agent, endpoint, arguments, said):
    with pytest.raises(CommandError) as caught:
        run("set_provider", *arguments)
    assert said in str(caught.value)
    assert agent.count(ProviderConfig) == 0


def test_set_provider_names_the_variable_where_nobody_can_type(
    agent, endpoint, monkeypatch
):
    """As in a container without a terminal, whose input is closed."""
    monkeypatch.delenv("PROVIDER_API_KEY", raising=False)

    def closed(prompt):
        raise EOFError

    monkeypatch.setattr("getpass.getpass", closed)
    with pytest.raises(CommandError, match="set PROVIDER_API_KEY"):
        run("set_provider", "acme", "chat", endpoint, "big-1")
    assert agent.count(ProviderConfig) == 0


def test_set_provider_needs_an_encryption_key(agent, endpoint, settings):
    settings.ENCRYPTION_KEYS = []
    with pytest.raises(CommandError, match="ENCRYPTION_KEYS is not set"):
        run("set_provider", "acme", "chat", endpoint, "m")


def test_reembed_says_when_there_is_nothing_to_do(agent):
    agent.keep("Ann keeps bees.")
    with pytest.raises(CommandError, match="already reads"):
        run("reembed", "acme")
    with pytest.raises(CommandError, match="never had another"):
        run("reembed", "acme", "--back")


# --- rotate_secrets ------------------------------------------------------------------


def test_secrets_of_every_tenant_rotate(agent, other, settings):
    for company in (agent, other):
        with company.scope():
            configure_provider(
                company.company.project, "chat", base_url="http://x/v1", model="m",
                api_key="sk-canary",
            )  # fmt: skip
    fresh = Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [fresh, *settings.ENCRYPTION_KEYS]
    assert run("rotate_secrets") == "Rotated 2 secrets.\n"
    settings.ENCRYPTION_KEYS = [fresh]
    with other.scope():
        assert get_setup(other.access.project_id).chat is not None


def test_rotate_secrets_names_whose_cannot_be_read(agent, settings):
    with agent.scope():
        configure_provider(
            agent.company.project, "chat", base_url="http://x/v1", model="m",
            api_key="sk-canary",
        )  # fmt: skip
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CommandError, match=r"acme: .*enter it again"):
        run("rotate_secrets")


# --- retry_operation -----------------------------------------------------------------


def test_what_failed_runs_again(agent, models):
    models.order("refusal")
    failed = agent.learn("I keep bees.")
    assert failed.status == "FAILED"
    assert run("retry_operation", "acme", "--all") == (
        f"{failed.id} will be run again.\n"
    )
    assert agent.run(failed.id).status == "SUCCEEDED"
    assert run("retry_operation", "acme", "--all") == ""


def test_retry_says_what_cannot_be_retried(agent):
    done = agent.learn("I keep bees.").id
    with pytest.raises(CommandError, match="it is SUCCEEDED"):
        run("retry_operation", "acme", str(done))
    with pytest.raises(CommandError, match="Name operations, or say --all"):
        run("retry_operation", "acme")
    missing = str(uuid4())
    with pytest.raises(CommandError, match=missing):
        run("retry_operation", "acme", missing)
    with agent.scope():
        assert Operation.objects.get(id=done).attempts == 1
