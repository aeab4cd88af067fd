"""How far a space is that is being filled. Call inside the tenant's scope."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, F, Q

from memories.models import EmbeddingSpace, MemoryVersion, Operation


@dataclass(frozen=True, slots=True)
class Filling:
    """``done`` of ``total`` texts; ``operation`` is the one that fills, if any."""

    space: EmbeddingSpace
    done: int
    total: int
    operation: Operation | None


def find_filling() -> Filling | None:
    """Of the open project; None while nothing is being filled.

    Texts are gone through in the order of their memories, so those up to the last one
    are done. It counts every memory: nothing for a page that has nothing to tell of it.
    """
    building = EmbeddingSpace.objects.filter(state=EmbeddingSpace.State.BUILDING)
    space = building.first()
    if space is None:
        return None
    texts = MemoryVersion.objects.filter(
        project_id=space.project_id, text__isnull=False, number=F("vector_number")
    )
    is_passed = Q(memory_id__lte=space.progress_id) if space.progress_id else Q(pk=None)
    counted = texts.aggregate(total=Count("id"), done=Count("id", filter=is_passed))
    operations = Operation.objects.filter(
        kind=Operation.Kind.REEMBED, payload={"space_id": str(space.id)}
    )
    newest = operations.order_by("-created_at").first()
    return Filling(space, counted["done"], counted["total"], newest)
