"""A typed view on ``Project.settings``, which stores only what differs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Self

from memories.models.memory import CATEGORY_CHARS

MAX_INSTRUCTION_CHARS = 10_000
"""Of each text that goes into every prompt: instructions, includes, excludes."""
MAX_CATEGORIES = 100
MAX_DESCRIPTION_CHARS = 500
ERASE, SOFT = SUBJECT_DELETIONS = ("erase", "soft")
UNTRUSTED = ("user", "assistant", "system", "tool", "document", "import")
"""Sources that a word names: roles of messages, what attachments hold, files."""
UNTRUSTED_BY_NAME = ("app", "name", "key")
"""Sources that a word and a name name: ``app:crawler`` is an app_id, ``name:Bot`` who
speaks, ``key:Ab3xYz01`` the visible part of an API key."""
MAX_UNTRUSTED = 50
MAX_SOURCE_CHARS = 300
RERANK_BY_ENDPOINT, RERANK_BY_CHAT = RERANKERS = ("endpoint", "chat")
USES_COUNTED_FROM = "uses_counted_from"
"""Beside a project's settings: since when searches count what they find, ISO 8601."""
ENGINES = ("single_pass", "two_phase", "additive", "local")

DEFAULT_CATEGORIES: Mapping[str, str] = {
    "personal_details": "name, age, birthday, home, nationality, identity",
    "family": "parents, children, partner, relatives, pets",
    "professional_details": "job, employer, career, skills, education",
    "sports": "sport, exercise, training, teams, fitness",
    "travel": "trips, holidays, places visited, flights, hotels",
    "food": "food, drink, cooking, restaurants, diet, allergies to food",
    "music": "music, bands, concerts, instruments, songs",
    "health": "health, illness, medication, doctors, wellbeing, allergies",
    "technology": "computers, software, devices, programming, internet",
    "hobbies": "hobbies, crafts, games, collecting, gardening, reading",
    "fashion": "clothes, shoes, style, jewellery",
    "entertainment": "films, series, books, theatre, games, shows",
    "milestones": "weddings, births, graduations, moves, anniversaries",
    "user_preferences": "likes, dislikes, preferences, how to be addressed",
    "misc": "anything else",
}


@dataclass(frozen=True, slots=True)
class ProjectSettings:
    """How a project remembers. Defaults are the paper's where it has one.

    ``*_days`` is how long a text is kept, 0 for ever. Messages are what a memory's
    history rests on: to forget them is the project's decision. What models were asked
    repeats them many times over and serves to look into a decision soon after; queries
    are what users type, and serve no memory.

    ``graph_days`` is how long an edge of the graph that is over stands where reads
    pass; then it is archived (0: never). It stays in reads as of an instant.

    ``engine`` blank is the platform's choice: ``single_pass`` where a model is
    configured, ``local`` otherwise. ``subject_deletion`` says whether the deletion of
    a user, agent, app or run erases what came from it, or only deletes its memories,
    which keep their versions (``soft``, decision 13).

    ``ontology`` None lets the graph hold any type of thing and relation
    (``pipeline.ontology``).

    ``archive_unused_days`` is after how many days a memory is archived that nobody has
    found, said again or changed; 0: never.

    With ``patterns_enabled`` patterns are looked for among the memories of an anchor,
    every ``patterns_days`` at most, once enough is new.

    ``profile_schema`` None is a list of facts for each category. A user's profile is
    made anew in the background once ``profile_refresh_memories`` of their memories have
    changed; 0: only when somebody asks.

    ``add_window_s`` is how long a small add waits for others, to be decided with them;
    None is the platform's ``ADD_WINDOW_S``.

    With ``review_*`` what is learned waits until somebody approves it: what orders an
    agent about, what comes from a source of ``review_untrusted`` (``UNTRUSTED``), what
    an engine is less sure of than ``review_below_confidence`` (0: never). It is not
    recalled, listed or searched meanwhile.

    ``*_weight`` is what each signal of a search adds (``retrieval.rank.Weights``; ADR
    0502 justifies the defaults).

    A search is reranked when it asks for that, or always (``rerank_always``): by the
    rerank endpoint or the chat model (``rerank_by``), which is shown the best
    ``rerank_candidates`` and has ``rerank_timeout_s``; then the order stays as it was.

    ``trace_share`` is the part of searches (0..1) that keep what led to their answer,
    as long as their words.

    ``recent_messages`` is the paper's m = 10, ``recalled_memories`` its s = 10 (arXiv
    2504.19413 §2.1, §3).
    """

    engine: str = ""
    instructions: str = ""
    agent_instructions: str = ""
    categories: Mapping[str, str] = field(
        default_factory=lambda: dict(DEFAULT_CATEGORIES)
    )
    includes: str = ""
    excludes: str = ""
    with_graph: bool = True
    ontology: Mapping[str, Any] | None = None
    recent_messages: int = 10
    recalled_memories: int = 10
    summary_every_messages: int = 20
    session_gap_hours: int = 6
    add_window_s: float | None = None
    dense_weight: float = 1.0
    text_weight: float = 0.4
    window_weight: float = 1.2
    window_text_weight: float = 0.8
    link_weight: float = 0.3
    speaker_weight: float = 0.9
    time_weight: float = 0.5
    date_weight: float = 1.0
    phrase_weight: float = 1.0
    order_weight: float = 0.8
    sequence_weight: float = 2.0
    stated_weight: float = 2.5
    aspect_weight: float = 0.3
    substance_weight: float = 0.5
    feedback_weight: float = 0.5
    question_weight: float = -0.3
    agent_weight: float = -1.0
    repeat_weight: float = -0.5
    rerank_always: bool = False
    rerank_by: str = RERANK_BY_ENDPOINT
    rerank_candidates: int = 50
    rerank_timeout_s: float = 3.0
    trace_share: float = 0.0
    keep_model_texts: bool = True
    message_days: int = 0
    model_text_days: int = 30
    graph_days: int = 90
    search_days: int = 90
    archive_unused_days: int = 0
    patterns_enabled: bool = False
    patterns_days: int = 7
    subject_deletion: str = ERASE
    profiles_enabled: bool = False
    profile_schema: Mapping[str, Any] | None = None
    profile_instructions: str = ""
    profile_refresh_memories: int = 10
    review_instructions: bool = False
    review_untrusted: Sequence[str] = ()
    review_below_confidence: float = 0.0

    @property
    def has_review(self) -> bool:
        """Whether anything has to be approved before it counts."""
        below = self.review_below_confidence
        return self.review_instructions or bool(self.review_untrusted) or below > 0

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """The defaults with what is stored over them; unknown keys are others'."""
        known = {f.name for f in fields(cls)}
        return cls(**{key: value for key, value in stored.items() if key in known})


@dataclass(frozen=True, slots=True)
class ClientSettings:
    """What clients set on a project and read back, beside :class:`ProjectSettings`.

    ``custom_categories`` is the list as it was given, objects or bare names; the
    catalogue made of it is ``ProjectSettings.categories``. ``multilingual`` asks for
    what every engine does anyway: it keeps the language of the input.
    """

    custom_categories: list[Any] = field(default_factory=list)
    multilingual: bool = False
    decay: bool = False
    memory_depth: str = ""
    usecase: str = ""
    version: str = ""

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """The defaults with what is stored over them; unknown keys are others'."""
        known = {f.name for f in fields(cls)}
        return cls(**{key: value for key, value in stored.items() if key in known})


def sources_of(given: Any) -> list[str]:
    """A list of untrusted sources, each once, tidied.

    Raises ValueError with the rest of a sentence that says what is wrong.
    """
    if isinstance(given, str) or not isinstance(given, Sequence):
        raise ValueError("must be a list of sources.")
    if len(given) > MAX_UNTRUSTED:
        raise ValueError(f"may list {MAX_UNTRUSTED} sources at most.")
    return list(dict.fromkeys(_source(one) for one in given))


def _source(given: Any) -> str:
    kind, colon, name = str(given).partition(":")
    kind, name = kind.strip().lower(), name.strip()
    is_one = not colon and kind in UNTRUSTED
    is_named = kind in UNTRUSTED_BY_NAME and 0 < len(name) <= MAX_SOURCE_CHARS
    if not isinstance(given, str) or "\0" in given or not (is_one or is_named):
        named = ", ".join(f"{kind}:…" for kind in UNTRUSTED_BY_NAME)
        raise ValueError(f"may list {', '.join(UNTRUSTED)}, {named}.")
    return f"{kind}:{name}" if colon else kind


def catalogue_of(given: Sequence[Any]) -> dict[str, str]:
    """The categories of a list of ``{name: description}`` or of bare names.

    Raises ValueError with the rest of a sentence that says what is wrong.
    """
    found: dict[str, str] = {}
    for category in given:
        described = {category: ""} if isinstance(category, str) else category
        if not isinstance(described, dict) or not described:
            raise ValueError("must be a list of names or of {name: description}.")
        found |= described
    if not all(0 < len(name.strip()) <= CATEGORY_CHARS for name in found):
        raise ValueError(f"needs names of 1 to {CATEGORY_CHARS} characters.")
    if not all(
        isinstance(about, str) and len(about) <= MAX_DESCRIPTION_CHARS
        for about in found.values()
    ):
        raise ValueError(
            f"may have descriptions of {MAX_DESCRIPTION_CHARS} characters."
        )
    if len(found) > MAX_CATEGORIES:
        raise ValueError(f"may hold {MAX_CATEGORIES} categories at most.")
    return found
