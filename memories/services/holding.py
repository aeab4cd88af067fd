"""What a key would make a memory say passes the gate as what is added does.

Else an agent that was taken over could reword a memory in force. An operator's words
are not held: who writes them looks at them.
"""

from __future__ import annotations

from memories.models import Memory
from memories.pipeline.gate import concerns_about
from memories.selectors.projects import ProjectSetup
from memories.selectors.sources import source_of
from memories.types import SCOPE_KEYS, Concern, Scope, Unset
from tenants.selectors import Access


def concerns_of_change(
    access: Access, setup: ProjectSetup, head: Memory, text: str | Unset
) -> tuple[Concern, ...]:
    """Why a text is to be reviewed before a memory says it; inside the open scope."""
    kept = setup.settings
    if isinstance(text, Unset) or not kept.has_review or access.is_operator:
        return ()
    if text == head.text:
        return ()
    scope = Scope(**{key: getattr(head, key) for key in SCOPE_KEYS})
    return concerns_about(text, kept, source_of(kept, scope, key_id=access.key_id))
