"""A failed add can be tried again: visibly, and behind what came in since."""

from __future__ import annotations

from io import StringIO
from uuid import uuid4

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from memories.models import Ingestion, Memory, Message, Operation
from memories.selectors import ingestions
from memories.selectors.ingestions import count_reprocessable, count_retryable
from memories.services.add import add_memories
from memories.services.again import (
    reprocess_failed,
    reprocess_operation,
    retry_failed,
    retry_operation,
)
from memories.services.deletion import delete_scope
from memories.services.edit import delete_memory
from memories.services.run import run_operation
from memories.services.subjects import delete_subject
from memories.types import AddRequest, ChatMessage, Scope
from memplatform.lib.errors import InvalidRequest, NotFound, QuotaExceeded
from tenants.models import AuditEntry, Tenant
from tenants.scopes import tenant_scope
from tenants.selectors import Access
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


# --- all that failed for one reason --------------------------------------------------


def test_all_of_a_kind_are_retried_in_their_order(access, model_server):
    first, second = refuse(access, model_server), refuse(access, model_server)
    with tenant_scope(access.tenant_id):
        assert count_retryable("provider_rejected").count == 2
        assert count_retryable("gave_up").count == 0
    assert retry_failed(access, "provider_rejected") == 2
    assert read(access, first).seq < read(access, second).seq
    assert read(access, second).status == "PENDING"
    assert retry_failed(access, "provider_rejected") == 0


def test_no_more_are_retried_than_at_once(access, model_server, monkeypatch):
    for _ in range(3):
        refuse(access, model_server)
    monkeypatch.setattr(ingestions, "MOST_AT_ONCE", 2)
    with tenant_scope(access.tenant_id):
        failures = count_retryable("provider_rejected")
    assert (failures.count, failures.at_once) == (3, 2)
    assert retry_failed(access, "provider_rejected") == 2


def test_anothers_are_left_alone(access, failed, globex):
    assert retry_failed(admit_key(globex.key), "provider_rejected") == 0
    assert read(access, failed).status == "FAILED"


def refuse(access, model_server):
    model_server.order("refusal")
    operation_id = add(access, "I keep bees.")
    assert run(access, operation_id).error_code == "provider_rejected"
    return operation_id


# --- reprocessing ---------------------------------------------------------------------


@pytest.fixture
def learned(access):
    """An add that ended well."""
    operation_id = add(access, "I keep bees.")
    assert run(access, operation_id).status == "SUCCEEDED"
    return operation_id


def heads(access):
    with tenant_scope(access.tenant_id):
        return sorted(Memory.objects.values_list("text", "state"))


def test_reprocessing_is_a_new_add_of_the_same_messages(access, learned):
    with tenant_scope(access.tenant_id):
        before = Message.objects.count()
    later = reprocess_operation(access, learned)
    ended = run(access, later)
    assert (ended.status, ended.payload["reprocess_of"]) == ("SUCCEEDED", str(learned))
    with tenant_scope(access.tenant_id):
        assert Message.objects.count() == before  # nothing said is stored twice
        said = list(Message.objects.values_list("id", flat=True))
        ledger = Ingestion.objects.get(operation_id=later).ledger
    assert [entry["id"] for entry in ledger["messages"]] == [str(i) for i in said]


def test_it_changes_nothing_when_the_engine_decides_as_before(access, learned):
    before = heads(access)
    ended = run(access, reprocess_operation(access, learned))
    assert (heads(access), ended.results) == (before, [])


def test_what_was_deleted_since_stays_deleted_when_reprocessed(access, learned):
    with tenant_scope(access.tenant_id):
        (memory_id,) = Memory.objects.values_list("id", flat=True)
    delete_memory(access, memory_id, delete_linked=False)
    run(access, reprocess_operation(access, learned))
    assert [state for _, state in heads(access)] == ["deleted"]


def test_a_scope_delete_since_holds_too(access, learned):
    operation_id = delete_scope(access, {"user_id": "ida"})
    run(access, operation_id)
    run(access, reprocess_operation(access, learned))
    assert {state for _, state in heads(access)} == {"deleted"}


def test_it_is_the_last_of_its_anchor(access, learned):
    later = add(access, "I live in Oslo.")
    again = reprocess_operation(access, learned)
    assert run(access, again).status == "PENDING"
    assert run(access, later).status == "SUCCEEDED"
    assert run(access, again).status == "SUCCEEDED"


def test_a_failed_add_can_be_reprocessed_too(access, failed):
    assert heads(access) == []
    assert run(access, reprocess_operation(access, failed)).status == "SUCCEEDED"
    assert [state for _, state in heads(access)] == ["active"]
    assert read(access, failed).status == "FAILED"


def test_what_was_reprocessed_can_be_again(access, learned):
    again = reprocess_operation(access, learned)
    run(access, again)
    assert run(access, reprocess_operation(access, again)).status == "SUCCEEDED"


def test_it_is_reprocessed_once_at_a_time(access, learned):
    later = reprocess_operation(access, learned)
    with pytest.raises(InvalidRequest, match="waits to be processed again already"):
        reprocess_operation(access, learned)
    run(access, later)
    assert reprocess_operation(access, learned) != later


def test_a_refusal_leaves_nothing(access, learned):
    reprocess_operation(access, learned)
    with tenant_scope(access.tenant_id):
        before = Operation.objects.count(), Ingestion.objects.count()
    with pytest.raises(InvalidRequest):
        reprocess_operation(access, learned)
    with tenant_scope(access.tenant_id):
        assert (Operation.objects.count(), Ingestion.objects.count()) == before


def test_all_that_failed_for_a_reason_are_reprocessed_once(access, model_server):
    for _ in range(2):
        refuse(access, model_server)
    refuse(access, model_server)
    assert reprocess_failed(access, "provider_rejected") == 3
    with tenant_scope(access.tenant_id):
        assert count_reprocessable("provider_rejected").count == 0
        assert count_retryable("provider_rejected").count == 3
        waiting = Operation.objects.filter(status="PENDING")
        assert waiting.count() == 3
    assert reprocess_failed(access, "provider_rejected") == 0


def test_what_was_stored_word_for_word_is_left_out_of_all(access, failed):
    with tenant_scope(access.tenant_id):
        Ingestion.objects.filter(operation_id=failed).update(infer=False)
    assert reprocess_failed(access, "provider_rejected") == 0


def test_a_month_that_is_used_up_ends_it(access, acme, failed):
    with tenant_scope(acme.id):
        Tenant.objects.update(limits={"per_month": {"tokens": 0}})
    with pytest.raises(QuotaExceeded):
        reprocess_failed(access, "provider_rejected")


def test_what_has_not_ended_is_not_reprocessed(access):
    with pytest.raises(InvalidRequest, match="not ended"):
        reprocess_operation(access, add(access, "I keep bees."))


def test_what_was_stored_word_for_word_is_not_reprocessed(access):
    request = AddRequest(
        Scope(user_id="ida"), (ChatMessage("user", "Bees."),), infer=False
    )
    with pytest.raises(InvalidRequest, match="word for word"):
        reprocess_operation(access, add_memories(access, request).operation_id)


def test_what_was_erased_is_not_reprocessed(access, learned):
    delete_subject(access, "user", "ida")
    with tenant_scope(access.tenant_id):
        erasure = Operation.objects.get(kind="DELETE_USER").id
    run_operation(access.tenant_id, erasure)
    with pytest.raises(InvalidRequest, match="no longer kept"):
        reprocess_operation(access, learned)


def test_what_is_kept_no_longer_is_not_reprocessed(access, learned):
    with tenant_scope(access.tenant_id):
        Message.objects.update(content=None)
    with pytest.raises(InvalidRequest, match="no longer kept"):
        reprocess_operation(access, learned)


def test_an_erasure_reaches_what_waits_to_be_reprocessed(access, learned):
    later = reprocess_operation(access, learned)
    delete_subject(access, "user", "ida")
    with tenant_scope(access.tenant_id):
        erasure = Operation.objects.get(kind="DELETE_USER").id
    run_operation(access.tenant_id, erasure)
    ended = run(access, later)
    assert (ended.status, ended.error_code) == ("FAILED", "erased")


def test_it_names_who_had_it_reprocessed_and_is_audited(acme, access, learned):
    operator = Access(
        tenant_id=acme.id,
        project_id=acme.project.id,
        key_id=None,
        operator_id=acme.owner.id,
        operator_email=acme.owner.email,
    )
    later = reprocess_operation(operator, learned)
    asked = read(access, later)
    # The key it came with is kept: a project may distrust what comes with it.
    assert (asked.operator_id, asked.api_key_id) == (acme.owner.id, access.key_id)
    with tenant_scope(access.tenant_id):
        entry = AuditEntry.objects.get(action="operation.reprocess")
    assert (entry.actor_kind, entry.actor_id) == ("operator", acme.owner.id)
    assert entry.object_id == str(learned)
    assert entry.changes == {"by": [None, str(later)]}


def test_a_failed_reprocessing_tells_of_every_message(access, learned, model_server):
    later = reprocess_operation(access, learned)
    model_server.order("refusal")
    assert run(access, later).status == "FAILED"
    with tenant_scope(access.tenant_id):
        ledger = Ingestion.objects.get(operation_id=later).ledger
    assert [entry["outcome"] for entry in ledger["messages"]] == ["failed"]
    retry_operation(access, later)
    assert run(access, later).status == "SUCCEEDED"


def test_another_projects_add_is_not_there_to_reprocess(learned, globex):
    with pytest.raises(NotFound):
        reprocess_operation(admit_key(globex.key), learned)
