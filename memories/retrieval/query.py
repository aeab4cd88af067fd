"""What a question asks for, read without a model: names, times, what is quoted. Pure.

Nothing here can fail a search: what is not understood is no signal.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, tzinfo
from itertools import islice
from typing import Literal

from memories.language.days import in_zone
from memories.language.names import normalise
from memories.language.periods import read_periods, without_times
from memories.language.times import Period, Said, find_times, local_day
from memories.retrieval.asking import NOTHING, Sought, read_sought
from memories.types import Aspect

FEW_WORDS = 2
"""With fewer words of substance left, a question is about its names alone."""
READ_CHARS = 300
"""How much of a query is read for times: a question is short, and reading is not to
take two milliseconds."""
NAMED_CHARS = 2_000
"""How much of it is read for names and for what it quotes."""
LONGEST_NAME = 4
MOST_WORDS = 60
"""Words of a name, and how many words of a question are looked through for names."""
_WORD = re.compile(r"[^\W\d_][\w'’-]*")
_TOKEN = re.compile(r"\S+")
_QUOTED = re.compile(
    r"[\"“”„«»](?P<double>[^\"“”„«»]{2,200})[\"“”„«»]"
    r"|(?<!\w)['‘](?P<single>[^'‘’]{2,200})['’](?!\w)"
)
_POSSESSIVE = re.compile(r"['’]s?$")
_WHEN = re.compile(
    r"^(when|(for )?how long|how often|how many (days|weeks|months|years)|since when"
    r"|until when"
    r"|(in|on|during|by|around|at) (what|which) (\w+ )?"
    r"(day|date|week|weekend|month|season|year|time)"
    r"|(what|which) (day|date|week|weekend|month|season|year|time))\b"
)
_LATEST = re.compile(
    r"\b(latest|newest|most recent(ly)?|last time|current(ly)?|now|nowadays|these days"
    r"|at present)\b"
    r"|\b(the|my|your|his|her|its|our|their) (very )?last\b(?! (few|couple|two|three"
    r"|day|night|evening|week|weekend|month|year|spring|summer|autumn|fall|winter))"
    r"|^(?!how long\b|for how long\b).*(?<!before )\blast(\?|$)|\bdid \w+ last \w+"
)
_NOW = re.compile(
    r"\b(current(ly)?|now|nowadays|these days|at present|at the moment|right now|still"
    r"|any ?more|any longer)\b"
)
_BACK = re.compile(
    r"\b(used to|previous(ly)?|former(ly)?|in the past|before|prior to|earlier"
    r"|back then|originally|initially|at first|until|till)\b"
)
_PLAN = re.compile(
    r"\b(plan(s|ned|ning)?|intend(s|ed|ing)?|intentions?|going to|upcoming|scheduled"
    r"|hop(es?|ing) to|want(s|ed|ing)? to|look(s|ing)? forward|will)\b"
)
_AHEAD = re.compile(
    r"\b(will|going to|upcoming|next(?! to)|scheduled|plans?|planning"
    r"|intend(s|ing)?|look(s|ing)? forward)\b"
)
_PAST_TENSE = re.compile(r"\b(did|was|were|had|been|has|have)\b")
"""Whoever did or was planning something is not asked for what is still to come."""
_LANDMARK = re.compile(
    r"\b(?P<side>before|prior to|until|till|after)\s+(?P<what>[^?.,;!]{2,80})",
    re.IGNORECASE,
)
_HOW_ONE_GETS_THERE = frozenset(
    """become becoming began begin beginning came coming ever get gets getting go going
    got had joined joining left leaving lived living met meeting move moved moves moving
    start started starting went worked working""".split()  # noqa: SIM905 - to be read
)
"""In "before moving to Berlin" it is Berlin that is named."""
_WHATEVER = frozenset(
    """doing done else ever going happen happened happening happens know occur occurred
    remember say said tell told took place up""".split()  # noqa: SIM905 - to be read
)
"""What "What happened in May?" has beside its time."""
_FORMS = (
    frozenset({"move", "moved", "moves", "moving"}),
    frozenset({"start", "started", "starting", "begin", "began", "beginning"}),
    frozenset({"join", "joined", "joining"}),
    frozenset({"leave", "leaving", "left"}),
    frozenset({"meet", "meeting", "met"}),
)
"""In "before I moved" nothing else is: whatever tells of it, in any form, is meant."""
_WHO = re.compile(r"\s*(and |but )?(who|whose|whom|which)\b", re.IGNORECASE)
_SELF = re.compile(r"\bI\b")
_SHE_OR_HE = re.compile(r"^(?!.*\b(her|his|their)\b).*\b(she|he)\b", re.IGNORECASE)
USER = frozenset({"user"})
"""What facts call whoever gave no name."""
_OWNER = re.compile(r"['’]s\b|s['’]\s|\b(my|mine|our|ours|we|us)\b", re.IGNORECASE)
"""It is their sister that is asked about, not they."""
_FIRST = re.compile(
    r"\b(first(?! (half|part|quarter|days?|weeks?|weekends?|months?) of\b)|earliest"
    r"|oldest|originally|initially)\b"
)
_STATE = re.compile(
    r"\b(live[sd]?|living|home|work(s|ed|ing)?|jobs?|employer|boss|own(s|ed)?|drive|drove"
    r"|dating|dated|married|engaged)\b|\b(did|do|does) (\w+ ){1,2}have\b"
)
_AGENT = "(you|the (assistant|agent|bot|ai))"
_ASKS_AGENT = re.compile(
    rf"\bdid {_AGENT} (recommend|suggest|say|tell|mention|advise|propose|explain|give"
    r"|write|show|list|answer)\b"
    rf"|\b{_AGENT} (recommended|suggested|said|told|mentioned|advised|proposed"
    r"|explained|gave|wrote|showed|listed|answered)\b"
    r"|\b(your|the (assistant|agent|bot|ai)['’]s)"
    r" (advice|(recommendation|suggestion|answer|proposal|explanation)s?)\b"
    r"|\b(was|were|been|got) (recommended|suggested|advised|proposed)\b"
)
_FUNCTION_WORDS = frozenset(
    """
    a about all an and any are as at be been by can could did do does for from had
    has have he her hers him his how i in into is it its just many may me might
    much my of on or our she should so tell than that the their them then there
    these they this those to us was we were what when where which who whom whose
    why will with would you your
    """.split()  # noqa: SIM905 - to be read
)
_ALSO_NAMES = frozenset({"may", "will"})
"""Small words that people are called, too."""
_BEFORE_A_MONTH = frozenset(
    """after before by during from in last next of since this till
    until""".split()  # noqa: SIM905 - to be read
) | {""}
"""Before "May" the month; nothing, where a sentence begins with it."""


@dataclass(frozen=True, slots=True)
class Landmark:
    """What a question places its answer before, or after; ``words`` lower case."""

    side: Literal["before", "after"]
    words: frozenset[str]


@dataclass(frozen=True, slots=True)
class Query:
    """A question as the legs ask it.

    ``unnamed`` is without the people it names: they are everywhere in a conversation
    of theirs, and drown what is asked about them. ``names`` are those, lower case;
    ``whom`` are the names of the one person whom it is about, if it is.
    ``phrases`` are what it quotes. ``periods`` are the days it names, ``asks_when``
    whether the answer is a time, ``order`` which of several it means: "first",
    "latest" (what is so now, too), or neither. ``asks_agent``: it asks for what the
    agent said. ``is_now``: only what is so at ``asked_at``; ``looks_back``: what is
    over is no worse an answer; ``looks_ahead``: only what is still to come is one.
    ``is_of_time``: it asks for nothing but what was then ("What did I do in May?"),
    ``asks_state``: for what holds for a while ("Where did I live in May?").
    ``sought`` is the relation that it asks for, of one of ``subjects``, spelt like
    ``things``.
    ``landmark`` is what it asks before or after, ``aspects`` what it wants told of,
    where it says so.
    Days are those of ``zone``. ``things`` may be names of entities, as ``normalise``
    spells them: every run of up to four words that could be one.
    """

    text: str
    unnamed: str
    names: frozenset[str] = frozenset()
    whom: frozenset[str] = frozenset()
    phrases: tuple[str, ...] = ()
    periods: tuple[Period, ...] = ()
    is_of_time: bool = False
    asks_state: bool = False
    asks_when: bool = False
    order: str = ""
    asks_agent: bool = False
    is_now: bool = False
    looks_back: bool = False
    looks_ahead: bool = False
    landmark: Landmark | None = None
    aspects: frozenset[Aspect] = frozenset()
    asked_at: datetime | None = None
    zone: tzinfo = UTC
    things: tuple[str, ...] = ()
    sought: Sought = NOTHING
    subjects: tuple[str, ...] = ()

    def of_times(self, spans: Sequence[tuple[datetime, datetime]]) -> Query:
        """The same where a filter says what times are asked about, if it does."""
        if not spans:
            return self
        days = [
            Period(in_zone(start, self.zone).date(), in_zone(end, self.zone).date())
            for start, end in spans
        ]
        periods = (*self.periods, *days)
        return replace(
            self, periods=periods, is_now=False, looks_back=True, looks_ahead=False
        )


def read_query(
    text: str,
    people: Collection[str] = (),
    *,
    reference: datetime | None = None,
    timezone: str = "UTC",
) -> Query:
    """``people`` are the names of who speaks in the scope, in any case.

    ``reference`` is the instant that "last week" is said at; None: now is not asked,
    and such words mean nothing.
    """
    known = {part for name in people for part in _parts(name)}
    kept, named = _without(text, known)
    asked = text[:READ_CHARS]
    lowered = " ".join(asked.lower().split())
    is_ahead = _looks_ahead(lowered)
    periods = read_periods(asked, reference, timezone, is_ahead=is_ahead)
    today, zone = local_day(reference, timezone) if reference else (None, UTC)
    is_now = bool(_NOW.search(lowered))
    landmark = _landmark(asked, known, today)
    order, things = _order(lowered), _things(text)
    looks_back = not is_now and (
        landmark is not None or order == "first" or _looks_back(lowered, periods, today)
    )
    return Query(
        text=text,
        unnamed=kept if _has_substance(kept) else text,
        names=frozenset(named),
        whom=_whom(asked, named, people),
        phrases=_phrases(text),
        periods=periods,
        asks_state=bool(_STATE.search(lowered)),
        is_of_time=bool(periods) and not _asks_more(kept),
        asks_when=bool(_WHEN.match(lowered)),
        order=order,
        asks_agent=bool(_ASKS_AGENT.search(lowered)),
        is_now=is_now,
        looks_back=looks_back,
        looks_ahead=not (is_now or looks_back) and is_ahead,
        landmark=landmark,
        aspects=frozenset({Aspect.PLAN} if _PLAN.search(lowered) else ()),
        asked_at=reference,
        zone=zone,
        things=things,
        sought=read_sought(lowered),
        subjects=(*things, *_selves(asked, people)),
    )


def may_name(text: str) -> bool:
    """Whether there is a word in it that may be a name; else nobody need be known."""
    return any(word[0].isupper() or not word.isascii() for word in _WORD.findall(text))


def _without(text: str, known: Collection[str]) -> tuple[str, set[str]]:
    """The text without names, and these; read as far as questions go."""
    kept: list[str] = []
    named: set[str] = set()
    before = ""
    for token in _TOKEN.findall(text[:NAMED_CHARS]):
        name = _bare(token)
        if name in known and _is_called(token, name, before):
            named.add(name)
        else:
            kept.append(token)
        before = name
    return " ".join(kept) + text[NAMED_CHARS:], named


def _is_called(token: str, name: str, before: str) -> bool:
    """By its capital; where it is a small word as well, within a sentence, and of "May"
    where it is no month."""
    if name not in _ALSO_NAMES:
        return not token[0].islower()
    return token[0].isupper() and before not in _BEFORE_A_MONTH


def _whom(text: str, named: set[str], people: Collection[str]) -> frozenset[str]:
    """The one who is named, or whose memory it is; nobody where it asks for somebody
    ("Who …?"), or for what is somebody's."""
    if _WHO.match(text) or _OWNER.search(text):
        return frozenset()
    if len(named) == 1:
        return frozenset(named)
    if named or len(people) > 1 or not _asks_of_one(text):
        return frozenset()
    return frozenset(_parts(next(iter(people)))) if people else USER


def _selves(text: str, people: Collection[str]) -> tuple[str, ...]:
    """Names of whose memory it is, where the question names nobody else."""
    own = [part for name in people for part in _parts(name)]
    if len(people) > 1 or any(name not in own for name in _capitals(text)):
        return ()
    return (*USER, *map(normalise, people))


def _capitals(text: str) -> set[str]:
    """Words with a capital that may be names, in small letters."""
    words = (word for word in _WORD.findall(text) if word[0].isupper())
    return {_POSSESSIVE.sub("", word.lower()) for word in words} - _FUNCTION_WORDS


def _asks_of_one(text: str) -> bool:
    """Of whose memory it is: by themselves, or by others who name nobody else."""
    if _SELF.search(text):
        return True
    return bool(_SHE_OR_HE.match(text)) and not _capitals(text)


def _phrases(text: str) -> tuple[str, ...]:
    """What is quoted, with single spaces."""
    quoted = _QUOTED.finditer(text[:NAMED_CHARS])
    said = (" ".join((m["double"] or m["single"]).split()) for m in quoted)
    return tuple(phrase for phrase in said if phrase)


def _things(text: str) -> tuple[str, ...]:
    """Runs of words that neither begin nor end with a small one."""
    tokens = islice(_TOKEN.finditer(text), MOST_WORDS)
    words = [(normalise(token[0]), _bare(token[0])) for token in tokens]
    runs: dict[str, None] = {}
    for start in range(len(words)):
        for end in range(start + 1, min(start + LONGEST_NAME, len(words)) + 1):
            run = words[start:end]
            if {run[0][1], run[-1][1]}.isdisjoint(_FUNCTION_WORDS):
                runs[" ".join(word for word, _ in run)] = None
    return tuple(runs)


def _bare(token: str) -> str:
    """A word without punctuation around it, nor the 's of a possessive."""
    match = _WORD.search(token)
    return _POSSESSIVE.sub("", match[0]).lower() if match else ""


def _parts(name: str) -> list[str]:
    """A name, and each of its words that could stand for it."""
    words = [word.lower() for word in _WORD.findall(name)]
    small = _FUNCTION_WORDS - _ALSO_NAMES
    return [word for word in words if len(word) > 1 and word not in small]


def _has_substance(text: str) -> bool:
    words = {word.lower() for word in _WORD.findall(text)}
    return len(words - _FUNCTION_WORDS) >= FEW_WORDS


def _asks_more(kept: str) -> bool:
    """Than for what was at a time; whoever says much does."""
    is_long = len(kept) > READ_CHARS
    return is_long or bool(words_of(without_times(kept)) - _WHATEVER)


def _order(lowered: str) -> str:
    if _LATEST.search(lowered):
        return "latest"
    return "first" if _FIRST.search(lowered) else ""


def _looks_back(lowered: str, periods: Collection[Period], today: date | None) -> bool:
    """By its words, or since all the days it names are past."""
    is_past = today is not None and all(period.last < today for period in periods)
    return bool(_BACK.search(lowered) or (periods and is_past))


def _looks_ahead(lowered: str) -> bool:
    return bool(_AHEAD.search(lowered)) and not _PAST_TENSE.search(lowered)


def _landmark(
    text: str, people: Collection[str], today: date | None
) -> Landmark | None:
    """ "before Berlin", "after she had met Bob"; a date is a period, not this."""
    match = _LANDMARK.search(text)
    if match is None:
        return None
    begin = match.start("what")
    near = range(begin, begin + len("the "))
    times = find_times(text, Said(today or date.max, is_question=True))
    if any(time.start in near or time.start < begin < time.end for time in times):
        return None
    said = words_of(match["what"])
    words = said - _HOW_ONE_GETS_THERE or _all_forms(said)
    words = words - frozenset(people) or words
    side: Literal["before", "after"] = (
        "after" if match["side"].lower() == "after" else "before"
    )
    return Landmark(side, words) if words else None


def _all_forms(words: frozenset[str]) -> frozenset[str]:
    return frozenset().union(*(forms for forms in _FORMS if forms & words))


def words_of(text: str) -> frozenset[str]:
    """Its words of substance, lower case."""
    words = {_POSSESSIVE.sub("", word.lower()) for word in _WORD.findall(text)}
    return frozenset(words - _FUNCTION_WORDS)


def overlaps(
    periods: Collection[Period],
    start: datetime | None,
    end: datetime | None,
    zone: tzinfo = UTC,
) -> bool:
    """Whether an interval touches one of the days asked about; None is open."""
    first = in_zone(start, zone).date() if start else date.min
    last = in_zone(end, zone).date() if end else date.max
    return any(p.first <= last and first <= p.last for p in periods)
