"""Telling which sentences state anything; the others leave with a reason.

Patterns of English conversation, read off real ones. A sentence is only cut here, never
rewritten.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass

from memories.language.letters import CAPITAL, SMALL
from memories.pipeline.local.fillers import strip_fillers
from memories.pipeline.local.grammar import is_adverb, word_set
from memories.pipeline.local.sentences import (
    FIRST_PERSON,
    SPEAKER,
    has_vague_subject,
    starts_with_action,
)


@dataclass(frozen=True, slots=True)
class Screened:
    """A sentence without its fillers, or the reason why it states nothing."""

    text: str
    drop_reason: str | None = None


QUESTION = "question"

SMALL_TALK = "greeting, thanks or small talk"

REQUEST = "request to the listener"

ABOUT_LISTENER = "about the listener"

REACTION = "reaction to what was said"

NOTHING_STATED = "states nothing to remember"

NOT_SELF_CONTAINED = "does not say whom or what it is about"

_QUESTION_START = re.compile(
    r"^(?:(?:what|who|whom|whose|where|why|which|how)\b(?! (?:I|a|an)\b)|"
    r"(?:do|does|did|are|is|was|were|can|could|will|would|should|have|has|had|may) "
    r"(?:you|i|we|they|he|she|it|there|this|that|the|(?<!^do )your|my|anyone)\b)",
    re.IGNORECASE,
)

_SMALL_TALK = re.compile(
    r"^(?:(?:it's |it is |so |really )?(?:good|great|nice|lovely|so good) to "
    r"(?:see|hear|meet|talk|chat|catch)|"
    r"long time no|talk (?:to you )?(?:soon|later)|see (?:you|ya)|take care|bye|"
    r"goodbye|"
    r"have a (?:great|good|nice|lovely|wonderful|fantastic|blast)|good luck|"
    r"catch (?:you|ya)|you're welcome|"
    r"no (?:problem|worries|doubt)|sounds |looks |good (?:morning|night|evening|idea|"
    r"point|call|job|thing)|happy (?:to|for)|glad |i(?:'m| am) (?:good|fine|well|ok|"
    r"okay|"
    r"great|doing (?:well|good|great|fine|ok|okay))(?: too)?(?:,? thanks.*)?$|"
    r"hope (?:you|to|it|that|all)|"
    r"(?:best|warm) wishes|cheers|sorry (?:about|'bout|to|for|that)\b|"
    r"can't wait(?: to see you| to hear.*)?$|keep (?:up|me|it|"
    r"in touch|going|shining|pushing|doing)|stay |here(?:'s| is| are) (?:to|hoping|"
    r"the|our|my|a|an|some|"
    r"another|what|one)|rock on|way to go|well done|thanks|thank you|welcome|"
    r"likewise|same here|me too|totally|absolutely)",
    re.IGNORECASE,
)

_REACTION = re.compile(
    r"^i(?:'m| am|'d| would|'ve| have| do)?(?: (?:so|really|also|just|totally|truly|"
    r"completely|definitely|sure|absolutely|very|super|always|can|could|can totally|"
    r"both|still|fully|already))* "
    r"(?:(?:glad|happy|sorry|excited|thrilled|stoked) (?:to hear|you|that you|for you|"
    r"it|"
    r"that it|about (?:your|that))|agree\b|see\b(?: what| that| how| why|$|,)|get it\b|"
    r"understand\b(?: (?:how|what|that|why|where|you|it|completely|totally)|$|,)|"
    r"feel (?:you|that|ya|the same)\b|know (?:what|how|that|right|you|it|"
    r"the feeling)\b|"
    r"know$|hear (?:you|that|ya)\b|bet\b|hope (?:you|it|that|your|so|everything|all)|"
    r"can imagine|can't imagine how|imagine\b|proud of (?:you|your)|appreciate "
    r"(?:it|that|you|your|the|this)|"
    r"(?:don't|do not) (?:know|think so|mind|see why)(?:$| if| what| how| why|"
    r" whether)|"
    r"not sure|(?:can't|cannot) (?:wait (?:to (?:hear|see (?:you|your|what|it|how)|"
    r"read)|"
    r"for you)|believe (?:it|you|that))|think (?:so|you|your|that's|it's|that is)|"
    r"believe (?:in )?you|love (?:that|it|your|this|how you|the way you|seeing your|"
    r"hearing)\b|"
    r"like (?:that|it|your|this)\b|here for you|rooting|wish you|admire you|got this|"
    r"suppose so|guess so|hope so|swear|mean it|promise|"
    r"remember (?:you|it|that)\b|find (?:it|that)\b|(?:could not|couldn't) agree more|"
    r"can (?:tell|relate)\b|"
    r"(?:\w+ )?(?:glad|happy) to help|"
    r"(?:should|might|may) (?:really |definitely )?(?:try|check) (?:it|that|this)|"
    r"will (?:check|look into|keep|let you|definitely check|definitely keep|give it))",
    re.IGNORECASE,
)

_PROMISE = re.compile(
    r"^i(?:'ll| will) (?:\w+ ){0,2}?(?:ttyl|let you|be sure|keep (?:you|that|it|"
    r"pushing|"
    r"going|doing)|check (?:it|that|them)|add (?:it|that)|(?:take|look into|give|try) "
    r"(?:it|that)|see you|talk|catch|pass|do (?:it|that|my best))\b",
    re.IGNORECASE,
)

_MOOD = re.compile(
    r"^i(?:'m| am|'ve been| have been|'m feeling| feel)(?: \w+){0,2} (?:excited|"
    r"thankful|"
    r"grateful|listening|on fire|happy|glad|proud|good|great|well|ready|curious|"
    r"intrigued|impressed|touched|honored|sure|all ears|in|down|game|jealous|lucky|"
    r"blessed|fine|stoked|thrilled|speechless|ok|okay|hopeful|back|here)(?: too| now| "
    r"to hear (?:it|that)| (?:about|for|by) (?:it|this|that|them))?[.!]*$",
    re.IGNORECASE,
)

_REQUEST = re.compile(
    r"^(?:please\b|let me know|let's\b|let us\b|can you|could you|would you|"
    r"i(?:'d| would)? (?:need|want|like|love) you to|i(?:'d| would) (?:like|love) "
    r"(?:to (?:ask|hear|know|see your)|some (?:help|advice|tips|suggestions|"
    r"recommendations))|i(?:'m| am) (?:looking for|seeking) (?:some )?(?:help|advice|"
    r"suggestions|recommendations|tips|ideas)|i need (?:some )?(?:help|advice|"
    r"suggestions|recommendations|your)|i was wondering|i wonder\b|help me|"
    r"what about|how about|any (?:tips|ideas|advice|suggestions|recommendations|plans)|"
    r"(?:don't|do not|never) (?:worry|hesitate|forget|give|be|let|stop)\b)",
    re.IGNORECASE,
)

_IMPERATIVE_VERBS = word_set(
    """tell give show write explain list describe suggest recommend find search check
    look send create make help translate summarize summarise generate fix add remove
    compare calculate book order remind set open close call email draft act pretend
    imagine consider try take keep let enjoy go come stop start wait be feel share
    follow continue ignore answer use provide convert rewrite review update read play
    hang reach believe trust remember believe focus embrace cherish feed gather invest
    grab join avoid bring buy put ask pick do"""
)

_BARE_JUDGEMENT = re.compile(
    r"^(?:that|it|this|they|those|these|what|how|such|so|too|very|really|pretty|super)"
    r"(?:'s|'re| is| are| was| were| must| sounds?| looks?| seems?| feels?| will|'ll)?"
    r"(?: \w+){0,3} (?:great|awesome|amazing|cool|nice|wonderful|fantastic|lovely|"
    r"beautiful|sweet|impressive|inspiring|exciting|interesting|fun|tough|hard|rough|"
    r"perfect|incredible|adorable|cute|good|bad|sad|awful|terrible|gorgeous|stunning|"
    r"special|right|true|important|worth it|helpful|delicious|yummy|tasty|relaxing)\b"
    r"[^,;–-]*$",
    re.IGNORECASE,
)

_APPRECIATION = re.compile(
    r"^(?:really |so |much |super |i(?:'m| am) )*(?:appreciate|glad|proud of you|"
    r"happy for)|"
    r"^i (?:\w+ )?(?:do|did|am|have|will|can|would|could)[.!]*$|"
    r".*\bif you (?:ever )?(?:need|want)\b|"
    r".*\bi(?:'m| am) (?:always |right )?here (?:for you|to help|if)\b",
    re.IGNORECASE,
)

_ABOUT_LISTENER = re.compile(
    r"^(?:(?:and|so|if|when|because|maybe|looks like|seems like|sounds like|glad|"
    r"hopefully|wow|no doubt|i think|i believe|i bet|i'm sure|i am sure|i know) )?"
    r"(?:you|your|you're|you've|you'll|you'd|yours)\b",
    re.IGNORECASE,
)

_CONCRETE = re.compile(rf"\d|(?<=[\w,] ){CAPITAL}{SMALL}+")


def screen(sentence: str, names: Collection[str] = ()) -> Screened:
    """``sentence`` cut to what it states, or why it states nothing.

    ``names`` are the listeners' names. A subject such as "she" is left for the caller,
    who knows what was said before.
    """
    text = strip_fillers(sentence, names)
    text = _EFFECT_ON_SPEAKER.sub(lambda match: f"it {match[0].lower()}", text)
    return Screened(text, _drop_reason(text))


# "Made me think": what did is in the sentence before.
_EFFECT_ON_SPEAKER = re.compile(
    r"^(?:really |just |always |also )?(?:makes|made|helps|helped|gives|gave|keeps|"
    r"kept|"
    r"brings|brought|reminds|reminded|inspires|inspired|motivates|motivated) (?:me|"
    r"us)\b",
    re.IGNORECASE,
)


def _drop_reason(text: str) -> str | None:
    words = re.findall(r"[\w']+", text)
    if text.endswith("?") or _QUESTION_START.match(text):
        return QUESTION
    if not words or _SMALL_TALK.match(text):
        return SMALL_TALK
    if _REQUEST.match(text) or is_imperative(words):
        return REQUEST
    if _ABOUT_LISTENER.match(text) or _speaks_only_of_listener(text):
        return ABOUT_LISTENER
    if any(p.match(text) for p in (_REACTION, _PROMISE, _MOOD, _APPRECIATION)) or (
        _BARE_JUDGEMENT.match(text) and not SPEAKER.search(text)
    ):
        return REACTION
    return None if len(words) > 1 and _states_something(text) else NOTHING_STATED


def _speaks_only_of_listener(text: str) -> bool:
    """A "you" with no speaker beside it is the listener, or anybody."""
    is_of_speaker = SPEAKER.search(text) or starts_with_action(text)
    return bool(_SECOND_PERSON.search(text)) and not is_of_speaker


_SECOND_PERSON = re.compile(r"\b(?:you|your|yours|yourself)(?:'\w+)?\b", re.IGNORECASE)


def is_imperative(words: list[str]) -> bool:
    """Whether a sentence of these words tells somebody to do something."""
    while len(words) > 1 and (is_adverb(words[0]) or words[0].lower() == "please"):
        words = words[1:]
    is_noun = len(words) > 1 and words[1].lower() in ("is", "are", "was", "has")
    return words[0].lower() in _IMPERATIVE_VERBS and not is_noun


_GENERAL_WE = re.compile(r"\b(?:us|our|ours|ourselves)\b", re.IGNORECASE)


def _is_general_truth(text: str) -> bool:
    """ "Taking care of ourselves is vital": no "we" acts, and nobody else does."""
    others = _GENERAL_WE.sub("", text)
    is_general = others != text and not FIRST_PERSON.search(others)
    return is_general and re.match(r"\w+ing\b|it\b|that\b", text, re.I) is not None


def _states_something(text: str) -> bool:
    """Whether a speaker, a name, a number, or an action left without subject shows."""
    if _is_general_truth(text):
        return False
    if FIRST_PERSON.search(text) or _CONCRETE.search(text) or has_vague_subject(text):
        return True
    is_named = _HAS_NAMED_SUBJECT.match(text) or _HAS_PLACED_SUBJECT.match(text)
    return starts_with_action(text) or bool(is_named)


_HAS_NAMED_SUBJECT = re.compile(
    rf"^(?!The |This |That |A |An |It |There |Here |\w+ing ){CAPITAL}\w+"
    rf"(?: {CAPITAL}{SMALL}+)? (?:lives|works|likes|loves|hates|wants|went|moved|got|"
    r"prefers|plays|studies|"
    r"speaks|owns|enjoys|turned|said|told|bought|started|died|passed away|called off|"
    r"left (?:me|us|my|her|his|their|the)|married|divorced|proposed|quit|resigned|"
    r"retired|graduated|joined|became|broke up|split up|gave birth|"
    r"got (?:married|divorced|engaged|a |an |the )|no longer|"
    r"(?:is|was) (?:no longer|an? (?!\w+ way)|"
    r"the |from |allergic|married|pregnant|called|named|living|working|moving|studying|"
    rf"in {CAPITAL})|has (?:an? |two |three )|will (?:be|go|move|start|come))\b"
)
_HAS_PLACED_SUBJECT = re.compile(
    rf"^{CAPITAL}{SMALL}+ from (?:the |my )?[a-z]+ (?:is|are|was|were|has|had|will|"
    r"[a-z]+s|[a-z]+ed)\b"
)
""" "Anna from work": the speaker says whence they know them."""
