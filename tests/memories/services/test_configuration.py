from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.core.management.base import CommandError

from memories.models import ProviderConfig, Webhook
from memories.providers import secrets
from memories.selectors.projects import get_setup
from memories.services.configuration import (
    change_settings,
    configure_provider,
    rotate_secrets,
)
from memories.services.webhooks import NewWebhook, create_webhook, rotate_secret
from memplatform.lib.errors import InvalidRequest
from tenants.models import AuditEntry
from tenants.scopes import tenant_scope

ENDPOINT = {"base_url": "https://models.acme.example/v1", "model": "big-1"}


@pytest.fixture(autouse=True)
def _keys(settings):
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]


def test_a_changed_setting_reaches_the_next_add(acme):
    with tenant_scope(acme.id):
        assert get_setup(acme.project.id).settings.recalled_memories == 10
        change_settings(acme.project, {"recalled_memories": 25})
        assert get_setup(acme.project.id).settings.recalled_memories == 25


def test_none_gives_a_setting_its_default_back(acme):
    with tenant_scope(acme.id):
        change_settings(acme.project, {"recent_messages": 3})
        assert change_settings(acme.project, {"recent_messages": None}) == (
            get_setup(acme.project.id).settings
        )
        assert get_setup(acme.project.id).settings.recent_messages == 10


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("engine", "magic"),  # not an engine
        ("recalled_memories", 0),  # below the range
        ("recalled_memories", True),  # a bool is no number
        ("recent_messages", "10"),  # text is no number
        ("categories", ["food"]),  # names without descriptions
        ("categories", {"f" * 101: "meals"}),  # longer than a memory can carry
        ("categories", {"food": "m" * 501}),
        ("categories", {f"c{n}": "" for n in range(101)}),
        ("instructions", "x" * 10_001),
        ("agent_instructions", "x" * 10_001),
        ("includes", "x" * 10_001),
        ("excludes", "x" * 10_001),
        ("with_graph", "yes"),  # not a bool
        ("colour", "blue"),  # no such setting
    ],
)
def test_a_wrong_setting_is_named_and_nothing_changes(acme, name, value):
    with tenant_scope(acme.id):
        with pytest.raises(InvalidRequest) as caught:
            change_settings(acme.project, {"instructions": "Only food", name: value})
        assert list(caught.value.fields) == [name]
        assert get_setup(acme.project.id).settings.instructions == ""


def test_a_changed_setting_is_audited(acme):
    with tenant_scope(acme.id):
        change_settings(acme.project, {"engine": "two_phase"})
        entry = AuditEntry.objects.get(action="project.settings")
    assert entry.changes == {"engine": [None, "two_phase"]}


def test_a_provider_key_is_encrypted_at_rest_and_serves(acme):
    with tenant_scope(acme.id):
        configure_provider(acme.project, "chat", api_key="sk-canary", **ENDPOINT)
        stored = ProviderConfig.objects.get(kind="chat")
        setup = get_setup(acme.project.id)
    assert "sk-canary" not in stored.api_key_encrypted
    assert setup.engine == "single_pass"
    assert setup.chat is not None
    assert setup.chat.model == "big-1"


def test_a_provider_key_is_not_in_the_audit(acme):
    with tenant_scope(acme.id):
        configure_provider(acme.project, "chat", api_key="sk-canary", **ENDPOINT)
        assert "sk-canary" not in str(AuditEntry.objects.values_list("changes"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"base_url": "ftp://x"}, "base_url"),
        ({"model": " "}, "model"),
        ({"options": {"colour": 1}}, "colour"),
        ({"options": {"timeout_s": "soon"}}, "timeout_s"),
    ],
)
def test_a_wrong_provider_is_refused(acme, change, field):
    with tenant_scope(acme.id):
        with pytest.raises(InvalidRequest) as caught:
            configure_provider(acme.project, "chat", **(ENDPOINT | change))
        assert field in caught.value.fields
        assert not ProviderConfig.objects.exists()


def test_keys_rotate_and_the_old_one_may_go(acme, settings):
    with tenant_scope(acme.id):
        configure_provider(acme.project, "chat", api_key="sk-canary", **ENDPOINT)
        fresh = Fernet.generate_key().decode()
        settings.ENCRYPTION_KEYS = [fresh, *settings.ENCRYPTION_KEYS]
        assert rotate_secrets() == 1
        settings.ENCRYPTION_KEYS = [fresh]
        assert get_setup(acme.project.id).chat is not None


def test_secrets_of_webhooks_rotate_too_the_previous_one_as_well(acme, settings):
    new = NewWebhook("h", "https://example.com/h", ["memory_add"])
    with tenant_scope(acme.id):
        hook, secret = create_webhook(acme.project, new, owner_id=acme.owner.id)
        _, fresh_secret = rotate_secret(hook)
        fresh = Fernet.generate_key().decode()
        settings.ENCRYPTION_KEYS = [fresh, *settings.ENCRYPTION_KEYS]
        assert rotate_secrets() == 2
        kept = Webhook.objects.get()
    assert secrets.decrypt(kept.secret_encrypted, [fresh]) == fresh_secret
    assert secrets.decrypt(kept.previous_secret_encrypted, [fresh]) == secret


def test_set_project_shows_and_changes(acme, capsys):
    call_command("set_project", "acme", "engine=additive", "recent_messages=4")
    assert 'engine = "additive"' in capsys.readouterr().out
    with pytest.raises(CommandError, match="recent_messages"):
        call_command("set_project", "acme", "recent_messages=-1")


def test_set_provider_takes_the_key_from_the_environment(acme, monkeypatch, capsys):
    monkeypatch.setenv("PROVIDER_API_KEY", "sk-canary")
    call_command("set_provider", "acme", "chat", "http://127.0.0.1:1/v1", "m")
    assert "sk-canary" not in capsys.readouterr().out
    call_command("rotate_secrets")
    assert "Rotated 1 secrets" in capsys.readouterr().out


# --- what an option or a setting may be ----------------------------------------------


@pytest.mark.parametrize(
    ("kind", "options"),
    [
        ("chat", {"concurrency": "0"}),  # nobody could ever ask
        ("chat", {"timeout_s": "nan"}),  # no JSON either
        ("chat", {"deadline_s": "inf"}),
        ("chat", {"deadline_s": "3600"}),  # outlasts the lease of its runner
        ("chat", {"dimension": "8"}),  # an embedder's
        ("embedding", {"dimension": "0"}),
        ("embedding", {"dimension": "16001"}),  # more than halfvec holds
        ("embedding", {"concurrency": "4"}),  # a chat model's
        ("chat", {"context_tokens": "3999"}),  # no room beside the shipped prompts
    ],
)
def test_an_option_out_of_range_is_refused(acme, kind, options):
    with tenant_scope(acme.id):
        with pytest.raises(InvalidRequest) as caught:
            configure_provider(acme.project, kind, options=options, **ENDPOINT)
        assert list(caught.value.fields) == list(options)


@pytest.mark.parametrize(
    "name", ["recalled_memories", "recent_messages", "summary_every_messages"]
)
def test_half_a_message_is_no_setting(acme, name):
    with tenant_scope(acme.id), pytest.raises(InvalidRequest, match="whole number"):
        change_settings(acme.project, {name: 4.5})


def test_weights_may_be_fractions(acme):
    with tenant_scope(acme.id):
        assert change_settings(acme.project, {"text_weight": 0.25}).text_weight == 0.25
        assert change_settings(acme.project, {"dense_weight": 2}).dense_weight == 2


def test_webhook_secrets_rotate_too(acme, settings):
    with tenant_scope(acme.id):
        hook = Webhook.objects.create(
            project=acme.project, name="h", url="http://h", event_types=[],
            secret_encrypted=secrets.encrypt("whsec", settings.ENCRYPTION_KEYS),
        )  # fmt: skip
        fresh = Fernet.generate_key().decode()
        settings.ENCRYPTION_KEYS = [fresh, *settings.ENCRYPTION_KEYS]
        assert rotate_secrets() == 1
        hook.refresh_from_db()
        assert secrets.decrypt(hook.secret_encrypted, [fresh]) == "whsec"


def test_a_provider_can_be_given_again(acme):
    with tenant_scope(acme.id):
        first = configure_provider(acme.project, "chat", **ENDPOINT)
        again = configure_provider(acme.project, "chat", **(ENDPOINT | {"model": "b"}))
        assert (again.id, again.model) == (first.id, "b")
        assert again.created_at == first.created_at


def test_the_longest_instructions_are_taken(acme):
    texts = dict.fromkeys(("instructions", "includes", "excludes"), "x" * 10_000)
    with tenant_scope(acme.id):
        assert change_settings(acme.project, texts).excludes == "x" * 10_000


def test_there_are_three_kinds_of_providers(acme):
    kinds = "chat, embedding, rerank"
    with tenant_scope(acme.id), pytest.raises(InvalidRequest, match=kinds):
        configure_provider(acme.project, "song", **ENDPOINT)
