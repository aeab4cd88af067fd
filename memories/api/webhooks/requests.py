"""What clients send about webhooks; every problem is named at once."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from memories.api import reading
from memories.api.reading import Fields, Problem, query_fields
from memories.models import Delivery, Topic
from memories.services.webhooks import NewWebhook, WebhookChanges
from memories.types import UNSET
from memories.webhooks.addresses import Allowed, url_problem

MAX_NAME_CHARS = 200


def read_new(raw: object, allowed: Allowed) -> NewWebhook:
    fields = Fields(raw)
    parse = _parsers(allowed)
    new = NewWebhook(
        name=fields.need("name", parse["name"], ""),
        url=fields.need("url", parse["url"], ""),
        event_types=fields.need("event_types", parse["event_types"], ()),
        is_active=fields.read("is_active", parse["is_active"], True),  # noqa: FBT003
    )
    fields.check()
    return new


def read_changes(raw: object, allowed: Allowed) -> WebhookChanges:
    """Absent and null fields stay as they are, unknown ones are ignored."""
    fields = Fields(raw)
    given = {
        name: fields.read(name, parse, UNSET)
        for name, parse in _parsers(allowed).items()
    }
    fields.check()
    return WebhookChanges(**given)


def read_topic(raw: object) -> str | None:
    """Which event to send as a test; None for the first that is subscribed to."""
    fields = Fields(raw or {})
    topic = fields.read("event_type", reading.one_of(Topic.values), None)
    fields.check()
    return topic


def read_status(query: Mapping[str, Any]) -> str | None:
    fields = query_fields(query)
    statuses = reading.one_of(Delivery.Status.values)
    status = fields.read("status", statuses, None)
    fields.check()
    return status


def _parsers(allowed: Allowed) -> dict[str, Any]:
    def url(value: Any) -> str:
        given = reading.words(value).strip()
        if problem := url_problem(given, allowed):
            raise Problem(problem)
        return given

    return {
        "name": reading.text_up_to(MAX_NAME_CHARS, reading.words),
        "url": url,
        "event_types": _topics,
        "is_active": reading.boolean,
    }


def _topics(value: Any) -> list[str]:
    """Each once, in the order given."""
    names = reading.names(value)
    if not names:
        raise Problem("must name at least one event.")
    for name in names:
        if name not in Topic.values:
            known = ", ".join(Topic.values)
            raise Problem(f"may hold only {known}.")
    return list(dict.fromkeys(names))
