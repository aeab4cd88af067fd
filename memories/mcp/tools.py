"""The tools: what each takes, which request to the API it is, what it shows.

Named as the public memory API's own server names them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import mcp_types as types
from jsonschema import Draft202012Validator
from jsonschema.exceptions import ValidationError

from memories.mcp import schemas
from memories.mcp.asking import Asked
from memories.mcp.schemas import SCOPE, Schema, object_of
from memories.types import SCOPE_KEYS, JsonDict
from tenants.selectors import Access

Arguments = dict[str, Any]
Ask = Callable[[Arguments, Access], Asked]
Show = Callable[[Any], JsonDict]
MAX_TOLD = 3
MAX_PROBLEM_CHARS = 200


class Unusable(ValueError):
    """Arguments that no request can be made of; says what to send instead."""


@dataclass(frozen=True, slots=True)
class Tool:
    """``ask`` makes a request of valid arguments, ``show`` an answer of its data.

    ``advice`` is by status: what a model should do about a refusal.
    """

    name: str
    title: str
    description: str
    takes: Schema
    answers: Schema
    ask: Ask
    show: Show
    is_read: bool = False
    is_destructive: bool = False
    is_idempotent: bool = False
    advice: Mapping[int, str] = field(default_factory=dict)

    @property
    def told(self) -> types.Tool:
        return types.Tool(
            name=self.name,
            title=self.title,
            description=self.description,
            input_schema=self.takes,
            output_schema=self.answers,
            annotations=types.ToolAnnotations(
                title=self.title,
                read_only_hint=self.is_read,
                destructive_hint=self.is_destructive,
                idempotent_hint=self.is_idempotent or self.is_read,
                open_world_hint=False,
            ),
        )

    def read(self, given: Mapping[str, Any], access: Access) -> Asked:
        """The request that these arguments ask for; raises Unusable.

        Null is absent, except where the schema knows it: models fill in what they
        leave out.
        """
        known = self.takes["properties"]
        arguments = {
            name: value
            for name, value in given.items()
            if value is not None or "null" in known.get(name, {}).get("type", ())
        }
        found = _validator(self.takes).iter_errors(arguments)
        # The others are not looked for: a body has room for millions.
        if problems := list(islice(found, MAX_TOLD)):
            raise Unusable(" ".join(map(_told, problems)))
        return self.ask(arguments, access)

    def advise(self, status: int, detail: str) -> str:
        advice = self.advice.get(status) or _ADVICE.get(status, "")
        return f"{detail} {advice}".strip()


def _validator(schema: Schema) -> Draft202012Validator:
    checker = Draft202012Validator.FORMAT_CHECKER
    return Draft202012Validator(schema, format_checker=checker)


def _told(problem: ValidationError) -> str:
    where = ".".join(str(step) for step in problem.path) or "arguments"
    return f"{where}: {problem.message[:MAX_PROBLEM_CHARS]}."


_ADVICE = {
    403: "Ask the operator for a key that may.",
    413: "Ask the operator for a larger quota, or send less.",
    429: "Wait a minute, then try again.",
    502: "Try again in a moment.",
    503: "Try again in a moment.",
}
_LOOK_UP = "Take the id from search_memories or get_memories."
_NO_MEMORY = {404: _LOOK_UP}
_NO_EVENT = {404: "Use the event_id that an add or a delete answered."}


# --- Arguments to requests --------------------------------------------------


def _without(arguments: Arguments, *names: str) -> Arguments:
    return {name: value for name, value in arguments.items() if name not in names}


def _add(arguments: Arguments, access: Access) -> Asked:
    body = _without(arguments, "text", "idempotency_key")
    if ("text" in arguments) == ("messages" in arguments):
        raise Unusable("Give text, or messages for a whole exchange: one of the two.")
    if "text" in arguments:
        body["messages"] = [{"role": "user", "content": arguments["text"]}]
    key = arguments.get("idempotency_key")
    return Asked("POST", "add-memories", body=body, idempotency_key=key)


def _in_filters(arguments: Arguments, access: Access) -> Arguments:
    """The ids inside the filters; a narrowed key's own when nothing is named."""
    named = {key: arguments[key] for key in SCOPE_KEYS if key in arguments}
    given = arguments.get("filters")
    conditions = [{key: value} for key, value in named.items()]
    conditions += [given] if given else []
    if not conditions:
        conditions = [{key: value} for key, value in access.only.items()]
    rest = _without(arguments, *SCOPE_KEYS)
    return {**rest, "filters": {"AND": conditions}} if conditions else rest


def _search(arguments: Arguments, access: Access) -> Asked:
    body = _in_filters(arguments, access)
    return Asked("POST", "search-memories", body={**body, "fields": _FIELDS})


def _list(arguments: Arguments, access: Access) -> Asked:
    body = {"page_size": 50, **_in_filters(arguments, access)}
    return Asked("POST", "list-memories", body={**body, "fields": _FIELDS})


_FIELDS = list(schemas.SHOWN_FIELDS)


def _one(method: str, route: str = "memory", key: str = "memory_id") -> Ask:
    """A request about what one id names; other arguments are its body."""

    def ask(arguments: Arguments, access: Access) -> Asked:
        body = _without(arguments, key) if method == "PUT" else None
        return Asked(method, route, {key: arguments[key]}, body=body)

    return ask


def _delete(arguments: Arguments, access: Access) -> Asked:
    is_linked = "true" if arguments.get("delete_linked") else "false"
    path = {"memory_id": arguments["memory_id"]}
    return Asked("DELETE", "memory", path, query={"delete_linked": is_linked})


def _delete_all(arguments: Arguments, access: Access) -> Asked:
    return Asked("DELETE", "memories-v1", query=arguments)


def _delete_entity(arguments: Arguments, access: Access) -> Asked:
    if len(arguments) != 1:
        raise Unusable(f"Name exactly one of {', '.join(SCOPE_KEYS)}.")
    ((key, name),) = arguments.items()
    path = {"kind": key.removesuffix("_id"), "name": name}
    return Asked("DELETE", "subject", path)


def _query(route: str) -> Ask:
    return lambda arguments, access: Asked("GET", route, query=arguments)


# --- Answers ----------------------------------------------------------------


def _shown(schema: Schema) -> Show:
    """What the schema names; the wire has more than a model needs."""
    return lambda data: dict(_trimmed(schema, data))


def _trimmed(schema: Schema, data: Any) -> Any:
    names = schema.get("properties")
    if names and isinstance(data, Mapping):
        known = [name for name in names if name in data]
        return {name: _trimmed(names[name], data[name]) for name in known}
    if "items" in schema and isinstance(data, list):
        return [_trimmed(schema["items"], one) for one in data]
    return data


def _page(item: Schema) -> Show:
    show = _shown(schemas.page_of(item))
    return lambda data: show({**data, "has_more": data["next"] is not None})


def _history(data: Any) -> JsonDict:
    entries = [{**entry, "reason": entry["cause"]["reason"]} for entry in data]
    return dict(_trimmed(_HISTORY, {"history": entries}))


_FOUND = schemas.list_of("results", schemas.MEMORY)
_HISTORY = schemas.list_of("history", schemas.CHANGE)

# --- The tools --------------------------------------------------------------

_PAGES = {"page": schemas.PAGE, "page_size": schemas.PAGE_SIZE}
_ALL = (
    Tool(
        name="add_memory",
        title="Remember something",
        description=(
            "Remember facts, preferences, decisions or events for later "
            "conversations. Call it when the user says something worth knowing next "
            "time, or asks you to remember it. Give text, or messages for a whole "
            "exchange, and at least one id, usually user_id. Facts are extracted and "
            "merged with what is known, in the background; the answer has an event_id. "
            "infer=false stores the text as it is, at once. Example: "
            '{"text": "I am allergic to nuts.", "user_id": "ida"}'
        ),
        takes=object_of(
            {
                "text": schemas.text("What to remember, in plain words."),
                "messages": schemas.MESSAGES,
                **SCOPE,
                "metadata": schemas.METADATA,
                "infer": schemas.switch(
                    "Extract facts; false stores the text as it is.", default=True
                ),
                "expiration_date": schemas.EXPIRES,
                "immutable": schemas.switch("Never change what is stored."),
                "idempotency_key": schemas.text(
                    "A text of your own: the same one again adds nothing again.",
                    maxLength=255,
                ),
            }
        ),
        answers=schemas.QUEUED,
        ask=_add,
        show=_shown(schemas.QUEUED),
    ),
    Tool(
        name="search_memories",
        title="Search memories",
        description=(
            "Find memories by meaning, best first. Call it before you answer anything "
            "that may depend on who the user is or what was said before. Ask in plain "
            "words, and name the scope. Example: "
            '{"query": "what can she not eat?", "user_id": "ida", "top_k": 5}'
        ),
        takes=object_of(
            {
                "query": schemas.text("What you want to know, in plain words."),
                **SCOPE,
                "filters": schemas.FILTERS,
                "top_k": schemas.number("How many at most.", 1, 1000, 10),
                "threshold": {
                    "type": "number",
                    "minimum": 0,
                    "maximum": 1,
                    "default": 0.1,
                    "description": "The least relevance; 0 leaves nothing out.",
                },
                "rerank": schemas.switch("Order the best ones anew; slower, better."),
                "categories": schemas.texts("Only memories of any of these."),
                "show_expired": schemas.switch("Expired ones too."),
                **schemas.TIMES,
            },
            required=("query",),
        ),
        answers=_FOUND,
        ask=_search,
        show=_shown(_FOUND),
        is_read=True,
    ),
    Tool(
        name="get_memories",
        title="List memories",
        description=(
            "List all memories of a scope, newest first, page by page. Use it to look "
            "through everything that is known; to answer a question, search_memories "
            'is better. Example: {"user_id": "ida", "page": 1}'
        ),
        takes=object_of(
            {
                **SCOPE,
                "filters": schemas.FILTERS,
                "keywords": schemas.text("Only memories that hold this text."),
                "categories": schemas.texts("Only memories of any of these."),
                "show_expired": schemas.switch("Expired ones too."),
                **schemas.TIMES,
                **_PAGES,
            }
        ),
        answers=schemas.page_of(schemas.MEMORY),
        ask=_list,
        show=_page(schemas.MEMORY),
        is_read=True,
        advice={404: "There is no such page, or no such scope for this key."},
    ),
    Tool(
        name="get_memory",
        title="Get one memory",
        description=(
            "Get one memory by its id, expired or not. Use it when you have the id; "
            'otherwise search. Example: {"memory_id": "0b0e5c1e-…"}'
        ),
        takes=object_of({"memory_id": schemas.MEMORY_ID}, required=("memory_id",)),
        answers=schemas.MEMORY,
        ask=_one("GET"),
        show=_shown(schemas.MEMORY),
        is_read=True,
        advice=_NO_MEMORY,
    ),
    Tool(
        name="get_memory_history",
        title="History of a memory",
        description=(
            "See how one memory came to be: each change with the text before and "
            "after, oldest first, and why. Use it when a memory is doubted or was "
            "changed."
        ),
        takes=object_of({"memory_id": schemas.MEMORY_ID}, required=("memory_id",)),
        answers=_HISTORY,
        ask=_one("GET", "memory-history"),
        show=_history,
        is_read=True,
        advice=_NO_MEMORY,
    ),
    Tool(
        name="update_memory",
        title="Correct a memory",
        description=(
            "Change the text, metadata or expiry of one memory by its id, when the "
            "user corrects it. The old text stays in its history. To add a new fact, "
            "use add_memory. Example: "
            '{"memory_id": "0b0e5c1e-…", "text": "Ida keeps two hives."}'
        ),
        takes=object_of(
            {
                "memory_id": schemas.MEMORY_ID,
                "text": schemas.text("The whole new text."),
                "metadata": schemas.METADATA,
                "expiration_date": {
                    **schemas.EXPIRES,
                    "type": ["string", "null"],
                    "description": "YYYY-MM-DD; null takes the date away.",
                },
            },
            required=("memory_id",),
        ),
        answers=schemas.MEMORY,
        ask=_one("PUT"),
        show=_shown(schemas.MEMORY),
        is_destructive=True,
        is_idempotent=True,
        advice=_NO_MEMORY,
    ),
    Tool(
        name="delete_memory",
        title="Forget one memory",
        description=(
            "Forget one memory by its id, when the user asks for it. Show them which "
            "one first."
        ),
        takes=object_of(
            {
                "memory_id": schemas.MEMORY_ID,
                "delete_linked": schemas.switch("Also the older ones it replaced."),
            },
            required=("memory_id",),
        ),
        answers=schemas.DONE,
        ask=_delete,
        show=_shown(schemas.DONE),
        is_destructive=True,
        is_idempotent=True,
        advice=_NO_MEMORY,
    ),
    Tool(
        name="delete_all_memories",
        title="Forget a whole scope",
        description=(
            "Forget every memory of a scope, in the background. Only when the user "
            "has clearly asked to forget all of it. Ids together mean the memories "
            "that carry all of them; '*' means any id of that kind."
        ),
        takes=object_of(SCOPE),
        answers=schemas.QUEUED,
        ask=_delete_all,
        show=_shown(schemas.QUEUED),
        is_destructive=True,
        is_idempotent=True,
    ),
    Tool(
        name="delete_entities",
        title="Erase a user, agent, app or run",
        description=(
            "Erase one user, agent, app or run with all that is known of it, for good "
            "and in the background. Only when that is clearly asked for. Name exactly "
            'one id. Example: {"user_id": "ida"}'
        ),
        takes=object_of(SCOPE),
        answers=schemas.QUEUED,
        ask=_delete_entity,
        show=_shown(schemas.QUEUED),
        is_destructive=True,
        is_idempotent=True,
        advice={404: "list_entities tells who there is."},
    ),
    Tool(
        name="list_entities",
        title="List users, agents, apps and runs",
        description=(
            "List who there are memories of, with counts. Use it to find the right "
            "id when you only know a name."
        ),
        takes=object_of(_PAGES),
        answers=schemas.page_of(schemas.ENTITY),
        ask=_query("subjects"),
        show=_page(schemas.ENTITY),
        is_read=True,
    ),
    Tool(
        name="list_events",
        title="List events",
        description=(
            "List recent adds, searches, changes and deletes of the project, newest "
            "first, with their state."
        ),
        takes=object_of(
            {
                "event_type": schemas.text("Only these.", examples=["ADD", "SEARCH"]),
                "status": {
                    "type": "string",
                    "enum": ["PENDING", "RUNNING", "SUCCEEDED", "FAILED"],
                    "description": "Only these.",
                },
                **_PAGES,
            }
        ),
        answers=schemas.page_of(schemas.EVENT),
        ask=_query("events"),
        show=_page(schemas.EVENT),
        is_read=True,
    ),
    Tool(
        name="get_event_status",
        title="How an add or delete went",
        description=(
            "See whether an add or a delete has finished and what it did. Call it a "
            "few seconds after add_memory; PENDING and RUNNING mean: ask again."
        ),
        takes=object_of({"event_id": schemas.EVENT_ID}, required=("event_id",)),
        answers=schemas.EVENT,
        ask=_one("GET", "event", "event_id"),
        show=_shown(schemas.EVENT),
        is_read=True,
        advice=_NO_EVENT,
    ),
)
TOOLS: Mapping[str, Tool] = {tool.name: tool for tool in _ALL}
