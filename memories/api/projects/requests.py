"""What clients send about projects and members; every problem is named at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from memories.api import reading
from memories.api.projects.own_settings import OWN_SETTINGS
from memories.api.reading import Fields, Problem
from memories.models.settings import MAX_INSTRUCTION_CHARS, catalogue_of, sources_of
from memplatform.lib.errors import InvalidRequest
from tenants.checks import (
    MAX_EMAIL_CHARS,
    MAX_NAME_CHARS,
    MAX_TEXT_CHARS,
    require_timezone,
)

WIRE_ROLES = ("READER", "OWNER")
MAX_WORD_CHARS = 100
MAX_ZONE_CHARS = 64


@dataclass(frozen=True, slots=True)
class ProjectChanges:
    """What a PATCH changes: the project's own words, where its users are, and its
    settings by name."""

    names: Mapping[str, str] = field(default_factory=dict)
    locale: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Named:
    """A project or organization to be made."""

    name: str
    description: str = ""


@dataclass(frozen=True, slots=True)
class MemberBody:
    """Whose membership, and as what."""

    email: str
    role: str


def read_project_changes(raw: object) -> ProjectChanges:
    """Absent and null fields stay as they are, unknown ones are ignored."""
    fields = Fields(raw)
    names = {
        name: fields.read(name, parse, "")
        for name, parse in _NAMES.items()
        if fields.get(name) is not None
    }
    locale = {
        name: fields.read(name, parse, default)
        for name, (parse, default) in _LOCALE.items()
        if fields.get(name) is not None
    }
    settings = {
        setting: fields.read(name, parse, None)
        for name, (setting, parse) in _SETTINGS.items()
        if fields.get(name) is not None
    }
    fields.check()
    # Blank and empty are the defaults, which are not stored.
    kept = {
        name: None if value in ("", [], {}) else value
        for name, value in settings.items()
    }
    placed = {name: value or _LOCALE[name][1] for name, value in locale.items()}
    return ProjectChanges(names, placed, kept)


def read_named(raw: object) -> Named:
    fields = Fields(raw)
    name = fields.need("name", _NAMES["name"], "")
    description = fields.read("description", _NAMES["description"], "")
    fields.check()
    return Named(name, description)


def read_member(raw: object) -> MemberBody:
    fields = Fields(raw)
    email = fields.need("email", _email, "")
    role = fields.need("role", reading.one_of(WIRE_ROLES), "")
    fields.check()
    return MemberBody(email, role)


def read_email(*places: Mapping[str, Any]) -> str:
    """The e-mail of whom to remove: of the first place that names one."""
    named = next((place for place in places if place.get("email")), {})
    fields = Fields({"email": named.get("email")})
    email = fields.need("email", _email, "")
    fields.check()
    return email


def read_shown(query: Any) -> frozenset[str] | None:
    """``fields=a&fields=b`` or ``fields=a,b``; None when it is not given."""
    given = [name for part in query.getlist("fields") for name in part.split(",")]
    return frozenset(name.strip() for name in given if name.strip()) or None


def _email(value: Any) -> str:
    return reading.text_up_to(MAX_EMAIL_CHARS, reading.words)(value).strip()


def _categories(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise Problem("must be a list of names or of {name: description}.")
    try:
        catalogue_of(value)
    except ValueError as exc:
        raise Problem(str(exc)) from exc
    return value


def _sources(value: Any) -> list[str]:
    try:
        return sources_of(value)
    except ValueError as exc:
        raise Problem(str(exc)) from exc


def _share(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise Problem("must be a number from 0 to 1.")
    if not 0 <= value <= 1:
        raise Problem("must be a number from 0 to 1.")
    return float(value)


def _zone(value: Any) -> str:
    name = reading.text_up_to(MAX_ZONE_CHARS)(value)
    try:
        return require_timezone(name) if name else name
    except InvalidRequest as exc:
        raise Problem(exc.message) from exc


def _languages(value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(one, str) for one in value):
        raise Problem("must be a list of codes such as en or pt-BR.")
    return value


def _as_it_is(value: Any) -> Any:
    """``change_settings`` says what is wrong with it, by the same name."""
    return value


_NAMES = {
    "name": reading.text_up_to(MAX_NAME_CHARS, reading.words),
    "description": reading.text_up_to(MAX_TEXT_CHARS),
}
_LOCALE: Mapping[str, tuple[Any, Any]] = {
    "timezone": (_zone, "UTC"),
    "languages": (_languages, []),
}
"""Where a project's users are, and what blank and empty give back."""
_INSTRUCTIONS = reading.text_up_to(MAX_INSTRUCTION_CHARS)
_WORD = reading.text_up_to(MAX_WORD_CHARS)
_SETTINGS: Mapping[str, tuple[str, Any]] = {
    "custom_instructions": ("instructions", _INSTRUCTIONS),
    "agent_custom_instructions": ("agent_instructions", _INSTRUCTIONS),
    "custom_categories": ("custom_categories", _categories),
    "multilingual": ("multilingual", reading.boolean),
    "decay": ("decay", reading.boolean),
    "memory_depth": ("memory_depth", _WORD),
    "usecase_setting": ("usecase", _INSTRUCTIONS),
    "inclusion_prompt": ("includes", _INSTRUCTIONS),
    "exclusion_prompt": ("excludes", _INSTRUCTIONS),
    "enable_graph": ("with_graph", reading.boolean),
    "version": ("version", _WORD),
    "review_instructions": ("review_instructions", reading.boolean),
    "review_untrusted": ("review_untrusted", _sources),
    "review_below_confidence": ("review_below_confidence", _share),
    **{name: (name, _as_it_is) for name in OWN_SETTINGS},
}
"""The wire's name of a setting, and what it is called here."""
