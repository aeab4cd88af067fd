"""The stand-in chat model: reads our requests and answers by rules, like a plain LLM.

It parses the request on its own, without the code under test, so that a request which
lost its memories or its numbering is noticed. English first-person sentences only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import count
from typing import Any

from tests.model_vectors import STOP_WORDS, word_set

_STRING = r'"(?:[^"\\]|\\.)*"'
_HEADING = re.compile(r"# ([A-Z]+)(?: (.*))?")
_MESSAGE = re.compile(
    rf"(\d+) (user|assistant|system|tool)(?: ({_STRING}))?"
    rf"(?: \w{{3}} (\d{{4}}-\d\d-\d\d) \d\d:\d\d)? ({_STRING})"
)
_CANDIDATE = re.compile(rf"(\d+) ({_STRING})")
_MEMORY = re.compile(rf"(\d+) (\d{{4}}-\d\d-\d\d)( fixed)? ({_STRING})")
_FACT = re.compile(rf"(\d+)( forget)? ({_STRING})")
_CATEGORY = re.compile(r"^- ([^:\n]+)(?:: (.*))?$", re.M)

NEEDS_MEMORIES = (
    *("single_pass", "additive", "decide"),
    *("profile", "export", "patterns"),
)
PURPOSES = {
    "single_pass": ("facts", "op"),
    "extract": ("facts", "quote"),
    "decide": ("decisions", "op"),
    "graph": ("facts", "relations"),
    "additive": ("facts", "supersedes"),
    "procedural": ("text", None),
    "summary": ("summary", None),
    "categories": ("facts", "cats"),
    "images": ("images", "text"),
    "profile": ("profile", None),
    "export": ("export", None),
    "patterns": ("patterns", None),
    "rerank": ("order", None),
}


class BadRequest(ValueError):
    """The request is not one the platform should have sent."""


@dataclass(frozen=True)
class Said:
    """A numbered message of the request."""

    number: int
    role: str
    name: str | None
    day: date
    text: str


@dataclass(frozen=True)
class Known:
    """A numbered memory, or a numbered fact of the decide call."""

    number: int
    text: str
    is_fixed: bool = False
    is_forget: bool = False


@dataclass
class Reading:
    """The request as the model sees it; None: the section is not there."""

    purpose: str
    system: str
    today: date = date(2024, 1, 1)
    summary: str = ""
    messages: list[Said] | None = None
    memories: list[Known] | None = None
    facts: list[Known] | None = None
    question: str = ""
    candidates: list[Known] | None = None
    images: list[Said] | None = None
    shown: Sequence[str] = ()
    schema: Mapping[str, Any] = field(default_factory=dict)
    so_far: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_about_agent(self) -> bool:
        return "about itself" in self.system


@dataclass
class Verdict:
    """What becomes of a fact; ``number`` is the memory it concerns."""

    op: str
    number: int | None = None
    why: str = ""


@dataclass
class Found:
    """A fact of the model, before it takes the shape of a schema."""

    text: str
    said: Said
    start: str | None = None
    quote: str | None = None
    verdict: Verdict = field(default_factory=lambda: Verdict("ADD"))


# --- reading --------------------------------------------------------------------------


def read_request(
    purpose: str, system: str, user: str, shown: Sequence[str] = ()
) -> Reading:
    """Raises BadRequest when a needed section is missing or a line is not ours.

    ``shown`` is what the images of the request show.
    """
    reading = Reading(purpose, system, shown=shown)
    section = ""
    for line in user.split("\n"):
        if heading := _HEADING.fullmatch(line):
            section = heading[1]
            _open_section(reading, section, heading[2] or "")
        elif line:
            _read_line(reading, section, line)
    if purpose in NEEDS_MEMORIES and reading.memories is None:
        raise BadRequest("the recalled memories are missing")
    of_facts = dict.fromkeys(("decide", "graph", "categories"), reading.facts)
    others = {
        "profile": reading.memories,
        "export": reading.memories,
        "patterns": reading.memories,
        "images": reading.images,
        "rerank": reading.candidates,
    }
    if purpose == "images" and len(reading.images or ()) != len(shown):
        raise BadRequest("not every image is told of")
    if (of_facts | others).get(purpose, reading.messages) is None:
        raise BadRequest("there is nothing to work on")
    return reading


def _open_section(reading: Reading, section: str, rest: str) -> None:
    if section == "NOW":
        reading.today = date.fromisoformat(rest.split()[1])
    elif section in ("MESSAGES", "MEMORIES", "FACTS", "IMAGES", "CANDIDATES"):
        setattr(reading, section.lower(), [])


def _read_line(reading: Reading, section: str, line: str) -> None:
    if section == "SUMMARY":
        reading.summary = json.loads(line)
    elif section == "QUESTION":
        reading.question = json.loads(line)
    elif section == "CANDIDATES" and reading.candidates is not None:
        number, text = _match(_CANDIDATE, line)
        reading.candidates.append(Known(int(number), json.loads(text)))
    elif section == "DRAFT":
        reading.so_far = json.loads(json.loads(line))
    elif section == "MESSAGES" and reading.messages is not None:
        reading.messages.append(_read_message(line, reading.today))
    elif section == "IMAGES" and reading.images is not None:
        reading.images.append(_read_message(line, reading.today))
    elif section == "MEMORIES" and reading.memories is not None:
        number, _, fixed, text = _match(_MEMORY, line)
        reading.memories.append(Known(int(number), json.loads(text), bool(fixed)))
    elif section == "FACTS" and reading.facts is not None:
        number, forget, text = _match(_FACT, line)
        reading.facts.append(
            Known(int(number), json.loads(text), is_forget=bool(forget))
        )
    elif section not in ("RECENT", "CORRECTION"):
        raise BadRequest(f"a line in no known section: {line[:80]}")


def _read_message(line: str, today: date) -> Said:
    number, role, name, day, text = _match(_MESSAGE, line)
    return Said(
        int(number),
        role,
        json.loads(name) if name else None,
        date.fromisoformat(day) if day else today,
        json.loads(text),
    )


def _match(pattern: re.Pattern[str], line: str) -> tuple[Any, ...]:
    match = pattern.fullmatch(line)
    if match is None:
        raise BadRequest(f"a line of unknown form: {line[:80]}")
    return match.groups()


# --- answering ------------------------------------------------------------------------


def answer(reading: Reading, *, reword: bool = False) -> dict[str, Any]:
    """The reply to a request, in the form of its purpose's schema."""
    return _ANSWERS[reading.purpose](reading, reword)


def _answer_single_pass(reading: Reading, reword: bool) -> dict[str, Any]:
    return {"facts": [_single_pass_row(f, reading) for f in _decided(reading, reword)]}


def _answer_additive(reading: Reading, reword: bool) -> dict[str, Any]:
    return {"facts": [_additive_row(f, reading) for f in _decided(reading, reword)]}


def _answer_extract(reading: Reading, reword: bool) -> dict[str, Any]:
    found = find_facts(reading, reword=reword)
    return {"facts": [_fact_row(f, reading) | {"quote": f.quote} for f in found]}


def _answer_decide(reading: Reading, reword: bool) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    for fact in reading.facts or []:
        if fact.is_forget:
            targets = to_forget(fact.text, reading.memories or [])
            rows += [_decision_row(fact, Verdict("DELETE", m.number)) for m in targets]
            if targets:
                continue
            rows.append(_decision_row(fact, Verdict("NONE")))
        else:
            rows.append(_decision_row(fact, compare(fact.text, reading.memories or [])))
    return {"decisions": rows}


def _answer_graph(reading: Reading, reword: bool) -> dict[str, Any]:
    return {"facts": [{"fact": f.number} | draw(f.text) for f in reading.facts or []]}


def _answer_procedural(reading: Reading, reword: bool) -> dict[str, Any]:
    steps = [
        f"{n}. {m.role}: {m.text}" for n, m in enumerate(reading.messages or [], 1)
    ]
    return {"text": "\n".join(["Steps:", *steps]), "cats": []}


def _answer_profile(reading: Reading, reword: bool) -> dict[str, Any]:
    """Each field takes the memories that share a word with its description."""
    properties = reading.schema["properties"]["profile"]["properties"]
    profile: dict[str, Any] = {}
    sources = []
    for name, rule in properties.items():
        about = _content_words(rule.get("description", name))
        near = [m for m in reading.memories or [] if about & _content_words(m.text)]
        is_list = "array" in rule.get("type", ())
        profile[name] = [m.text for m in near] if is_list else None
        if near and not is_list:
            profile[name] = near[0].text
        sources.append({"field": name, "memories": [m.number for m in near]})
    return {"profile": profile, "sources": sources}


def _answer_patterns(reading: Reading, reword: bool) -> dict[str, Any]:
    """One for each word that three memories share, but not most of them."""
    memories = reading.memories or []
    sharing: dict[str, list[int]] = {}
    for memory in memories:
        for word in sorted(_content_words(memory.text)):
            sharing.setdefault(word, []).append(memory.number)
    return {
        "patterns": [
            {"memories": numbers, "text": f"Keeps coming back to {word}."}
            for word, numbers in sharing.items()
            if 3 <= len(numbers) <= len(memories) / 2
        ]
    }


def _answer_export(reading: Reading, reword: bool) -> dict[str, Any]:
    """Lists take all memories, behind those so far; texts the newest of them."""
    found: dict[str, Any] = dict(reading.so_far)
    texts = [memory.text for memory in reading.memories or []]
    for name, rule in reading.schema["properties"]["export"]["properties"].items():
        if "array" in rule["type"]:
            found[name] = [*(found.get(name) or []), *texts]
        else:
            found[name] = texts[-1] if texts else found.get(name)
    return {"export": found}


def _answer_rerank(reading: Reading, reword: bool) -> dict[str, Any]:
    """Those that share a word with the question, the most of them first."""
    about = _content_words(reading.question)
    shared = {
        known.number: len(about & _content_words(known.text))
        for known in reading.candidates or []
    }
    return {"order": sorted((n for n in shared if shared[n]), key=lambda n: -shared[n])}


def _content_words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.lower())) - STOP_WORDS


def _answer_summary(reading: Reading, reword: bool) -> dict[str, Any]:
    said = [
        f"{m.name or m.role.capitalize()}: {m.text}" for m in reading.messages or []
    ]
    words = " ".join([reading.summary, *said]).split()
    return {"summary": " ".join(words[-150:])}


def _answer_categories(reading: Reading, reword: bool) -> dict[str, Any]:
    return {
        "facts": [
            {"fact": f.number, "cats": _categories(f.text, reading.system)}
            for f in reading.facts or []
        ]
    }


def _answer_images(reading: Reading, reword: bool) -> dict[str, Any]:
    rows = enumerate(reading.shown, start=1)
    return {"images": [{"image": n, "text": text} for n, text in rows]}


_ANSWERS = {
    "single_pass": _answer_single_pass,
    "additive": _answer_additive,
    "extract": _answer_extract,
    "decide": _answer_decide,
    "graph": _answer_graph,
    "procedural": _answer_procedural,
    "summary": _answer_summary,
    "categories": _answer_categories,
    "images": _answer_images,
    "profile": _answer_profile,
    "export": _answer_export,
    "patterns": _answer_patterns,
    "rerank": _answer_rerank,
}


def _fact_row(found: Found, reading: Reading) -> dict[str, Any]:
    return {
        "text": found.text,
        "from": [found.said.number],
        "who": "user" if found.said.role == "user" else "agent",
        "cats": _categories(found.text, reading.system),
        "start": found.start,
        "end": None,
        **_times_columns(found, reading),
        "conf": 0.9,
        "why": found.verdict.why or "said so",
        **_flag_column(found, reading),
    }


def _single_pass_row(found: Found, reading: Reading) -> dict[str, Any]:
    row = _fact_row(found, reading) | {"quote": found.quote}
    row |= {"op": found.verdict.op, "id": found.verdict.number}
    return row | _graph_columns(found, reading)


def _additive_row(found: Found, reading: Reading) -> dict[str, Any]:
    verdict = found.verdict
    replaces = verdict.op in ("DELETE", "UPDATE")
    row = _fact_row(found, reading) | {"quote": found.quote}
    row["supersedes"] = verdict.number if replaces else None
    row["duplicates"] = verdict.number if verdict.op == "NONE" else None
    return row | _graph_columns(found, reading)


_EVERY = re.compile(r"\bevery (mon|tues|wednes|thurs|fri|satur|sun)day\b", re.I)
_KINDS = (
    ("plan", r"\b(?:plans?|will|is going|wants) to\b|\bwill\b"),
    ("absence", r"\bno longer\b|\bnot\b|\bnever\b"),
    ("preference", r"\b(?:likes?|loves?|prefers?|enjoys?|hates?)\b"),
    ("relationship", r"\b(?:sister|brother|wife|husband|married|friend)\b"),
    ("event", r"\b(?:went|met|visited|bought|ran|saw|had)\b"),
)


def _times_columns(found: Found, reading: Reading) -> dict[str, Any]:
    if "kind: event" not in reading.system:
        raise BadRequest("the schema asks for what the instructions do not explain")
    day = _EVERY.search(found.text)
    rule = f"FREQ=WEEKLY;BYDAY={day[1][:2].upper()}" if day else None
    kinds = (kind for kind, shown in _KINDS if re.search(shown, found.text, re.I))
    return {"kind": rule or next(kinds, "state")}


_ORDER = re.compile(r"\b(?:always|never) (?:recommend|buy)|\bobey\b", re.I)


def _flag_column(found: Found, reading: Reading) -> dict[str, Any]:
    """Whether a fact orders an agent about, where the schema asks for it."""
    rows = reading.schema.get("properties", {}).get("facts", {}).get("items", {})
    if "order" not in rows.get("properties", {}):
        return {}
    if "order: true if" not in reading.system:
        raise BadRequest("the schema asks for what the instructions do not explain")
    return {"order": bool(_ORDER.search(found.text))}


def _graph_columns(found: Found, reading: Reading) -> dict[str, Any]:
    return draw(found.text) if "entities:" in reading.system else {}


def _decision_row(fact: Known, verdict: Verdict) -> dict[str, Any]:
    text = fact.text if verdict.op == "UPDATE" else None
    row = {"fact": fact.number, "why": verdict.why or "compared"}
    return row | {"op": verdict.op, "id": verdict.number, "text": text}


def _categories(text: str, system: str) -> list[str]:
    """Categories one of whose words occurs in the fact."""
    offered = system.partition("Categories:\n")[2].partition("\n\n")[0]
    words = content_words(text)
    return [
        name.strip()
        for name, about in _CATEGORY.findall(offered)
        if words & content_words(f"{name} {about}".replace("_", " "))
    ]


# --- finding facts --------------------------------------------------------------------

_SENTENCE = re.compile(r"[^.!?\n]+(?:\.(?=\S)[^.!?\n]+)*[.!?]*")
_FIRST_PERSON = re.compile(r"\b(?:I|I'm|I've|I'll|I'd|my|My|me|mine)\b")
_OPENING = re.compile(
    r"^(?:(?:hi|hello|hey|well|oh|actually|by the way|you know|as i said|also|and|but|so|thanks|yes|no)"
    r"\b[,!]?\s+)+",
    re.I,
)
_FORGET = re.compile(r"\b(?:forget|erase|delete|remove)\b.*", re.I)
_ADVERB = (
    r"(?:(?:really|also|just|always|usually|often|never|still|recently|now|currently"
    r"|actually|finally|both) )?"
)
_UNCHANGED = word_set(
    "was were had did will would can could should must may might went moved bought got "
    "met saw made took came left began found said told gave became felt kept knew lost "
    "won wrote read ran ate drank spoke broke chose drove flew grew sold sent spent "
    "stood taught thought wore"
)
_IRREGULAR = {
    "am": "is",
    "have": "has",
    "do": "does",
    "don't": "does not",
    "go": "goes",
}
_WEEKDAYS = ("mon", "tues", "wednes", "thurs", "fri", "satur", "sun")
_RELATIVE = re.compile(
    r"\b(yesterday|today|tonight|tomorrow|(last|next) (?:(mon|tues|wednes|thurs|fri|"
    r"satur|sun)day))\b",
    re.I,
)


def find_facts(reading: Reading, *, reword: bool = False) -> list[Found]:
    """First-person statements of whoever the memory is about, in the third person."""
    role = "assistant" if reading.is_about_agent else "user"
    fallback = "Agent" if reading.is_about_agent else "User"
    found: list[Found] = []
    for said in reading.messages or []:
        if said.role == role or _FORGET.search(said.text):
            found += _facts_of(said, said.name or fallback, role, reword)
    return found


def _facts_of(said: Said, name: str, role: str, reword: bool) -> list[Found]:
    found: list[Found] = []
    for sentence in (part.strip() for part in _SENTENCE.findall(said.text)):
        forget = _FORGET.search(sentence)
        if forget and said.role == "user":
            text = f"{name} asks to {forget[0]}"
            found.append(Found(text, said, quote=sentence))
        elif said.role == role and _is_statement(sentence):
            resolved, start = resolve_time(sentence, said.day)
            text = third_person(resolved, name)
            found.append(Found(_reword(text) if reword else text, said, start))
    return found


def _is_statement(sentence: str) -> bool:
    return not sentence.endswith("?") and bool(_FIRST_PERSON.search(sentence))


def third_person(sentence: str, name: str) -> str:
    """ "I'm Anna's sister and I live here." → "User is Anna's sister and lives here."."""
    text = _OPENING.sub("", sentence).strip()
    for short, full in (
        ("'m ", " am "),
        ("'ve ", " have "),
        ("'ll ", " will "),
        ("'d ", " would "),
    ):
        text = re.sub(rf"\bI{short}", f"I{full}", text)
    text = re.sub(
        rf"\bI ({_ADVERB})([a-z']+)",
        lambda m: f"{name} {m[1]}{_third(m[2])}",
        text,
    )
    text = re.sub(r"\bmy\b|\bMy\b|\bmine\b", f"{name}'s", text)
    text = re.sub(r"\bme\b|\bmyself\b|\bI\b", name, text)
    text = text.rstrip(".! ") + "."
    return text[0].upper() + text[1:]


def _third(verb: str) -> str:
    if verb in _IRREGULAR:
        return _IRREGULAR[verb]
    if verb in _UNCHANGED or verb.endswith("ed"):
        return verb
    if verb.endswith(("s", "sh", "ch", "x", "z")):
        return f"{verb}es"
    if re.search(r"[^aeiou]y$", verb):
        return f"{verb[:-1]}ies"
    return f"{verb}s"


def resolve_time(sentence: str, day: date) -> tuple[str, str | None]:
    """Relative days made absolute, counted from the day it was said."""
    found: list[date] = []

    def absolute(match: re.Match[str]) -> str:
        found.append(_day_of(match, day))
        return f"on {found[-1].isoformat()}"

    text = _RELATIVE.sub(absolute, sentence)
    return text, found[0].isoformat() if found else None


def _day_of(match: re.Match[str], day: date) -> date:
    if not match[2]:
        steps = {"yesterday": -1, "tomorrow": 1}
        return day + timedelta(days=steps.get(match[1].lower(), 0))
    distance = _WEEKDAYS.index(match[3].lower()) - day.weekday()
    if match[2].lower() == "last":
        return day + timedelta(days=distance if distance < 0 else distance - 7)
    return day + timedelta(days=distance if distance > 0 else distance + 7)


# --- wording --------------------------------------------------------------------------

_FRAMES = (
    "{}",
    "It is known that {}",
    "{}, as they said themselves",
    "According to the conversation, {}",
    "As mentioned, {}",
    "{}, so they say",
    "Reportedly, {}",
    "{} these days",
)
_SYNONYMS = {
    "live": "reside", "moved": "reside", "relocated": "reside", "based": "reside",
    "love": "like", "enjoy": "like", "adore": "like", "job": "work",
    "employed": "work", "favourite": "favorite", "called": "name",
}  # fmt: skip
_REWORDINGS = (("lives", "resides"), ("loves", "adores"), ("likes", "enjoys"))
_FILLER = word_set(
    "known said mentioned mention conversation according themselves reportedly say says "
    "day days currently now really also actually recently asks ask wants forget delete "
    "erase remove please about everything"
)
_calls = count()


def _reword(text: str) -> str:
    """The same fact in other words, different from call to call."""
    turn = next(_calls)
    body = text.rstrip(".")
    for plain, other in _REWORDINGS:
        if turn % 2:
            body = body.replace(plain, other)
    return _FRAMES[turn % len(_FRAMES)].format(body) + "."


def content_words(text: str) -> set[str]:
    """What a text is about: stems of its words, synonyms made one."""
    words = set(re.findall(r"[\w@]+", text.lower())) - STOP_WORDS - _FILLER
    return {_SAME_STEM.get(_stem(word), _stem(word)) for word in words}


def _stem(word: str) -> str:
    return re.sub(r"(?<=\w{3})(?:ies|ing|ed|es|s)$", "", word).rstrip("e")


_SAME_STEM = {_stem(word): _stem(other) for word, other in _SYNONYMS.items()}


# --- comparing ------------------------------------------------------------------------

_SLOTS = (
    ("home", re.compile(r"\b(?:lives?|living|moved|moving|resides?|relocated|based)\b.*?\b(?:in|to)\s+(?:the )?([A-Z]\w+)")),
    ("employer", re.compile(r"\b(?:works?|working|job|employed)\b.*?\b(?:at|for)\s+(?:the )?([A-Z]\w+)")),
    ("profession", re.compile(r"\bworks? as (?:an? )?([\w ]+)")),
    ("diet", re.compile(r"\b(vegan|vegetarian|pescatarian)\b", re.I)),
    ("marriage", re.compile(r"\bis (?:now )?(single|married|engaged|divorced)\b")),
    ("age", re.compile(r"\bis (\d+) years old")),
)  # fmt: skip
_POSSESSED = re.compile(
    r"'s ((?:[\w-]+ ){0,3}?[\w-]+) (?:is|are|was)(?: called| named| now)? (.+)"
)
_TASTE = re.compile(
    r"\b(does not )?(likes?|loves?|enjoys?|adores?|hates?|dislikes?) (.+)"
)


def slots_of(text: str) -> dict[str, str]:
    """Attributes that have one value at a time, as "home" → "lisbon"."""
    plain = text.rstrip(". ")
    found = {
        name: match[1].lower() for name, rule in _SLOTS if (match := rule.search(plain))
    }
    if match := _POSSESSED.search(plain):
        found[match[1].lower()] = " ".join(sorted(content_words(match[2])))
    if match := _TASTE.search(plain):
        negative = bool(match[1]) or match[2].startswith(("hate", "dislike"))
        found[" ".join(sorted(content_words(match[3])))] = "no" if negative else "yes"
    return found


def compare(text: str, memories: Sequence[Known]) -> Verdict:
    """The verdict on a fact against the memories, the most certain relation first."""
    words, slots = content_words(text), slots_of(text)
    best = Verdict("ADD", why="new")
    for memory in memories:
        known, known_slots = content_words(memory.text), slots_of(memory.text)
        shared = slots.keys() & known_slots.keys()
        if any(slots[name] != known_slots[name] for name in shared):
            best = Verdict("DELETE", memory.number, "contradicts it")
        elif words <= known and (shared or _overlap(words, known) > 0.6):
            return Verdict("NONE", memory.number, "already known")
        elif known < words and len(known) > 1:
            best = Verdict("UPDATE", memory.number, "adds to it")
        elif _overlap(words, known) > 0.7:
            return Verdict("NONE", memory.number, "already known")
    return best


def _overlap(left: set[str], right: set[str]) -> float:
    """Jaccard: 0..1."""
    return len(left & right) / len(left | right) if left | right else 0.0


def to_forget(request: str, memories: Sequence[Known]) -> list[Known]:
    """The memory a wish to forget speaks of; all of them for "everything"."""
    if re.search(r"\beverything\b", request, re.I):
        return list(memories)
    wanted = content_words(request)
    scored = [(len(wanted & content_words(m.text)), m) for m in memories]
    best = max((score for score, _ in scored), default=0)
    return [memory for score, memory in scored if score == best > 0][:1]


def _decided(reading: Reading, reword: bool) -> list[Found]:
    memories = reading.memories or []
    decided: list[Found] = []
    for found in find_facts(reading, reword=reword):
        if found.quote is None:
            found.verdict = compare(found.text, memories)
            decided.append(found)
            continue
        for memory in to_forget(found.text, memories):
            verdict = Verdict("DELETE", memory.number, "asked to forget it")
            decided.append(Found("", found.said, quote=found.quote, verdict=verdict))
    return decided


# --- graph ----------------------------------------------------------------------------

_NAME = re.compile(
    r"(?:\b(in|to|at|for|with) (?:the )?)?\b([A-Z][\w-]+(?: [A-Z][\w-]+)*)"
)
_OPENERS = ("It", "According", "As", "Reportedly")  # of _FRAMES
_TYPES = {"in": "place", "to": "place", "at": "organisation", "for": "organisation"}


def draw(text: str) -> dict[str, Any]:
    """Capitalised names as entities, tied to the first of them by the verb."""
    named = [(how, name) for how, name in _NAME.findall(text) if name not in _OPENERS]
    found = {name: _TYPES.get(how, "person") for how, name in named}
    entities = [{"name": name, "type": kind} for name, kind in found.items()]
    names = list(found)
    verb = re.search(r"\b[a-z]+s\b", text)
    relations = [
        {"source": names[0], "type": verb[0] if verb else "concerns", "target": name}
        for name in names[1:]
    ]
    return {"entities": entities, "relations": relations}
