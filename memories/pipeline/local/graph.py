"""Entities and relations that the words of a fact make plain; nothing is guessed.

Relations are read from the verb of the first clause and from what people are called
("User's sister Anna", "Anna from work"); every other name of the text is a mention.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from memories.language.letters import INITIAL, MARKS
from memories.pipeline.local.claims import LIFE, Claim, read_claims
from memories.pipeline.local.grammar import COMMON_VERBS, third_person
from memories.pipeline.local.language import is_english
from memories.pipeline.local.leads import subject_first
from memories.pipeline.local.words import KIN, NOT_NAMES, is_negated, without_contrast
from memories.types import ProposedEntity, ProposedRelation

_RELATIONS = {
    "liking": ("likes", "topic"),
    "allergy": ("allergic_to", "topic"),
    "occupation": ("works_as", "occupation"),
    "boss": ("reports_to", "person"),
    "manager": ("reports_to", "person"),
    "supervisor": ("reports_to", "person"),
}
"""What claims say of whom, where the value is a thing of its own."""
_PERSONAL = ("wife", "husband", "partner", "girlfriend", "boyfriend", "roommate")
_ABBREVIATED = r"(?:(?:St|Ste|Ft|Mt|Dr|Mr|Mrs|Ms|Prof)\. )?"
_WORD = rf"{_ABBREVIATED}{INITIAL}[\w&’{MARKS}-]*"
_NAME = rf"{_WORD}(?: (?:(?:of|the|de|da|la|van|von) )?{_WORD})*"
_KIN = "|".join(sorted(KIN, key=len, reverse=True))
_NOT_THAT = (
    r"(?!(?:ex|former|business|dance|tennis|training|running"
    r"|late(?= (?:wife|husband|partner|girlfriend|boyfriend|fianc)))\b)"
)
""" "Former", "late" and "business" girlfriends and partners are none."""
_OF = rf"(?P<owner>{_WORD})(?:'s?|’s?) (?:{_NOT_THAT}[a-z]+ )?"
_KIN_NAME = re.compile(rf"\b{_OF}(?P<kin>{_KIN}),? (?P<name>{_NAME})")
_SOMEONES = re.compile(
    rf"{_WORD}(?:'s?|’s?) (?:[a-z]+[ -])?(?:{_KIN}),? (?P<name>{_NAME})"
)
_IS_KIN = re.compile(
    rf"\b(?P<name>{_NAME}) is {_OF}(?:[a-z]+ )?(?P<kin>{_KIN})\b(?! {INITIAL})"
)
_KIN_IS = re.compile(rf"\b{_OF}(?P<kin>{_KIN}) is (?:named |called )?(?P<name>{_NAME})")
_HAS_KIN = re.compile(
    rf"\b(?P<owner>{_WORD}) has (?:an?|one) (?:{_NOT_THAT}[a-z]+ )?(?P<kin>{_KIN})"
    rf"(?:,| named| called|,? whose name is) (?P<name>{_NAME})"
)
_KIN_NAMED = re.compile(rf"\b{_OF}(?P<kin>{_KIN})(?:'s|’s) name is (?P<name>{_NAME})")
_KIN_LIST = re.compile(
    rf"\b(?P<owner>{_WORD}) has (?:two|three|four|five|six|\d) (?:[a-z]+ )?"
    r"(?P<kin>brothers|sisters|sons|daughters|cousins|friends|kids|children|colleagues)"
    r"(?:,|:| named| called|,? whose names are) "
    rf"(?P<names>{_NAME}(?:, {_NAME})*,? and {_NAME})"
)
_ONE_OF = {"children": "child"}
_AT_WORK = re.compile(rf"\b(?P<name>{_NAME}) from (?:the )?(?:work|office)\b")
_COUPLE = re.compile(
    rf"^(?P<owner>{_NAME}) and (?P<name>{_NAME}) (?:is|are|got|were|started|have been)"
    r"(?: now)? (?P<bond>engaged|married|dating|seeing each other)\b"
)
_BONDS = {"engaged": "engaged_to", "married": "married_to"}
_PET_NAME = re.compile(
    rf"(?P<owner>{_WORD})(?: (?:has|got|adopted) an? (?:[a-z]+ )?|'s (?:[a-z]+ )?)"
    r"(?P<kin>dog|cat|puppy|kitten|horse|rabbit|parrot|hamster|turtle)"
    rf"(?:,| named| called|'s name is| is called| is named)? (?P<name>{INITIAL}\w+)"
)
_HAS = r"(?:has |have )?(?:just |recently |finally |now |also |still |been )*"
_NO_TOPIC = (
    r"(?!(?:and|or|but|in|on|for|with|at|to|by|from|of|again|every|each|now|too|also|as"
    r"|since|because|when|while|if|so|very|most|more|less|after|before|during|than|that"
    r"|who|which|once|twice|daily|weekly|there|here|anymore|together|alone|outside"
    r"|sometimes|a|an|the|my|their"
    r"|his|her|its|this|it)\b)"
)
_TOPIC = (
    rf"(?:{_NAME}(?: {_NO_TOPIC}[a-z-]+)?|{_NO_TOPIC}[a-z-]+(?: {_NO_TOPIC}[a-z-]+)?)"
)
_STILL = r"(?<=has ){0}ed(?=.* (?:since|for) )|(?<=been ){0}ing"
""" "has lived in Rome since May": so it is now."""
_PLAIN = (
    (
        rf"(?:lives?|resides?|is living|is based|settled|{_STILL.format('liv')}) in",
        *("lives_in", "place"),
    ),
    (r"(?:moved|relocated)(?: back| over)?(?: from [\w ]+?)? to", "lives_in", "place"),
    (
        rf"(?:works?|is working|is employed|{_STILL.format('work')})"
        r"(?: as an? [a-z ]+?)? (?:at|for|by)"
        r"|joined|started (?:working )?at|was hired by"
        r"|(?:started|got|took) (?:an?|their) (?:new )?job (?:at|with)",
        *("works_at", "organization"),
    ),
    (
        r"(?:studied|went to (?:college|university|school)) at|graduated from",
        *("studied_at", "organization"),
    ),
    (
        r"(?:studies|is studying) at|attends|is enrolled (?:at|in)",
        *("studies_at", "organization"),
    ),
    (r"(?:is|was|got) married to|married", "married_to", "person"),
    (r"(?:is|was|got) engaged to", "engaged_to", "person"),
    (r"is dating|is seeing|is in a relationship with", "dating", "person"),
    (r"is (?:best )?friends with", "friend", "person"),
    (r"was born in", "born_in", "place"),
    (r"is from|comes from", "comes_from", "place"),
    (
        r"is an? (?:[a-z]+ )?member of|belongs to|plays for",
        *("member_of", "organization"),
    ),
    (r"speaks|is fluent in|is learning", "speaks", "language"),
    # Whoever is visited may be a person; who goes to a concert is not in its name.
    (rf"(?:visited|is visiting)(?! {_NAME} in {INITIAL})", "visited", "other"),
    (rf"(?:visited|is visiting) {_NAME} in", "visited", "place"),
    (r"(?:travel(?:l)?ed|went) to(?! an? )", "visited", "place"),
    (r"reports to", "reports_to", "person"),
    (
        r"goes by|is (?:also )?(?:called|known as|nicknamed)",
        *("also_known_as", "person"),
    ),
)
_ONCE = (
    (
        r"(?:used to (?:live|reside|be based)|(?:had )?lived|resided"
        r"|was (?:living|based)|had been living) in",
        *("lives_in", "place"),
    ),
    (
        r"(?:used to work|(?:had )?worked|was (?:working|employed)|had been working)"
        r"(?: as an? [a-z ]+?)? (?:at|for|by)",
        *("works_at", "organization"),
    ),
    (r"used to study at", "studied_at", "organization"),
    (r"used to be married to", "married_to", "person"),
    (r"used to be engaged to", "engaged_to", "person"),
    (r"(?:was|used to be) (?:dating|seeing)|used to date|dated", "dating", "person"),
    (
        r"used to (?:play for|belong to)|played for|belonged to"
        r"|(?:was|used to be) an? (?:[a-z]+ )?member of",
        *("member_of", "organization"),
    ),
    (r"used to report to|reported to", "reports_to", "person"),
)
"""What was so, of what is known to be over."""
_OF_THINGS = (
    (r"owns|bought", "owns", "thing"),
    (r"plays", "plays", "topic"),
    (r"likes?|loves?|enjoys?|adores?", "likes", "topic"),
)
_REST_OF_LIST = re.compile(rf"(?:, {_TOPIC})*(?:,? and {_TOPIC})")
_VERBS_OF_OTHERS = COMMON_VERBS | {third_person(verb) for verb in COMMON_VERBS}
_Verbs = tuple[tuple[re.Pattern[str], str, str], ...]


def _compiled(verbs: Sequence[tuple[str, str, str]], what: str) -> _Verbs:
    """(verb and its value, relation, type of the value)."""
    behind = rf"(?: (?:the|an?))? (?P<value>{what})"
    return tuple(
        (re.compile(rf"{_HAS}(?:{verb}){behind}"), kind, type_)
        for verb, kind, type_ in verbs
    )


_VERBS = _compiled(_PLAIN, _NAME) + _compiled(_OF_THINGS, _TOPIC)
_PAST_VERBS = _compiled(_ONCE, _NAME)
_SUBJECT = re.compile(rf"(?P<name>{_NAME}) (?=[a-z])")
_PAST = re.compile(r"\bused to\b ?")
_NAMES = re.compile(rf"(?<![\w’'])({_NAME})")
_IS_NOUN = re.compile(
    r" (?!(?:in|on|at|for|with|and|to|by|from|of|during|because|since|again|when|where"
    r"|last|this|next|as|after|before|together|alone|twice|once|every|several|many"
    r"|while|so|via|near|but|or|who|which|around|over|until|yesterday|today|then)\b)"
    r"[a-z]"
)
""" "went to the Nightwish concert": the name tells which concert."""
_MAX_WORDS = 4  # a longer "value" is a clause, no thing

Graph = tuple[tuple[ProposedEntity, ...], tuple[ProposedRelation, ...]]


@dataclass(slots=True)
class _Drawn:
    entities: dict[str, ProposedEntity] = field(default_factory=dict)
    relations: dict[ProposedRelation, None] = field(default_factory=dict)

    def name(self, name: str, type_: str) -> None:
        known = self.entities.get(name)
        if known is None or known.type == "other":
            self.entities[name] = ProposedEntity(name, type_)

    def relate(self, source: str, kind: str, target: str, target_type: str) -> None:
        self.name(source, "person")
        self.name(target, target_type)
        self.relations.setdefault(ProposedRelation(source, kind, target))


def read_graph(text: str, speaker: str, *, is_bounded: bool = False) -> Graph:
    """The named people, places and things of ``text`` and how they are related.

    What was so is an edge only where the time of the text has an end (``is_bounded``):
    else it would hold today.
    """
    claims = read_claims(text)
    text = subject_first(text)
    drawn = _Drawn()
    _read_kin(drawn, text, speaker, claims)
    plain, was_once = _PAST.subn("", without_contrast(text))
    if not is_negated(plain) and (is_bounded or not was_once):
        verbs = _VERBS + (_PAST_VERBS if is_bounded else ())
        for subject, kind, value, type_ in _read_verbs(text, drawn, speaker, verbs):
            drawn.relate(subject, _beside(kind, claims), value, type_)
    for claim in claims:
        _relate_claim(drawn, claim, text, speaker)
        _name_claimed(drawn, claim, text, speaker)
    for name in _mentioned(text, speaker):
        if not any(_is_within(name, known) for known in drawn.entities):
            drawn.name(name, "person" if name == speaker else "other")
    return tuple(drawn.entities.values()), tuple(drawn.relations)


def _read_kin(drawn: _Drawn, text: str, speaker: str, claims: Sequence[Claim]) -> None:
    """What people, and their animals, are to each other."""
    is_death = any(claim.attribute == LIFE for claim in claims)
    for pattern, kind in (
        (_KIN_NAME, "person"),
        (_IS_KIN, "person"),
        (_KIN_IS, "person"),
        (_HAS_KIN, "person"),
        (_KIN_NAMED, "person"),
        (_PET_NAME, "animal"),
    ):
        if kind == "animal" and is_death:
            continue  # "User's dog Musti died": there is none any more
        for match in pattern.finditer(text):
            drawn.relate(match["owner"], match["kin"], match["name"], kind)
    for match in _KIN_LIST.finditer(text):
        kin = _ONE_OF.get(match["kin"], match["kin"].removesuffix("s"))
        for name in re.split(r", (?:and )?| and ", match["names"]):
            drawn.relate(match["owner"], kin, name, "person")
    if couple := _COUPLE.match(text):
        bond = _BONDS.get(couple["bond"], "dating")
        drawn.relate(couple["owner"], bond, couple["name"], "person")
    for match in _AT_WORK.finditer(text):
        drawn.relate(speaker, "colleague", match["name"], "person")


def _read_verbs(
    text: str, drawn: _Drawn, speaker: str, verbs: _Verbs
) -> Iterator[tuple[str, str, str, str]]:
    """(subject, relation, value, its type) of the first clause."""
    clause = re.split(r"[;(]", text)[0]
    subject, rest = _subject_of(clause, drawn, speaker)
    if subject is None:
        return
    for pattern, kind, type_ in verbs:
        match = pattern.match(rest)
        if match is not None:
            value = _plain(match["value"])
            if kind == "visited" and _IS_NOUN.match(rest[match.end() :]):
                continue
            values = [value, *_listed(rest[match.end() :], kind)]
            for one in values:
                if one and len(one.split()) <= _MAX_WORDS and one not in NOT_NAMES:
                    yield subject, kind, one, type_


def _listed(rest: str, kind: str) -> list[str]:
    """What else is liked or played, where a list of it ends the clause: "and sauna"."""
    rest = rest.rstrip(" .!")
    if kind not in ("likes", "plays") or not _REST_OF_LIST.fullmatch(rest):
        return []
    items = [item for item in re.split(r",? and |, ", rest) if item]
    is_told = any(item.split()[0].lower() in _VERBS_OF_OTHERS for item in items)
    return [] if is_told else [_plain(item) for item in items]


def _subject_of(clause: str, drawn: _Drawn, speaker: str) -> tuple[str | None, str]:
    """Who a clause is about by name, and what is said of them."""
    for pattern in (_SOMEONES, _AT_WORK):
        match = pattern.match(clause)
        if match is not None:
            return match["name"], clause[match.end() :].lstrip(" ,")
    match = _SUBJECT.match(clause)
    if match is None or _is_no_name(match["name"], speaker):
        return None, ""
    return match["name"], clause[match.end() :]


def _is_no_name(name: str, speaker: str) -> bool:
    """ "In May", and "Before Anna" as well; nor "Maybe User", whose lead says more than
    is known."""
    words = name.split()
    is_led = speaker in words[1:] and speaker == "User"
    return is_led or bool({name, words[0]} & (NOT_NAMES - {speaker}))


def _relate_claim(drawn: _Drawn, claim: Claim, text: str, speaker: str) -> None:
    source = _source(claim, text, speaker)
    if source is None or claim.is_negated:
        return
    target = _plain(_as_written(claim.value, text))
    is_short = 0 < len(target.split()) <= _MAX_WORDS
    if claim.attribute in _RELATIONS and is_short:
        kind, type_ = _RELATIONS[claim.attribute]
        parts = re.split(r",? and |, ", target) if kind == "likes" else [target]
        for part in filter(None, map(str.strip, parts)):
            drawn.relate(source, kind, part, type_)
    elif claim.attribute in _PERSONAL and target[:1].isupper():
        drawn.relate(source, claim.attribute, target, "person")
    elif claim.attribute == "name" and claim.is_single and target[:1].isupper():
        drawn.relate(source, "also_known_as", target, "person")


def _beside(kind: str, claims: Sequence[Claim]) -> str:
    """A second home or job is a relation of its own: it ends no first one."""
    attribute = {"lives_in": "residence", "works_at": "employer"}.get(kind)
    is_second = any(
        claim.is_beside and claim.attribute == attribute for claim in claims
    )
    return f"also_{kind}" if is_second else kind


_ENDED = {"employer": "organization", "residence": "place"}


def _name_claimed(drawn: _Drawn, claim: Claim, text: str, speaker: str) -> None:
    """Whom and what the end of something is told of, an opening name among them."""
    source = _source(claim, text, speaker)
    if source is None:
        return
    if claim.whom:
        drawn.name(source, "person")
        drawn.name(_as_written(claim.whom, text), "person")
    elif claim.is_negated and claim.attribute in _ENDED:
        drawn.name(source, "person")
        drawn.name(_plain(_as_written(claim.value, text)), _ENDED[claim.attribute])
    elif claim.attribute == LIFE:
        drawn.name(source, "other")


def _source(claim: Claim, text: str, speaker: str) -> str | None:
    """The speaker, or the name at the end of "user's sister anna"."""
    if claim.subject == speaker.lower():
        return speaker
    written = _as_written(claim.subject, text).split()
    return written[-1] if written and written[-1][0].isupper() else None


def _mentioned(text: str, speaker: str) -> Iterator[str]:
    """Names that do not merely open a sentence; and the speaker's."""
    is_read = is_english(text)
    for match in _NAMES.finditer(text):
        before = text[: match.start()].rstrip()
        name = _plain(match[1])
        opens = not before or before[-1] in ".!?"
        is_word = name[:1].isalpha() and not name[:1].isupper() and not is_read
        if is_word:  # of a script without case, in which any word may be one
            continue
        if name == speaker or (not opens and name and name not in NOT_NAMES):
            yield name


def _is_within(name: str, known: str) -> bool:
    return f" {name.lower()} " in f" {known.lower()} "


def _plain(name: str) -> str:
    return re.sub(r"['’]s?$", "", name.strip(' .,;:!?"')).strip()


def _as_written(lowered: str, text: str) -> str:
    position = text.lower().find(lowered)
    return lowered if position < 0 else text[position : position + len(lowered)]
