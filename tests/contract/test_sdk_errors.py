"""Our errors as exceptions of the real Python SDK: class, message, and what it reads."""

# ruff: noqa: F401, F811 - `python` is a fixture
from __future__ import annotations

import json
import subprocess

import pytest

from tests.contract.test_conformance import needs_suite, python

pytestmark = [pytest.mark.conformance, pytest.mark.urls("tests.tenants.urls")]

RAISE = """
import json, sys
import httpx
from mem0.client.utils import api_error_handler

@api_error_handler
def ask(status, headers, text):
    request = httpx.Request("GET", "http://h/v1/x/")
    httpx.Response(status, headers=headers, text=text, request=request).raise_for_status()

for answer in json.load(sys.stdin):
    try:
        ask(*answer)
    except Exception as exc:
        print(json.dumps([type(exc).__name__, str(exc), exc.details["code"], exc.debug_info]))
"""
EXPECTED = [
    # a view, and the exception its error becomes
    ("fields", "ValidationError"),
    ("too-long", "ValidationError"),
    ("conflict", "ValidationError"),
    ("not-found", "MemoryNotFoundError"),
    ("quota", "MemoryQuotaExceededError"),
    ("limited", "RateLimitError"),
    ("provider", "NetworkError"),
    ("database", "NetworkError"),
]


def told_to_the_sdk(python, answers):
    """(class, message, code, debug info) of each answer's exception."""
    sent = [[a.status_code, dict(a.headers), a.content.decode()] for a in answers]
    run = subprocess.run(
        [python, "-c", RAISE],
        input=json.dumps(sent),
        capture_output=True,
        text=True,
        check=True,
        env={"MEM0_TELEMETRY": "false", "HOME": "/nonexistent", "MEM0_DIR": "/tmp/m"},
        timeout=60,
    )
    return [json.loads(line) for line in run.stdout.splitlines()]


@needs_suite
def test_each_error_is_its_exception(python, api, acme):
    answers = [api(acme.key).get(f"/v1/failing/{name}/") for name, _ in EXPECTED]
    told = told_to_the_sdk(python, answers)
    assert [name for name, *_ in told] == [name for _, name in EXPECTED]
    for answer, (_, message, code, _) in zip(answers, told, strict=True):
        assert message == answer.json()["detail"]
        assert code == answer.json()["code"]


@needs_suite
def test_a_key_that_is_wrong_or_too_narrow(python, api, acme):
    answers = [
        api("wrong").get("/v1/whoami/"),
        api(acme.read_key).post("/v1/whoami/", {}),
    ]
    names = [name for name, *_ in told_to_the_sdk(python, answers)]
    assert names == ["AuthenticationError"] * 2


@needs_suite
def test_the_sdk_learns_when_to_come_back(python, valkey, api, acme, settings):
    settings.RATE_LIMIT_PER_MINUTE = 1
    answers = [api(acme.key).get("/v1/whoami/") for _ in range(2)][1:]
    ((name, _, _, debug),) = told_to_the_sdk(python, answers)
    assert name == "RateLimitError"
    assert 0 < debug["retry_after"] <= 60
    assert (debug["x_ratelimit_limit"], debug["x_ratelimit_remaining"]) == ("1", "0")
    assert int(debug["x_ratelimit_reset"]) > 0
