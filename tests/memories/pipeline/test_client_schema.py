"""JSON schemas that clients write: what is accepted, and what models are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from memories.pipeline.client_schema import (
    SchemaProblem,
    resolve,
    strict,
    without_nulls,
)

HOME = {"type": "string", "description": "Where they live"}


def schema(**properties):
    return {"type": "object", "properties": properties or {"home": HOME}}


def nested(depth):
    inner = HOME
    for _ in range(depth):
        inner = {**schema(inside=inner), "description": "A box"}
    return inner


def test_it_keeps_what_it_accepts():
    given = schema(home=HOME, pets={**HOME, "type": "array", "items": HOME})
    assert resolve(given) == given


def test_local_references_are_put_in_their_places():
    """As pydantic writes nested models."""
    given = {
        **schema(home={"$ref": "#/$defs/Home", "description": "Theirs"}),
        "$defs": {"Home": schema(town=HOME)},
        "title": "Person",
    }
    home = resolve(given)["properties"]["home"]
    assert home == {**schema(town=HOME), "description": "Theirs"}


REFUSED = [
    # what, the words that say why
    (None, "object"),
    ([], "object"),
    ("{}", "object"),
    ({}, "type"),
    ({"type": "array", "items": HOME}, "type object"),
    ({"type": "object"}, "needs properties"),
    ({"type": "object", "properties": {}}, "needs properties"),
    ({"type": "object", "properties": []}, "needs properties"),
    (schema(home={"type": "string"}), "home needs a description"),
    (schema(home={"type": "string", "description": " "}), "home needs a description"),
    (schema(home={"description": "x"}), "home needs a type"),
    (schema(home={"type": "object", "description": "x"}), "home needs properties"),
    (schema(home={"type": "array", "description": "x"}), "home needs items"),
    (schema(home="string"), "home must be a JSON schema"),
    (schema(home={**HOME, "type": "town"}), "not valid"),
    (schema(home={**HOME, "type": 7}), "not valid"),
    (schema(home={**HOME, "minLength": "many"}), "not valid"),
    (schema(home={**HOME, "anyOf": []}), "anyOf"),
    (schema(home={**HOME, "anyOf": 3}), "anyOf"),
    (schema(home={**HOME, "additionalProperties": HOME}), "additionalProperties"),
    # A regular expression may take for ever, a reference be anywhere.
    (schema(home={**HOME, "pattern": "(a+)+$"}), "pattern, which is not supported"),
    (schema(home={"$ref": "http://127.0.0.1/x.json"}), "refer"),
    (schema(home={"$ref": "#/$defs/Nobody"}), "refer"),
    (schema(home={"$ref": 3}), "refer"),
    ({**schema(home={"$ref": "#/$defs/A"}), "$defs": 3}, "refer"),
    (
        {**schema(a={"$ref": "#/$defs/A"}), "$defs": {"A": {"$ref": "#/$defs/A"}}},
        "nests over",
    ),
    (nested(7), "nests over"),
    (schema(**{f"p{n}": HOME for n in range(101)}), "100 properties"),
    (schema(**{"x" * 101: HOME}), "name of 1 to 100"),
    (schema(home={**HOME, "description": "x" * 20_000}), "20000 characters"),
]


@pytest.mark.parametrize(("given", "why"), REFUSED)
def test_it_refuses_what_it_could_not_keep_to(given, why):
    with pytest.raises(SchemaProblem, match=why.replace("$", r"\$")):
        resolve(given)


def test_references_cannot_multiply_without_end():
    """Each of six levels ten times the one below: a million properties."""
    defs = {
        f"L{n}": schema(
            **{f"p{m}": {"$ref": f"#/$defs/L{n + 1}", **HOME} for m in range(10)}
        )
        for n in range(6)
    }
    defs["L6"] = HOME
    with pytest.raises(SchemaProblem):
        resolve({**schema(a={"$ref": "#/$defs/L0", **HOME}), "$defs": defs})


def test_choices_cannot_multiply_either():
    """Twenty properties of 25 x 25 choices, in two thousand characters."""
    choices = [{"$ref": "#/$defs/B"}] * 25
    defs = {"A": {"anyOf": choices}, "B": {"anyOf": [HOME] * 25}}
    given = schema(**{f"p{n}": {"$ref": "#/$defs/A", **HOME} for n in range(20)})
    with pytest.raises(SchemaProblem, match="500 choices"):
        resolve({**given, "$defs": defs})


def test_each_property_may_be_optional():
    """As pydantic writes them."""
    optional = {"anyOf": [HOME, {"type": "null"}], "description": "Where they live"}
    given = schema(**{f"p{n}": optional for n in range(100)})
    assert resolve(given) == given


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "type",
                    "properties",
                    "items",
                    "anyOf",
                    "enum",
                    "required",
                    "$ref",
                    "description",
                    "const",
                    "minimum",
                    "maxItems",
                    "$defs",
                    "x",
                ]
            ),
            inner | st.sampled_from(["object", "array", "string", "#/$defs/x"]),
            max_size=5,
        )
    ),
    max_leaves=15,
)


@given(JSON)
def test_whatever_is_given_is_refused_or_usable(given):
    try:
        resolved = resolve(given)
    except SchemaProblem:
        return
    Draft202012Validator.check_schema(strict(resolved))


def test_what_a_model_is_shown_is_strict():
    """Strict structured output wants all properties, and no limits."""
    given = {
        **schema(
            home={**HOME, "minLength": 3},
            size={"enum": ["s", "l"], "description": "Of clothes"},
            age={"type": "integer", "description": "In years", "minimum": 0},
        ),
        "required": ["home"],
    }
    assert strict(resolve(given)) == {
        "type": "object",
        "properties": {
            "home": HOME,
            "size": {"enum": ["s", "l", None], "description": "Of clothes"},
            "age": {"type": ["integer", "null"], "description": "In years"},
        },
        "required": ["home", "size", "age"],
        "additionalProperties": False,
    }


def test_what_strictness_made_null_is_absent_again():
    given = schema(home=HOME, box={**schema(inside=HOME), "description": "A box"})
    assert without_nulls({"home": None, "box": {"inside": None}}, given) == {"box": {}}
    needed = {**given, "required": ["home"]}
    assert without_nulls({"home": None}, needed) == {"home": None}
