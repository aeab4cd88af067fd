"""Which attribute of whom a fact states, and with what value.

A person lives in one place and likes many things: single-valued attributes contradict
each other when their values differ, multi-valued ones only when one is denied.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from memories.language.letters import INITIAL as CAPITAL
from memories.language.times import MONTHS
from memories.pipeline.local.grammar import telling_verb
from memories.pipeline.local.leads import subject_first
from memories.pipeline.local.words import content_stems, stem, without_contrast


@dataclass(frozen=True, slots=True)
class Claim:
    """``subject``'s ``attribute`` is (or, negated, is not) ``value``; lower case.

    ``is_over``: negated because it ended then. ``is_beside``: it stands beside others,
    as a second job does. ``is_presupposed``: the text rather says something else of it
    ("User's girlfriend Aino is a chemist"). ``whom``: the other one of a bond.
    """

    subject: str
    attribute: str
    value: str
    is_single: bool = True
    is_negated: bool = False
    is_over: bool = False
    is_beside: bool = False
    is_presupposed: bool = False
    whom: str = ""


@dataclass(frozen=True, slots=True)
class _Rule:
    """``is_over``: what it reads has ended, by words that are no denial ("quit")."""

    attribute: str
    pattern: re.Pattern[str]
    is_single: bool = True
    is_over: bool = False
    is_presupposed: bool = False


_SUBJECT = (
    rf"(?P<s>{CAPITAL}[\w.-]*(?:'s? (?:[a-z]+ ){{0,2}}?[a-z]+)??(?: {CAPITAL}[\w-]+)?)"
)
_PLACE = rf"(?P<v>(?:the )?{CAPITAL}[\w.'-]*(?:(?: of| de|,)? {CAPITAL}[\w.'-]*)*)"
_MONTHS = "|".join(month.capitalize() for month in MONTHS)
_END = (
    r"(?=$|[,;.(–—]| - | and | but | since | because | so | which | who | for \d| in \d"
    rf"| on \d| with their| at the moment| in (?:{_MONTHS})\b| in the week of"
    r"| (?:every|each) | on \w+days\b)"
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


def _rule(attribute: str, pattern: str, **how: bool) -> _Rule:
    return _Rule(attribute, re.compile(pattern), **how)


_BOND = "bond with {what}"
LIFE = "life"
_STAGES = ("dating", "engaged", "married", "apart")
"""What two people are to each other, in the order in which it comes about."""
_TOGETHER = (
    r"(?P<dating>dating|seeing|going out|in a relationship|together|a couple)|"
    r"(?P<engaged>engaged)|(?P<married>married)"
)
_PARTED = (
    r"(?P<apart>broke up|broken up|split up|split|separated|divorced|parted ways"
    r"|called it quits)"
)
_LOVED = (
    r"(?:(?P<dating>girlfriend|boyfriend|partner)|(?P<engaged>fianc[eé]e?)"
    r"|(?P<married>wife|husband))"
)
_LOVED_ONE = r"(?:girlfriend|boyfriend|partner|wife|husband|fianc[eé]e?)"
_JOB = r"(?:their|the|an?) (?:[a-z]+ )?(?:job|position|post|role) (?:at|with|for|in)"
_DISMISSED = r"(?:fired|laid off|let go|dismissed|sacked|made redundant)"
_FOR_GOOD = rf"(?=$|[,;.]| in | on \d| after | because | for (?:good\b|{CAPITAL}))"
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
    _rule(_BOND, rf"^{_PERSON} (?P<apart>left|dumped) (?P<s>User)\b"),
    _rule(
        _BOND,
        rf"^{_SUBJECT} (?:is|are) (?P<apart>no longer) (?:together )?with {_PERSON}",
        is_over=True,
    ),
    _rule(
        _BOND,
        rf"^{_SUBJECT} (?P<apart>left|dumped) their "
        rf"{_LOVED_ONE} {_PERSON}",
    ),
    _rule(
        _BOND,
        rf"^(?P<s>{CAPITAL}[\w-]+)'s? (?P<apart>ex(?:[- ]{_LOVED_ONE})?"
        rf"|(?:former|late) {_LOVED_ONE}) {_PERSON}",
        is_presupposed=True,
    ),
    _rule(
        _BOND,
        rf"^(?P<s>{CAPITAL}[\w-]+)'s? (?:new )?{_LOVED} (?:is (?:called |named )?)?"
        rf"{_PERSON}",
        is_presupposed=True,
    ),
    _rule(
        _BOND, rf"^{_PERSON} is (?P<s>User)'s (?:new )?{_LOVED}\b", is_presupposed=True
    ),
    _rule(
        "employer",
        rf"^{_SUBJECT} (?:has |had )?(?:quit|left|lost|resigned from|gave up"
        rf"|(?:was|got) {_DISMISSED} from) {_JOB} {_PLACE}",
        is_over=True,
    ),
    _rule(
        "employer",
        rf"^{_SUBJECT} (?:has |had )?(?:quit|resigned from|retired from"
        rf"|(?:was|got) {_DISMISSED} (?:from|by)|stopped working (?:at|for)) {_PLACE}",
        is_over=True,
    ),
    _rule(
        "employer",
        rf"^{_SUBJECT} (?:has )?left (?!User\b){_PLACE}{_FOR_GOOD}",
        is_over=True,
    ),
    _rule(
        "employer",
        rf"^{_PLACE} (?:has )?(?:{_DISMISSED} {_SUBJECT}|(?:laid|let|made) "
        rf"(?P<s2>{CAPITAL}[\w-]+) (?:off|go|redundant))\b",
        is_over=True,
    ),
    _rule(
        "residence",
        rf"^{_SUBJECT} (?:has )?(?:moved|relocated) (?:out of|away from) {_PLACE}",
        is_over=True,
    ),
    _rule(
        "residence",
        rf"^{_SUBJECT} (?:has )?left {_PLACE} for (?:good\b|{CAPITAL})",
        is_over=True,
    ),
    _rule(
        "possession",
        rf"^{_SUBJECT} (?:has )?(?:sold|gave away|got rid of|donated|traded in"
        rf"|scrapped) {_THING}",
        is_single=False,
        is_over=True,
    ),
    _rule(
        LIFE,
        rf"^{_SUBJECT} (?:has )?(?:died|passed away)(?P<v>)\b(?! of laugh)",
        is_over=True,
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
    _rule("birthplace", rf"^{_SUBJECT} was born in {_PLACE}"),
    _rule(
        "birth year",
        rf"^{_SUBJECT} was born (?:(?:in|on|at) [^;,]*?)?(?P<v>(?:19|20)\d\d)\b",
    ),
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


_BESIDE = re.compile(
    r"\b(?:in addition|on the side|part[- ]time|(?:on|at) (?:the )?weekends"
    r"|second (?:job|home)|(?:part|half) of the (?:year|week|month)"
    r"|half the (?:year|week))\b",
    re.IGNORECASE,
)
"""A second home or job is no other one."""
_ALSO = re.compile(r"\balso\b", re.IGNORECASE)
_PARTED_NOW = re.compile(r"\b(?:no longer|any ?more|stopped)\b")
_HELD = ("", "is", "are", "has", "have")
"""Verbs of what holds: of what somebody's wife did she is no more than the subject."""


@lru_cache(maxsize=4096)
def read_claims(text: str) -> tuple[Claim, ...]:
    """What the first clause of ``text`` claims; empty when no rule knows it."""
    clause = without_contrast(subject_first(text).split(";")[0])
    told = _ADVERBS.sub("", clause)
    plain, denials = _DENIALS.subn("", clause)
    plain = _ADVERBS.sub("", plain.replace("cannot stand", "hates"))
    is_beside = bool(_BESIDE.search(clause))
    is_also = bool(_ALSO.search(text.split(";")[0]))
    is_held = telling_verb(clause, is_dated=False) in _HELD
    claims: dict[tuple[str, bool], Claim] = {}
    for rule in _RULES:
        match = rule.pattern.search(told if rule.is_over else plain)
        if match is None or (rule.is_presupposed and not is_held):
            continue
        claim = _claim(rule, match, denied=denials > 0)
        if claim.value == "dating" and denials and _PARTED_NOW.search(clause):
            claim = replace(claim, value="apart", is_negated=False)
        # "Jonas also lives in Oslo" may be as somebody else does.
        if is_beside or (is_also and claim.subject == "user"):
            claim = replace(claim, is_beside=claim.attribute in _HELD_BESIDE)
        claims.setdefault((claim.attribute, rule.is_over), claim)
    return tuple(claims.values())


_HELD_BESIDE = ("residence", "employer", "occupation")


def _claim(rule: _Rule, match: re.Match[str], *, denied: bool) -> Claim:
    groups = match.groupdict()
    subject = groups.get("s") or groups["s2"]
    if groups.get("thing"):
        subject = f"{subject}'s {groups['thing']}"
    attribute = rule.attribute
    if attribute == "disliking":
        attribute, denied = "liking", not denied
    what = (groups.get("what") or "").lower()
    if what == "user":  # "Aino broke up with User" is of User and Aino
        subject, what = what, subject.split()[-1].lower()
    stage = next((name for name in reversed(_STAGES) if groups.get(name)), "")
    is_over = rule.is_over and not stage
    return Claim(
        subject=subject.lower(),
        attribute=attribute.replace("{what}", " ".join(map(stem, what.split()))),
        value=(groups.get("v") or groups.get("v2") or stage).strip().lower(),
        is_single=rule.is_single,
        is_negated=is_over or (denied and not rule.is_over),
        is_over=is_over,
        is_presupposed=rule.is_presupposed,
        whom=what if rule.attribute == _BOND else "",
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
    if new.attribute == LIFE:
        return _ends_with_life(new, old)
    if new.attribute != old.attribute or not is_same_subject(new.subject, old.subject):
        return False
    if new.is_presupposed or old.is_presupposed:
        return new.value == "apart" != old.value
    if (new.is_beside or old.is_beside) and not new.is_negated:
        return False
    if new.is_negated != old.is_negated:
        return is_same_value(new, old)
    if new.value in _STAGES and old.value in _STAGES:
        return _is_later_stage(new.value, old.value)
    is_single = new.is_single or old.is_single
    return is_single and not new.is_negated and not is_same_value(new, old)


_OF_THE_LIVING = ("residence", "employer", "occupation", "age", "diet", "allergy")


def _ends_with_life(death: Claim, old: Claim) -> bool:
    """Where somebody lived, and that there is a dog of the name."""
    if old.is_negated or old.attribute not in (*_OF_THE_LIVING, "name"):
        return False
    if old.attribute == "name":
        is_pet = re.search(rf"'s {_PETS}$", old.subject)
        pet = f"{old.subject} {old.value}"
        return bool(is_pet) and death.subject in (old.value, old.subject, pet)
    return is_same_subject(death.subject, old.subject)


def _is_later_stage(new: str, old: str) -> bool:
    """Who is married was dating before; who parted may be together again."""
    return _STAGES.index(new) > _STAGES.index(old) or (old == "apart" != new)


def is_confirmation(new: Claim, old: Claim) -> bool:
    """Whether both say the same of the same subject."""
    return (
        not (new.is_presupposed or old.is_presupposed)
        and new.attribute == old.attribute
        and is_same_subject(new.subject, old.subject)
        and new.is_negated == old.is_negated
        and is_same_value(new, old)
    )


def is_other_value(new: Claim, old: Claim) -> bool:
    """Whether both fill the same attribute, with values that may stand together."""
    return (
        not (new.is_presupposed or old.is_presupposed)
        and new.attribute == old.attribute
        and is_same_subject(new.subject, old.subject)
        and not is_same_value(new, old)
    )


def is_of_another(new: Claim, old: Claim) -> bool:
    """Whether it is the same attribute of two: "Jonas lives in Oslo too"."""
    is_one = is_same_subject(new.subject, old.subject)
    return new.attribute == old.attribute and not is_one
