"""What is remembered. Every table here is a project's, behind the tenant walls."""

from __future__ import annotations

from memories.models.attachments import Attachment
from memories.models.categories import Uncategorized
from memories.models.delivery import Delivery, Outbox, Topic, Webhook
from memories.models.evidence import Confirmation, PatternSource
from memories.models.golden import GoldenRun, GoldenSet
from memories.models.graph import (
    Entity,
    EntityMerge,
    Mention,
    Relation,
    RelationSupport,
)
from memories.models.ingestion import (
    ConversationSummary,
    DeleteBarrier,
    IdempotencyRecord,
    Ingestion,
    LlmCall,
    Message,
    Operation,
)
from memories.models.memory import (
    Feedback,
    Memory,
    MemoryEvent,
    MemoryUse,
    MemoryVersion,
)
from memories.models.profiles import Profile
from memories.models.prompts import PromptDraft, PromptTemplate, PromptVersion
from memories.models.subjects import Anchor, Subject
from memories.models.transfer import Export, ExportChunk, Import, ImportChunk
from memories.models.trials import PromptTrial
from memories.models.vectors import (
    EmbeddingSpace,
    MemorySource,
    MemoryVector,
    MessageVector,
    ProviderConfig,
    ScopeIndex,
)

__all__ = [
    "Anchor",
    "Attachment",
    "Confirmation",
    "ConversationSummary",
    "DeleteBarrier",
    "Delivery",
    "EmbeddingSpace",
    "Entity",
    "EntityMerge",
    "Export",
    "ExportChunk",
    "Feedback",
    "GoldenRun",
    "GoldenSet",
    "IdempotencyRecord",
    "Import",
    "ImportChunk",
    "Ingestion",
    "LlmCall",
    "Memory",
    "MemoryEvent",
    "MemorySource",
    "MemoryUse",
    "MemoryVector",
    "MemoryVersion",
    "Mention",
    "Message",
    "MessageVector",
    "Operation",
    "Outbox",
    "PatternSource",
    "Profile",
    "PromptDraft",
    "PromptTemplate",
    "PromptTrial",
    "PromptVersion",
    "ProviderConfig",
    "Relation",
    "RelationSupport",
    "ScopeIndex",
    "Subject",
    "Topic",
    "Uncategorized",
    "Webhook",
]
