"""What the new words of an edited memory say, of the graph and of when it was so, where
rules read a project.

No model is asked, and no transaction is open while names are embedded. A project that a
model reads learns it with the next add that says so (ADR 0601).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from memories.models import Memory
from memories.pipeline.local.dates import resolve_dates
from memories.pipeline.local.graph import read_graph
from memories.pipeline.relate import Where, read_names, relate
from memories.providers.factory import LOCAL
from memories.providers.vectors import SpaceVectors, embed_in_spaces
from memories.selectors.projects import ProjectSetup
from memories.store.batch import Batch, Revision
from memories.store.graph import link_facts
from memories.store.script import Script
from memories.store.suspects import suspect_losers
from memories.types import Fact, Links, ValidTime
from memplatform.lib import clock

SPEAKER = "User"


@dataclass(frozen=True, slots=True)
class Reworded:
    """New words as a fact, and how they hang on the graph."""

    fact: Fact
    links: Links

    def dated(self, revision: Revision) -> Revision:
        """With the times that the words tell; what is not spoken of stays as it was."""
        valid = self.fact.valid
        if valid == ValidTime():
            return revision
        return replace(
            revision,
            valid_from=valid.start,
            valid_to=valid.end,
            valid_precision=valid.precision,
            recurs=valid.recurs,
        )

    def link(self, batch: Batch, head: Memory, vectors: SpaceVectors | None) -> None:
        """Once the memory says it, under its anchor's lock."""
        script, text = Script(), self.fact.text
        found = {text: vectors} if vectors is not None else {}
        lost = link_facts(script, [(head, self.fact)], self.links, found)
        at = batch.next_instant(head.anchor_id)
        suspect_losers(script, None, lost, at)
        script.update(batch.anchors[head.anchor_id], ["last_known_at"])
        script.run()


def read_reworded(setup: ProjectSetup, head: Memory, text: str) -> Reworded | None:
    """None where a model reads the project, or names have no space."""
    if setup.engine != LOCAL or setup.active_space is None:
        return None
    entities, relations = read_graph(text, head.speaker or SPEAKER)
    _, valid = resolve_dates(text, clock.now(), setup.timezone)
    fact = Fact(
        text,
        entities=entities,
        relations=relations,
        speaker=head.speaker,
        valid=valid,
    )
    where = Where(
        head.tenant_id, head.project_id, head.anchor_id, setup.active_space.id
    )
    named = read_names(where, [fact])
    names = list(named.new.values())
    embedders, building = setup.hurried_embedders, setup.building
    vectors = embed_in_spaces(embedders, names, building=building) if names else []
    by_name = dict(zip(names, vectors, strict=True))
    return Reworded(fact, relate(named, by_name, setup.settings.ontology))
