from __future__ import annotations

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.core.management.base import CommandError

from memories.models import ProviderConfig
from memories.selectors.projects import get_setup
from memories.services.configuration import (
    change_settings,
    configure_provider,
    rotate_secrets,
)
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
