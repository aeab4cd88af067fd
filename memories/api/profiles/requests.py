"""What clients send about profiles; every problem is named by its field."""

from __future__ import annotations

from typing import Any

from memories.api import reading
from memories.api.reading import Fields, Problem
from memories.api.subjects.requests import read_named, require_whole
from memories.models.settings import MAX_INSTRUCTION_CHARS
from memories.pipeline.client_schema import SchemaProblem, resolve
from memories.selectors.profiles import SAMPLE, TRIGGER
from memories.services.profiles import MOST_SAMPLED, SAMPLED, JobRequest
from memories.types import JsonDict
from tenants.api.permissions import require_unnarrowed
from tenants.selectors import Access

USER = "user"
MOST_CHANGES = 100_000
_OF_USERS = ("schema", "custom_instructions")


def read_settings(raw: object) -> JsonDict:
    """The project's settings that a body changes, by our names.

    Absent is unchanged, null is cleared. Raises InvalidRequest, and so for settings of
    users that stand at the top: else they would be taken and do nothing.
    """
    body = Fields(raw)
    flat = [name for name in _OF_USERS if name in body.raw]
    entities = _object_in(body, "entities")
    others = [f"entities.{kind}" for kind in entities if kind != USER]
    for name in flat + others:
        body.complain(name, "is not supported here: put it under entities.user.")
    body.check()
    of_users = Fields(_object_in(Fields(entities, "entities"), USER), "entities.user")
    enabled = body.read("enabled", reading.boolean, None)
    refresh = body.read("refresh_after_memories", _CHANGES, None)
    changes: JsonDict = {
        **({} if enabled is None else {"profiles_enabled": enabled}),
        **({} if refresh is None else {"profile_refresh_memories": refresh}),
    }
    if "schema" in of_users.raw:
        changes["profile_schema"] = of_users.read("schema", _schema, None)
    if "custom_instructions" in of_users.raw:
        said = of_users.read("custom_instructions", _INSTRUCTIONS, None)
        changes["profile_instructions"] = said or None
    body.problems |= of_users.problems
    body.check()
    return changes


def read_job(raw: object, access: Access) -> JobRequest:
    fields = Fields(raw)
    operation = fields.need("operation", reading.one_of((TRIGGER, SAMPLE)), "")
    fields.need("entity_type", reading.one_of((USER,)), USER)
    limit = fields.read("limit", _sampled, SAMPLED)
    named: str | None = None
    if operation == TRIGGER:
        named = fields.need("entity_id", reading.scope_id, None)
        if named is None and not fields.problems:
            fields.complain("entity_id", "must not be blank.")
    fields.check()
    if named is None:
        require_unnarrowed(access, "sample the users of the project")
    else:
        require_whole(access, read_named(USER, named))
    return JobRequest(operation, named, limit)


def _object_in(fields: Fields, name: str) -> JsonDict:
    found = fields.read(name, reading.json_object, {})
    fields.check()
    return found


def _schema(value: Any) -> JsonDict:
    given = reading.json_object(value)
    try:
        resolve(given)
    except SchemaProblem as exc:
        raise Problem(exc.sentence, exc.path) from exc
    return given


def _sampled(value: Any) -> int:
    if type(value) is not int or not 1 <= value <= MOST_SAMPLED:
        raise Problem(f"must be a whole number from 1 to {MOST_SAMPLED}.")
    return value


_INSTRUCTIONS = reading.text_up_to(MAX_INSTRUCTION_CHARS)
_CHANGES = reading.integer_from(0, MOST_CHANGES)
