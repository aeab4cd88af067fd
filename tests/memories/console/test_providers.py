from __future__ import annotations

from decimal import Decimal

import pytest

from memories.models import EmbeddingSpace, Operation, ProviderConfig
from memories.providers.secrets import decrypt
from memories.services.configuration import configure_provider
from memories.services.run import run_operation
from tenants.models import AuditEntry
from tenants.scopes import tenant_scope

HTMX = {"HX-Request": "true"}


@pytest.fixture
def stored(acme):
    """The provider of a kind, None without one."""

    def stored(kind: str) -> ProviderConfig | None:
        with tenant_scope(acme.id):
            return ProviderConfig.objects.filter(kind=kind).first()

    return stored


@pytest.fixture
def audited(acme):
    def audited(action: str) -> list[AuditEntry]:
        with tenant_scope(acme.id):
            found = AuditEntry.objects.filter(action=action, actor_kind="operator")
            return list(found.order_by("at", "id"))

    return audited


@pytest.fixture
def chat(model_server):
    """What the chat form says."""

    def chat(**changes):
        said = {"base_url": model_server.base_url, "model": "stand-in", **changes}
        return {f"chat-{name}": value for name, value in said.items()}

    return chat


@pytest.fixture
def embedding(model_server):
    model_server.configure(dimension=64)

    def embedding(**changes):
        said = {"base_url": model_server.base_url, "model": "e5", "dimension": 64}
        return {f"embedding-{name}": v for name, v in {**said, **changes}.items()}

    return embedding


def test_without_any_it_says_who_serves(console, ada, page):
    seen = console(ada).get(page("memories:providers")).content.decode()
    assert "the rules of the local engine" in seen
    assert "the local model" in seen


def test_a_key_goes_in_and_never_comes_out(
    console, ada, page, stored, chat, settings, audited
):
    client = console(ada)
    said = chat(api_key="sk-canary-4711", vision="on", prompt_price="0.25")
    answer = client.post(page("memories:save-provider", "chat"), said)
    assert answer["Location"] == page("memories:providers")
    config = stored("chat")
    assert (
        decrypt(config.api_key_encrypted, settings.ENCRYPTION_KEYS) == "sk-canary-4711"
    )
    assert config.options == {"vision": 1}
    assert config.prompt_price == Decimal("0.00000025")
    seen = client.get(page("memories:providers")).content.decode()
    assert "sk-canary" not in seen
    assert "with a key" in seen
    assert 'value="0.25"' in seen
    (entry,) = audited("provider.create")
    assert entry.changes["key"] == "given"
    assert "sk-canary" not in str(entry.changes)


def test_a_blank_key_keeps_the_one_there_is(console, ada, page, stored, chat, settings):
    client, url = console(ada), page("memories:save-provider", "chat")
    client.post(url, chat(api_key="sk-canary"))
    before = stored("chat").api_key_encrypted
    client.post(url, chat(model="bigger"))
    after = stored("chat")
    assert (after.model, after.api_key_encrypted) == ("bigger", before)
    client.post(url, chat(has_no_key="on"))
    without = stored("chat").api_key_encrypted
    assert decrypt(without, settings.ENCRYPTION_KEYS) == ""


@pytest.mark.parametrize("name", ["memories:save-provider", "memories:test-provider"])
def test_a_kept_key_is_never_sent_to_another_address(
    console, ada, acme, page, stored, chat, model_server, name
):
    with tenant_scope(acme.id):
        configure_provider(
            acme.project,
            "chat",
            base_url="https://model.example/v1",
            model="m",
            api_key="sk-canary",
        )
    answer = console(ada).post(page(name, "chat"), chat())
    assert answer.status_code == 422
    assert "give the key again" in answer.content.decode()
    assert stored("chat").base_url == "https://model.example/v1"
    assert model_server.stats()["chat"] == 0


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ({"base_url": "ftp://x"}, "http(s) address"),
        ({"base_url": "http://[x"}, "http(s) address"),
        ({"base_url": "http://host:99999/"}, "http(s) address"),
        ({"base_url": "https://me:secret@host/v1"}, "without a user name"),
        ({"model": ""}, "required"),
        ({"context_tokens": "5"}, "4000"),
        ({"prompt_price": "-1"}, "0"),
    ],
)
def test_what_is_wrong_is_told_and_stores_nothing(
    console, ada, page, stored, chat, wrong, told
):
    answer = console(ada).post(page("memories:save-provider", "chat"), chat(**wrong))
    assert answer.status_code == 422
    assert told in answer.content.decode()
    assert stored("chat") is None


def test_a_connection_is_tested_before_it_is_saved(
    console, ada, page, stored, chat, model_server, audited
):
    model_server.reply('{"ready": true}')
    url = page("memories:test-provider", "chat")
    answer = console(ada).post(url, chat(api_key="sk-canary", prompt_price="1000"))
    seen = answer.content.decode()
    assert answer.status_code == 200
    assert "works" in seen and " ms" in seen and "cost" in seen
    assert "sk-canary" not in seen
    assert stored("chat") is None
    (entry,) = audited("provider.test")
    assert (entry.actor_id, entry.changes["worked"]) == (ada.id, True)


def test_htmx_gets_only_what_came_of_it(console, ada, page, chat, model_server):
    model_server.reply("I am ready!")
    url = page("memories:test-provider", "chat")
    answer = console(ada).post(url, chat(), headers=HTMX)
    assert "<h1" not in answer.content.decode()
    assert "not in the JSON" in answer.content.decode()
    wrong = console(ada).post(url, chat(model=""), headers=HTMX)
    assert "Model: This field is required." in wrong.content.decode()


def test_the_stored_key_is_used_for_its_own_address(
    console, ada, page, chat, model_server
):
    client = console(ada)
    client.post(page("memories:save-provider", "chat"), chat(api_key="sk-canary"))
    model_server.reply('{"ready": true}')
    answer = client.post(page("memories:test-provider", "chat"), chat(), headers=HTMX)
    assert "works" in answer.content.decode()


def test_what_the_endpoint_says_is_told_in_our_words(
    console, ada, page, chat, model_server
):
    model_server.order("unauthorized")
    answer = console(ada).post(
        page("memories:test-provider", "chat"), chat(), headers=HTMX
    )
    seen = answer.content.decode()
    assert "does not work" in seen
    assert "HTTP 401" in seen


def test_an_address_of_our_own_network_is_refused(
    console, ada, page, chat, model_server, settings
):
    settings.ALLOW_PRIVATE_PROVIDERS = False
    answer = console(ada).post(
        page("memories:test-provider", "chat"), chat(), headers=HTMX
    )
    assert "not an address on the internet" in answer.content.decode()
    assert model_server.stats()["chat"] == 0


def test_an_embedder_is_tested_for_its_dimension(console, ada, page, embedding):
    client, url = console(ada), page("memories:test-provider", "embedding")
    good = client.post(url, embedding(), headers=HTMX).content.decode()
    assert "64 dimensions" in good
    bad = client.post(url, embedding(dimension=99), headers=HTMX).content.decode()
    assert "does not work" in bad


@pytest.fixture
def rerank(model_server):
    """What the rerank form says."""

    def rerank(**changes):
        said = {"base_url": model_server.base_url, "model": "reranker-1", **changes}
        return {f"rerank-{name}": value for name, value in said.items()}

    return rerank


def test_a_reranker_is_kept_as_the_others_are(
    console, ada, page, stored, rerank, settings, audited
):
    client = console(ada)
    seen = client.get(page("memories:providers")).content.decode()
    assert "a search that asks for one is not reranked" in seen
    said = rerank(api_key="sk-canary-4711", prompt_price="0.5")
    answer = client.post(page("memories:save-provider", "rerank"), said, follow=True)
    assert "Searches that say rerank: true use it." in answer.content.decode()
    config = stored("rerank")
    kept = decrypt(config.api_key_encrypted, settings.ENCRYPTION_KEYS)
    assert (kept, config.prompt_price) == ("sk-canary-4711", Decimal("0.0000005"))
    assert "sk-canary" not in answer.content.decode()
    assert audited("provider.create")[0].changes["kind"] == "rerank"
    client.post(page("memories:remove-provider", "rerank"))
    assert stored("rerank") is None


@pytest.mark.parametrize("kind", ["cohere", "tei"])
def test_a_reranker_is_tested_by_what_it_puts_first(
    console, ada, page, rerank, model_server, kind
):
    model_server.configure(reranker=kind)
    client, url = console(ada), page("memories:test-provider", "rerank")
    good = client.post(url, rerank(), headers=HTMX).content.decode()
    assert "the better of two answers first" in good
    model_server.order("unauthorized", path="rerank", times=2)
    bad = client.post(url, rerank(), headers=HTMX).content.decode()
    assert "does not work" in bad and "HTTP 401" in bad


def test_a_reranker_of_our_own_network_is_refused(
    console, ada, page, rerank, model_server, settings
):
    settings.ALLOW_PRIVATE_PROVIDERS = False
    url = page("memories:test-provider", "rerank")
    answer = console(ada).post(url, rerank(), headers=HTMX)
    assert "not an address on the internet" in answer.content.decode()
    assert model_server.stats()["rerank"] == 0


def test_a_provider_is_removed_with_its_key(console, ada, page, stored, chat, audited):
    client = console(ada)
    client.post(page("memories:save-provider", "chat"), chat(api_key="sk-canary"))
    client.post(page("memories:remove-provider", "chat"))
    assert stored("chat") is None
    assert audited("provider.remove")[0].changes["model"] == ["stand-in", None]
    assert client.post(page("memories:remove-provider", "chat")).status_code == 404


def test_another_embedder_is_followed_by_re_embedding_and_has_a_way_back(
    console, ada, acme, agent, page, embedding, audited
):
    agent.keep("I keep bees.")
    agent.keep("I live in Riga.")
    client, url = console(ada), page("memories:providers")
    client.post(page("memories:save-provider", "embedding"), embedding())
    assert "Re-embed with e5" in client.get(url).content.decode()
    client.post(page("memories:reembed"))
    filling = client.get(url)
    assert "0 of 2 texts" in filling.content.decode()
    assert "<progress" in client.get(url, headers=HTMX).content.decode()
    with tenant_scope(acme.id):
        operation = Operation.objects.get(kind="REEMBED")
    run_operation(acme.id, operation.id)
    moved = client.get(url, headers=HTMX)
    assert moved.status_code == 286
    assert "read with e5, 64 dimensions" in moved.content.decode()
    assert "Re-embed with" not in moved.content.decode()
    (entry,) = audited("embedder.change")
    assert (entry.changes["model"], entry.actor_id) == ("e5", ada.id)
    client.post(page("memories:return-to-previous-space"))
    with tenant_scope(acme.id):
        assert EmbeddingSpace.objects.filter(state="building").exists()


def test_with_nothing_to_move_it_says_so(console, ada, agent, page):
    agent.keep("I keep bees.")
    client = console(ada)
    assert (
        "Re-embed with" not in client.get(page("memories:providers")).content.decode()
    )
    assert client.post(page("memories:reembed")).status_code == 400
    back = client.post(page("memories:return-to-previous-space"))
    assert back.status_code == 404


def test_there_is_no_other_kind(console, ada, page):
    for name in ("save-provider", "test-provider", "remove-provider"):
        answer = console(ada).post(page(f"memories:{name}", "x"))
        assert answer.status_code in (400, 404)


def test_outsiders_and_small_roles(
    console, carol, globex, sam, bob, page, stored, chat
):
    url, save = page("memories:providers"), page("memories:save-provider", "chat")
    assert console(carol).get(url).status_code == 404
    assert console(carol).post(save, chat()).status_code == 404
    for operator in (sam, bob):
        assert console(operator).get(url).status_code == 403
        assert console(operator).post(save, chat()).status_code == 403
        overview = console(operator).get(page("memories:overview")).content.decode()
        assert url not in overview
    assert stored("chat") is None
