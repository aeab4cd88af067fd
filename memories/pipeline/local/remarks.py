"""What is said that only stands with its occasion: answers, and remarks among people.

"Three years ago!" is told with the question before it. What a person tells another
about the world, or about the other, is told as something said, when it has substance:
words beside those of praise, feeling and good wishes.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from memories.language.periods import has_time
from memories.pipeline.local.facts import Voice
from memories.pipeline.local.fillers import strip_fillers
from memories.pipeline.local.grammar import word_set
from memories.pipeline.local.screening import is_imperative
from memories.pipeline.local.sentences import FIRST_PERSON, split_sentences
from memories.pipeline.local.words import content_stems, names, numbers, stem

_MOST_ASKED = 9
"""Words of a question that is told with its answer."""
_TAIL_CHARS = 500
"""Of a message: what was asked before that is not what is answered."""
_LEAST_SUBSTANCE = 4
_LEAST_ADDED = 3
"""Substance of what is added to a fact rather than told by itself."""
_MOST_SAID = 24
"""Words of a remark."""


def _stems(words: str) -> frozenset[str]:
    return frozenset(map(stem, word_set(words)))


_IDLE = _stems(
    """new up else about anything wonder sound thoughts think guess lately plans updates
    front help fun vibes coming special happen happened talked"""
)
"""Of questions that ask about nothing in particular."""
_FEELING = _stems(
    """great awesome amazing cool nice wonderful fantastic lovely beautiful sweet super
    impressive inspiring inspired inspiration exciting excited interesting fun tough
    hard rough perfect incredible adorable cute good better best bad sad awful terrible
    gorgeous stunning special right true important helpful happy happiness glad proud
    love loved like liked enjoy enjoyed sound sounds look looks hear heard feel feels
    feeling luck lucky support supportive wish hope hoping keep work working effort
    journey experience moment memories joy joyful dream passion passionate strength
    strong courage positive talk chat bet sure imagine must seem seems mean means way
    time day life world people lots idea thought words share care deserve appreciate
    thank welcome worth believe focus motivate motivation help helps progress success
    stuff congrats start new take give come see seeing think reward rewarding powerful
    peace peaceful calm relax friend wow matter encourage embrace heart grateful
    gratitude grow growth learn together bring forward wait check try stay"""
)
_HOLLOW = re.compile(
    r"(?:(?:so|really|just|always|and|remember|but|oops),? )*(?:glad|hope|hoping|"
    r"sounds?|looks?|love|wish|wishing|stay|keep|so|such|be|good luck|have (?:a|fun)|"
    r"enjoy|take care|let me|don't|do not|never|believe|trust|congrats|great|awesome|"
    r"happy|proud|appreciate|can't|cannot|see you|talk|thanks?|here(?:'s| is) to|"
    r"bet|cool|nice|amazing|respect|you(?:'ve)? got this|"
    r"if you (?:ever )?(?:need|want)|"
    r"(?:it|that)(?:'s| is) (?:so |really |always )*(?:amazing|awesome|great|nice|cool|"
    r"crazy|sweet|lovely|wonderful)|"
    r"i (?:bet|hope)|i(?:'m| am) (?:sure|here))\b",
    re.IGNORECASE,
)
"""How wishes, cheers and encouragement begin."""
_PROPOSAL = re.compile(r"^let(?:'s| us) (?:not )?", re.IGNORECASE)
_SMALL = word_set(
    """it they he she his her their its this that these those there for from in on at
    by with to about since until because a an the one two three four five six seven
    eight nine ten mostly usually mainly probably maybe around almost just only over
    not never always and but so or some many few lots both all each every another if
    when where while what how now then even big small great good pretty old new such
    yes no would could can will might"""
)
"""Written small within a sentence; of other words nobody knows."""
_CLAUSE_END = re.compile(r",? (?:and|but|so|because)\b|[,;]| [-–—] |[–—]")


def read_question(text: str, listeners: Collection[str]) -> str | None:
    """The last question of a message, when it is short and asks about something."""
    sentences = split_sentences(text[-_TAIL_CHARS:])
    asked = [s for s in sentences if s.rstrip("\"'”’)").endswith("?")]
    if not asked:
        return None
    question = strip_fillers(asked[-1].replace('"', "'"), listeners)
    if len(question.split()) > _MOST_ASKED or not content_stems(question) - _IDLE:
        return None
    return question[0].upper() + question[1:]


def as_answer(question: str, voice: Voice, text: str) -> str:
    """ "Since 2019" → 'Asked "How long have you lived here?", Anna said since 2019'."""
    return f'Asked "{question}", {as_remark(voice, text)}'


def as_remark(voice: Voice, text: str) -> str:
    """ "The bridge was closed" → "Anna said the bridge was closed".

    ``text`` is in the third person already.
    """
    if re.match(rf"{re.escape(voice.speaker)}\b(?!')", text):
        return text
    proposal = _PROPOSAL.match(text)
    if proposal:
        return f"{voice.speaker} suggested they {text[proposal.end() :]}"
    if is_imperative(re.findall(r"[\w']+", text)):
        return f"{voice.speaker} said to {text[0].lower()}{text[1:]}"
    return f"{voice.speaker} said {_within_a_sentence(text)}"


def richest(remarks: Sequence[str], people: Collection[str]) -> int | None:
    """The position of the remark that says most, if one says enough.

    Who speaks, or is spoken to, is no news: ``people`` are their names.
    """
    weighed = [
        (-_substance(remark, people), position)
        for position, remark in enumerate(remarks)
        if not _HOLLOW.match(remark)
    ]
    least, position = min(weighed, default=(0, 0))
    return position if -least >= _LEAST_SUBSTANCE else None


def is_substantial(text: str, people: Collection[str]) -> bool:
    """Whether a remark, as short as it should be, says enough by itself."""
    is_short = len(text.split()) <= _MOST_SAID
    return is_short and richest([text], people) is not None


def elaborates(text: str) -> bool:
    """Whether a sentence about no one adds something to the one before it."""
    return not _HOLLOW.match(text) and _substance(text, ()) >= _LEAST_ADDED


def _substance(text: str, people: Collection[str]) -> int:
    """Words of content, and one each for a name or number, a time, and the speaker."""
    known = {part.lower() for name in people for part in name.split()}
    words = content_stems(text) - _FEELING - {stem(name) for name in known}
    is_exact = bool(names(text) - known or numbers(text))
    return len(words) + is_exact + has_time(text) + bool(FIRST_PERSON.search(text))


def shortened(text: str) -> str:
    """As many whole clauses as fit; what has no end to cut at stays as it is."""
    while len(text.split()) > _MOST_SAID:
        ends = [m.start() for m in _CLAUSE_END.finditer(text)]
        ends = [end for end in ends if len(text[:end].split()) > _MOST_SAID // 4]
        if not ends:
            return text
        text = text[: ends[-1]]
    return text


def _within_a_sentence(text: str) -> str:
    first = re.match(r"[^\W\d_]+", text)
    word = first[0].lower() if first else ""
    is_small = word in _SMALL or (word.endswith("ing") and len(word) > 4)
    return text[:1].lower() + text[1:] if is_small else text
