"""What a fact is about, as sets of words: content, names, numbers, kin, polarity.

Embeddings blur exactly these: "two dogs" and "three dogs", "likes" and "does not like"
stand at a cosine above 0.9. The judge uses them as guards.
"""

from __future__ import annotations

import re
from functools import lru_cache

from memories.language.letters import CAPITAL
from memories.pipeline.local.grammar import word_set

_STOPWORDS = word_set(
    """a about above after again all also am an and any are as at be because been before
    being both but by can could did do does doing for from further had has have having
    he her here hers him his how i if in into is it its itself just like me more most my
    no nor not now of off on once only or other our out over own same she should so some
    such than that the their them themselves then there these they this those through to
    too under until up very was we were what when where which while who whom why will
    with would you your really actually currently always usually often still recently
    definitely totally absolutely many much lot lots get gets got getting getting make
    makes made making thing things kind one someone something day cannot anymore longer
    never since ago named called name others user go goes going went keep feel give
    gives experience experiences suffer suffers eat eats eating everyday every"""
)
NUMBER_WORDS = {
    "two": "2",
    "three": "3",
    "four": "4",
    "five": "5",
    "six": "6",
    "seven": "7",
    "eight": "8",
    "nine": "9",
    "ten": "10",
    "eleven": "11",
    "twelve": "12",
    "twenty": "20",
    "thirty": "30",
}
NOT_NAMES = word_set(
    """User Assistant The A An My Our This That These Those It They He She There Here On
    In At Since Last Next I And But Or So If When While For From With To As After Before
    Since Until During January February March April May June July August September
    October November December Monday Tuesday Wednesday Thursday Friday Saturday
    Sunday"""
)
KIN = {
    word: group
    for group, words in {
        "sister": "sister sisters sis",
        "brother": "brother brothers bro",
        "mother": "mother mom mum mama",
        "father": "father dad papa",
        "wife": "wife",
        "husband": "husband",
        "partner": "partner girlfriend boyfriend fiance fiancé fiancée",
        "child": "kid kids child children",
        "son": "son sons",
        "daughter": "daughter daughters",
        "friend": "friend friends",
        "grandmother": "grandma grandmother",
        "grandfather": "grandpa grandfather",
        "cousin": "cousin cousins",
        "aunt": "aunt",
        "uncle": "uncle",
        "boss": "boss manager",
        "colleague": "colleague colleagues coworker coworkers",
        "neighbour": "neighbor neighbour neighbors neighbours",
        "roommate": "roommate roommates flatmate",
        "parents": "parents",
    }.items()
    for word in words.split()
}
# An add is compared with itself pairwise, so each text is read many times.
_CACHED_TEXTS = 4096
_NEGATION = re.compile(
    r"\b(?:not|no longer|never|cannot|stopped|quit|hates?|dislikes?|detests?|gave up|"
    r"without|neither|nor|used to|anymore)\b",
    re.IGNORECASE,
)


_CAPITALISED = re.compile(rf"(^|[;.] +)?\b({CAPITAL}\w+)('s)?")
_BEHIND_NAMES = re.compile(
    rf" (?:{CAPITAL}\w+|is|has|was|does|will|would|cannot|\w+s)\b"
)
# By stem, as ``stem`` leaves it; the embedder is unsure of exactly these.
_SYNONYMS = {
    "kid": "child",
    "study": "learn",
    "stud": "learn",
    "resid": "liv",
    "mathe": "math",
    "adore": "lov",
    "ador": "lov",
    "purch": "buy",
    "film": "movie",
    "pal": "frien",
    "buddy": "frien",
    "bud": "frien",
    "begin": "start",
    "began": "start",
    "hop": "want",
    "favou": "favor",
    "gf": "girlf",
    "bf": "boyfr",
}


def words_of(text: str) -> list[str]:
    return re.findall(r"[^\W_]+(?:['’][a-z]+)?", text)


@lru_cache(maxsize=_CACHED_TEXTS)
def content_stems(text: str) -> frozenset[str]:
    """Stems of the words that carry meaning; numbers as digits."""
    bare = (re.sub(r"['’]s$", "", word.lower()) for word in words_of(text))
    return frozenset(stem(word) for word in bare if word not in _STOPWORDS)


def stem(word: str) -> str:
    """A crude stem, good enough to meet "allergic" with "allergy"."""
    word = re.sub(r"['’]s?$", "", word.lower())
    if word in NUMBER_WORDS:
        return NUMBER_WORDS[word]
    word = re.sub(r"(?<=\w\w\w)(?:ies|es|s|ing|ed)$", "", word)
    word = re.sub(r"(?<=\w\w\w)[ye]$", "", word)
    word = re.sub(r"([^aeious])\1$", r"\1", word)[:5]
    return _SYNONYMS.get(word, word)


@lru_cache(maxsize=_CACHED_TEXTS)
def numbers(text: str) -> frozenset[str]:
    """Numbers in digits or words, those of dates and times included."""
    found = re.findall(r"\d+(?:[.,:]\d+)*", text)
    spelled = (NUMBER_WORDS.get(word.lower()) for word in words_of(text))
    return frozenset([*found, *(word for word in spelled if word)])


@lru_cache(maxsize=_CACHED_TEXTS)
def names(text: str) -> frozenset[str]:
    """Capitalised words that are not the first common word of a sentence."""
    found = set()
    for match in _CAPITALISED.finditer(text):
        opens_sentence = match[1] is not None and match[3] is None
        word = match[2]
        if word in NOT_NAMES or (opens_sentence and not _opens_as_name(text, match)):
            continue
        found.add(word.lower())
    return frozenset(found)


def _opens_as_name(text: str, match: re.Match[str]) -> bool:
    """A first word is a name when a singular verb or another name follows."""
    after = text[match.end() :]
    is_plural = match[2].endswith("s") or match[2].endswith("ing")
    return not is_plural and bool(_BEHIND_NAMES.match(after))


@lru_cache(maxsize=_CACHED_TEXTS)
def kin(text: str) -> frozenset[str]:
    """Relatives and companions mentioned, by group: "mom" and "mother" are one."""
    return frozenset(
        KIN[word] for word in re.findall(r"[a-zé]+", text.lower()) if word in KIN
    )


def is_negated(text: str) -> bool:
    """Whether the statement denies, or speaks of what is over or disliked."""
    return bool(_NEGATION.search(without_contrast(text.split(";")[0])))


_CONTRAST = re.compile(
    r",(?: and| but)? not (?:(?:in|at|for|with|to|on|by|from|an?|the) )*"
    r"(?P<what>[\w'’-]+(?: [\w'’-]+){0,2})$"
)


def without_contrast(text: str) -> str:
    """ "lives in Lyon, not in Paris" states the one, and denies nothing of it."""
    return _CONTRAST.sub("", text)


def denies_value(new: str, old: str) -> bool:
    """Whether ``old`` says what ``new`` is set off against: "..., not in Paris"."""
    contrast = _CONTRAST.search(new)
    return contrast is not None and content_stems(contrast["what"]) <= content_stems(
        old
    )
