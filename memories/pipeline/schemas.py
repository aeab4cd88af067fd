"""The JSON schemas that replies must satisfy, in the subset "strict" mode allows.

Strict structured output wants every property required and no others, so optional means
nullable. Keys are short because the schema travels with every request. The order is
that in which a model writes: the reason comes before the verdict it leads to.
"""

from __future__ import annotations

from typing import Any

from memories.types import JsonDict

STRING: JsonDict = {"type": "string"}
INTEGER: JsonDict = {"type": "integer"}
NUMBER: JsonDict = {"type": "number"}
BOOLEAN_OR_NULL: JsonDict = {"type": ["boolean", "null"]}
STRING_OR_NULL: JsonDict = {"type": ["string", "null"]}
INTEGER_OR_NULL: JsonDict = {"type": ["integer", "null"]}


def array_of(items: JsonDict) -> JsonDict:
    return {"type": "array", "items": items}


def one_of(*values: str) -> JsonDict:
    return {"type": "string", "enum": list(values)}


def object_of(**properties: JsonDict) -> JsonDict:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def list_of_rows(key: str, *columns: JsonDict) -> JsonDict:
    """``{key: [row, …]}`` with the columns of all given groups, in order."""
    properties: dict[str, Any] = {}
    for group in columns:
        properties |= group
    return object_of(**{key: array_of(object_of(**properties))})


FACT_COLUMNS: JsonDict = {
    "text": STRING,
    "from": array_of(INTEGER),
    "who": one_of("user", "agent"),
    "cats": array_of(STRING),
    "start": STRING_OR_NULL,
    "end": STRING_OR_NULL,
    "kind": STRING_OR_NULL,
    "conf": NUMBER,
}
GRAPH_COLUMNS: JsonDict = {
    "entities": array_of(object_of(name=STRING, type=STRING)),
    "relations": array_of(object_of(source=STRING, type=STRING, target=STRING)),
}
FLAG: JsonDict = {"order": BOOLEAN_OR_NULL}
"""Whether a fact orders an agent about; only where the project wants that reviewed."""
WHY: JsonDict = {"why": STRING}
QUOTE: JsonDict = {"quote": STRING_OR_NULL}
OP: JsonDict = {"op": one_of("ADD", "NONE", "UPDATE", "DELETE"), "id": INTEGER_OR_NULL}
MARKS: JsonDict = {"supersedes": INTEGER_OR_NULL, "duplicates": INTEGER_OR_NULL}
NUMBERED: JsonDict = {"fact": INTEGER}

DECIDE = list_of_rows("decisions", NUMBERED, WHY, OP, {"text": STRING_OR_NULL})
GRAPH = list_of_rows("facts", NUMBERED, GRAPH_COLUMNS)
IMAGES = list_of_rows("images", {"image": INTEGER, "text": STRING})
CATEGORIES = list_of_rows("facts", NUMBERED, {"cats": array_of(STRING)})
PROCEDURAL = object_of(text=STRING, cats=array_of(STRING))
SUMMARY = object_of(summary=STRING)


def extraction(*, with_flag: bool = False) -> JsonDict:
    return list_of_rows("facts", FACT_COLUMNS, FLAG if with_flag else {}, WHY, QUOTE)


def single_pass(*, with_graph: bool, with_flag: bool = False) -> JsonDict:
    graph = GRAPH_COLUMNS if with_graph else {}
    flag = FLAG if with_flag else {}
    return list_of_rows("facts", FACT_COLUMNS, graph, flag, WHY, OP, QUOTE)


def additive(*, with_graph: bool, with_flag: bool = False) -> JsonDict:
    graph = GRAPH_COLUMNS if with_graph else {}
    flag = FLAG if with_flag else {}
    return list_of_rows("facts", FACT_COLUMNS, graph, flag, WHY, MARKS, QUOTE)
