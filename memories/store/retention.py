"""Empty texts that were kept for long enough; their rows stay, for provenance.

Decision 9: what was said, what models were asked and answered, and what was searched
for. Each call empties one chunk, the oldest first, of the open scope's project. What
there is to empty is ``selectors.retention``'s to say: a preview lists the same.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from memories.models import Attachment, PromptTrial
from memories.models.ingestion import UNFINISHED
from memories.selectors.retention import old_messages, old_model_texts, old_searches

CHUNK = 500


def empty_messages(before: datetime) -> int:
    """What was said before an instant, unless its add has yet to run."""
    return _empty(old_messages(before), content=None, name=None, attachments=None)


def drop_unread_bytes(before: datetime) -> int:
    """What was brought before an instant and never read: its add has failed."""
    kept = Attachment.objects.filter(created_at__lt=before, data__isnull=False)
    done = kept.exclude(ingestion__operation__status__in=UNFINISHED)
    return _empty(done, data=None)


def empty_model_texts(before: datetime) -> int:
    """What models were asked and said before an instant; tokens and costs stay."""
    return _empty(old_model_texts(before), request=None, reply=None)


def empty_trials(before: datetime) -> int:
    """What replays made of recorded adds before an instant; how it differed stays."""
    trials = PromptTrial.objects.filter(decisions__isnull=False, created_at__lt=before)
    return _empty(trials, decisions=None)


def empty_searches(before: datetime) -> int:
    """What was searched for before an instant; what was found are ids."""
    return _empty(old_searches(before), payload={})


def _empty(rows: QuerySet[Any], **nothing: Any) -> int:
    ids = list(rows.order_by("created_at").values_list("id", flat=True)[:CHUNK])
    return int(rows.model.objects.filter(id__in=ids).update(**nothing))
