"""Empty texts that were kept for long enough; their rows stay, for provenance.

Decision 9: what was said, what models were asked and answered, and what was searched
for. Each call empties one chunk, the oldest first, of the open scope's project.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from memories.models import Attachment, LlmCall, Message, Operation, PromptTrial
from memories.models.ingestion import UNFINISHED

CHUNK = 500


def empty_messages(before: datetime) -> int:
    """What was said before an instant, unless its add has yet to run."""
    said = Message.objects.filter(created_at__lt=before, content__isnull=False)
    done = said.exclude(ingestion__operation__status__in=UNFINISHED)
    return _empty(done, content=None, name=None, attachments=None)


def drop_unread_bytes(before: datetime) -> int:
    """What was brought before an instant and never read: its add has failed."""
    kept = Attachment.objects.filter(created_at__lt=before, data__isnull=False)
    done = kept.exclude(ingestion__operation__status__in=UNFINISHED)
    return _empty(done, data=None)


def empty_model_texts(before: datetime) -> int:
    """What models were asked and said before an instant; tokens and costs stay."""
    has_text = Q(request__isnull=False) | Q(reply__isnull=False)
    calls = LlmCall.objects.filter(has_text, created_at__lt=before)
    return _empty(calls, request=None, reply=None)


def empty_trials(before: datetime) -> int:
    """What replays made of recorded adds before an instant; how it differed stays."""
    trials = PromptTrial.objects.filter(decisions__isnull=False, created_at__lt=before)
    return _empty(trials, decisions=None)


def empty_searches(before: datetime) -> int:
    """What was searched for before an instant; what was found are ids."""
    searches = Operation.objects.filter(
        kind=Operation.Kind.SEARCH, created_at__lt=before
    )
    return _empty(searches.exclude(payload={}), payload={})


def _empty(rows: QuerySet[Any], **nothing: Any) -> int:
    ids = list(rows.order_by("created_at").values_list("id", flat=True)[:CHUNK])
    return int(rows.model.objects.filter(id__in=ids).update(**nothing))
