"""From what somebody says to a statement about them, in the third person.

"I've been to Rome with my sister" → "User has been to Rome with their sister". A quoted
title ("How I Met Your Mother") is left alone. Which sentences deserve this is not
decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from memories.language.letters import CAPITAL, SMALL
from memories.pipeline.local.grammar import (
    AUXILIARIES,
    COMMON_VERBS,
    MODALS,
    NOT_VERBS,
    TENSELESS,
    expand_contractions,
    is_adverb,
    is_coordinated_verb,
    is_past,
    third_person,
    word_set,
)
from memories.pipeline.local.sentences import (
    ADJECTIVES_IN_ED,
    FIRST_PERSON,
    starts_with_action,
)


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks, and to whom, as they are to be named in a fact."""

    speaker: str = "User"
    listener: str = "the assistant"


def to_third_person(sentence: str, voice: Voice) -> str:
    """``sentence`` about ``voice.speaker``, capitalised, without a final stop.

    English only. The result has no first or second person pronoun outside quotes.
    """
    text = expand_contractions(_lower_shouting(sentence))
    text, titles = _hide_titles(text)
    text = re.sub(r"\bme[- ]time\b", "personal time", text)
    text = _supply_subject(text)
    text = _mark_joint_subject(text)
    text = _Rewriter(voice, _tokens(text)).rewrite()
    return _tidy(_show_titles(text, titles))


def split_clauses(sentence: str) -> list[str]:
    """Clauses that stand alone: "I'm a nurse and live in Rome" → two with "I".

    A clause under "because", "when" and the like stays with its main clause.
    """
    pieces = [
        piece for part in _split_at_subject(sentence) for piece in _split_verbs(part)
    ]
    return pieces or [sentence]


_SUBORDINATE = re.compile(
    r"\b(?:if|when|because|that|while|since|after|before|until|although|where|who|"
    r"which|unless|whenever|so)\b",
    re.IGNORECASE,
)
_NEW_SUBJECT = re.compile(
    r",? (?:and|but)(?: so)? (?=(?:(?:now|then|currently|today|since then|recently"
    r"|these days|also|finally|(?:in|on|since|from|next|last|this)(?: \w+){1,3}?),? )?"
    r"(?:I|we|my \w+)(?:'\w+)?\b )"
)
_GIVEN_UP = re.compile(
    r"(?P<left>I used to .+?),? (?:and|but) (?:then )?(?:I )?(?P<right>(?:have )?"
    r"(?:stopped|quit|gave (?:it |that )?up)\b(?! \w+ing\b).*)"
)
""" "I used to smoke but I stopped in 2022" says one thing, and when it was over."""


def _split_at_subject(sentence: str) -> Iterator[str]:
    start = 0
    if given_up := _GIVEN_UP.fullmatch(sentence):
        yield f"{given_up['left']} but {given_up['right']}"
        return
    for match in _NEW_SUBJECT.finditer(sentence):
        left, right = sentence[start : match.start()], sentence[match.end() :]
        if _stands_alone(left) and len(right.split()) > 2:
            yield left
            start = match.end()
    yield sentence[start:]


def _stands_alone(clause: str) -> bool:
    """A first-person clause with a verb, and no subordinate that may go on."""
    starts_with_subject = re.match(
        r"(?:I|we|my \w+|it|this|that|they)\b", clause, re.IGNORECASE
    )
    if not starts_with_subject or _SUBORDINATE.search(clause):
        return False
    joint = _JOINT_SUBJECT.match(clause + " and I ")
    return len(clause.split()) > 2 and not (joint and joint.end() >= len(clause))


_OF_I = "am|have|live|work|like|love|hate|study|speak|own|drive"
_OF_OTHERS = "|".join(map(third_person, _OF_I.split("|")))
_PASTS = "moved|got|started|bought|left|joined|quit|sold|adopted|married|divorced"
_ADVERB = "(?:also |really |just |currently |now )?"
_OTHER = (
    rf"(?!(?:It|This|That|There|Here|What|Who)\b)(?:[Mm]y (?:[a-z]+ ){{1,2}}?)?"
    rf"{CAPITAL}\w+(?: {CAPITAL}\w+)?|[Mm]y [a-z]+"
)
_SIMPLE_VERB = re.compile(
    rf"^(?:(?P<i>I)(?:'m| {_ADVERB}(?:play|{_OF_I}|{_PASTS}|used to \w+))\b"
    rf"|(?P<other>{_OTHER}) {_ADVERB}(?:plays|{_OF_OTHERS}|{_PASTS})\b)"
)
_SECOND_VERB = re.compile(
    rf",? (?:and|but) ({_ADVERB}(?:(?P<i>{_OF_I}|don't)|{_OF_OTHERS}|{_PASTS})\b "
    r"(?:a|an|the|my|in|at|as|for|to|with|two|three|not|like|eat|drink|[a-z]+ing"
    rf"|married|engaged|{CAPITAL}\w+)\b)"
)
_SHARED = re.compile(rf"^(?:\S+ ){{1,4}}?{_ADVERB}(?:{_OF_I}|{_OF_OTHERS})$")
""" "I live" of "I live and work in Oulu": what follows is said of both."""


def _split_verbs(clause: str) -> Iterator[str]:
    """ "I live in Rome and work at Acme" says two things that change apart."""
    first, second = _SIMPLE_VERB.match(clause), _SECOND_VERB.search(clause)
    if first is None or second is None or (first["other"] and second["i"]):
        yield clause
        return
    left = clause[: second.start()]
    if _SUBORDINATE.search(left) or re.search(r"(?<!^I used )\bto [a-z]", left):
        yield clause
        return
    right = clause[second.start(1) :]
    if _SHARED.match(left):
        verb = re.match(r"(?:also |really |just |currently |now )?\S+", right)
        left += right[verb.end() :] if verb else ""
    yield left
    yield f"{first['i'] or first['other']} {right}"


def _lower_shouting(text: str) -> str:
    letters = [c for c in text if c.isalpha()]
    shouted = len(letters) > 8 and sum(c.isupper() for c in letters) > 0.8 * len(
        letters
    )
    return re.sub(r"\bi\b", "I", text.lower()).capitalize() if shouted else text


_TITLE = re.compile(rf"\"{CAPITAL}[^\"]{{0,60}}\"|“{CAPITAL}[^”]{{0,60}}”")
_HIDDEN = 0xF000  # private use area


def _hide_titles(text: str) -> tuple[str, list[str]]:
    titles: list[str] = []

    def hide(match: re.Match[str]) -> str:
        titles.append(match[0])
        return chr(_HIDDEN + len(titles) - 1)

    return _TITLE.sub(hide, text), titles


def _show_titles(text: str, titles: list[str]) -> str:
    for number, title in enumerate(titles):
        text = text.replace(chr(_HIDDEN + number), title)
    return text


def _supply_subject(text: str) -> str:
    """Put the left-out "I" in front of an action."""
    if not starts_with_action(text):
        return text
    lowered = text[0].lower() + text[1:]
    first = next(word for word in lowered.split() if not is_adverb(word))
    if first == "been":
        return f"I have {lowered}"
    if first in ADJECTIVES_IN_ED:
        return f"I am {lowered}"
    if first == "going" or (first.endswith("ing") and not is_past(first)):
        return f"I am {lowered}"
    return f"I {lowered}"


_JOINT = "\ue123"  # stands for "speaker and others named", always plural
_KIN_PHRASE = (
    rf"(?:[Mm]y|[Oo]ur|[Tt]he) (?!\w+ed\b)\w+(?: {CAPITAL}\w+)?|{CAPITAL}{SMALL}+"
)
_JOINT_SUBJECT = re.compile(
    rf"\b(?P<other>{_KIN_PHRASE}) and (?:I|me)\b(?! (?:am|was)\b)"
)
_JOINT_REVERSED = re.compile(
    rf"\b(?:me|I) and (?P<other>my (?!\w+ed\b)\w+(?: {CAPITAL}\w+)?)\b", re.IGNORECASE
)


def _mark_joint_subject(text: str) -> str:
    for pattern in (_JOINT_SUBJECT, _JOINT_REVERSED):
        text = pattern.sub(_joint, text, count=1)
    return text


def _joint(match: re.Match[str]) -> str:
    """The speaker first, so that what belongs to them can follow as "their"."""
    other = match["other"]
    if other.split()[0] in ("My", "Our", "The"):
        other = other[0].lower() + other[1:]
    return f"{_JOINT} and {other}"


def _tokens(text: str) -> list[str]:
    return re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)*|\s+|.", text, re.DOTALL)


_BOUNDARIES = word_set(
    """and but or that if when because while since so what where how why who as than
    after before until though although whatever once unless"""
)
_BEFORE_OTHER_I = word_set("war type phase part world chapter class category")


@dataclass(slots=True)
class _Rewriter:
    """One walk over the tokens of a sentence, replacing pronouns and verbs.

    ``is_named`` turns true once the speaker has been named, so that "my" may become
    "their"; another name in between turns it back. ``is_listing`` is true behind a verb
    of a list ("meditates, does yoga, and ...").
    """

    voice: Voice
    tokens: list[str]
    is_named: bool = False
    is_group_named: bool = False
    is_listing: bool = False
    out: list[str] = field(default_factory=list)

    def rewrite(self) -> str:
        for index, token in enumerate(self.tokens):
            self.out.append(self._replace(index, token))
        return "".join(self.out)

    def _replace(self, index: int, token: str) -> str:
        if token == _JOINT:
            return self._name_joint_subject()
        word = token.lower()
        if word in ("i", "me", "my", "mine", "myself"):
            return self._singular(index, token, word)
        if word in ("we", "us", "our", "ours", "ourselves") and not token.isupper():
            return self._plural(word)
        if word in ("you", "your", "yours", "yourself", "yourselves"):
            return self._listener(index, word)
        if token[0].isupper() and self.out and len(token) > 2:
            self.is_named = False
        return token

    def _name_joint_subject(self) -> str:
        self.is_named = self.is_group_named = True
        return self.voice.speaker

    def _singular(self, index: int, token: str, word: str) -> str:
        if word == "i":
            return self._subject(index) if self._is_pronoun(index) else token
        if word == "me":
            self.is_named = True
            return self.voice.speaker
        if word == "my":
            return self._possessive()
        if word == "myself":
            return "themselves"
        is_noun = self._before(index) in ("gold", "coal", "a", "the", "data", "land")
        return token if is_noun else f"{self.voice.speaker}'s"

    def _is_pronoun(self, index: int) -> bool:
        around = "".join(self.tokens[max(index - 1, 0) : index + 2])
        return self._before(index) not in _BEFORE_OTHER_I and not re.search(
            r"[A-Za-z]\.|/|\.[A-Za-z]", around
        )

    def _subject(self, index: int) -> str:
        self.is_named = True
        self._agree_before(index)
        self._agree(index)
        return self.voice.speaker

    def _possessive(self) -> str:
        if self.is_named:
            return "their"
        self.is_named = True
        return f"{self.voice.speaker}'s"

    def _plural(self, word: str) -> str:
        group = "they" if self.is_group_named else f"{self.voice.speaker} and others"
        if word in ("we", "us"):
            written = "them" if word == "us" and self.is_group_named else group
            self.is_group_named = self.is_named = True
            return written
        if word == "our":
            return "their" if self.is_group_named else self._possessive()
        return "theirs" if word == "ours" else "themselves"

    def _listener(self, index: int, word: str) -> str:
        listener = self.voice.listener
        self.is_named = self.is_named and not listener[0].isupper()
        if word == "you":
            following = self._follows(index)[:1]
            is_subject = not self._before(index) or self._before(index) in _BOUNDARIES
            if following and (following[0] in AUXILIARIES or is_subject):
                self._agree(index)
            written = listener
        elif word.startswith("yoursel"):
            written = "themselves"
        else:
            written = f"{listener}'s"
        return written if self.out else written[0].upper() + written[1:]

    # --- verbs ------------------------------------------------------------------------

    def _agree_before(self, index: int) -> None:
        """Inversion: "so do I" → "so does User"."""
        if len(self.out) >= 2 and not self._follows(index):
            previous = self.out[-2].lower()
            if previous in ("am", "do", "have"):
                self.out[-2] = third_person(previous)

    def _agree(self, index: int) -> None:
        """Conjugate the verb after the subject at ``index``, and its companions."""
        verb = self._verb_position(index)
        if verb is None:
            return
        word = self.tokens[verb].lower()
        if word in MODALS or word in NOT_VERBS:
            return
        self.tokens[verb] = self._conjugated(word, self.tokens[verb])
        self._agree_companions(verb)

    def _verb_position(self, index: int) -> int | None:
        """The first word behind ``index`` that is no adverb, within the clause."""
        for position in range(index + 1, min(index + 10, len(self.tokens))):
            token = self.tokens[position]
            if token[0].isalpha() and not is_adverb(token):
                return position
            if not re.match(r"[\s,\w]", token):
                return None
        return None

    def _conjugated(self, word: str, token: str) -> str:
        if word in ("am", "are", "have", "do"):
            return third_person(word)
        if word in AUXILIARIES or is_past(word) or not word.isascii():
            return token
        if word in TENSELESS and (word == "quit" or self._is_past_told()):
            return token
        if word == "quit" or word.endswith("'s") or _is_participle_in_ing(word):
            return token
        return third_person(word)

    def _is_past_told(self) -> bool:
        told = "".join(self.tokens).lower()
        return bool(
            re.search(r"\b(?:19|20)\d\d\b|\bago\b|\blast\b|\bfinally\b", told)
        ) or (any(is_past(token) for token in self.tokens))

    def _agree_companions(self, verb: int) -> None:
        """Later verbs of the same subject: "lives in Rome and works at Acme"."""
        for position in range(verb + 1, len(self.tokens)):
            word = self.tokens[position].lower()
            if word in (
                "to",
                "i",
                "we",
                "you",
                "they",
                "he",
                "she",
                "it",
                "who",
                "that",
            ):
                return
            if word in MODALS or word == "did":
                return
            if word in ("and", "but", "or", ","):
                self._agree_companion(position)

    def _agree_companion(self, conjunction: int) -> None:
        position = self._verb_position(conjunction)
        if position is None:
            return
        following = self._follows(position)
        word = self.tokens[position].lower()
        ends_list = self.is_listing and word in COMMON_VERBS
        if ends_list or is_coordinated_verb(word, following[0] if following else ""):
            self.is_listing = self.tokens[conjunction] == ","
            self.tokens[position] = third_person(word)

    def _follows(self, index: int) -> list[str]:
        """Words behind ``index`` up to the next sign, adverbs left out, lower case."""
        words: list[str] = []
        for token in self.tokens[index + 1 :]:
            if token[0].isalpha():
                if not is_adverb(token):
                    words.append(token.lower())
            elif not token.isspace():
                break
        return words

    def _before(self, index: int) -> str:
        words = [token for token in self.tokens[:index] if token[0].isalpha()]
        return words[-1].lower() if words else ""


def _is_participle_in_ing(word: str) -> bool:
    return word.endswith("ing") and word not in COMMON_VERBS


def _tidy(text: str) -> str:
    text = re.sub(r"\s+", " ", text).strip(" \t\n,;:-–—")
    if text.count('"') % 2:
        text = text.replace('"', "")
    text = re.sub(r"(?<![.])[.!…]+$", "", text) if not text.endswith("...") else text
    return text[:1].upper() + text[1:]


def mentions_speaker(text: str) -> bool:
    """Whether a first-person pronoun stands in ``text``."""
    return bool(FIRST_PERSON.search(text))
