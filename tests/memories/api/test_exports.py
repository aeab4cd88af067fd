"""POST /v1/exports/ and /v1/exports/get/"""

from __future__ import annotations

from uuid import UUID

import pytest

from memories.models import Export, Operation
from memories.services.background import empty_what_is_over
from memories.services.run import run_operation
from tenants.scopes import tenant_scope
from tests.memories.api.conftest import NOBODYS_ID, entity_path

EXPORTS, GET = "/v1/exports/", "/v1/exports/get/"
SCHEMA = {
    "title": "Person",
    "type": "object",
    "properties": {
        "favourite_colour": {
            "type": "string",
            "description": "The colour this person likes best",
        },
        "colours": {"type": "array", "description": "The colours this person likes"},
        "pets": {"type": "array", "items": {"type": "string"}},
    },
}
IDA = {"AND": [{"user_id": "ida"}]}
MISSING = "No memory export request found"


@pytest.fixture
def asked(client):
    """``asked(filters)`` asks for an export; its id."""

    def asked(filters=IDA, by=client, schema=SCHEMA, **more):
        body = {"schema": schema, "filters": filters, **more}
        answer = by.post(EXPORTS, body)
        assert answer.status_code == 201, answer.json()
        assert isinstance(answer.json()["message"], str)
        return answer.json()["id"]

    return asked


@pytest.fixture
def worked(acme):
    """The worker takes everything that waits."""

    def worked(**which):
        with tenant_scope(acme.id):
            waiting = list(Operation.objects.filter(status="PENDING", **which))
        for operation in waiting:
            run_operation(acme.id, operation.id)

    return worked


def by_id(client, export_id):
    return client.post(GET, {"memory_export_id": export_id})


def test_an_export_has_the_shape_of_its_schema(client, store, asked, worked):
    store("Her favourite colour is blue.")
    export_id = asked()
    worked()
    answer = by_id(client, export_id)
    assert answer.status_code == 200
    assert answer.json()["favourite_colour"] == "Her favourite colour is blue."
    assert isinstance(answer.json()["pets"], list)
    assert answer["X-Export-Made-By"] == "rules"


def test_until_it_is_made_there_is_nothing(client, store, asked):
    store("Her favourite colour is blue.")
    answer = by_id(client, asked())
    assert answer.status_code == 404
    assert answer.json() == {
        "error": "not ready",
        "detail": "not ready",
        "code": "not_ready",
    }


def test_by_filters_the_latest_finished_one_is_found(client, store, asked, worked):
    assert client.post(GET, {"filters": IDA}).json()["error"] == MISSING
    store("Her favourite colour is blue.")
    asked()
    worked()
    store("Her favourite colour is green now.")
    asked()
    worked()
    asked()
    answer = client.post(GET, {"filters": IDA})
    assert "Her favourite colour is green now." in answer.json()["colours"]
    other = client.post(GET, {"filters": {"AND": [{"user_id": "bo"}]}})
    assert other.status_code == 404


@pytest.mark.parametrize(
    "schema",
    [
        SCHEMA,
        '{"type": "object", "properties": {"a": {"type": "string"}}}',
        {"properties": {"a": {}}},
        {
            "$defs": {"Pet": {"type": "object", "properties": {"name": {}}}},
            "properties": {"pets": {"type": "array", "items": {"$ref": "#/$defs/Pet"}}},
        },
    ],
)
@pytest.mark.parametrize("filters", [IDA, {"user_id": "ida"}])
def test_a_schema_is_an_object_or_text_and_filters_flat_or_structured(
    asked, schema, filters
):
    assert UUID(asked(filters, schema=schema))


@pytest.mark.parametrize(
    ("body", "key"),
    [
        ({"filters": IDA}, "message"),
        ({"schema": "", "filters": IDA}, "message"),
        ({"schema": "{", "filters": IDA}, "message"),
        ({"schema": [], "filters": IDA}, "message"),
        ({"schema": {"type": "string"}, "filters": IDA}, "message"),
        ({"schema": {"properties": {"a": {"type": "x"}}}, "filters": IDA}, "message"),
        (
            {"schema": {"properties": {"a": {"$ref": "#"}}}, "filters": IDA},
            "message",
        ),
        (
            {"schema": {"properties": {"a": {"$ref": "http://x/"}}}, "filters": IDA},
            "message",
        ),
        ({"schema": SCHEMA}, "error"),
        ({"schema": SCHEMA, "filters": {}}, "error"),
        ({"schema": SCHEMA, "filters": {"shoe_size": 4}}, "error"),
        ({"schema": SCHEMA, "filters": IDA, "export_instructions": 4}, "error"),
    ],
)
def test_what_is_wrong_is_400_and_nothing_is_stored(client, acme, body, key):
    answer = client.post(EXPORTS, body)
    assert answer.status_code == 400
    assert answer.json()[key] == answer.json()["detail"]
    with tenant_scope(acme.id):
        assert not Export.objects.exists()


@pytest.mark.parametrize(
    "body", [{}, {"memory_export_id": "x"}, {"memory_export_id": None}, {"filters": 1}]
)
def test_asking_for_none_is_400(client, body):
    assert client.post(GET, body).status_code == 400


def test_one_that_nobody_asked_for_is_404(client):
    answer = by_id(client, NOBODYS_ID)
    assert answer.status_code == 404
    assert answer.json()["error"] == MISSING


def test_another_tenants_export_is_not_there(client, outsider, store, asked, worked):
    store("Her favourite colour is blue.")
    export_id = asked()
    worked()
    assert by_id(outsider, export_id).json()["error"] == MISSING
    assert outsider.post(GET, {"filters": IDA}).status_code == 404


def test_a_narrowed_key_gets_its_own_subject_only(client, idas, store, asked, worked):
    store("My favourite colour is blue.")
    store("My favourite colour is red.", user_id="bo")
    everyone = asked({"user_id": "*"})
    hers = asked({"user_id": "*"}, by=idas)
    worked()
    assert (
        by_id(idas, hers).json()["favourite_colour"] == "My favourite colour is blue."
    )
    assert by_id(idas, everyone).status_code == 404
    foreign = {"schema": SCHEMA, "filters": {"user_id": "bo"}}
    assert idas.post(EXPORTS, foreign).status_code == 404


def test_a_read_only_key_may_get_but_not_ask(client, reader, store, asked, worked):
    store("Her favourite colour is blue.")
    export_id = asked()
    worked()
    assert reader.post(EXPORTS, {"schema": SCHEMA, "filters": IDA}).status_code == 403
    assert by_id(reader, export_id).status_code == 200


def test_the_event_tells_how_it_went(client, store, asked, worked):
    store("Her favourite colour is blue.")
    asked()
    worked()
    newest = client.get("/v1/events/").json()["results"][0]
    assert (newest["event_type"], newest["status"]) == ("EXPORT", "SUCCEEDED")


def test_an_erased_subject_leaves_every_export(client, acme, store, asked, worked):
    store("Her favourite colour is blue.")
    export_id = asked()
    worked()
    client.delete(entity_path())
    worked()
    answer = by_id(client, export_id)
    assert (answer.status_code, answer.json()["code"]) == (404, "export_emptied")
    with tenant_scope(acme.id):
        assert list(Export.objects.values_list("data", "filters")) == [(None, None)]


def test_an_erasure_empties_also_what_was_exported_while_it_waited(
    client, store, asked, worked
):
    store("My favourite colour is blue.")
    client.delete(entity_path())
    export_id, waiting = asked(), asked()
    worked(payload__export_id=export_id)
    worked(kind="DELETE_USER")
    assert by_id(client, export_id).json()["code"] == "export_emptied"
    worked()
    assert by_id(client, waiting).json()["favourite_colour"] is None


def test_an_erasure_while_it_waits_begins_it_anew(client, store, asked, worked):
    store("My favourite colour is blue.")
    store("My favourite colour is red.", user_id="bo")
    hers, everyones = asked(), asked({"user_id": "*"})
    client.delete(entity_path())
    worked(kind="DELETE_USER")
    worked()
    assert by_id(client, hers).json()["code"] == "export_emptied"
    said = by_id(client, everyones).json()["favourite_colour"]
    assert said == "My favourite colour is red."


def test_an_export_is_kept_for_some_days(
    client, store, asked, worked, frozen, settings
):
    settings.EXPORT_DAYS = 2
    store("Her favourite colour is blue.")
    export_id = asked()
    worked()
    frozen.advance(days=1)
    empty_what_is_over()
    assert by_id(client, export_id).status_code == 200
    frozen.advance(days=2)
    empty_what_is_over()
    assert by_id(client, export_id).json()["code"] == "export_emptied"


def test_a_model_fills_it_in(client, models, store, asked, worked):
    store("Her favourite colour is blue.")
    store("She has a dog.")
    export_id = asked(export_instructions="Be brief.")
    worked()
    answer = by_id(client, export_id)
    assert answer["X-Export-Made-By"] == "model"
    assert answer.json() == {
        "favourite_colour": "She has a dog.",
        "colours": ["Her favourite colour is blue.", "She has a dog."],
        "pets": ["Her favourite colour is blue.", "She has a dog."],
    }


def test_what_does_not_fit_one_request_comes_in_portions(
    client, models, store, asked, worked, settings
):
    settings.LLM_CONTEXT_TOKENS = 4_000
    said = [f"Memory {n} of many: {'bees and hives ' * 40}." for n in range(24)]
    for text in said:
        store(text)
    export_id = asked(schema={"properties": {"last": {"type": "string"}}})
    worked()
    assert by_id(client, export_id).json() == {"last": said[-1]}
    assert models.stats()["by_purpose"]["export"] > 1


def test_a_model_that_makes_no_sense_is_told(client, models, store, asked, worked):
    store("Her favourite colour is blue.")
    export_id = asked()
    models.order("wrong_schema", times=60)
    for _ in range(6):
        worked()
    answer = by_id(client, export_id).json()
    assert answer["code"] == "export_failed"
    assert "export" in answer["detail"]
