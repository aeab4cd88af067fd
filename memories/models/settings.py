"""A typed view on ``Project.settings``, which stores only what differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Self

MAX_INSTRUCTION_CHARS = 10_000
"""Of each text that goes into every prompt: instructions, includes, excludes."""
MAX_CATEGORIES = 100
MAX_DESCRIPTION_CHARS = 500
ERASE, SOFT = SUBJECT_DELETIONS = ("erase", "soft")
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

    ``engine`` blank is the platform's choice: ``single_pass`` where a model is
    configured, ``local`` otherwise. ``subject_deletion`` says whether the deletion of
    a user, agent, app or run erases what came from it, or only deletes its memories,
    which keep their versions (``soft``, decision 13).

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
    recent_messages: int = 10
    recalled_memories: int = 10
    summary_every_messages: int = 20
    session_gap_hours: int = 6
    dense_weight: float = 1.0
    text_weight: float = 0.5
    keep_model_texts: bool = True
    message_days: int = 0
    model_text_days: int = 30
    search_days: int = 90
    subject_deletion: str = ERASE

    @classmethod
    def of(cls, stored: Mapping[str, Any]) -> Self:
        """The defaults with what is stored over them; unknown keys are others'."""
        known = {f.name for f in fields(cls)}
        return cls(**{key: value for key, value in stored.items() if key in known})
