"""One call: facts are only added, with marks on what they replace or repeat.

A fact that supersedes a memory becomes DELETE with a fact, one that a memory already
says becomes MERGE: both are stored, so nothing that was said is lost.
"""

from __future__ import annotations

from memories.pipeline.engines.one_call import OneCallEngine, SchemaOf
from memories.pipeline.facts import Row
from memories.pipeline.schemas import additive
from memories.types import Verdict


class Additive(OneCallEngine):
    """Never UPDATE; DELETE without a fact only for a wish to forget."""

    name = "additive"

    def schema(self) -> SchemaOf:
        return additive

    def verdict(self, row: Row) -> tuple[Verdict, int | None]:
        """A contradiction outweighs a likeness: the new truth must not be hidden."""
        if row["supersedes"] is not None or not row["text"].strip():
            return Verdict.DELETE, row["supersedes"]
        if row["duplicates"] is not None:
            return Verdict.MERGE, row["duplicates"]
        return Verdict.ADD, None
