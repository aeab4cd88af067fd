"""The little English morphology that the rules need; no text is rewritten here."""

from __future__ import annotations

import re
from itertools import pairwise

_WORD = re.compile(r"(?:[^\W\d_]|')+")


def word_set(words: str) -> frozenset[str]:
    """The words of a list written as running text."""
    return frozenset(words.split())


# Irregular simple pasts and participles of the verbs people tell about themselves with.
IRREGULAR_PASTS = word_set(
    """ate became began bent blew bought broke brought built burnt came caught chose
    dealt did dove drank drew dreamt drove fed fell felt flew forgave forgot fought
    found froze gave got grew had hid heard held hung kept knew laid lay leant learnt
    led left lent lit lost made meant met mistook overcame paid ran rang rode rose said
    sang sat saw sent shook shone shot slept slid sold spent spoke sprang spun stole
    stood struck stuck sung swam swore taught thought threw told took tore understood
    underwent was went were woke won wore wound wrote withdrew rebuilt redid undid
    rewrote outgrew oversaw withstood went used"""
)
PARTICIPLES = word_set(
    """been become begun broken bitten chosen come done drawn driven drunk eaten fallen
    flown forgotten frozen given gone gotten got grown had hidden known made met
    written ridden risen run seen shown sung spoken stolen swum taken thrown torn woken
    worn found left lost won bought brought built felt held kept learnt meant
    paid read said sent sold spent stood taught thought told heard"""
)
# Same form in the present and the past: the rest of the sentence decides.
TENSELESS = word_set(
    """read put cut hit set let shut hurt bet cost spread beat upset split burst cast
    broadcast knit reset rid shed slit thrust quit"""
)
STOOD = word_set(
    """was were had lived worked studied owned knew known believed belonged resided
    stayed loved liked hated preferred suffered wanted"""
)
"""Pasts that tell how something stood, rather than what happened."""
ENGAGED = (
    r"(?:has|have)(?: got)? (?:an? |my |their )?(?:[\w'’-]+ ){0,3}?"
    r"(?:appointment|reservation|booking|ticket|exam|interview|meeting)s?"
)
"""What somebody has is still to come, as a part of a pattern."""
_PRESENT_IN_ED = word_set(
    "need feed speed bleed breed seed weed exceed proceed succeed embed heed"
)
AUXILIARIES = word_set(
    """am is are was were be been have has had do does did will would can could cannot
    should may might must shall ought"""
)
MODALS = word_set("will would can could cannot should may might must shall")
_ADVERBS_NOT_IN_LY = word_set(
    """also always just never still often sometimes now even only ever already almost
    not no longer too then soon kinda sorta maybe perhaps both all once here"""
)
_VERBS_IN_LY = word_set("apply reply rely supply fly multiply comply ally")
# Verbs that may follow "and" with the subject left out: "I live here and work there".
COMMON_VERBS = word_set(
    """am avoid bake believe bike bring build buy care carry cook collect commute cycle
    dance do drink drive eat enjoy exercise feel find follow garden get give go grow
    hate have help hike hope invest jog keep know lead learn like listen live look
    love make manage meditate need own paint participate plan play practice prefer
    raise read ride run sell sing sleep speak spend start study suffer swim take
    teach tend think train travel try understand use visit volunteer wake walk want
    watch wear wish work write"""
)
# What may follow such a verb; "dogs and work" is a noun, "and work at" a verb.
_AFTER_VERBS = word_set(
    """a an the my our his her their its some any every each at in on as for to from
    with about by near not it them that this two three four five six lots many much
    really very out up there full part like both no"""
)
NOT_VERBS = word_set(
    """and or but who whom which that as at by for from in of on to with than myself
    alone the a an"""
)


def is_adverb(word: str) -> bool:
    """Whether ``word`` may stand between a subject and its verb."""
    word = word.lower()
    if word in _ADVERBS_NOT_IN_LY:
        return True
    return word.endswith("ly") and len(word) > 4 and word not in _VERBS_IN_LY


def is_past(word: str) -> bool:
    """Whether ``word`` is a simple past or a participle in -ed."""
    word = word.lower()
    if word in IRREGULAR_PASTS:
        return True
    return len(word) > 3 and word.endswith("ed") and word not in _PRESENT_IN_ED


def is_participle(word: str) -> bool:
    """Whether ``word`` may follow "have"."""
    return word.lower() in PARTICIPLES or is_past(word)


_STANDS = word_set("am is are was were has have had been")
_NO_VERB_BEHIND = NOT_VERBS | MODALS | {"not"}
_ANNOUNCES = word_set("a an the to their his her its some any")


def telling_verb(sentence: str, *, is_dated: bool) -> str:
    """The first auxiliary or past of a sentence; "" where it has only a present.

    Of a third person "read" is no present, but it may be a noun: it counts behind a
    name, or where nothing announces a noun, if the sentence says when.
    """
    words: list[str] = _WORD.findall(sentence)
    for place, (before, word) in enumerate(pairwise(words), start=1):
        if word.lower() in _STANDS or is_past(word):
            return word.lower()
        if is_dated and word in TENSELESS:
            is_verb = before[0].isupper() or not _ANNOUNCES & {*words[:place]}
            if is_verb and before not in _NO_VERB_BEHIND:
                return word
    return ""


def third_person(verb: str) -> str:
    """The form of a base verb after "she": "have" → "has", "try" → "tries"."""
    special = {"have": "has", "do": "does", "am": "is", "be": "is", "are": "is"}
    if verb in special:
        return special[verb]
    if re.search(r"(s|x|z|ch|sh|[^aeiou]o)$", verb):
        return verb + "es"
    if re.search(r"[^aeiou]y$", verb):
        return verb[:-1] + "ies"
    return verb + "s"


def is_coordinated_verb(word: str, after: str) -> bool:
    """Whether ``word``, standing behind "and", is a verb whose subject is left out."""
    word, after = word.lower(), after.lower()
    if word == "am" or (word in ("have", "do") and after):
        return True
    return word in COMMON_VERBS and (after in _AFTER_VERBS or after.endswith("ing"))


_NEGATIONS = {
    "can't": "cannot",
    "won't": "will not",
    "shan't": "shall not",
    "ain't": "am not",
}
_SPELLINGS = {
    r"\bim\b": "I'm",
    r"\bive\b": "I've",
    r"\b(do|does|did|is|was|are|were|have|has|had|would|could|should|wo|"
    r"ca)nt\b": r"\1n't",
    r"\bgonna\b": "going to",
    r"\bwanna\b": "want to",
    r"\bgotta\b": "have to",
    r"\bkinda\b": "kind of",
    r"\bsorta\b": "sort of",
    r"(?<!\w)['’]?cause\b(?= [a-z]+(?:'| ))": "because",
    r"\b(\w+in)'(?= )": r"\1g",
}
_WITH_IS = "he|she|it|that|this|there|here|what|who"


def expand_contractions(text: str) -> str:
    """``text`` with its contractions written out: "I've" → "I have".

    A possessive ('s behind a noun) is left alone: it cannot be told from "is".
    """
    text = text.replace("’", "'").replace("‘", "'")
    for pattern, full in _SPELLINGS.items():
        text = re.sub(pattern, full, text, flags=re.IGNORECASE)
    text = re.sub(r"\b(can't|won't|shan't|ain't)\b", _expand_negation, text, flags=re.I)
    text = re.sub(r"\b(\w+)n't\b", r"\1 not", text, flags=re.I)
    text = re.sub(r"\bI'm\b", "I am", text, flags=re.I)
    text = re.sub(r"\b(I|you|we|they|who)'ve\b", r"\1 have", text, flags=re.I)
    text = re.sub(r"\b(could|would|should|might)'ve\b", r"\1 have", text, flags=re.I)
    text = re.sub(r"\b(\w+)'ll\b", r"\1 will", text, flags=re.I)
    text = re.sub(r"\b(you|we|they)'re\b", r"\1 are", text, flags=re.I)
    text = re.sub(r"\b(\w+)'d\b((?: \w+)?(?: \w+)?)", _expand_d, text, flags=re.I)
    pattern = rf"\b({_WITH_IS})'s\b((?: \w+)?)"
    return re.sub(pattern, _expand_s, text, flags=re.I)


def _expand_negation(match: re.Match[str]) -> str:
    return _NEGATIONS[match[1].lower()]


def _expand_d(match: re.Match[str]) -> str:
    """'d is "had" before a participle or "better", else "would"."""
    following = [word for word in match[2].split() if not is_adverb(word)]
    had = bool(following) and (
        following[0].lower() == "better" or is_participle(following[0])
    )
    return f"{match[1]} {'had' if had else 'would'}{match[2]}"


def _expand_s(match: re.Match[str]) -> str:
    has = match[2].strip().lower() in {"been", "got", "had", "become", "gone", "taken"}
    return f"{match[1]} {'has' if has else 'is'}{match[2]}"
