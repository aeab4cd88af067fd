"""What a fact tells of, by rules: an event, a state, a plan, and so on.

Read from the third-person text. What no rule knows holds: a plain present tense is a
state. Other languages than English are nobody's to say.
"""

from __future__ import annotations

import re
from datetime import datetime

from memories.language.letters import CAPITAL
from memories.pipeline.local.claims import read_claims
from memories.pipeline.local.grammar import (
    ENGAGED,
    PARTICIPLES,
    STOOD,
    is_past,
    telling_verb,
)
from memories.pipeline.local.leads import subject_first
from memories.types import Aspect, ValidTime

# Not a name, nor what somebody leaves: "grandpa's will", "a will of her own".
_NO_NOUN = "".join(
    rf"(?<!\b{word} )"
    for word in ("a", "an", "the", "my", "his", "her", "their", "our", "own", "free")
)
_WILL = rf"{_NO_NOUN}(?<!['’]s )(?<!s['’] )(?-i:will)(?= [a-z])"
_PLAN = re.compile(
    r"\b(?:plans?|planned|planning|intends?|hopes?|hoping|aims?|wants?|wishes|would "
    r"(?:like|love)|dreams? of|is (?:thinking|considering)|looking forward|scheduled|"
    r"is (?:about|set|due) to|going to(?= [a-z])|"
    rf"{_WILL}|shall|is signing up|"
    r"(?:is|are) (?:moving|relocating|transferring|flying) (?:back |over )?to|"
    r"(?:is|are) starting (?:at|in|on|as|work|an?|the|their)|"
    r"(?:is|are) (?:joining|leaving|quitting|marrying|getting married|retiring|adopting"
    r"|buying an?|selling (?:the|their)|going on (?:an?|holiday|vacation))|postponed|"
    rf"booked|{ENGAGED})\b",
    re.IGNORECASE,
)
_NOT_A_PLAN = re.compile(
    r"\b(?:went|was|were|had|did) (?:planned|planning|going to|hoping|about to)\b"
    r"|\b(?:stopped|quit|gave up|given up|began|started|keeps?|kept|avoids?|misses|of"
    r"|before|after|for|from|like|no longer) going to\b"
    r"|\bno longer (?:going|plan(?:s|ning)|hop(?:es|ing)|intend(?:s|ing)|want(?:s|ing))"
    r"|\bwill (?:always|never)\b|\bwants? (?:it|that)\b"
    r"|\b(?:will|shall) not\b|\b(?:is|are|was|were|does|do|did) not (?:going|planning|"
    r"hoping|plan|intend|hope|want|wish)\b",
    re.IGNORECASE,
)
_ABSENCE = re.compile(
    r"\b(?:no longer|not any ?more|any ?more$|never|without (?:an?|any)|"
    r"(?:does|do|is|are|has|have|can|could|was|were|did|will)(?: not|n't)|cannot|"
    r"(?:has|have|had) (?:no|neither)|(?:stopped|quit|gave up) \w+ing|nor)\b",
    re.IGNORECASE,
)
_PREFERENCE = re.compile(
    r"\b(?:likes?|loves?|enjoys?|adores?|prefers?|dislikes?|hates?|detests?|favou?rites?"
    r"|cannot stand|(?:is|are) (?:fond of|keen on|into|not a fan|an? (?:\w+ )?fan of)"
    r"|would rather|despises?)\b",
    re.IGNORECASE,
)
_KIN = (
    "sister|brother|mother|mom|mum|father|dad|wife|husband|daughter|son|aunt|uncle|"
    "niece|nephew|cousin|grand(?:mother|father|ma|pa|son|daughter)|girlfriend|"
    "boyfriend|fianc[eé]e?|partner|friends?|best friend|roommate|flatmate|neighbou?r|"
    "colleague|coworker|boss|manager|mentor|landlord|sisters|brothers|siblings?|sons|"
    "daughters|child(?:ren)?|kids?|ex|stepmother|stepfather|twin"
)
_RELATIONSHIP = re.compile(
    rf"(?:'s?|their|\bhas|\bhave)(?: an?| two| three| four| one)?(?: \w+){{0,2}}? "
    rf"(?:{_KIN})\b(?: is| are|'s)?(?: called| named)?(?: {CAPITAL}\w+)?"
    rf"(?: and {CAPITAL}\w+)?$"
    rf"|\b(?:is|are) (?:\w+ ){{0,2}}(?:\w+'s?|their|the) (?:\w+ )?(?:{_KIN})\b"
    rf"|\bhas (?:an?|one|two|three|four|five|six|\d) (?:\w+ )?(?:{_KIN})\b"
    rf"|'s (?:\w+ )?(?:{_KIN})(?:'s name)? is (?:called |named )?{CAPITAL}"
    r"|\bare (?:\w+ )?(?:friends|siblings|cousins|colleagues|neighbou?rs)$"
    r"|\b(?:is|are|got|was) (?:\w+ )?(?:married|engaged|divorced|separated|dating|"
    r"in a relationship|single|widowed|friends with|related to)\b",
)
_LASTING = re.compile(
    r"\b(?:used to|usually|often|always|regularly|since|until|till|born)\b"
    r"|\bfor (?:\d+|an?|two|three|four|five|six|many|several|a few) "
    r"(?:weeks?|months?|years?)\b",
    re.IGNORECASE,
)
"""What went on for a while is no event, whatever its tense."""
_BRIEF = ("instant", "day", "weekend", "week", "month", "season")
"""What stood so at such a time is told as something that happened then."""
_WORD = re.compile(r"(?:[^\W\d_]|')+")
_SUBJECT_WORDS = 4
"""As in "Alice's sister Anna also": the words before the verb, at most."""
_HOLDS = ("residence", "employer", "occupation", "diet", "age", "car")
"""What "moved", "joined" and "got" begin still holds once that is over."""


def read_aspect(
    text: str,
    valid: ValidTime = ValidTime(),  # noqa: B008
    said_at: datetime | None = None,
) -> Aspect:
    """``valid`` is the time that the text tells, and ``said_at`` when it is told: what
    recurs is no single event, and what is told in the present of a day to come is
    planned."""
    sentence = subject_first(text).split(";")[0]
    claims = read_claims(sentence)
    named = {claim.attribute for claim in claims}
    if _PLAN.search(sentence) and not _NOT_A_PLAN.search(sentence):
        return Aspect.PLAN
    if any(claim.is_over for claim in claims):
        return Aspect.EVENT
    if any(claim.is_negated for claim in claims) and "liking" not in named:
        return Aspect.ABSENCE
    if _PREFERENCE.search(sentence) or "liking" in named:
        return Aspect.PREFERENCE
    if _ABSENCE.search(sentence):
        return Aspect.ABSENCE
    if _RELATIONSHIP.search(sentence) or "relationship status" in named:
        return Aspect.RELATIONSHIP
    if valid.recurs or _LASTING.search(sentence) or named & {*_HOLDS}:
        return Aspect.STATE
    verb = telling_verb(sentence, is_dated=valid.start is not None)
    if not claims and _is_ahead(verb, valid, said_at):
        return Aspect.PLAN
    if verb in STOOD:
        is_brief = valid.start and not valid.end and valid.precision in _BRIEF
        return Aspect.EVENT if is_brief else Aspect.STATE
    return Aspect.EVENT if _happened(sentence, verb) else Aspect.STATE


def is_plan(text: str, aspect: Aspect | None = None) -> bool:
    """Whether it tells of a plan first of all: "plays, and hopes to join" does not.

    Where no word of it says so, what it was read as when it was told counts
    (``aspect``): "has an exam on 3 June 2025".
    """
    text = subject_first(text)
    planned = _PLAN.search(text)
    if planned is None:
        return aspect is Aspect.PLAN
    if read_aspect(text) is not Aspect.PLAN:
        return False
    return len(_WORD.findall(text[: planned.start()])) <= _SUBJECT_WORDS


def _is_ahead(verb: str, valid: ValidTime, said_at: datetime | None) -> bool:
    """ "has an exam next week", "flies to Rome on Friday"."""
    is_present = verb in ("", "is", "are", "has", "have")
    is_later = bool(said_at and valid.start and valid.start > said_at)
    return is_present and is_later


def _happened(sentence: str, verb: str) -> bool:
    """Whether its telling verb is a simple past, or "has" with a participle."""
    if verb in ("has", "have"):
        return _is_perfect(sentence, verb)
    return verb not in ("", "is", "are", "been")


def _is_perfect(sentence: str, auxiliary: str) -> bool:
    """ "has run a marathon" happened, "has a dog" holds; so does "has been ill"."""
    rest = sentence.lower().split(f"{auxiliary} ", 1)[1]
    first = next(iter(_WORD.findall(rest)), "")
    return first != "been" and (first in PARTICIPLES or is_past(first))
