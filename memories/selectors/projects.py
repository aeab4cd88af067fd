"""How a project is set up: settings, providers, spaces and prompts, in one value.

Read once and kept while the project's row says nothing changed: whoever changes a
setting, a provider, a space or a prompt also touches ``Project.updated_at``.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from uuid import UUID

from django.conf import settings
from django.db.models import Q

from memories.models import (
    Anchor,
    EmbeddingSpace,
    PromptVersion,
    ProviderConfig,
    ScopeIndex,
)
from memories.models.settings import ClientSettings, ProjectSettings
from memories.providers.base import Chat, Embedder
from memories.providers.factory import (
    LOCAL,
    chat_for,
    configured_space,
    embedder_for,
    has_chat,
    sees_images,
)
from memories.types import SCOPE_KEYS, PromptText, SpaceKey
from memplatform.lib.errors import NotFound
from tenants.models import Project


@dataclass(frozen=True, slots=True)
class Canary:
    """A prompt version that speaks for a share (0..1) of ingestions first."""

    prompt: PromptText
    share: float

    def speaks_for(self, ingestion_id: UUID) -> bool:
        """Always the same answer for an ingestion, so that a retry hears the same.

        One that a smaller share would take, a larger one takes too.
        """
        drawn = f"{self.prompt.version_id} {ingestion_id}".encode()
        number = int.from_bytes(hashlib.sha256(drawn).digest()[:8])
        return number < self.share * 2**64


@dataclass(frozen=True, slots=True)
class HugeScope:
    """An anchor whose vectors have an index of their own in one space (ADR 503).

    ``of`` is what is indexed, one or more of ``ScopeIndex.Of``; ``ids`` are the
    anchor's own, by their keys; ``memory_vectors`` how many vectors its memories had,
    about, which is how many there are but for long ones: 0 without an index of them.
    """

    anchor_id: UUID
    space_id: UUID
    ids: Mapping[str, str | None]
    of: frozenset[str]
    memory_vectors: int

    def is_named_by(self, ids: Mapping[str, str | None]) -> bool:
        """Whether a filter with these ids reaches it; None of them is no bound."""
        return all(ids[key] in (None, own) for key, own in self.ids.items())


@dataclass(frozen=True)
class ProjectSetup:
    """Everything about a project that a request or a task needs to know."""

    tenant_id: UUID
    project_id: UUID
    settings: ProjectSettings
    timezone: str
    languages: tuple[str, ...]
    prompts: Mapping[str, PromptText]
    spaces: tuple[EmbeddingSpace, ...]
    configured_space: SpaceKey
    chat_config: ProviderConfig | None
    embedding_config: ProviderConfig | None
    rerank_config: ProviderConfig | None = None
    client: ClientSettings = field(default_factory=ClientSettings)
    canaries: Mapping[str, Canary] = field(default_factory=dict)
    huge_scopes: tuple[HugeScope, ...] = ()

    def for_ingestion(self, ingestion_id: UUID) -> ProjectSetup:
        """The setup with the prompts that speak for one ingestion.

        The same object for all that hear the same prompts.
        """
        drawn = frozenset(
            purpose
            for purpose, canary in self.canaries.items()
            if canary.speaks_for(ingestion_id)
        )
        if drawn not in self._drawn:
            own = {purpose: self.canaries[purpose].prompt for purpose in drawn}
            self._drawn[drawn] = replace(self, prompts={**self.prompts, **own})
        return self._drawn[drawn]

    @cached_property
    def _drawn(self) -> dict[frozenset[str], ProjectSetup]:
        """By the purposes whose canary speaks."""
        return {frozenset(): self}

    @cached_property
    def chat(self) -> Chat | None:
        return chat_for(self.chat_config)

    @property
    def counts_uses(self) -> bool:
        """Whether searches count what they find: something asks for it."""
        return self.client.decay or self.settings.archive_unused_days > 0

    @property
    def engine(self) -> str:
        """The engine's name; without a model there is only ``local``."""
        if not has_chat(self.chat_config):
            return LOCAL
        return self.settings.engine or "single_pass"

    @property
    def sees_images(self) -> bool:
        """Whether somebody reads the images that messages bring."""
        return self.engine != LOCAL and sees_images(self.chat_config)

    @property
    def active_space(self) -> EmbeddingSpace | None:
        """The space reads use; None before the first memory."""
        return next((s for s in self.spaces if s.state == s.State.ACTIVE), None)

    @property
    def building(self) -> frozenset[UUID]:
        """Spaces that are written to and not read yet."""
        building = EmbeddingSpace.State.BUILDING
        return frozenset(s.id for s in self.spaces if s.state == building)

    @cached_property
    def embedders(self) -> Mapping[UUID, Embedder]:
        """The embedders of the spaces that are written to: active and building."""
        return {space.id: embedder_for(space) for space in self.spaces}

    @cached_property
    def hurried_embedders(self) -> Mapping[UUID, Embedder]:
        """The same, for a request that somebody waits for (decision 22)."""
        patience = settings.EMBEDDING_REQUEST_DEADLINE_S / max(1, len(self.spaces))
        return {
            space.id: embedder_for(space, deadline_s=patience) for space in self.spaces
        }

    @property
    def add_window(self) -> timedelta:
        """How long a small add waits for others; zero where each goes alone."""
        own = self.settings.add_window_s
        return timedelta(seconds=settings.ADD_WINDOW_S if own is None else own)

    @property
    def text_config(self) -> str:
        """The text-search configuration of the project's first language."""
        return _text_config_of(self.languages[0]) if self.languages else "english"


def _text_config_of(language: str) -> str:
    """That of pt for pt-BR: no region or script has stems of its own."""
    return TEXT_CONFIGS.get(re.split("[-_]", language.lower())[0], "simple")


TEXT_CONFIGS = {
    "ar": "arabic",
    "ca": "catalan",
    "da": "danish",
    "de": "german",
    "el": "greek",
    "en": "english",
    "es": "spanish",
    "eu": "basque",
    "fi": "finnish",
    "fr": "french",
    "ga": "irish",
    "hi": "hindi",
    "hu": "hungarian",
    "hy": "armenian",
    "id": "indonesian",
    "it": "italian",
    "lt": "lithuanian",
    "nb": "norwegian",
    "ne": "nepali",
    "nl": "dutch",
    "nn": "norwegian",
    "no": "norwegian",
    "pt": "portuguese",
    "ro": "romanian",
    "ru": "russian",
    "sr": "serbian",
    "sv": "swedish",
    "ta": "tamil",
    "tr": "turkish",
    "yi": "yiddish",
}
"""Of PostgreSQL 16 and newer, by language; others are compared word for word."""

_cache: dict[UUID, tuple[datetime, ProjectSetup]] = {}
_CACHED_PROJECTS = 10_000


def known_setup(project_id: UUID, changed_at: datetime | None) -> ProjectSetup | None:
    """No query: the setup of that very state of the project, if this process has it.

    ``changed_at`` is ``Project.updated_at`` as the caller just read it.
    """
    known = _cache.get(project_id)
    return known[1] if known and known[0] == changed_at else None


def get_setup(project_id: UUID) -> ProjectSetup:
    """One query while nothing changed; call inside the tenant's scope.

    Raises NotFound.
    """
    project = Project.objects.filter(id=project_id).first()
    if project is None:
        raise NotFound
    known = known_setup(project_id, project.updated_at)
    if known is not None:
        return known
    setup = _read(project)
    if len(_cache) >= _CACHED_PROJECTS:
        _cache.clear()
    _cache[project_id] = (project.updated_at, setup)
    return setup


def _read(project: Project) -> ProjectSetup:
    configs = {
        config.kind: config for config in ProviderConfig.objects.filter(project=project)
    }
    embedding = configs.get(ProviderConfig.Kind.EMBEDDING)
    published, canaries = _spoken_prompts(project)
    return ProjectSetup(
        tenant_id=project.tenant_id,
        project_id=project.id,
        settings=ProjectSettings.of(project.settings),
        timezone=project.timezone,
        languages=tuple(project.languages),
        prompts=published,
        spaces=_written_spaces(project),
        configured_space=configured_space(embedding),
        chat_config=configs.get(ProviderConfig.Kind.CHAT),
        embedding_config=embedding,
        rerank_config=configs.get(ProviderConfig.Kind.RERANK),
        client=ClientSettings.of(project.settings),
        canaries=canaries,
        huge_scopes=_huge_scopes(project),
    )


def _written_spaces(project: Project) -> tuple[EmbeddingSpace, ...]:
    states = (EmbeddingSpace.State.ACTIVE, EmbeddingSpace.State.BUILDING)
    return tuple(
        EmbeddingSpace.objects.filter(project=project, state__in=states).order_by(
            "state", "id"
        )
    )


def _huge_scopes(project: Project) -> tuple[HugeScope, ...]:
    """By anchor and space; whoever builds or drops an index touches the project."""
    indexes = ScopeIndex.objects.filter(project=project, state=ScopeIndex.State.READY)
    indexed: dict[tuple[UUID, UUID], dict[str, int]] = defaultdict(dict)
    for index in indexes:
        indexed[index.anchor_id, index.space_id][index.of] = index.vectors
    anchors = Anchor.objects.in_bulk({anchor_id for anchor_id, _ in indexed})
    return tuple(
        HugeScope(
            anchor_id,
            space_id,
            {key: getattr(anchors[anchor_id], key) for key in SCOPE_KEYS[:3]},
            frozenset(of),
            of.get(ScopeIndex.Of.MEMORIES, of.get(ScopeIndex.Of.WORDS, 0)),
        )
        for (anchor_id, space_id), of in sorted(indexed.items())
    )


def _spoken_prompts(
    project: Project,
) -> tuple[Mapping[str, PromptText], Mapping[str, Canary]]:
    """The published versions, and those on trial for a share, by purpose."""
    published: dict[str, PromptText] = {}
    canaries: dict[str, Canary] = {}
    versions = PromptVersion.objects.filter(
        Q(is_published=True) | Q(canary_share__gt=0), project=project
    )
    for version in versions.select_related("template"):
        purpose = version.template.purpose
        prompt = PromptText(purpose, version.text, version.id)
        if version.is_published:
            published[purpose] = prompt
        else:
            canaries[purpose] = Canary(prompt, version.canary_share)
    return published, canaries
