"""Sentences that take a remembered fact back, rather than state a new one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from memories.language.letters import CAPITAL
from memories.pipeline.local.facts import Voice, to_third_person
from memories.pipeline.local.fillers import strip_fillers


@dataclass(frozen=True, slots=True)
class Retraction:
    """A wish that something be forgotten, or the end of a possession.

    ``text`` describes, in the third person, the memory to be retired; ``evidence`` is
    the sentence as it was said. ``statement`` is the fact to store when nothing known
    is retired; None for a plain request to forget.
    """

    text: str
    evidence: str
    position: int
    statement: str | None = None


_FORGET = re.compile(
    r"^(?:please |can you |could you |you can )*(?:forget|delete|erase|remove|"
    r"(?:do not|don't|stop) remember(?:ing)?|no longer remember)(?: about)?"
    r"(?: the fact)?(?: that)? (?P<what>(?:(?:my|our|i|we|what i|everything)\b|"
    rf"(?<=that )(?-i:{CAPITAL})\w+(?: (?:and|from|at) \w+)? \w+ ).*)$",
    re.IGNORECASE,
)
_TAIL = re.compile(
    r"\s*(?:,?\s*please|from (?:your )?memory|,? (?:ok|okay|thanks|thank you))?[.!?]*$",
    re.IGNORECASE,
)
_ENDED = re.compile(
    r"^i (?:(?:don't|do not) (?P<verb>have|own|drive|use|play|take|need) "
    r"(?P<what>.+?) any ?(?:more|longer)|"
    r"no longer (?P<verb2>have|own|drive|use|play|take|need) (?P<what2>.+?))[.!]*$",
    re.IGNORECASE,
)


def read_retraction(sentence: str, voice: Voice, position: int) -> Retraction | None:
    """The retraction that ``sentence`` is, or None."""
    text = strip_fillers(sentence, ())
    forget = _FORGET.match(text)
    if forget is not None:
        what = to_third_person(_TAIL.sub("", forget["what"]), voice)
        return Retraction(what, sentence, position)
    ended = _ENDED.match(text)
    if ended is None:
        return None
    verb = (ended["verb"] or ended["verb2"]).lower()
    what = ended["what"] or ended["what2"]
    return Retraction(
        text=to_third_person(f"I {verb} {what}", voice),
        evidence=sentence,
        position=position,
        statement=to_third_person(f"I no longer {verb} {what}", voice),
    )
