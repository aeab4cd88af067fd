"""A model that fails in every way: each add is stored in the end, or says why not.

All faults are met at once, each by an add of its own user; a fault that passes costs
time only, and what has FAILED under one that stays is tried again when it is over.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.acceptance.effects import assert_stored_once
from tests.acceptance.installation import wait_for
from tests.acceptance.platform import (
    MARKS,
    PACE,
    Client,
    Platform,
    count_in,
    wait_settled,
)

pytestmark = MARKS
ENDS_WITHIN_S = 60
FOR_GOOD = 50  # more often than all attempts together ask


@dataclass(frozen=True)
class Case:
    """How the model fails; the code and part of the sentence of its reason."""

    path: str
    kind: str
    code: str
    says: str

    def __str__(self) -> str:
        return f"{self.path}-{self.kind}"


CASES = [
    Case("chat", "rate_limit", "provider_rate_limited", "HTTP 429"),
    Case("chat", "error", "provider_unavailable", "HTTP 500"),
    Case("chat", "hang", "provider_timeout", "did not answer in time"),
    Case("chat", "drop", "provider_unavailable", "could not be reached"),
    Case("chat", "malformed", "provider_reply_invalid", "JSON"),
    Case("chat", "truncated", "provider_reply_invalid", "cut off"),
    Case("chat", "empty", "provider_reply_invalid", "empty"),
    Case("chat", "refusal", "provider_rejected", "refused to answer"),
    Case("chat", "wrong_schema", "provider_reply_invalid", "facts"),
    Case("embeddings", "rate_limit", "provider_rate_limited", "HTTP 429"),
    Case("embeddings", "error", "provider_unavailable", "HTTP 500"),
    Case("embeddings", "hang", "provider_timeout", "did not answer in time"),
    Case("embeddings", "drop", "provider_unavailable", "could not be reached"),
    Case("embeddings", "malformed", "provider_reply_invalid", "not answer in JSON"),
    Case("embeddings", "truncated", "provider_reply_invalid", "not answer in JSON"),
    Case("embeddings", "empty", "provider_reply_invalid", ""),
    Case("embeddings", "refusal", "provider_rejected", "HTTP 400"),
    Case("embeddings", "wrong_schema", "provider_reply_invalid", ""),
]
PASSING = [case for case in CASES if case.code != "provider_rejected"]


@dataclass(frozen=True)
class Told:
    """An add that meets a fault, and its event once it has ended."""

    event_id: str
    user: str
    word: str
    event: dict[str, Any]


Stories = dict[Case, Told]


def tell(platform: Platform, client: Client, cases: list[Case], times: int) -> Stories:
    """One add for each case, until all have ended."""
    words = {case: f"w{uuid4().hex[:10]}" for case in cases}
    platform.renew_model(
        faults=[
            {"kind": case.kind, "path": case.path, "about": words[case], "times": times}
            for case in cases
        ],
    )
    users = [f"{case}-{words[case]}" for case in cases]
    facts = [
        (user, f"I collect {words[case]} at home.")
        for user, case in zip(users, cases, strict=True)
    ]
    events = client.add_all(facts)
    wait_settled(platform, events, ENDS_WITHIN_S)
    return {
        case: Told(event, user, words[case], client.event(event))
        for case, user, event in zip(cases, users, events, strict=True)
    }


def said(stories: Stories) -> dict[str, tuple[str, str]]:
    return {told.event_id: (told.user, told.word) for told in stories.values()}


@pytest.fixture(scope="module")
def anyone(_platform: Platform) -> Iterator[Client]:
    with Client(_platform) as client:
        yield client


@pytest.fixture(scope="module")
def passed(_platform: Platform, anyone: Client) -> Stories:
    """Each fault once, then a model that answers."""
    _platform.ensure_running()
    return tell(_platform, anyone, PASSING, times=1)


@pytest.fixture(scope="module")
def failed(_platform: Platform, anyone: Client) -> Stories:
    """Each fault until the platform has given up."""
    _platform.ensure_running()
    return tell(_platform, anyone, CASES, times=FOR_GOOD)


def test_faults_that_pass_are_survived(passed, platform):
    assert {str(case): told.event["status"] for case, told in passed.items()} == {
        str(case): "SUCCEEDED" for case in PASSING
    }
    assert_stored_once(platform, said(passed))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_fault_that_stays_is_a_reason_to_read(failed, case):
    event = failed[case].event
    assert event["status"] == "FAILED"
    assert case.says in event["error"]
    assert event["results"] == []
    (message,) = event["ledger"]["messages"]
    assert (message["outcome"], message["reason"]) == ("failed", case.code)
    assert failed[case].word in event["payload"]["messages"][0]["content"]


def test_what_failed_can_be_tried_again(failed, platform):
    """``platform`` has a model without faults."""
    assert count_in(platform, list(said(failed)), "FAILED") == len(CASES)
    platform.manage("retry_operation", "demo", *said(failed))
    wait_settled(platform, list(said(failed)))
    assert_stored_once(platform, said(failed))


def test_retry_after_is_honoured(platform, client, user):
    platform.control(faults=[{"kind": "rate_limit", "retry_after_s": 1.2}])
    event = client.settled(client.add(user, "I live in Lisbon."))
    assert event["status"] == "SUCCEEDED"
    assert event["latency"] >= 1200
    assert platform.stats()["chat"] == 2


def test_retry_after_beyond_the_deadline_waits_without_a_worker(platform, client, user):
    """The operation is put back, and nobody asks before the time is over."""
    pause_s = float(PACE["LLM_DEADLINE_S"]) + 0.5
    platform.control(faults=[{"kind": "rate_limit", "retry_after_s": pause_s}])
    event_id = client.add(user, "I live in Lisbon.")
    wait_for(lambda: "HTTP 429" in (client.event(event_id)["error"] or ""), "the 429")
    assert client.event(event_id)["status"] == "PENDING"
    event = client.settled(event_id)
    assert (event["status"], event["error"]) == ("SUCCEEDED", None)
    assert event["latency"] >= pause_s * 1000
    assert platform.stats()["chat"] == 2
