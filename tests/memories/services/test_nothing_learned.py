"""An add from which there is nothing to learn ends as well as any other."""

from __future__ import annotations

from memories.models import Ingestion, Operation
from memories.services.add import add_memories
from memories.services.run import run_operation
from memories.types import AddRequest, ChatMessage, Scope
from tenants.scopes import tenant_scope
from tenants.services import admit_key


def test_the_first_word_of_a_new_user_may_be_a_greeting(acme):
    access = admit_key(acme.key)
    hello = AddRequest(Scope(user_id="ida"), (ChatMessage("user", "Hello!"),))
    operation_id = add_memories(access, hello).operation_id
    run_operation(access.tenant_id, operation_id)
    with tenant_scope(access.tenant_id):
        operation = Operation.objects.get(id=operation_id)
        ledger = Ingestion.objects.get(operation_id=operation_id).ledger
    assert (operation.status, operation.results) == ("SUCCEEDED", [])
    assert [entry["outcome"] for entry in ledger["messages"]] == ["dropped"]
