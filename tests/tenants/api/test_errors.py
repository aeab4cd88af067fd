from __future__ import annotations

import pytest
from django.db import connections

pytestmark = pytest.mark.urls("tests.tenants.urls")


@pytest.mark.parametrize(
    ("name", "status", "code", "detail"),
    [
        ("not-found", 404, "not_found", "Memory not found!"),
        ("http404", 404, "not_found", "Not found."),
        ("conflict", 409, "idempotency_key_reused", None),
        ("limited", 429, "rate_limited", None),
        ("quota", 413, "quota_exceeded", None),
        ("provider", 502, "provider_timeout", None),
        ("database", 503, "unavailable", None),
        ("too-long", 400, "invalid_request", None),
        ("too-deep", 400, "invalid_request", None),
        ("fields", 400, "invalid_request", "No."),
    ],
)
def test_every_error_has_one_shape(api, acme, name, status, code, detail):
    answer = api(acme.key).get(f"/v1/failing/{name}/")
    body = answer.json()
    assert answer.status_code == status
    assert body["code"] == code
    assert body["detail"] == body["error"] == (detail or body["detail"])
    assert "secret" not in answer.content.decode()


def test_the_log_does_not_repeat_what_a_provider_quotes(api, acme, caplog):
    answer = api(acme.key).get("/v1/failing/refused/")
    assert answer.json()["code"] == "provider_rejected"
    assert "provider_rejected" in caplog.text
    assert "Bob" not in caplog.text


def test_the_log_does_not_repeat_what_the_database_says(api, acme, caplog):
    api(acme.key).get("/v1/failing/database/")
    assert "503 OperationalError: unavailable" in caplog.text
    assert "secret" not in caplog.text


def test_retry_after_is_in_whole_seconds(api, acme):
    assert api(acme.key).get("/v1/failing/limited/")["Retry-After"] == "2"
    assert int(api(acme.key).get("/v1/failing/database/")["Retry-After"]) > 0


def test_fields_are_named(api, acme):
    body = api(acme.key).get("/v1/failing/fields/").json()
    assert body["fields"] == {"user_id": ["No."]}


def test_a_serializers_errors_become_dotted_fields(api, acme):
    sent = {"user_id": "far too long", "messages": [{"role": "user"}, {}]}
    answer = api(acme.key).post("/v1/failing/x/", sent)
    assert answer.status_code == 400
    assert answer.json()["fields"] == {
        "user_id": ["Ensure this field has no more than 5 characters."],
        "messages.1.role": ["This field is required."],
    }
    assert answer.json()["detail"] == (
        "user_id: Ensure this field has no more than 5 characters."
        " messages.1.role: This field is required."
    )


def test_an_error_of_no_field_is_the_detail(api, acme):
    sent = {"user_id": "ida", "messages": []}
    answer = api(acme.key).post("/v1/failing/x/", sent).json()
    assert answer["detail"] == "Nothing is ever right."
    assert "fields" not in answer


def test_a_body_that_is_no_object_is_400(api, acme):
    answer = api(acme.key).generic("POST", "/v1/failing/x/", b"[1]", "application/json")
    assert answer.status_code == 400
    assert isinstance(answer.json()["detail"], str)


def test_a_view_may_shape_its_errors(api, acme):
    assert api(acme.key).get("/v1/shaped/").json() == {
        "error": "400",
        "details": {"message": "No messages."},
        "detail": "No messages.",
        "code": "invalid_request",
    }


def test_a_bug_is_a_json_500_without_its_text(api, acme):
    client = api(acme.key)
    client.raise_request_exception = False
    answer = client.get("/v1/broken/")
    assert answer.status_code == 500
    assert answer.json()["code"] == "internal_error"
    assert "secret" not in answer.content.decode()


def test_a_wrong_method_is_405(api, acme):
    answer = api(acme.key).post("/v1/narrowed/", {})
    assert answer.status_code == 405
    assert answer.json()["code"] == "method_not_allowed"
    assert "GET" in answer["Allow"]


@pytest.mark.parametrize("path", ["/v1/nothing/", "/v3/", "/api/v1/x", "/v1/whoami"])
def test_an_unknown_api_path_is_a_json_404(api, acme, path):
    answer = api(acme.key).get(path)
    assert answer.status_code == 404
    assert answer.json() == {"detail": "Not found.", "code": "not_found"}


@pytest.mark.parametrize("path", ["/nothing/", "/memories/", "/v9/x", "/consoles/"])
def test_an_unknown_path_is_a_json_404(client, db, path):
    answer = client.get(path, headers={"accept": "text/html"})
    assert answer.status_code == 404
    assert answer.json() == {"detail": "Not found.", "code": "not_found"}


@pytest.mark.parametrize("path", ["/console/nothing/", "/console"])
def test_an_unknown_page_of_the_console_is_html(client, db, path):
    answer = client.get(path)
    assert answer.status_code == 404
    assert answer["Content-Type"].startswith("text/html")


def test_a_database_that_is_away_is_503(committed_db, api, acme):
    """Not a stack trace, and the request may come again."""
    port = connections.settings["default"]["PORT"]
    connections["default"].close()
    connections.settings["default"]["PORT"] = "1"
    try:
        answer = api(acme.key).get("/v1/whoami/")
    finally:
        connections["default"].close()
        connections.settings["default"]["PORT"] = port
    assert answer.status_code == 503
    assert answer.json()["code"] == "unavailable"


def test_leading_slashes_are_collapsed(client, db):
    """Some clients join a host that ends in a slash with a path that begins with one."""
    environ = {"PATH_INFO": "//v1/whoami/"}
    assert client.get("/v1/whoami/", **environ).status_code == 401


def test_a_body_in_chunks_is_refused_not_ignored(api, acme):
    client = api(acme.key)
    answer = client.post(
        "/v1/whoami/", HTTP_TRANSFER_ENCODING="chunked", CONTENT_LENGTH=""
    )
    assert (answer.status_code, answer.json()["code"]) == (411, "length_required")


def test_the_request_id_comes_back(api, acme):
    answer = api(acme.key).get("/v1/whoami/", HTTP_X_REQUEST_ID="abcdefgh-1")
    assert answer["X-Request-ID"] == "abcdefgh-1"
