"""What states and origins of memories mean, in words for whoever looks at one."""

from __future__ import annotations

from collections.abc import Mapping

from memories.models import Memory
from memories.types import State

MEANINGS: Mapping[State, str] = {
    State.ACTIVE: "Current: agents recall it.",
    State.SUPERSEDED: "It was true until something newer took its place. Searches "
    "show it after what is current.",
    State.MERGED: "Another memory says the same; agents recall that one.",
    State.RETIRED: "It was taken back: nobody recalls it any more.",
    State.DELETED: "Deleted: nobody recalls it. It can be brought back.",
    State.QUARANTINED: "It waits for review: nobody recalls it until it is approved.",
    State.ARCHIVED: "Put aside: it is kept, but nobody recalls it. It can be brought "
    "back.",
}
BADGES: Mapping[State, str] = {
    State.ACTIVE: "badge-good",
    State.SUPERSEDED: "badge-warn",
    State.MERGED: "",
    State.RETIRED: "badge-warn",
    State.DELETED: "badge-bad",
    State.QUARANTINED: "badge-warn",
    State.ARCHIVED: "",
}
LABELS: Mapping[State, str] = {
    state: "In review" if state == State.QUARANTINED else state.title()
    for state in State
}
ORIGINS: Mapping[Memory.Origin, str] = {
    Memory.Origin.INFERRED: "learned from a conversation",
    Memory.Origin.VERBATIM: "stored word for word",
    Memory.Origin.CONSOLE: "written by hand",
    Memory.Origin.IMPORTED: "imported",
    Memory.Origin.SYNTHESIZED: "put together from other memories",
}
