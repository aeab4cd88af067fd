"""What somebody looks for in the graph, as a vector; outside any transaction."""

from __future__ import annotations

from memories.providers.vectors import as_direction, head_of
from memories.retrieval.query_cache import embed_queries
from memories.selectors.projects import get_setup, known_setup
from memories.selectors.sight import Meant
from tenants.scopes import tenant_scope
from tenants.selectors import Access


def meaning_of(access: Access, words: str) -> Meant:
    """Opens its own scope; without a space of vectors the words are all there is.

    Raises ProviderError when they cannot be embedded.
    """
    setup = known_setup(access.project_id, access.project_changed_at)
    if setup is None:
        with tenant_scope(access.tenant_id, project_id=access.project_id):
            setup = get_setup(access.project_id)
    space = setup.active_space
    if space is None:
        return Meant(words)
    embedder = setup.hurried_embedders[space.id]
    asked = [head_of(words, embedder.max_tokens)]
    vector = embed_queries(setup.tenant_id, space.id, embedder, asked)[0]
    return Meant(words, space.id, as_direction(vector))
