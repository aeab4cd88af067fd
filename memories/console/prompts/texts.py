"""Which text of a prompt is meant: a version, the draft, or what is shipped."""

from __future__ import annotations

from dataclasses import dataclass

from memories.models import PromptTemplate
from memories.prompts import shipped_prompts
from memories.prompts.purposes import PURPOSES, Purpose
from memories.selectors.projects import ProjectSetup
from memories.selectors.prompts import (
    TemplateView,
    VersionView,
    describe_template,
    find_draft,
    get_template,
    get_version,
    list_versions,
)
from memories.services.setup import ready_setup
from memplatform.lib.errors import NotFound
from tenants.console.visits import Visit

DRAFT, SHIPPED = "draft", "shipped"


@dataclass(frozen=True, slots=True)
class Spoken:
    """A text with what it is called; ``number`` None: no version."""

    key: str
    name: str
    text: str
    number: int | None = None


@dataclass(frozen=True)
class Bench:
    """A prompt in its project."""

    setup: ProjectSetup
    purpose: Purpose

    @property
    def is_by_rules(self) -> bool:
        """Whether the project speaks no prompt at all."""
        return self.setup.engine == "local"

    @property
    def is_spoken(self) -> bool:
        """Whether the project's engine is one that speaks this prompt."""
        engine = self.purpose.engine
        return not self.is_by_rules and engine in (None, self.setup.engine)


@dataclass(frozen=True)
class Desk(Bench):
    """A prompt with its versions."""

    template: TemplateView
    versions: tuple[VersionView, ...]

    @property
    def choices(self) -> list[tuple[str, str]]:
        """Texts that can be tried or published, the draft first."""
        drafts = [(DRAFT, "The draft")] if self.template.draft_at else []
        return drafts + [(str(v.number), _called(v)) for v in self.versions]


def ready(visit: Visit) -> ProjectSetup:
    """The project's setup, complete; no query while nothing has changed."""
    changed_at = visit.project.updated_at if visit.project else None
    return ready_setup(visit.tenant_id, visit.project_id, changed_at=changed_at)


def open_desk(visit: Visit, purpose: str) -> Desk:
    """Opens its own scopes; raises NotFound."""
    setup = ready(visit)
    with visit.scope():
        template = get_template(purpose)
        view, versions = describe_template(template), list_versions(template)
    return Desk(setup, view.purpose, view, tuple(versions))


def open_bench(visit: Visit, purpose: str) -> Bench:
    """Without its versions; raises NotFound."""
    found = PURPOSES.get(purpose)
    if found is None:
        raise NotFound("There is no such prompt.")
    return Bench(ready(visit), found)


def find_text(template: PromptTemplate, key: str) -> Spoken:
    """The text of ``draft``, ``shipped`` or a number; inside the visit's scope.

    Raises NotFound.
    """
    if key == SHIPPED:
        shipped = shipped_prompts()[template.purpose].text
        return Spoken(key, "the shipped text", shipped)
    if key == DRAFT:
        draft = find_draft(template)
        if draft is None:
            raise NotFound("This prompt has no draft.")
        return Spoken(key, "the draft", draft.text)
    if not (key.isascii() and key.isdigit() and len(key) < 9):
        raise NotFound("There is no such version.")
    version = get_version(template, int(key))
    return Spoken(key, f"version {key}", version.text, version.number)


def number_of(key: str) -> int | None:
    """As services call it: None is the draft."""
    return None if key == DRAFT else int(key)


def _called(version: VersionView) -> str:
    state = ""
    if version.is_published:
        state = ", published"
    elif version.is_canary:
        state = f", for {version.canary_percent:g} %"
    return f"Version {version.number}{state}"
