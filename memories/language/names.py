"""Names of people, places and things, in any script: one spelling, and how alike.

Pure. ``normalise`` decides what is the same name without a doubt; ``likeness`` says on
which grounds two different ones may mean the same, and never that they do: that takes
more than a name (``pipeline.link``, ADR 0600).
"""

from __future__ import annotations

import re
import unicodedata
from difflib import SequenceMatcher
from functools import lru_cache

from memories.language.kinds import word_set

MAX_NAME_CHARS = 300
MAX_KEY_CHARS = 64
_CACHED = 8192

_POSSESSIVE = re.compile(r"(?<=\w)['’ʼ]s?$", re.IGNORECASE)
_ARTICLES = word_set(
    "the a an my our his her their your le la les der die das el los las"
)
_TITLES = word_set(
    """mr mrs ms miss mx dr prof professor sir dame lady lord st saint rev fr sr jr
    captain coach officer uncle aunt auntie grandma grandpa herr frau señor señora don
    доктор проф профессор г-н г-жа тётя тетя дядя
    الدكتور دكتور السيد السيدة استاذ الاستاذ"""
)
# What stands behind a name where it is written without a space.
_HONORIFICS = re.compile(
    "(?:さん|さま|様|くん|君|ちゃん|先生|氏|씨|님|선생님|老师|老師|先生|小姐|女士|同学|同學)$"
)
_CJK = re.compile("[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
_ALEF = str.maketrans("أإآٱىة", "ااااي\u0647")
_TATWEEL = "\u0640"

_NICKNAMES = (
    "robert bob rob bobby bert", "william bill will billy liam", "richard rick dick",
    "elizabeth liz beth betty eliza lizzie", "margaret maggie peggy meg greta",
    "katherine catherine kathryn kate kathy cathy katie kat", "james jim jimmy jamie",
    "john jack johnny", "charles charlie chuck", "michael mike mick mikey",
    "alexander alex sasha саша александр шура", "alexandra alex sasha саша александра",
    "theodore ted teddy theo", "edward ed eddie ted ned", "henry harry hank",
    "anthony tony", "andrew andy drew", "patricia pat patty tricia",
    "deborah deb debbie", "susan sue susie", "rebecca becky becca", "nathan nate",
    "nathaniel nate nat", "evan ev", "stephanie steph", "joanna jo", "joseph joe joey",
    "анна аня анечка", "мария маша", "дмитрий дима митя", "екатерина катя",
    "иван ваня", "наталья наташа", "ольга оля", "михаил миша", "сергей серёжа сережа",
    "евгений женя", "евгения женя", "владимир вова володя", "татьяна таня",
)  # fmt: skip
_NAMED_AS: dict[str, frozenset[int]] = {}
for _number, _group in enumerate(_NICKNAMES):
    for _name in _group.split():
        _NAMED_AS[_name] = _NAMED_AS.get(_name, frozenset()) | {_number}
# Names in full that begin others: who is called one of them is nobody's short form.
_COMPLETE = word_set(
    """adrian albert alfred amel andre andrea angel angela angelica ann anna anne
    anton antoni ariel august bernard brian carl carla carlo carol cecil christian
    christin christina clara clement dana daniel david denis dominic
    dora edmund elena elis elise ella ellen emil emile emma eric erik ernest eugen eva
    eve evelyn fabian ferdinand flora francis frank gabriel georg george gerald gerard
    gian gilbert glen hans helen henri henrik ian inga ingrid irene isabel isabell
    ivan jack jacob jan jana jane janet jasmin jean joan john jonas jose josef joseph
    juan julia julian julie karen karl karla laura lea lena leon leona leonard lili
    linda lisa louis luca lucas lucia luis luisa marc marcel marco
    maria marian marie marina mario marion mark martha martin mary michael mina mira
    nadia nicola nicolas nicole nina noel nora olga oscar otto patric patrick
    paul paula peter petr philip rafael raphael raul renat rene richard robert
    robin roman rosa rose ross sabin samir sebastian simon sofi sonia
    stefan stephan steven susan thomas tomas valentin vera
    victor viktor viola vivian walter wilhelm william xavier yan yana yasmin
    юлиан павел роман виктор валентин евген александр"""
)
_ENDINGS = word_set("a e i o n na ne no la le lle ia а я ия")
"""What makes another given name of one: Paul and Paula, Julia and Julian."""
SHORTENED = 3
"""Letters that a shortened first name has at least: "Mel" of "Melanie"."""
TYPED_ALIKE = 0.88
"""Share of letters in common (Ratcliff, Obershelp) from which it may be a slip."""


@lru_cache(maxsize=_CACHED)
def normalise(name: str) -> str:
    """One spelling of a name: NFKC, folded case, no possessive, single spaces."""
    folded = unicodedata.normalize("NFKC", name).casefold().replace(_TATWEEL, "")
    words = " ".join(folded.replace("\u200c", " ").split())
    return (_POSSESSIVE.sub("", words).strip(' .,;:!?"“”„«»()[]') or words)[
        :MAX_NAME_CHARS
    ]


@lru_cache(maxsize=_CACHED)
def words_of(name: str) -> tuple[str, ...]:
    """The words of a name that tell it apart: no titles, articles or marks."""
    plain = _without_marks(normalise(name))
    words = [word for word in re.findall(r"\w+(?:[-'’]\w+)*", plain) if word]
    own = [word for word in words if word not in _TITLES and word not in _ARTICLES]
    return tuple(_HONORIFICS.sub("", word) or word for word in own or words)


@lru_cache(maxsize=_CACHED)
def keys_of(name: str) -> tuple[str, ...]:
    """What another name of the same may share: words, their beginnings, initials.

    Blocking only: names without a common key are not compared by their letters.
    """
    words = words_of(name)
    keys = [normalise(name), *words]
    keys += [f"{word[:SHORTENED]}*" for word in words if len(word) >= SHORTENED]
    keys += [f"#{group}" for word in words for group in sorted(_NAMED_AS.get(word, ()))]
    keys += [f"{word[:2]}*" for word in words if _CJK.search(word)]
    if len(words) > 1:
        keys.append(f"{_initials(words)}.")
    elif words and 2 <= len(words[0]) <= 5:
        keys.append(f"{words[0].replace('.', '')}.")
    return tuple(dict.fromkeys(key[:MAX_KEY_CHARS] for key in keys if key))


@lru_cache(maxsize=_CACHED)
def likeness(one: str, other: str) -> tuple[float, str]:
    """(0..1, on which grounds) that two names mean the same; 0 on none.

    Both ways alike. The numbers order the grounds; what they are worth is measured by
    ``python -m bench.resolution``.
    """
    if normalise(one) == normalise(other):
        return 1.0, "same name"
    short, long = sorted((words_of(one), words_of(other)), key=lambda w: (len(w), w))
    if short == long:
        return 0.95, "same but for titles and marks"
    if _are_two_names(short, long):
        return 0.0, ""
    grounds = [
        (0.85, "initials", _is_initials(short, long)),
        (0.8, "part of the name", set(short) < set(long) and short[0] == long[0]),
        (0.8, "begins the name", _begins(short, long)),
        (0.7, "nickname", len(short) == len(long) and _is_nickname(short, long)),
        (0.7, "shortened", _is_shortened(short, long)),
        (0.7, "one or many", _is_plural(short, long)),
        (0.65, "spelt alike", _is_spelt_alike(short, long)),
        (0.6, "nickname and surname", _is_nickname(short, long)),
        (0.55, "part of the name", set(short) < set(long)),
    ]
    return next(((score, why) for score, why, holds in grounds if holds), (0.0, ""))


def _without_marks(text: str) -> str:
    """Accents, points and the like away, so that José is Jose."""
    letters = unicodedata.normalize("NFD", text.translate(_ALEF))
    kept = (
        c for c in letters if unicodedata.category(c) != "Mn" or c in "\u3099\u309a"
    )
    return unicodedata.normalize("NFC", "".join(kept))


def _initials(words: tuple[str, ...]) -> str:
    return "".join(word[0] for word in words)


def _is_initials(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """NYC of New York City; J. Smith of John Smith."""
    if len(short) == 1:
        letters = short[0].replace(".", "")
        return 2 <= len(letters) == len(long) and letters == _initials(long)
    if len(short) != len(long) or short[-1] != long[-1]:
        return False
    pairs = list(zip(short[:-1], long[:-1], strict=True))
    has_initial = any(len(a) == 1 or len(b) == 1 for a, b in pairs)
    return has_initial and all(
        a[0] == b[0] and (a == b or 1 in (len(a), len(b))) for a, b in pairs
    )


def _begins(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """Scripts without spaces: 田中 of 田中太郎."""
    if len(short) != 1 or len(long) != 1:
        return False
    one, other = sorted((short[0], long[0]), key=len)
    return len(one) >= 2 and bool(_CJK.match(one)) and other.startswith(one)


def _is_nickname(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """The first names by the table, whatever surname stands with one of them."""
    if len(short) > 1 and short[1:] != long[1:]:
        return False
    return bool(
        _NAMED_AS.get(short[0], frozenset()) & _NAMED_AS.get(long[0], frozenset())
    )


def _is_shortened(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """Mel of Melanie, or of Melanie Ross; a first name only."""
    if len(short) > 1 and short[1:] != long[1:]:
        return False
    one, other = sorted((short[0], long[0]), key=len)
    if len(short) == 1 and len(long) > 1 and one != short[0]:
        return False
    stem = one.rstrip("yie") if len(one) > 4 and one.endswith(("y", "ie")) else one
    is_long_enough = len(stem) >= SHORTENED and len(other) - len(one) >= 1
    return (
        is_long_enough and other.startswith(stem) and not _is_plural((one,), (other,))
    )


def _are_two_names(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    """Paul and Paula, whatever surname stands with one of them: each is a name."""
    if len(short) > 1 and short[1:] != long[1:]:
        return False
    one, other = sorted((short[0], long[0]), key=lambda word: (len(word), word))
    pair = ((one,), (other,))
    if one == other or not other.startswith(one):
        return False
    if _is_nickname(*pair) or _is_plural(*pair):
        return False
    return one in _COMPLETE or other[len(one) :] in _ENDINGS


def _is_plural(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    if len(short) != len(long) or short[:-1] != long[:-1]:
        return False
    one, other = sorted((short[-1], long[-1]), key=len)
    return other in (f"{one}s", f"{one}es") or (
        one.endswith("y") and other == f"{one[:-1]}ies"
    )


def _is_spelt_alike(short: tuple[str, ...], long: tuple[str, ...]) -> bool:
    one, other = " ".join(short), " ".join(long)
    if min(len(one), len(other)) < 5 or re.findall(r"\d+", one) != re.findall(
        r"\d+", other
    ):
        return False
    return SequenceMatcher(None, one, other, autojunk=False).ratio() >= TYPED_ALIKE
