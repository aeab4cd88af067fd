"""One call: the facts of an exchange, each with its decision, entities and times."""

from __future__ import annotations

from memories.pipeline.engines.one_call import OneCallEngine, SchemaOf
from memories.pipeline.facts import Row
from memories.pipeline.schemas import single_pass
from memories.types import Verdict


class SinglePass(OneCallEngine):
    """The default engine: ADD, UPDATE, DELETE or NONE against what was recalled."""

    name = "single_pass"

    def schema(self) -> SchemaOf:
        return single_pass

    def verdict(self, row: Row) -> tuple[Verdict, int | None]:
        return Verdict(row["op"]), row["id"]
