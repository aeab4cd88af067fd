from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from memplatform.lib.errors import InvalidRequest
from tenants.api.parsing import MAX_NESTING, parse_json

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_characters="\0", codec="utf-8")),
    lambda inner: (
        st.lists(inner)
        | st.dictionaries(
            st.text(st.characters(codec="ascii", min_codepoint=32)), inner
        )
    ),
    max_leaves=20,
)


@given(VALUES, st.booleans())
def test_good_json_comes_back_equal(value, is_ascii):
    assert parse_json(json.dumps(value, ensure_ascii=is_ascii).encode()) == value


@given(st.binary())
def test_any_bytes_are_parsed_or_refused(body):
    try:
        parse_json(body)
    except InvalidRequest as exc:
        assert exc.message


@pytest.mark.parametrize("body", [b"", b" ", b"\n\t"])
def test_an_empty_body_is_an_empty_object(body):
    assert parse_json(body) == {}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{]",
        b"{'a': 1}",
        b'{"a": 1,}',
        b'{"a": 01}',
        b"nope",
        b'{"a": 1} {"b": 2}',
        b'{"a": "\x01"}',  # a raw control character
        b'{"a": "\x00"}',
        b"\xef\xbb\xbf{}",  # a byte order mark
        b'{"a": "\xff"}',
        b'{"a": "\xed\xa0\x80"}',  # a surrogate in UTF-8
        b"{\x00}",
        b'{"a": NaN}',
        b'{"a": Infinity}',
        b'{"a": -Infinity}',
        b'{"a": 1e999}',
        b'{"a": [-1e400]}',
        b'{"a": ' + b"9" * 5000 + b"}",
        rb'{"a": "\u0000"}',
        rb'{"a\u0000b": 1}',
        rb'{"a": ["x", {"b": "\u0000"}]}',
        rb'"\u0000"',
        rb'{"a": "\ud83d"}',
        rb'{"a": "\ude00\ud83d"}',
        rb'{"\uD83D": 1}',
        rb'["\ud83dx"]',
    ],
)
def test_what_the_store_cannot_hold_is_refused(body):
    with pytest.raises(InvalidRequest):
        parse_json(body)


@pytest.mark.parametrize(
    ("body", "value"),
    [
        (rb'{"a": "\ud83d\ude00"}', {"a": "😀"}),
        (rb'{"a": "\\u0000"}', {"a": "\\u0000"}),  # an escaped backslash, no NUL
        (rb'{"a": "\\ud83d"}', {"a": "\\ud83d"}),
        (b'{"a": 1, "a": 2}', {"a": 2}),
        (b'{"a": 99999999999999999999}', {"a": 99999999999999999999}),
        (b"[1.5e3]", [1500.0]),
        (b"null", None),
    ],
)
def test_what_looks_odd_but_is_fine(body, value):
    assert parse_json(body) == value


def nested(depth, opening=b"[", closing=b"]"):
    return opening * depth + closing * depth


def test_nesting_has_a_limit():
    assert parse_json(nested(MAX_NESTING))
    for depth in (MAX_NESTING + 1, 500, 100_000):
        with pytest.raises(InvalidRequest, match="nested deeper than 64"):
            parse_json(nested(depth))


def test_nesting_counts_objects_too():
    body = b'{"a":' * 65 + b"1" + b"}" * 65
    with pytest.raises(InvalidRequest, match="nested"):
        parse_json(body)


def test_many_shallow_objects_are_fine():
    value = {"messages": [{"role": "user", "content": "x"}] * 500}
    assert parse_json(json.dumps(value).encode()) == value


def test_brackets_in_text_do_not_count():
    assert parse_json(json.dumps({"a": "[{" * 500}).encode()) == {"a": "[{" * 500}


def test_the_message_says_where():
    with pytest.raises(InvalidRequest, match="line 2 column 7"):
        parse_json(b'{"a": 1,\n "b": oops}')


# --- Through HTTP -----------------------------------------------------------


@pytest.fixture
def post(api, acme):
    def post(body, content_type="application/json", **extra):
        return api(acme.key).generic("POST", "/v1/whoami/", body, content_type, **extra)

    return post


@pytest.mark.urls("tests.tenants.urls")
class TestRequests:
    def test_malformed_json_is_400(self, post):
        answer = post(b'{"a": ')
        assert answer.status_code == 400
        assert answer.json()["detail"].startswith("JSON parse error")
        assert answer.json()["code"] == "invalid_request"

    def test_an_empty_body_is_an_empty_object(self, post):
        assert post(b"").json() == {"got": {}}

    @pytest.mark.parametrize(
        "content_type", ["application/json", "Application/JSON; charset=utf-8", ""]
    )
    def test_json_is_taken(self, post, content_type):
        assert post(b'{"a": 1}', content_type).json() == {"got": {"a": 1}}

    @pytest.mark.parametrize(
        "content_type",
        [
            "text/plain",
            "application/x-www-form-urlencoded",
            "multipart/form-data; boundary=x",
            "nonsense",
        ],
    )
    def test_another_content_type_is_415(self, post, content_type):
        answer = post(b'{"a": 1}', content_type)
        assert answer.status_code == 415
        assert answer.json()["code"] == "unsupported_media_type"

    def test_a_body_over_the_limit_is_413(self, post, settings):
        settings.MAX_BODY_BYTES = 20
        assert post(b'{"a": "12345678901"}').status_code == 201
        answer = post(b'{"a": "123456789012"}')
        assert answer.status_code == 413
        assert answer.json()["code"] == "body_too_large"

    def test_a_body_over_the_limit_is_taken_in_so_that_its_client_hears_why(
        self, post, settings
    ):
        """Who is still sending when the connection is closed is told nothing."""
        settings.MAX_BODY_BYTES = 20
        answer = post(b'{"a": "1234567890123456789"}')
        assert answer.wsgi_request.read() == b""
        answer = post(b" " * 100)  # but not however much it is
        assert len(answer.wsgi_request.read()) == 100
        assert answer.status_code == 413

    def test_any_accept_header_gets_json(self, post):
        for accept in ("text/html", "image/png", "*/*", "nonsense"):
            answer = post(b"{}", HTTP_ACCEPT=accept)
            assert answer.status_code == 201
            assert answer["Content-Type"] == "application/json"

    def test_content_type_on_get_and_delete_without_a_body(self, api, acme):
        client = api(acme.key)
        assert (
            client.get("/v1/whoami/", content_type="application/json").status_code
            == 200
        )
        answer = client.generic("DELETE", "/v1/whoami/", b"", "application/json")
        assert answer.status_code == 201
