"""Cutting off what adds nothing: interjections, lead-ins, names spoken to."""

from __future__ import annotations

import re
from collections.abc import Collection

from memories.language.letters import CAPITAL

_INTERJECTIONS = (
    r"oh+|wow|whoa|yeah|yea|yep|yes|yup|nah|nope|well|hey+|hi+|hello|howdy|ok|okay|"
    r"sure|"
    r"sure thing|of course|thanks(?: so much| a lot| again| a (?:bunch|ton|million))?|"
    r"thank you(?: so much| very much)?|thx|totally|absolutely|definitely|exactly|"
    r"right|"
    r"actually|honestly|basically|anyway|anyways|by the way|btw|oh my god|oh my gosh|"
    r"omg|haha+|hehe|lol|a+w+|ah+|hm+|um+|uh+|ugh|cool|great|awesome|nice|amazing|woo+|oops|"
    r"woohoo+|yay|congrats|congratulations|sorry|no worries|no problem|good morning|"
    r"good evening|to be honest|tbh|you know|you know what|i mean|i guess|guess what|"
    r"speaking of which|as i said|as you know|as i told you|as i mentioned|fun fact|"
    r"good news|news|fyi|update|quick update|for the record|just so you know|"
    r"same here|me too|that's right|"
    r"agreed|for sure|glad to hear it|lately|no|true|perfect|sweet|wonderful|fantastic|"
    r"you bet|you got it|likewise|phew|man|gosh|dang|i see|got it|makes sense|however|"
    r"on (?:another|a different|a lighter|a side) note|in other news|first of all|"
    r"(?:great|good|bad|big|exciting) (?:news|idea|point|question|call|job|choice)|"
    r"correction|let me correct (?:that|this|it|myself)|"
    r"in fact|plus|to be fair|great to hear|so cool|so true|too bad|nice one|gotcha"
)

_LEAD_IN = re.compile(
    r"^(?:"
    rf"(?:thanks|thank you|thx)(?: so much| a lot| again)?(?:,? {CAPITAL}\w+)?,? for\b"
    r"[^,;–—-]*"
    r"(?:[,;–—]\s*| - |$)|"
    rf"(?:{_INTERJECTIONS})\b\s*[,!.:…—–-]+|"
    r"(?:and|but|so|also|plus|oh|well|yeah|yep|hey|hi|hello|wow|aw+|thanks|haha+|lol|"
    r"omg|ah+|ugh|ok|okay|btw|actually)\s+(?=\w)|"
    r"(?:ever )?since (?:we|i) last (?:\w+ ?){1,4},\s*|"
    r"(?:speaking|talking) of [^,]*,\s*|not a problem,\s*|"
    r"(?:please )?(?:remember|note|keep in mind|don't forget|be aware|know) that\s|"
    r"(?:i told you|i should mention|let me tell you|i wanted to tell you|"
    r"did you know|i have to say|i must say|i'd say|"
    r"i just wanted to say|(?:as )?it (?:turns|turned) out|(?<![\w,] )turns out)"
    r"(?: that)?,?\s|"
    r"(?:(?:that|it)(?:'s| is| was) (?:all )?(?:a lie|a joke|not true|untrue|wrong"
    r"|false)"
    r"|i (?:lied|was wrong|was lying|was joking|was mistaken)|(?:just )?kidding)"
    r"\s*[,:–—-]+\s*|"
    r"[^\w\s\"'“‘(\[$€£#@¿¡]+\s*)",
    re.IGNORECASE,
)

_REMEMBER = re.compile(
    r"^(?:please )?(?:remember|note|keep in mind|don't forget)(?: that|:)? "
    r"(?=(?:i|my|we|our)\b)",
    re.IGNORECASE,
)

_REMINDER = (
    r"(?:please )?remember(?: that| this)?|as (?:you know|i (?:said|told you|mentioned)"
    r"(?: before| already| earlier)?)"
)
# No question, though it sounds like one.
_REMINDED = re.compile(rf",\s*(?:{_REMINDER})\s*\?$", re.IGNORECASE)
_TRAILING = re.compile(
    rf"(?:,\s*(?:you know|right|{_REMINDER})\b|"
    r"[,\s]*\b(?:haha+|lol|though|btw|by the way)\b)?"
    r"[\s,]*[^\w\s\"'”’)\]%.!?…]*[\s.!…]*$",
    re.IGNORECASE,
)


def strip_fillers(sentence: str, names: Collection[str]) -> str:
    """``sentence`` without lead-in words, names spoken to, and trailing decoration."""
    text = sentence.replace("’", "'").strip()
    text = re.sub(r"\bya\b", "you", text)
    vocative = _vocative(names)
    previous = None
    while text != previous:
        previous = text
        text = _REMEMBER.sub("", text)
        text = _LEAD_IN.sub("", text).strip()
        if vocative is not None:
            text = vocative.sub("", text).strip()
    text = _REMINDED.sub("", text)
    question = text.endswith("?")
    text = _TRAILING.sub("", text).rstrip(" ,")
    text += "?" if question and not text.endswith("?") else ""
    return text


def _vocative(names: Collection[str]) -> re.Pattern[str] | None:
    """A listener's name, or its short form, at an end of the sentence."""
    forms = {form for name in names for form in _short_forms(name)}
    if not forms:
        return None
    either = "|".join(sorted(map(re.escape, forms), key=len, reverse=True))
    return re.compile(
        rf"^(?:{either})\b\s*[,!.—–-]+\s*|^(?:{either})[!.]*$|,\s*(?:{either})"
        rf"(?=[!.?]*$)|(?<=^thanks) (?:{either})\b",
        re.IGNORECASE,
    )


def _short_forms(name: str) -> set[str]:
    """The name, its first word, and its beginnings of three letters or more."""
    first = name.split()[0] if name.split() else name
    return {name, first} | {first[:length] for length in range(3, len(first))}
