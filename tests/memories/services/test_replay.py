"""A failed add can be tried again: visibly, and behind what came in since."""

from __future__ import annotations

from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from memories.models import Ingestion, Operation
from memories.services.add import add_memories
from memories.services.deletion import delete_scope
from memories.services.replay import retry_operation
from memories.services.run import run_operation
from memories.types import AddRequest, ChatMessage, Scope
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.models import AuditEntry
from tenants.scopes import tenant_scope
from tenants.services import admit_key


@pytest.fixture(autouse=True)
def _models(settings, model_server):
    settings.LLM_BASE_URL = settings.EMBEDDING_BASE_URL = model_server.base_url
    settings.EMBEDDING_MODEL = "stand-in"


@pytest.fixture
def access(acme):
    return admit_key(acme.key)


def add(access, text):
    request = AddRequest(Scope(user_id="ida"), (ChatMessage("user", text),))
    return add_memories(access, request).operation_id


def run(access, operation_id):
    run_operation(access.tenant_id, operation_id)
    return read(access, operation_id)


def read(access, operation_id):
    with tenant_scope(access.tenant_id):
        return Operation.objects.get(id=operation_id)


@pytest.fixture
def failed(access, model_server):
    model_server.order("refusal")
    operation_id = add(access, "I keep bees.")
    assert run(access, operation_id).status == "FAILED"
    return operation_id


def test_it_runs_again_and_has_its_effect_once(access, failed):
    retry_operation(access, failed)
    again = read(access, failed)
    assert (again.status, again.attempts, again.error) == ("PENDING", 0, None)
    assert run(access, failed).status == "SUCCEEDED"
    run(access, failed)
    with tenant_scope(access.tenant_id):
        ledger = Ingestion.objects.get(operation_id=failed).ledger
        assert ledger["totals"]["facts"] == {"stored": 1}


def test_it_goes_last_in_its_queue(access, failed):
    later = add(access, "I live in Oslo.")
    retry_operation(access, failed)
    assert run(access, failed).status == "PENDING"
    assert run(access, later).status == "SUCCEEDED"
    assert run(access, failed).status == "SUCCEEDED"


def test_it_is_woken_after_the_commit(
    access, failed, django_capture_on_commit_callbacks
):
    with django_capture_on_commit_callbacks() as callbacks:
        retry_operation(access, failed)
    assert len(callbacks) == 1
    assert read(access, failed).woken_at is None  # or the sweep would wait


def test_it_is_audited(access, failed):
    retry_operation(access, failed)
    with tenant_scope(access.tenant_id):
        entry = AuditEntry.objects.get(action="operation.retry")
    assert (entry.actor_id, entry.object_id) == (access.key_id, str(failed))
    assert entry.changes["error_code"] == ["provider_rejected", None]


def test_only_what_failed_can_be_tried_again(access, failed):
    retry_operation(access, failed)
    with pytest.raises(InvalidRequest, match="PENDING"):
        retry_operation(access, failed)
    with tenant_scope(access.tenant_id):
        assert AuditEntry.objects.filter(action="operation.retry").count() == 1


def test_anothers_is_not_there(failed, globex):
    with pytest.raises(NotFound):
        retry_operation(admit_key(globex.key), failed)


def test_what_was_deleted_since_does_not_come_back(access, failed):
    delete_scope(access, {"user_id": "ida"})
    retry_operation(access, failed)
    assert run(access, failed).results == []


def test_the_command_retries_one_or_all(access, failed):
    said = StringIO()
    call_command("retry_operation", "acme", str(failed), stdout=said)
    assert str(failed) in said.getvalue()
    assert read(access, failed).status == "PENDING"
    call_command("retry_operation", "acme", "--all", stdout=said)  # nothing is left


@pytest.mark.parametrize("arguments", [[], [str(uuid4())], [str(uuid4()), "--all"]])
def test_the_command_says_what_is_wrong(acme, arguments):
    with pytest.raises(CommandError):
        call_command("retry_operation", "acme", *arguments)
