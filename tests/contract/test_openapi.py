"""The API document: kept as it is served, complete, and true."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.core.management import call_command
from jsonschema import Draft202012Validator

from tests.memories.api.conftest import (  # noqa: F401 - fixtures
    client,
    learn,
    store,
)

SNAPSHOT = Path(__file__).parents[2] / "docs" / "openapi.yaml"
REWRITE = (
    "python manage.py spectacular --validate --fail-on-warn --file docs/openapi.yaml"
)
WRITES = {
    "add_memories",
    "delete_memories",
    "update_memory",
    "delete_memory",
    "change_project",
    "delete_project",
    "create_project",
    "add_project_member",
    "change_project_member",
    "remove_project_member",
    "create_organization",
    "delete_organization",
    "add_organization_member",
    "change_organization_member",
    "remove_organization_member",
    "update_many_memories",
    "delete_many_memories",
    "give_feedback",
    "create_export",
    "export_everything",
    "import_memories",
    "add_memories_v1",
    "delete_entity",
    "create_user",
    "create_agent",
    "create_app",
    "create_run",
    "create_webhook",
    "change_webhook",
    "delete_webhook",
    "rotate_webhook_secret",
    "test_webhook",
    "redeliver_webhook_delivery",
    "change_profile_settings",
    "start_profile_job",
    "merge_graph_entities",
    "undo_graph_merge",
}
# Where not both of 400 and 404 apply.
APPLYING = {
    "ping": (),
    "create_organization": ("400",),
    "preview_retention": ("400",),
    "list_organizations": (),
    **dict.fromkeys(
        (
            "get_project",
            "delete_project",
            "list_projects",
            "list_project_members",
            "get_organization",
            "delete_organization",
            "list_organization_members",
            "list_webhooks",
            "get_webhook",
            "delete_webhook",
            "rotate_webhook_secret",
            "get_webhook_delivery",
        ),
        ("404",),
    ),
    "update_many_memories": ("400",),
    "delete_many_memories": ("400",),
    "get_stats": (),
    "get_limits": (),
    "report_usage": ("400",),
    "list_changes": ("400",),
    "list_entities": ("400",),
    "get_entity": ("400",),
    "list_entity_filters": (),
    "get_profile_settings": (),
}
IDA = {"user_id": "ida"}
LIKED = {"feedback": "POSITIVE", "feedback_reason": "True."}
V2 = {"output_format": "v1.1", "version": "v2"}
PAGED = "page=1&page_size=1"


@pytest.fixture(scope="module")
def text(tmp_path_factory) -> str:
    """The document as the code describes itself now; a warning is an error."""
    file = tmp_path_factory.mktemp("openapi") / "openapi.yaml"
    call_command("spectacular", file=str(file), validate=True, fail_on_warn=True)
    return file.read_text()


@pytest.fixture(scope="module")
def document(text) -> dict[str, Any]:
    return yaml.safe_load(text)


@pytest.fixture(scope="module")
def operations(document) -> dict[str, dict[str, Any]]:
    return {
        operation["operationId"]: operation
        for path in document["paths"].values()
        for operation in path.values()
    }


def content(part: dict[str, Any]) -> dict[str, Any]:
    """JSON, or what a file is."""
    kinds = part["content"]
    return kinds.get("application/json") or next(iter(kinds.values()))


def success(operation: dict[str, Any]) -> str:
    """The status of what was asked for: 201 where something is made, else 200."""
    return next(s for s in operation["responses"] if s in ("200", "201"))


def examples(part: dict[str, Any]) -> list[Any]:
    return [example["value"] for example in content(part).get("examples", {}).values()]


# --- Kept and complete ------------------------------------------------------


def test_the_snapshot_is_what_is_served(text):
    assert SNAPSHOT.read_text() == text, f"The API has changed; see to it: {REWRITE}"


def test_the_served_document_is_the_same(client, document):  # noqa: F811
    assert client.get("/api/schema/").json() == document


def test_each_operation_shows_what_to_send_and_what_comes_back(operations):
    for name, operation in operations.items():
        assert examples(operation["responses"][success(operation)]), name
        if "requestBody" in operation:
            assert examples(operation["requestBody"]), name


def test_each_operation_tells_how_it_refuses(operations):
    for name, operation in operations.items():
        told = operation["responses"].keys()
        expected = {"401", "429", *APPLYING.get(name, ("400", "404"))}
        expected |= {"403"} if name in WRITES else set()
        expected |= {"413"} if "requestBody" in operation else set()
        assert expected <= told, name
        assert all(content(operation["responses"][s])["schema"] for s in told), name


def test_each_operation_wants_a_key_and_says_what_it_is_for(operations):
    for name, operation in operations.items():
        assert operation["security"] == [{"ApiKey": []}], name
        assert operation["summary"], name
        assert operation["tags"], name


# --- True -------------------------------------------------------------------


def strict(schema: Any) -> Any:
    """OpenAPI 3.0 as JSON Schema, with no key allowed that is not described."""
    if isinstance(schema, list):
        return [strict(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: strict(value) for key, value in schema.items()}
    if "properties" in found and isinstance(found["properties"], dict):
        found.setdefault("additionalProperties", False)
    if found.pop("nullable", False):
        return {"anyOf": [found, {"type": "null"}]}
    return found


@pytest.fixture(scope="module")
def check(document, operations):
    """``check("add_memories", "200", body)`` raises when the document is not true."""
    components = strict(document["components"])

    def check(name, status, body):
        operation = operations[name]
        part = (
            operation["requestBody"]
            if status is None
            else operation["responses"][status]
        )
        schema = {**strict(content(part)["schema"]), "components": components}
        Draft202012Validator(schema).validate(body)

    return check


def test_every_example_is_true(operations, check):
    for name, operation in operations.items():
        status = success(operation)
        for value in examples(operation["responses"][status]):
            check(name, status, value)
        if "requestBody" in operation:
            for value in examples(operation["requestBody"]):
                check(name, None, value)


def test_every_answer_is_as_described(client, store, learn, check):  # noqa: F811
    event_id = learn("I keep bees behind the barn. How are you?")
    memory_id = store("I keep goats.", metadata={"k": 1})
    path, listed = f"/v1/memories/{memory_id}/", {"filters": IDA}
    asked = {"query": "bees", **listed}
    added = {"messages": "I keep wasps.", **IDA}
    item = {"memory_id": memory_id}
    for name, answer in (
        ("ping", client.get("/v1/ping/")),
        ("add_memories", client.post("/v3/memories/add/", added)),
        ("add_memories", client.post("/v3/memories/add/", {**added, "infer": False})),
        ("search_memories", client.post("/v3/memories/search/", asked)),
        ("list_memories", client.post("/v3/memories/", listed)),
        ("get_memory", client.get(path)),
        ("update_memory", client.put(path, {"text": "I keep geese."})),
        ("get_memory_history", client.get(f"{path}history/")),
        ("get_event", client.get(f"/v1/event/{event_id}/")),
        ("list_events", client.get("/v1/events/")),
        ("list_entities", client.get("/v1/entities/")),
        ("get_entity", client.get("/v2/entities/user/ida/")),
        ("list_entity_filters", client.get("/v1/entities/filters/")),
        ("list_entity_memories", client.get("/v1/memories/user/ida/")),
        ("delete_entity", client.delete("/v2/entities/user/nobody/")),
        ("get_stats", client.get("/v1/stats/")),
        ("get_limits", client.get("/v1/limits/")),
        ("report_usage", client.get("/v1/usage/")),
        ("list_changes", client.get("/v1/memories/events/")),
        ("give_feedback", client.post("/v1/feedback/", {**item, **LIKED})),
        ("update_many_memories", client.put("/v1/batch/", {"memories": [item]})),
        ("add_memories_v1", client.post("/v1/memories/", added)),
        ("add_memories_v1", client.post("/v1/memories/", {**added, **V2})),
        ("list_memories_v1", client.get("/v1/memories/?user_id=ida")),
        ("list_memories_v1", client.get("/v1/memories/?user_id=ida&" + PAGED)),
        ("list_memories_v2", client.post("/v2/memories/", IDA)),
        ("list_memories_v2", client.post("/v2/memories/?" + PAGED, IDA)),
        ("search_memories_v1", client.post("/v1/memories/search/", asked)),
        ("search_memories_v1", client.post("/v1/memories/search/", {**asked, **V2})),
        ("search_memories_v2", client.post("/v2/memories/search/", asked)),
        ("summarize_memories", client.post("/v1/summary/", listed)),
        ("delete_memory", client.delete(f"{path}?delete_linked=true")),
        ("delete_many_memories", client.delete("/v1/batch/", {"memories": [item]})),
        ("delete_memories", client.delete("/v1/memories/?user_id=ida")),
    ):
        assert answer.status_code == 200, answer.json()
        check(name, "200", answer.json())


def test_the_graph_is_as_described(client, learn, check):  # noqa: F811
    learn("I live in Riga. My sister Anna lives in Oslo.")
    graph, asked = "/v1/graph/", "?user_id=ida&query=Anna"
    entities = client.get(f"{graph}entities/{asked}")
    first, second, *_ = (e["id"] for e in entities.json()["results"])
    relations = client.get(f"{graph}relations/{asked}")
    relation = relations.json()["results"][0]["id"]
    one = f"{graph}entities/{first}/"
    search = {"query": "Anna", "filters": IDA, "relations": True}
    merged = client.post(f"{one}merge/", {"other_id": second})
    undo = f"{graph}merges/{merged.json()['id']}/undo/"
    for name, answer in (
        ("list_graph_entities", entities),
        ("list_graph_relations", relations),
        ("merge_graph_entities", merged),
        ("get_graph_entity", client.get(one)),
        ("undo_graph_merge", client.post(undo)),
        ("get_graph_relation", client.get(f"{graph}relations/{relation}/")),
        ("get_graph_neighbourhood", client.get(f"{one}neighbourhood/?depth=3")),
        ("find_graph_path", client.get(f"{graph}path/?from={first}&to={second}")),
        ("search_memories", client.post("/v3/memories/search/", search)),
    ):
        assert answer.status_code == 200, (name, answer.json())
        check(name, "200", answer.json())


def test_profiles_are_as_described(client, store, check):  # noqa: F811
    store("I keep bees.")
    switched_on = client.post("/v2/profiles/settings/", {"enabled": True})
    asked = {"operation": "trigger", "entity_type": "user", "entity_id": "ida"}
    job = client.post("/v2/profiles/jobs/", asked)
    sample = {"operation": "sample", "entity_type": "user"}
    for name, answer in (
        ("change_profile_settings", switched_on),
        ("get_profile_settings", client.get("/v2/profiles/settings/")),
        ("get_profile", client.get("/v2/entities/user/ida/profile/")),
        ("start_profile_job", job),
        ("start_profile_job", client.post("/v2/profiles/jobs/", sample)),
        ("get_profile_job", client.get(job.json()["status_url"])),
    ):
        assert answer.status_code == 200, answer.json()
        check(name, "200", answer.json())


def test_every_refusal_is_as_described(api, client, check):  # noqa: F811
    path = "/v1/memories/00000000-0000-7000-8000-000000000000/"
    for name, answer in (
        ("ping", api().get("/v1/ping/")),
        ("add_memories", client.post("/v3/memories/add/", {"messages": []})),
        ("search_memories", client.post("/v3/memories/search/", {})),
        ("update_memory", client.put(path, {"text": "I keep geese."})),
    ):
        check(name, str(answer.status_code), answer.json())


# --- The browsable page -----------------------------------------------------


def test_the_page_needs_nothing_from_elsewhere(client):  # noqa: F811
    page = client.get("/api/docs/")
    script = client.get("/api/docs/?script=")
    assert page.status_code == script.status_code == 200
    html = page.content.decode()
    addresses = re.findall(r'(?:src|href)="([^"]+)"', html)
    assert len(addresses) >= 5
    assert all(address.startswith("/") for address in addresses), addresses
    assert '"validatorUrl": null' in script.content.decode()


def test_the_page_keeps_to_our_policy(client):  # noqa: F811
    page = client.get("/api/docs/")
    assert "default-src 'self'" in page["Content-Security-Policy"]
    html = page.content.decode()
    assert "<style" not in html
    assert " style=" not in html
    assert not re.search(r"<script(?![^>]*\bsrc=)", html)
