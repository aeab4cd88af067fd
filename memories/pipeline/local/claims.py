"""Which attribute of whom a fact states, and with what value.

A person lives in one place and likes many things: single-valued attributes contradict
each other when their values differ, multi-valued ones only when one is denied.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from memories.language.letters import CAPITAL
from memories.pipeline.local.words import content_stems, stem, without_contrast


@dataclass(frozen=True, slots=True)
class Claim:
    """``subject``'s ``attribute`` is (or, negated, is not) ``value``; lower case."""

    subject: str
    attribute: str
    value: str
    is_single: bool = True
    is_negated: bool = False


_SUBJECT = (
    rf"(?P<s>{CAPITAL}[\w.-]*(?:'s? (?:[a-z]+ ){{0,2}}?[a-z]+)??(?: {CAPITAL}[\w-]+)?)"
)
_PLACE = rf"(?P<v>(?:the )?{CAPITAL}[\w.'-]*(?:(?: of| de|,)? {CAPITAL}[\w.'-]*)*)"
_END = (
    r"(?=$|[,;.(–—]| - | and | but | since | because | so | which | who | for \d| in \d"
    r"| on \d| with their| at the moment)"
)
_THING = rf"(?:the |an? |some |their )?(?P<v>\w[\w' -]*?){_END}"
_JOBS = (
    r"(?:\w+ ){0,3}?(?:engineer|developer|designer|teacher|nurse|doctor|lawyer|"
    r"accountant|manager|director|analyst|consultant|scientist|researcher|professor|"
    r"writer|author|journalist|musician|chef|cook|waiter|waitress|barista|driver|pilot|"
    r"electrician|plumber|carpenter|mechanic|architect|programmer|student|intern|"
    r"pharmacist|dentist|therapist|psychologist|counselor|photographer|editor|"
    r"translator|librarian|firefighter|officer|soldier|baker|farmer|salesperson|"
    r"marketer|freelancer|surgeon|veterinarian|vet|paramedic|ceo|cto|founder)"
)
_DIETS = (
    r"vegetarian|vegan|pescatarian|pescetarian|omnivore|carnivore|flexitarian|"
    r"meat[- ]eater"
)
_PETS = (
    r"(?:dog|cat|puppy|kitten|rabbit|bunny|hamster|turtle|parrot|bird|horse|pony|fish|"
    r"guinea pig|snake|lizard|pet)"
)
_TRAITS = (
    r"phone(?: number)?|number|e-?mail(?: address)?|address|job(?: title)?|title|car|"
    r"hometown|birthday|age|height|weight|time ?zone|salary|budget|major|blood type|"
    r"shoe size|username|handle|nationality|native language|first language|role|"
    r"nickname|pronouns|religion|rent|gym|bank|laptop|password|zip code|last name|"
    r"surname|first name|middle name|occupation|profession|employer|hair colou?r|"
    r"eye colou?r|star sign|bedtime"
)
_PEOPLE_IN_ONE = (
    r"boss|manager|doctor|dentist|therapist|wife|husband|partner|girlfriend|boyfriend|"
    r"landlord|roommate|mentor|supervisor"
)
_LIKES = (
    r"likes?|loves?|enjoys?|adores?|is (?:fond of|keen on|into|an? (?:\w+ )?fan of)"
)
_DISLIKES = r"dislikes?|hates?|detests?|cannot stand|despises?"


def _rule(
    attribute: str, pattern: str, *, is_single: bool = True
) -> tuple[str, re.Pattern[str], bool]:
    return attribute, re.compile(pattern), is_single


_BOND = "bond with {what}"
_STAGES = ("dating", "engaged", "married", "apart")
"""What two people are to each other, in the order in which it comes about."""
_TOGETHER = (
    r"(?P<dating>dating|seeing|going out|in a relationship|together|a couple)|"
    r"(?P<engaged>engaged)|(?P<married>married)"
)
_PARTED = r"(?P<apart>broke up|broken up|split up|separated|divorced)"
_PERSON = rf"(?P<what>{CAPITAL}[\w-]+(?: {CAPITAL}[\w-]+)?)"
_BE = r"(?:(?:is|are|was|were|has been|have been|got|get|has|have|started)(?: now)? )?"
# Read against the text with negations and adverbs taken out; the first match of an
# attribute counts. ``{what}`` takes the group of that name.
_RULES = (
    _rule(
        "residence",
        rf"^{_SUBJECT} (?:lives?|resides?|is living|is based|settled|has been living"
        rf"|has lived(?= in [^;]* (?:since|for)\b)) in {_PLACE}",
    ),
    _rule(
        "residence",
        rf"^{_SUBJECT} (?:has )?(?:moved|relocated)(?: back| over)?(?: from [\w ]+?)?"
        rf" to {_PLACE}",
    ),
    _rule(
        "employer",
        rf"^{_SUBJECT} (?:works?|is working|is employed|has been working"
        rf"|has worked(?= (?:at|for) [^;]* (?:since|for)\b))(?: as an? {_JOBS})? "
        rf"(?:at|for|by) {_PLACE}",
    ),
    _rule(
        "employer",
        rf"^{_SUBJECT} (?:has )?(?:joined|started (?:working )?at|(?:started|got|took) "
        rf"(?:an?|their) (?:new )?job (?:at|with)|was hired by) {_PLACE}",
    ),
    _rule(
        "occupation",
        rf"^{_SUBJECT} (?:(?:works?|is working|got a job|got a new job) as|is|became|"
        rf"(?:has been|got|was) promoted to) (?:an? |the )?(?P<v>{_JOBS})\b",
    ),
    _rule("occupation", rf"^{_SUBJECT} (?:is|has) (?P<v>retired|unemployed)\b"),
    _rule(
        "diet",
        rf"^{_SUBJECT} (?:is|became|turned|went)(?: an?| on an?)?(?: strict)? "
        rf"(?P<v>{_DIETS})\b",
    ),
    _rule("diet", rf"^{_SUBJECT} (?:eats?|is eating)(?: red)? (?P<v>meat)\b"),
    _rule(
        "favorite {what}",
        rf"^{_SUBJECT}'s? (?:all-time )?favou?rite (?P<what>[\w ]+?) "
        rf"(?:is|are) {_THING}",
    ),
    _rule(
        "favorite {what}",
        rf"^(?P<v>{CAPITAL}[\w' ]*?) (?:is|"
        rf"are) (?P<s>{CAPITAL}\w+)'s? (?:all-time )?favou?rite "
        rf"(?P<what>\w+){_END}",
    ),
    _rule(
        "age",
        rf"^{_SUBJECT} (?:is|turned|just turned) (?P<v>\d{{1,3}})(?: years old)?{_END}",
    ),
    _rule("age", rf"^{_SUBJECT} is (?P<v>\d{{1,3}}) years old\b"),
    _rule(
        "relationship status",
        rf"^{_SUBJECT} (?:is|got|has been|was) (?:now )?(?:happily )?(?:a )?"
        r"(?P<v>single|married|engaged|divorced|widowed|separated|in a relationship)"
        r"(?! (?:to [a-z]+ing|with [a-z]+ing|in [a-z]+ing|parent|mom|dad|mother|"
        r"father))\b",
    ),
    _rule(
        _BOND,
        rf"^{_SUBJECT} {_BE}(?:{_TOGETHER}|{_PARTED})(?: with| to| from)? {_PERSON}"
        r"(?! and\b)",
    ),
    _rule(
        _BOND,
        rf"^{_SUBJECT} and {_PERSON} {_BE}(?:{_TOGETHER}|{_PARTED})\b",
    ),
    _rule("name", rf"^{_SUBJECT}'s? name is {_PLACE}"),
    _rule("name", rf"^{_SUBJECT} is (?:called|named) {_PLACE}"),
    _rule(
        "name",
        rf"^{_SUBJECT} (?:has|owns|got|adopted) (?:an?|one) (?:[a-z]+ ){{0,3}}?"
        rf"(?P<thing>{_PETS})(?: named| called|,) {_PLACE}",
        is_single=False,
    ),
    _rule("birthday", rf"^{_SUBJECT} was born on {_THING}"),
    _rule(
        "{what}",
        rf"^{_SUBJECT}'s? (?:new )?(?P<what>{_TRAITS}) is (?:now )?(?P<v>\S.*?)(?=$|;)",
    ),
    _rule(
        "{what}",
        rf"^{_SUBJECT}'s? (?:new )?(?P<what>{_PEOPLE_IN_ONE}) is (?:now )?{_PLACE}",
    ),
    _rule(
        "number of {what}",
        rf"^{_SUBJECT} has (?P<v>\d+|two|three|four|five|six|seven|one|an?|no) "
        rf"(?P<what>kids?|child(?:ren)?|sons?|daughters?|brothers?|sisters?|"
        rf"siblings?)\b",
    ),
    _rule(
        "car",
        rf"^{_SUBJECT} drives an? (?P<v>(?:{CAPITAL}|\d)[\w -]*?){_END}",
    ),
    _rule(
        "allergy",
        rf"^{_SUBJECT} (?:is|has been|was)(?: [a-z]+)? (?:allergic|"
        rf"intolerant) to {_THING}",
        is_single=False,
    ),
    _rule(
        "allergy",
        rf"^{_SUBJECT} (?:has|suffers from) an? (?:bad |severe |serious |mild )?"
        rf"(?:allergy to (?:the )?(?P<v2>[\w' -]+?)|(?P<v>[\w' -]+?) allergy){_END}",
        is_single=False,
    ),
    _rule(
        "allergy",
        rf"^(?P<v>{CAPITAL}[\w' -]*?) (?:gives?|causes?|"
        rf"triggers?) (?P<s>{CAPITAL}\w+)(?: to have|'s)? "
        r"(?:an? )?(?:bad |severe )?allergic reactions?",
        is_single=False,
    ),
    _rule(
        "allergy",
        rf"^{_SUBJECT}'s? (?:bad |severe )?(?P<v>\w+) allergy\b",
        is_single=False,
    ),
    _rule(
        "liking",
        rf"^(?P<v>{CAPITAL}[\w' -]*?) is (?:something|what|one thing) {_SUBJECT} "
        rf"(?:{_LIKES})\b",
        is_single=False,
    ),
    _rule("allergy", rf"^{_SUBJECT} cannot (?:eat|have) {_THING}", is_single=False),
    _rule(
        "liking",
        rf"^{_SUBJECT} (?:{_LIKES}) (?:eating |drinking )?{_THING}",
        is_single=False,
    ),
    _rule("liking", rf"^{_SUBJECT} prefers {_THING}", is_single=False),
    _rule("disliking", rf"^{_SUBJECT} (?:{_DISLIKES}) {_THING}", is_single=False),
    _rule("possession", rf"^{_SUBJECT} (?:has|owns) {_THING}", is_single=False),
    _rule(
        "habit {what}",
        rf"^{_SUBJECT} (?:can )?(?P<what>(?:drink|eat|play|speak|us|practic)(?:e|es|s|"
        rf"ing)?)"
        rf" {_THING}",
        is_single=False,
    ),
    _rule(
        "habit {what}",
        rf"^{_SUBJECT} (?P<what>smok(?:e|es|ing)|vap(?:e|es|ing))\b",
        is_single=False,
    ),
)
_ADVERBS = re.compile(
    r" (?:now|currently|also|just|recently|really|still|actually|finally|definitely|"
    r"absolutely|mostly|usually|officially|only|always|very much|again|strictly|"
    r"deathly|"
    r"severely|highly|totally|completely|both|already|proudly)\b"
)
_DENIALS = re.compile(
    r"\b(?:(?:does|do) not (?:any longer )?|no longer |never |stopped |quit |gave up )"
    r"|(?<=\bis) (?:not|no longer)\b|(?<=\bhas) (?:not|no longer)\b"
)
_DATE_AHEAD = re.compile(rf"^On .+? \d{{4}},? (?={CAPITAL})")


@lru_cache(maxsize=4096)
def read_claims(text: str) -> tuple[Claim, ...]:
    """What the first clause of ``text`` claims; empty when no rule knows it."""
    clause = _DATE_AHEAD.sub("", without_contrast(text.split(";")[0]))
    plain, denials = _DENIALS.subn("", clause)
    plain = _ADVERBS.sub("", plain.replace("cannot stand", "hates"))
    claims: dict[str, Claim] = {}
    for attribute, pattern, is_single in _RULES:
        match = pattern.search(plain)
        if match is not None:
            claim = _claim(attribute, match, is_single=is_single, denied=denials > 0)
            claims.setdefault(claim.attribute, claim)
    return tuple(claims.values())


def _claim(
    attribute: str, match: re.Match[str], *, is_single: bool, denied: bool
) -> Claim:
    groups = match.groupdict()
    subject = groups["s"]
    if groups.get("thing"):
        subject = f"{subject}'s {groups['thing']}"
    if attribute == "disliking":
        attribute, denied = "liking", not denied
    what = (groups.get("what") or "").lower()
    stage = next((name for name in _STAGES if groups.get(name)), "")
    return Claim(
        subject=subject.lower(),
        attribute=attribute.replace("{what}", " ".join(map(stem, what.split()))),
        value=(groups.get("v") or groups.get("v2") or stage).strip().lower(),
        is_single=is_single,
        is_negated=denied,
    )


def is_same_subject(one: str, other: str) -> bool:
    """ "user's sister" is "user's sister anna", and "anna" is too."""
    short, long = sorted((one, other), key=len)
    if short == long or long.startswith(f"{short} "):
        return True
    return "'s" not in short and "'s" in long and long.endswith(f" {short}")


def is_named_loosely(claim: Claim) -> bool:
    """Whether two different values may be two names of one thing."""
    is_wordy = claim.attribute == "occupation" or claim.attribute.startswith("favor")
    return is_wordy and not re.search(r"\d", claim.value)


def is_same_value(one: Claim, other: Claim) -> bool:
    """Equal, or one a refinement of the other: "Lisbon" and "Lisbon, Portugal"."""
    if one.value == other.value:
        return True
    first, second = content_stems(one.value), content_stems(other.value)
    return bool(first) and bool(second) and (first <= second or second <= first)


def is_contradiction(new: Claim, old: Claim) -> bool:
    """Whether both cannot hold at once; the same attribute of the same subject."""
    if new.attribute != old.attribute or not is_same_subject(new.subject, old.subject):
        return False
    if new.is_negated != old.is_negated:
        return is_same_value(new, old)
    if new.value in _STAGES and old.value in _STAGES:
        return _is_later_stage(new.value, old.value)
    is_single = new.is_single or old.is_single
    return is_single and not new.is_negated and not is_same_value(new, old)


def _is_later_stage(new: str, old: str) -> bool:
    """Who is married was dating before; who parted may be together again."""
    return _STAGES.index(new) > _STAGES.index(old) or (old == "apart" != new)


def is_confirmation(new: Claim, old: Claim) -> bool:
    """Whether both say the same of the same subject."""
    return (
        new.attribute == old.attribute
        and is_same_subject(new.subject, old.subject)
        and new.is_negated == old.is_negated
        and is_same_value(new, old)
    )


def is_other_value(new: Claim, old: Claim) -> bool:
    """Whether both fill the same attribute, with values that may stand together."""
    return (
        new.attribute == old.attribute
        and is_same_subject(new.subject, old.subject)
        and not is_same_value(new, old)
    )
