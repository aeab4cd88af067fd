"""Configure a project: its settings and its providers; each change is audited.

Settings are checked against :class:`ProjectSettings`; provider keys are encrypted
before they touch the database. Call inside the tenant's scope.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings

from memories.models import EmbeddingSpace, ProviderConfig, Webhook
from memories.models.memory import CATEGORY_CHARS
from memories.models.settings import (
    ENGINES,
    MAX_CATEGORIES,
    MAX_DESCRIPTION_CHARS,
    MAX_INSTRUCTION_CHARS,
    RERANKERS,
    SUBJECT_DELETIONS,
    USES_COUNTED_FROM,
    ClientSettings,
    ProjectSettings,
    catalogue_of,
    sources_of,
)
from memories.pipeline.client_schema import SchemaProblem, resolve
from memories.pipeline.ontology import Ontology, OntologyProblem
from memories.providers import secrets
from memories.store.spaces import touch_project
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants import checks
from tenants.audit import SYSTEM, Actor, record_audit
from tenants.models import Project

MAX_LANGUAGES = 10
MOST_AUDITED = 1_000
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})?")
CHOICES: Mapping[str, tuple[str, ...]] = {
    "engine": ENGINES,
    "subject_deletion": SUBJECT_DELETIONS,
    "rerank_by": RERANKERS,
}
RANGES: Mapping[str, tuple[float, float]] = {
    "recent_messages": (0, 100),
    "recalled_memories": (1, 100),
    "summary_every_messages": (2, 1000),
    "session_gap_hours": (1, 24 * 365),
    "profile_refresh_memories": (0, 100_000),
    "add_window_s": (0, 60),
    "review_below_confidence": (0, 1),
    **dict.fromkeys(
        (
            *("dense_weight", "text_weight", "window_weight", "window_text_weight"),
            "link_weight",
        ),
        (0, 10),
    ),
    **dict.fromkeys(
        (
            *("speaker_weight", "time_weight", "date_weight"),
            *(
                "phrase_weight",
                "order_weight",
                "sequence_weight",
                "stated_weight",
                "aspect_weight",
                "substance_weight",
                "feedback_weight",
                "question_weight",
                "agent_weight",
                "repeat_weight",
            ),
        ),
        (-10, 10),
    ),
    "rerank_candidates": (2, 200),
    "rerank_timeout_s": (0.1, 30),
    "trace_share": (0, 1),
    **dict.fromkeys(
        ("message_days", "model_text_days", "search_days", "graph_days"), (0, 36_500)
    ),
    "archive_unused_days": (0, 36_500),
    "patterns_days": (1, 3_650),
}
CHAT_OPTIONS: Mapping[str, tuple[type, float, float]] = {
    "timeout_s": (float, 0.1, 3600),
    # A runner's lease must outlast its model call (decision 21).
    "deadline_s": (float, 0.1, settings.LEASE_S - 1),
    "concurrency": (int, 1, 1000),
    # With less, the shipped prompts and categories leave no room for messages.
    "context_tokens": (int, 4_000, 10_000_000),
    "vision": (int, 0, 1),  # whether the model sees images
}
PROVIDER_OPTIONS: Mapping[str, Mapping[str, tuple[type, float, float]]] = {
    ProviderConfig.Kind.CHAT: CHAT_OPTIONS,
    # halfvec holds no more (pgvector README, "Half vectors").
    ProviderConfig.Kind.EMBEDDING: {"dimension": (int, 1, 16_000)},
    # How long a search waits for it is the project's (``rerank_timeout_s``).
    ProviderConfig.Kind.RERANK: {},
}
"""By kind that something asks: what may be set, as what, from, to."""
type Prices = tuple[Decimal | None, Decimal | None]
"""Of one token of a prompt and of a completion; None is not known."""
ENCRYPTED = (
    (ProviderConfig, "api_key_encrypted"),
    (EmbeddingSpace, "api_key_encrypted"),
    (Webhook, "secret_encrypted"),
    (Webhook, "previous_secret_encrypted"),
)
"""Where secrets are at rest."""


def change_settings(
    project: Project, changes: Mapping[str, Any], *, actor: Actor = SYSTEM
) -> ProjectSettings:
    """Change some settings; None gives a setting its default back.

    They are those of ProjectSettings and of ClientSettings; a list of custom categories
    is kept as it was given, beside the catalogue made of it. Raises InvalidRequest
    naming each field that is unknown or out of range.
    """
    defaults = {**asdict(ProjectSettings()), **asdict(ClientSettings())}
    problems = {
        name: [problem]
        for name, value in changes.items()
        if (problem := _problem(name, value, defaults))
    }
    if problems:
        name, (problem,) = next(iter(problems.items()))
        raise InvalidRequest(f"{name}: {problem}", fields=problems)
    changes = _with_sources(_with_catalogue(changes))
    project = Project.objects.select_for_update().get(id=project.id)
    old = dict(project.settings)
    changes = _with_version(changes, old.get("ontology"))
    kept = {**old, **changes}
    project.settings = _with_counting({k: v for k, v in kept.items() if v is not None})
    project.updated_at = clock.after(project.updated_at)
    project.save(update_fields=["settings", "updated_at"])
    kept = project.settings
    diff = {name: [_brief(old.get(name)), _brief(kept.get(name))] for name in changes}
    record_audit("project.settings", project, actor=actor, changes=diff)
    return ProjectSettings.of(project.settings)


def _brief(value: Any) -> Any:
    """A setting as the audit keeps it: of a long one the beginning."""
    if isinstance(value, dict) and "version" in value:
        return value  # an ontology: every version of it is to be found there
    text = value if isinstance(value, str) else json.dumps(value)
    return value if len(text) <= MOST_AUDITED else f"{text[:MOST_AUDITED]} …"


def _with_counting(kept: dict[str, Any]) -> dict[str, Any]:
    """Notes since when searches count what they find, while something asks for it."""
    wanted = kept.get("decay") or kept.get("archive_unused_days")
    known = kept.pop(USES_COUNTED_FROM, None)
    since = {USES_COUNTED_FROM: known or clock.now().isoformat()} if wanted else {}
    return kept | since


def _with_catalogue(changes: Mapping[str, Any]) -> dict[str, Any]:
    """The list of categories and their catalogue change together."""
    given = changes.get("custom_categories")
    if "custom_categories" in changes:
        return {**changes, "categories": catalogue_of(given) if given else None}
    if "categories" in changes:
        return {**changes, "custom_categories": None}
    return dict(changes)


def _with_sources(changes: dict[str, Any]) -> dict[str, Any]:
    """The sources as they are compared; none is the default."""
    given = changes.get("review_untrusted")
    if given is None:
        return changes
    return {**changes, "review_untrusted": sources_of(given) or None}


def _with_version(changes: dict[str, Any], old: Any) -> dict[str, Any]:
    """Ontologies are numbered as they follow each other; the audit keeps each. Where
    there was one, none is the next: it allows anything."""
    if "ontology" not in changes or (changes["ontology"] is None and not old):
        return changes
    given = changes["ontology"] or {}
    number = (old or {}).get("version", 0)
    body = {key: value for key, value in given.items() if key != "version"}
    is_same = body == {k: v for k, v in (old or {}).items() if k != "version"}
    return {**changes, "ontology": {**body, "version": number + (not is_same)}}


def change_locale(
    project: Project, changes: Mapping[str, Any], *, actor: Actor = SYSTEM
) -> None:
    """Change where a project's users are: ``timezone``, ``languages``.

    Raises InvalidRequest naming the field.
    """
    if "timezone" in changes:
        checks.require_timezone(changes["timezone"])
    if "languages" in changes:
        _require_languages(changes["languages"])
    project = Project.objects.select_for_update().get(id=project.id)
    diff = {name: [getattr(project, name), new] for name, new in changes.items()}
    for name, value in changes.items():
        setattr(project, name, list(value) if name == "languages" else value)
    project.updated_at = clock.after(project.updated_at)
    project.save(update_fields=[*changes, "updated_at"])
    record_audit("project.change", project, actor=actor, changes=diff)


def _require_languages(languages: Sequence[str]) -> None:
    wrong = [one for one in languages if not _LANGUAGE.fullmatch(one)]
    if wrong or len(languages) > MAX_LANGUAGES:
        message = f"codes such as en or pt-BR, {MAX_LANGUAGES} at most."
        raise InvalidRequest(f"languages: {message}", fields={"languages": [message]})


def configure_provider(
    project: Project,
    kind: str,
    *,
    base_url: str,
    model: str,
    api_key: str | None = "",
    options: Mapping[str, Any] | None = None,
    prices: Prices | None = None,
    actor: Actor = SYSTEM,
) -> ProviderConfig:
    """Give a project its own chat, embedding or rerank endpoint.

    The key is encrypted with the first of ENCRYPTION_KEYS and never shown again; None
    keeps the one there is (see :func:`kept_key`). ``prices`` None keeps those there
    are. An embedding provider serves from the next ``reembed`` on. Raises
    InvalidRequest.
    """
    _require_kind(kind)
    _require_url(base_url)
    given = _provider_options(kind, options or {})
    if not model.strip():
        raise InvalidRequest("model: name one.", fields={"model": ["Name one."]})
    now = clock.now()
    Project.objects.select_for_update().get(id=project.id)
    config = ProviderConfig.objects.filter(project=project, kind=kind).first()
    action = "provider.update" if config else "provider.create"
    if api_key is None:
        encrypted = kept_key(config, base_url)
    else:
        encrypted = secrets.encrypt(api_key, settings.ENCRYPTION_KEYS)
    config = config or ProviderConfig(project=project, kind=kind, created_at=now)
    old = [config.model or None, config.base_url or None]
    config.base_url, config.model = base_url, model.strip()
    config.api_key_encrypted, config.options = encrypted, given
    if prices is not None:
        config.prompt_price, config.completion_price = prices
    config.updated_at = now
    config.save()
    touch_project(project.id)
    changes = {
        "kind": kind,
        "model": [old[0], config.model],
        "url": [old[1], base_url],
        "key": "kept" if api_key is None else "given" if api_key else "none",
    }
    record_audit(action, config, actor=actor, changes=changes)
    return config


def kept_key(config: ProviderConfig | None, base_url: str) -> str:
    """The encrypted key of a provider, for one and the same address.

    A key is written, never read: were it sent wherever the address is changed to, an
    admin could read it there. Raises InvalidRequest for another one.
    """
    if config is None or not config.api_key_encrypted:
        return ""
    if config.base_url.rstrip("/") != base_url.rstrip("/"):
        message = "The address is another: give the key again, or none."
        raise InvalidRequest(f"api_key: {message}", fields={"api_key": [message]})
    return config.api_key_encrypted


def remove_provider(project: Project, kind: str, *, actor: Actor = SYSTEM) -> None:
    """Let the platform's model serve again, or the local one. Raises NotFound.

    What reads memories stays until the next ``reembed``.
    """
    config = ProviderConfig.objects.filter(project=project, kind=kind).first()
    if config is None:
        raise NotFound("The project has no such provider of its own.")
    changes = {
        "kind": kind,
        "model": [config.model, None],
        "url": [config.base_url, None],
    }
    record_audit("provider.remove", config, actor=actor, changes=changes)
    ProviderConfig.objects.filter(id=config.id).delete()
    touch_project(project.id)


def rotate_secrets(*, actor: Actor = SYSTEM) -> int:
    """Encrypt every stored key of the open tenant with the first of ENCRYPTION_KEYS.

    Returns how many. Afterwards the older keys may leave the list.
    """
    rotated = 0
    for model, column in ENCRYPTED:
        kept = model.objects.exclude(**{column: ""}).select_for_update()
        for row in kept.order_by("id"):
            fresh = secrets.rotate(getattr(row, column), settings.ENCRYPTION_KEYS)
            setattr(row, column, fresh)
            row.save(update_fields=[column])
            touch_project(row.project_id)
            record_audit("secret.rotate", row, actor=actor)
            rotated += 1
    return rotated


def _problem(name: str, value: Any, defaults: Mapping[str, Any]) -> str | None:
    if name not in defaults:
        return f"there is no such setting; there are {', '.join(defaults)}."
    if value is None:
        return None
    if name in CHOICES and value not in CHOICES[name]:
        return f"one of {', '.join(CHOICES[name])}."
    if name == "categories":
        return None if _is_catalogue(value) else _CATALOGUE
    if name == "custom_categories":
        return _categories_problem(value)
    if name == "profile_schema":
        return _schema_problem(value)
    if name == "ontology":
        return _ontology_problem(value)
    if name == "review_untrusted":
        return _sources_problem(value)
    if name in RANGES:
        low, high = RANGES[name]
        is_whole = isinstance(defaults[name], int)
        is_number = isinstance(value, int if is_whole else int | float)
        is_within = is_number and not isinstance(value, bool) and low <= value <= high
        what = "a whole number" if is_whole else "a number"
        return None if is_within else f"{what} from {low:g} to {high:g}."
    expected = type(defaults[name])
    is_fit = isinstance(value, expected)
    is_short = not isinstance(value, str) or len(value) <= MAX_INSTRUCTION_CHARS
    return None if is_fit and is_short else f"must be {_KINDS[expected]}."


_KINDS = {
    bool: "true or false",
    str: f"text of {MAX_INSTRUCTION_CHARS} characters at most",
}
_CATALOGUE = (
    f"an object of up to {MAX_CATEGORIES} names ({CATEGORY_CHARS} characters) to"
    f" descriptions ({MAX_DESCRIPTION_CHARS} characters)."
)


def _categories_problem(value: Any) -> str | None:
    try:
        catalogue_of(value if isinstance(value, list) else [None])
    except ValueError as exc:
        return str(exc)
    return None


def _sources_problem(value: Any) -> str | None:
    try:
        sources_of(value)
    except ValueError as exc:
        return str(exc)
    return None


def _schema_problem(value: Any) -> str | None:
    try:
        resolve(value)
    except SchemaProblem as exc:
        return str(exc)
    return None


def _ontology_problem(value: Any) -> str | None:
    if not isinstance(value, dict):
        return "must be an object."
    try:
        Ontology.of(value)
    except OntologyProblem as exc:
        return str(exc)
    return None


def _is_catalogue(value: Any) -> bool:
    if not isinstance(value, dict) or len(value) > MAX_CATEGORIES:
        return False
    return all(
        isinstance(name, str)
        and 0 < len(name) <= CATEGORY_CHARS
        and isinstance(description, str)
        and len(description) <= MAX_DESCRIPTION_CHARS
        for name, description in value.items()
    )


def _require_kind(kind: str) -> None:
    if kind not in PROVIDER_OPTIONS:
        message = f"one of {', '.join(PROVIDER_OPTIONS)}."
        raise InvalidRequest(f"kind: {message}", fields={"kind": [message]})


def _require_url(base_url: str) -> None:
    try:
        parts = urlsplit(base_url)
        has_place = bool(parts.hostname) and parts.port != 0
    except ValueError:  # brackets, or a port beyond 65535
        has_place = False
    if not has_place or parts.scheme not in ("http", "https"):
        message = "an http(s) address, such as https://api.openai.com/v1."
        raise InvalidRequest(f"base_url: {message}", fields={"base_url": [message]})
    if "@" in parts.netloc:
        message = "an address without a user name or password."
        raise InvalidRequest(f"base_url: {message}", fields={"base_url": [message]})


def _provider_options(kind: str, options: Mapping[str, Any]) -> dict[str, Any]:
    known = PROVIDER_OPTIONS[kind]
    given: dict[str, Any] = {}
    for name, value in options.items():
        if name not in known:
            message = f"unknown; {kind} has {', '.join(known) or 'none'}."
            raise InvalidRequest(f"{name}: {message}", fields={name: [message]})
        number, low, high = known[name]
        try:
            given[name] = number(value)
            is_within = low <= given[name] <= high
        except (TypeError, ValueError, OverflowError):
            is_within = False
        if not is_within:
            what = "a whole number" if number is int else "a number"
            message = f"must be {what} from {low:g} to {high:g}."
            raise InvalidRequest(f"{name}: {message}", fields={name: [message]})
    return given
