"""Every setting of a project: what it does, in which unit, and its default.

What may be set, and from where to where, is ``services.configuration``'s; a test holds
this list against the settings there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from enum import Enum
from typing import Any

from django.conf import settings

from memories.models.settings import (
    DEFAULT_CATEGORIES,
    ERASE,
    RERANK_BY_CHAT,
    RERANK_BY_ENDPOINT,
    SOFT,
    UNTRUSTED,
    UNTRUSTED_BY_NAME,
    ClientSettings,
    ProjectSettings,
)
from memories.services.configuration import RANGES
from tenants.models import Project


class Shape(Enum):
    """How a value is written down in a form."""

    SWITCH = "switch"
    WHOLE = "whole number"
    NUMBER = "number"
    CHOICE = "choice"
    WORD = "word"
    TEXT = "text"
    LINES = "lines"
    CATEGORIES = "categories"
    JSON = "json"


@dataclass(frozen=True, slots=True)
class Knob:
    """One setting; ``unit`` blank where the value needs none.

    ``unset`` says what None or blank stands for; of a CHOICE ``choices`` are its values
    with what each means.
    """

    name: str
    label: str
    help: str
    shape: Shape
    unit: str = ""
    unset: str = ""
    choices: Sequence[tuple[str, str]] = ()

    @property
    def default(self) -> Any:
        return DEFAULTS[self.name]

    @property
    def range(self) -> tuple[float, float] | None:
        return RANGES.get(self.name)

    @property
    def default_text(self) -> str:
        """The default in a few words."""
        value = self.default
        if self.shape is Shape.SWITCH:
            return "on" if value else "off"
        if self.shape is Shape.CATEGORIES:
            return f"the {len(DEFAULT_CATEGORIES)} that are shipped"
        if value in (None, "", (), []):
            return self.unset or "none"
        if self.shape is Shape.CHOICE:
            return dict(self.choices).get(str(value), str(value))
        if isinstance(value, list | tuple):
            return ", ".join(str(one) for one in value)
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        return f"{shown} {self.unit}".strip()


@dataclass(frozen=True, slots=True)
class Group:
    """Settings that are changed together; ``slug`` is its place on the page."""

    slug: str
    title: str
    text: str
    knobs: Sequence[Knob]


@dataclass(frozen=True, slots=True)
class OfProject:
    """What stands on the project's own row beside its settings."""

    timezone: str = "UTC"
    languages: Sequence[str] = ()


DEFAULTS: dict[str, Any] = {
    field.name: getattr(default, field.name)
    for default in (ProjectSettings(), ClientSettings(), OfProject())
    for field in fields(default)
}
LOCALE = tuple(field.name for field in fields(OfProject))
BESIDE = ("custom_categories",)
"""What another knob sets, in a form of its own for clients."""

_DAYS = "days"
_FOREVER = "0 keeps them for ever."
_EVERY = "Every prompt of the project carries it."

GROUPS = (
    Group(
        "learning",
        "What is remembered",
        "What the engine is told when it reads a conversation.",
        (
            Knob(
                "engine",
                "Engine",
                "How an add is processed. Without a model there is only local.",
                Shape.CHOICE,
                unset="single_pass where a model is configured, local otherwise",
                choices=[
                    ("", "The platform's choice"),
                    ("single_pass", "single_pass: one call finds and decides"),
                    ("two_phase", "two_phase: one call finds, another decides"),
                    ("additive", "additive: one call, nothing is reworded"),
                    ("local", "local: rules, no model is asked"),
                ],
            ),
            Knob(
                "instructions",
                "Instructions",
                f"What to keep and how. {_EVERY}",
                Shape.TEXT,
            ),
            Knob(
                "agent_instructions",
                "Instructions on what the assistant says",
                "The same for memories of agents, and the assistant's part.",
                Shape.TEXT,
            ),
            Knob(
                "includes",
                "Only about",
                "Topics; facts on others are left out.",
                Shape.TEXT,
                unset="everything",
            ),
            Knob("excludes", "Never about", "Topics that are left out.", Shape.TEXT),
            Knob(
                "usecase",
                "What the memory is for",
                "In your own words, for the engine.",
                Shape.TEXT,
            ),
            Knob(
                "memory_depth",
                "How much to remember",
                "In your own words, such as brief or thorough.",
                Shape.WORD,
            ),
            Knob(
                "categories",
                "Categories",
                "One a line, as name: description. Facts learned from now on are"
                " sorted into them.",
                Shape.CATEGORIES,
            ),
            Knob(
                "with_graph",
                "Entities and relations",
                "Draw a graph of who and what the facts name.",
                Shape.SWITCH,
            ),
            Knob(
                "ontology",
                "Ontology",
                "What the graph may hold: entity_types, relation_types, single_valued"
                " (one at a time), synonyms. Each change is a new version of it.",
                Shape.JSON,
                unset="any type of thing and relation",
            ),
            Knob(
                "multilingual",
                "Multilingual",
                "Kept for clients that ask for it: memories are in the language of"
                " the input anyway.",
                Shape.SWITCH,
            ),
            Knob(
                "version",
                "Version",
                "Kept for clients that send it; it has no effect.",
                Shape.WORD,
            ),
        ),
    ),
    Group(
        "context",
        "What an add looks at",
        "How much the engine sees beside the new messages. More costs tokens.",
        (
            Knob(
                "recent_messages",
                "Recent messages",
                "Turns before the new ones that the engine reads along.",
                Shape.WHOLE,
                "messages",
            ),
            Knob(
                "recalled_memories",
                "Recalled memories",
                "Nearest memories that a decision looks at.",
                Shape.WHOLE,
                "memories",
            ),
            Knob(
                "summary_every_messages",
                "Summary",
                "How many turns until the rolling summary of a conversation is"
                " renewed.",
                Shape.WHOLE,
                "messages",
            ),
            Knob(
                "session_gap_hours",
                "New conversation after",
                "Silence that parts one conversation from the next, where no run is"
                " named.",
                Shape.WHOLE,
                "hours",
            ),
            Knob(
                "add_window_s",
                "Wait for more",
                "How long a small add waits for others, to be decided with them."
                " Fewer calls; memories are later by as much.",
                Shape.NUMBER,
                "seconds",
                unset="the platform's",
            ),
        ),
    ),
    Group(
        "search",
        "Search",
        "How results are ranked. The search lab shows what a change does.",
        (
            Knob(
                "dense_weight",
                "Weight of meaning",
                "How much nearness of meaning counts.",
                Shape.NUMBER,
            ),
            Knob(
                "text_weight",
                "Weight of words",
                "How much the very words count.",
                Shape.NUMBER,
            ),
            Knob(
                "window_weight",
                "Weight of the talk around, by meaning",
                "How much it counts what was said just before and after.",
                Shape.NUMBER,
            ),
            Knob(
                "window_text_weight",
                "Weight of the talk around, by words",
                "The same by its very words, two messages to either side.",
                Shape.NUMBER,
            ),
            Knob(
                "link_weight",
                "The graph",
                "Weight of memories of what is named, and of what is related to it.",
                Shape.NUMBER,
            ),
            Knob(
                "speaker_weight",
                "Whoever is named",
                "Added to what was said by the one person that a question names.",
                Shape.NUMBER,
            ),
            Knob(
                "time_weight",
                "Times for a when",
                "Added to what tells a time, when a question asks for one.",
                Shape.NUMBER,
            ),
            Knob(
                "date_weight",
                "The time asked about",
                "Added to what is of the day, month or year that a question names.",
                Shape.NUMBER,
            ),
            Knob(
                "phrase_weight",
                "What is quoted",
                "Added to what holds the very words between quotation marks.",
                Shape.NUMBER,
            ),
            Knob(
                "order_weight",
                "The first or the latest",
                "Added to the latest, or first, when a question asks for that.",
                Shape.NUMBER,
            ),
            Knob(
                "sequence_weight",
                "Before or after",
                "Added to what lies next to a thing, on the side a question asks for.",
                Shape.NUMBER,
            ),
            Knob(
                "stated_weight",
                "What states it",
                "Added to what the graph knows to state the relation that a question"
                " asks for: where somebody lives, works, is married.",
                Shape.NUMBER,
            ),
            Knob(
                "aspect_weight",
                "What it tells of",
                "Added to plans, preferences and so on, when a question asks for them.",
                Shape.NUMBER,
            ),
            Knob(
                "substance_weight",
                "What says much",
                "Added in full from twelve different words on, and less for fewer.",
                Shape.NUMBER,
            ),
            Knob(
                "feedback_weight",
                "Feedback",
                "Added to what people marked as good, taken from the bad.",
                Shape.NUMBER,
            ),
            Knob(
                "question_weight",
                "Questions",
                "Added to what only asks something itself; below 0 it comes later.",
                Shape.NUMBER,
            ),
            Knob(
                "agent_weight",
                "Words of the agent",
                "Added to what nobody but the agent said; below 0 it comes later.",
                Shape.NUMBER,
            ),
            Knob(
                "repeat_weight",
                "Repetition",
                "Added to what a better one says already; below 0 it comes later.",
                Shape.NUMBER,
            ),
            Knob(
                "rerank_always",
                "Rerank every search",
                "Otherwise those that say rerank: true. Each asks a model.",
                Shape.SWITCH,
            ),
            Knob(
                "rerank_by",
                "Reranked by",
                "Who puts what was found in order.",
                Shape.CHOICE,
                choices=[
                    (RERANK_BY_ENDPOINT, "the rerank endpoint (Providers)"),
                    (RERANK_BY_CHAT, "the chat model, in one call"),
                ],
            ),
            Knob(
                "rerank_candidates",
                "Candidates to rerank",
                "The best of what was found; the others stay behind them.",
                Shape.WHOLE,
                "memories",
            ),
            Knob(
                "rerank_timeout_s",
                "Wait for the reranker",
                "After that the order stays as it was, and the answer says so.",
                Shape.NUMBER,
                "seconds",
            ),
            Knob(
                "trace_share",
                "Keep traces of",
                "The part of searches, from 0 to 1, that keep what led to their answer"
                " for the search lab; as long as searches are kept.",
                Shape.NUMBER,
            ),
            Knob(
                "decay",
                "Decay",
                "What was found or learned lately comes before what was not.",
                Shape.SWITCH,
            ),
        ),
    ),
    Group(
        "review",
        "Review",
        "What waits in the review queue, out of force, until somebody approves it.",
        (
            Knob(
                "review_instructions",
                "Hold what looks like an instruction",
                "Memories that order the agent about, by rules and, where a model is"
                " configured, by the model's own flag.",
                Shape.SWITCH,
            ),
            Knob(
                "review_untrusted",
                "Hold what comes from",
                "Sources you do not trust, one a line: "
                + ", ".join([*UNTRUSTED, *(f"{kind}:…" for kind in UNTRUSTED_BY_NAME)])
                + ". For instance tool, document or app:crawler.",
                Shape.LINES,
                unset="every source is trusted",
            ),
            Knob(
                "review_below_confidence",
                "Hold below a confidence of",
                "What the engine itself is less sure of, from 0 to 1. 0 holds nothing.",
                Shape.NUMBER,
            ),
        ),
    ),
    Group(
        "retention",
        "Retention and deletion",
        "How long texts are kept, in days. Memories stay until they are deleted or"
        " put aside.",
        (
            Knob(
                "message_days",
                "Messages",
                f"What came in: memories' histories rest on it. {_FOREVER}",
                Shape.WHOLE,
                _DAYS,
                unset="for ever",
            ),
            Knob(
                "keep_model_texts",
                "Keep what models were asked",
                "Requests and replies, to look into a decision.",
                Shape.SWITCH,
            ),
            Knob(
                "model_text_days",
                "Model texts",
                f"Requests and replies of models. {_FOREVER}",
                Shape.WHOLE,
                _DAYS,
            ),
            Knob(
                "search_days",
                "Searches",
                f"What was searched for. {_FOREVER}",
                Shape.WHOLE,
                _DAYS,
            ),
            Knob(
                "graph_days",
                "Edges that are over",
                "How long they stand in the graph before they are archived; reads as of"
                " an instant show them ever after. 0 never archives any.",
                Shape.WHOLE,
                _DAYS,
            ),
            Knob(
                "archive_unused_days",
                "Unused memories",
                "Memories that nobody found, said again or changed for so long are"
                " archived: nobody recalls them, and they can be brought back."
                " Immutable ones and those with an expiry day stay. 0 archives none.",
                Shape.WHOLE,
                _DAYS,
                unset="never",
            ),
            Knob(
                "subject_deletion",
                "Deleting a subject",
                "What the deletion of a user, agent, app or run does.",
                Shape.CHOICE,
                choices=[
                    (ERASE, "erases all that came from it, for good"),
                    (SOFT, "deletes its memories, which can be restored"),
                ],
            ),
        ),
    ),
    Group(
        "patterns",
        "Patterns",
        "What many memories of a subject have in common, put together in the"
        " background. A pattern is a memory that links to its sources.",
        (
            Knob(
                "patterns_enabled",
                "Look for patterns",
                "Once 20 memories are new. Costs a model call each time; with the"
                " engine local they are grouped by rules.",
                Shape.SWITCH,
            ),
            Knob(
                "patterns_days",
                "At most every",
                "How long it is between two looks.",
                Shape.WHOLE,
                _DAYS,
            ),
        ),
    ),
    Group(
        "profiles",
        "Profiles",
        "What is stably known of a user, made from their memories in the background.",
        (
            Knob(
                "profiles_enabled",
                "Make profiles",
                "Costs a model call for each.",
                Shape.SWITCH,
            ),
            Knob(
                "profile_schema",
                "Schema",
                "A JSON schema of what a profile holds.",
                Shape.JSON,
                unset="facts by category",
            ),
            Knob(
                "profile_instructions",
                "Instructions",
                "How profiles are to be filled in.",
                Shape.TEXT,
            ),
            Knob(
                "profile_refresh_memories",
                "Renewed after",
                "So many changed memories of a user; 0: only when asked for.",
                Shape.WHOLE,
                "memories",
            ),
        ),
    ),
    Group(
        "locale",
        "Place and language",
        "Where the project's users are.",
        (
            Knob(
                "timezone",
                "Time zone",
                "In which today and yesterday are reckoned, such as Europe/Berlin.",
                Shape.WORD,
            ),
            Knob(
                "languages",
                "Languages",
                "Codes, one a line, the chief one first: words of new memories are"
                " searched by its rules.",
                Shape.LINES,
                unset="English",
            ),
        ),
    ),
)
KNOBS = {knob.name: knob for group in GROUPS for knob in group.knobs}


def values_of(project: Project) -> dict[str, Any]:
    """What every knob stands at."""
    own, client = (
        ProjectSettings.of(project.settings),
        ClientSettings.of(project.settings),
    )
    of_project = {name: getattr(project, name) for name in LOCALE}
    known = {f.name: getattr(own, f.name) for f in fields(own)}
    known |= {f.name: getattr(client, f.name) for f in fields(client)}
    return {
        name: value for name, value in (known | of_project).items() if name in KNOBS
    }


def is_default(name: str, value: Any) -> bool:
    default = DEFAULTS[name]
    if name == "ontology":
        return not set(value or ()) - {"version"}  # its number outlives what it says
    if isinstance(default, list | tuple):
        return list(value or ()) == list(default)
    return bool(value == default)


def platform_note(name: str) -> str:
    """What the platform's own choice is, where a knob may leave it to that."""
    return f"{settings.ADD_WINDOW_S:g} seconds" if name == "add_window_s" else ""
