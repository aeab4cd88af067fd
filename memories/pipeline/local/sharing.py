"""Pictures and other things that a message shows: "Here's my dog [photo: a brown dog]".

A caption is what was seen, not what was said: it is taken out of the text before that
is read, and told as something the speaker shared.
"""

from __future__ import annotations

import re

_CAPTION = re.compile(
    r"\[(?P<kind>photo|image|picture|video|gif)s?: *(?P<of>[^\[\]\n]{1,400})\]",
    re.IGNORECASE,
)
_VIEW = (
    r"(?:close ?up )?(?:photo(?:graph(?:y)?)?s?|images?|pictures?|pics?|videos?|"
    r"screenshots?|shots?|snaps?)"
)
_SHOWN = re.compile(rf"^(?:an? |the )?{_VIEW} (?:of|showing) ", re.IGNORECASE)
_SHOWS = re.compile(
    r"^(?:here(?:'s| is| are)|(?:just )?(?:check out|(?:(?:take|have) a )?look at)) "
    r"(?P<what>(?:my|our|the|an?|some|another|this|these|those|one|two|three) .+)$",
    re.IGNORECASE,
)
_ONLY_A_VIEW = re.compile(
    rf"^(?:my|our|the|an?|some|another|this|these|those|one) (?:\w+ )?"
    rf"(?:{_VIEW}|ones?)?(?: (?:together|too|here|below))?[.!]*$",
    re.IGNORECASE,
)


def split_captions(text: str) -> tuple[str, tuple[str, ...]]:
    """The words of a message, and what each of its pictures shows."""
    shown = tuple(_SHOWN.sub("", m["of"].strip(" .")) for m in _CAPTION.finditer(text))
    if not shown:
        return text, ()
    return _CAPTION.sub(" ", text).strip(), tuple(filter(None, shown))


def read_shared(text: str) -> str | None:
    """ "Here's a picture I took in Rome" → "I shared a picture I took in Rome".

    For people among themselves: an assistant is shown things to work on them. None when
    nothing is shown, or nothing is said of it.
    """
    match = _SHOWS.match(text)
    if match is None or _ONLY_A_VIEW.match(match["what"]):
        return None
    return f"I shared {match['what']}"


def as_shown(speaker: str, caption: str) -> str:
    """A caption as a fact of its own."""
    return f"{speaker} shared a photo of {caption}"
