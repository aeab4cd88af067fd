"""What stands in front of a subject: "On 9 June 2025 User moved", "Now User lives".

The rules read a clause from its subject on. Words before it that say when, how or why
are put behind it, or left out where they are of no consequence; a clause of its own
("Before Anna moved, …") is no such lead and stays where it is.
"""

from __future__ import annotations

import re
from functools import lru_cache

from memories.language.letters import INITIAL, SMALL
from memories.language.times import MONTHS, WEEKDAYS
from memories.pipeline.local.grammar import AUXILIARIES, NOT_VERBS, is_past

_ADVERBS = (
    "Now|Nowadays|Today|Then|Still|Also|Already|Later|Afterwards|Meanwhile|Instead|"
    "However|Therefore|Sometimes|Often|Once|Lately|Recently|Currently|Presently|"
    "Finally|Eventually|Luckily|Fortunately|Unfortunately|Thankfully|Sadly|Happily|"
    "Suddenly|Surprisingly|Apparently|Officially|Temporarily|Actually|Usually|"
    "Normally|Generally|Typically|Occasionally|Regularly|Initially|Originally|"
    "Previously|Formerly|At the moment|At present|At last|As of now|For now|"
    "For the moment|Right now|These days|By now|In the end|In fact|After all|"
    "Since then|From now on|Just now|To be honest|As you know|Not long ago"
)
_DATED = "|".join(name.capitalize() for name in (*MONTHS, *WEEKDAYS))
_PART = rf"(?:(?:{_DATED}|Christmas|Easter|New Year)\b|\d[\w:.]*|{SMALL}[\w'-]*)"
_OPENS = (
    "On|In|At|Since|From|During|After|Before|Until|Around|By|As of|For|Over|About|"
    "Last|This|Next|A few|Some|Many|Several"
)
_NEXT = rf"(?={INITIAL}(?!(?:{_DATED})\b)[^\W\d]*[\w'’&-]* )"
_LEADS = (
    re.compile(rf"^(?P<plain>{_ADVERBS}),? (?={INITIAL})"),
    re.compile(rf"^(?P<when>(?:{_OPENS})(?: {_PART}){{1,7}}),? {_NEXT}"),
    re.compile(r"^(?P<plain>(?!(?:Possib|Probab|Hopeful)ly)[A-Z][a-z]+ly),? (?=User )"),
    re.compile(
        rf"^(?P<when>(?:Because of|Thanks to|Together with|With|Besides|Like|In|At) "
        rf"(?:{INITIAL}[\w'’-]*|{SMALL}[\w'’-]*)(?: [\w'’-]+){{0,4}}?),? (?=User )"
    ),
)
_FINITE = AUXILIARIES - {"may", "might", "must", "will"}
_DAYS = re.compile(rf"\b(?:{_DATED}|Christmas|Easter|New Year)\b")


@lru_cache(maxsize=4096)
def subject_first(text: str) -> str:
    """ "On 9 June 2025 User moved" as "User moved on 9 June 2025"; else ``text``.

    Only the first clause is read: what follows a semicolon stays at the end.
    """
    clause, *rest = text.split(";", 1)
    for pattern in _LEADS:
        match = pattern.match(clause)
        if match is not None and not _is_clause(match[1]):
            told = clause[match.end() :]
            if match.groupdict().get("when"):
                told = f"{told.rstrip(' .')} {_lowered(match['when'])}"
            return ";".join([told, *rest])
    return text


def _is_clause(lead: str) -> bool:
    """A clause of its own, or the beginning of one: "Since moving to" Oulu."""
    words = [word.lower() for word in lead.split()]
    return words[-1] in NOT_VERBS or any(
        is_past(word) or word in _FINITE for word in words
    )


def _lowered(lead: str) -> str:
    return lead if _DAYS.match(lead) else lead[0].lower() + lead[1:]
