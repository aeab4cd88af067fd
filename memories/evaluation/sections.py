"""What a run's results tell, section by section: for Markdown and for a page. Pure.

Texts and cells hold two marks of Markdown, `code` and **weight**, and no others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memories.evaluation.baselines import DENSE_NAMED
from memories.evaluation.goals import GOALS, LOCAL_TOKENS, LOCAL_WITHIN, Goal
from memories.evaluation.ingest import VERBATIM
from memories.evaluation.metrics import BUDGETS, CUTS
from memories.evaluation.summary import OVERALL

LOCAL = "local"
Json = Mapping[str, Any]
MAIN = ("recall@1", "recall@5", "recall@10", "all@10", "ndcg@10", "mrr", "tokens@10")
NAMES = {
    "ndcg@10": "nDCG@10",
    "mrr": "MRR",
    "tokens@10": "tokens of 10",
    **{f"recall@{cut}": f"R@{cut}" for cut in CUTS},
    **{f"all@{cut}": f"all@{cut}" for cut in CUTS},
    **{f"recall@{budget}tok": str(budget) for budget in BUDGETS},
}


@dataclass(frozen=True, slots=True)
class Text:
    """Lines that follow one another; ``is_list``: each stands for itself."""

    lines: Sequence[str]
    is_list: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """``caption`` is for whoever has only the table; the first ``words`` columns hold
    no figures, and the first of them says what a row is."""

    caption: str
    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    words: int = 1


Part = Text | Table


@dataclass(frozen=True, slots=True)
class Section:
    title: str
    parts: Sequence[Part]


def sections_of(results: Json) -> Iterator[Section]:
    """All of it, in its order; ``results`` is what ``results.json`` holds."""
    for tell in (
        *(goals_of, methods_of, _passages, _categories, _budgets, _abstention),
        *(_latency, _answers, _notes),
    ):
        if (section := tell(results)) is not None:
            yield section


def title_of(results: Json) -> str:
    return (
        f"{results['dataset']}: {results['questions']} questions,"
        f" {results['scored']} of them scored"
    )


def facts_of(results: Json) -> Iterator[str]:
    """What figures rest on, and what it took."""
    yield f"{results['at']}, {results['machine']}. Embedder: {results['embedder']}."
    if by := results.get("baselines_embedder"):
        yield f"Baselines by {by}."
    yield f"Tokens as {results['tokenizer']} counts them."
    spent = ", ".join(f"{step} {took} s" for step, took in results["seconds"].items())
    yield f"Took: {spent}."
    for style, facts in results["ingested"].items():
        yield (
            f"`{style}`: {facts['memories']} memories of {facts['turns']} turns;"
            f" {facts['linked_turns']} turns led to one"
            f" ({facts['confirmed']} links only confirm what was known)."
        )
        if cut := facts.get("cut_turns"):
            yield f"{cut} of the turns are cut: they are longer than the API takes."


def goals_of(results: Json) -> Section | None:
    """The targets; None where there are none."""
    goals = GOALS.get(results["dataset"], ())
    own = results["methods"].get(VERBATIM)
    if not goals or own is None:
        return None
    head = ["figure", "plain dense", "recipe, in a notebook", "to reach", "stretch"]
    head += ["here", "verdict"]
    rows = [_goal_row(goal, results["methods"]) for goal in goals]
    rows += _local_rows(results["methods"])
    shown = len(head) if _is_judged(results) else len(head) - 1
    caption = "Figures of this run beside what they should reach"
    table = Table(caption, head[:shown], [row[:shown] for row in rows])
    return Section("To reach", [table, Text(list(_terms(results)))])


def _is_judged(results: Json) -> bool:
    """The targets are for all questions, by the keys as they are published."""
    return not results["questions_limited"] and not results.get("keys_corrected")


def _terms(results: Json) -> Iterator[str]:
    """By which keys, and whether that is what the targets are for."""
    if results.get("keys_corrected"):
        yield "By corrected keys; the targets are for the keys as published."
    else:
        yield "By the keys as published, as the targets are."
    if results["questions_limited"]:
        yield "Only a part of the data was asked: the targets are for all of it."


def _goal_row(goal: Goal, methods: Json) -> list[str]:
    here = methods[VERBATIM].get(goal.category, {}).get(goal.figure)
    dense = methods.get(DENSE_NAMED, {}).get(goal.category, {}).get(goal.figure)
    plain = _share(goal.plain) + (f" ({_share(dense['value'])} here)" if dense else "")
    verdict = ""
    if here is not None:
        is_stretch = goal.stretch is not None and here["value"] >= goal.stretch
        is_reached = here["value"] >= goal.goal
        verdict = "stretch" if is_stretch else "reached" if is_reached else "**below**"
    return [
        *(goal.title, plain, _share(goal.recipe), f"≥ {_share(goal.goal)}"),
        *(_share(goal.stretch), _with_error(here), verdict),
    ]


def _local_rows(methods: Json) -> list[list[str]]:
    """What extraction by rules loses, against the turns themselves."""
    if LOCAL not in methods:
        return []
    own, verbatim = methods[LOCAL][OVERALL], methods[VERBATIM][OVERALL]
    if not own or not verbatim:
        return []
    loss = verbatim["recall@10"]["value"] - own["recall@10"]["value"]
    share = own["tokens@10"]["value"] / verbatim["tokens@10"]["value"]
    is_reached = loss <= LOCAL_WITHIN and share <= LOCAL_TOKENS
    here = f"{_share(own['recall@10']['value'])} ({-loss:+.3f}), {share:.0%} of tokens"
    return [
        [
            *("`local` engine, R@10", "–", "–"),
            f"within {_share(LOCAL_WITHIN)} at ≤ {LOCAL_TOKENS:.0%} of the tokens",
            *("–", here, "reached" if is_reached else "**below**"),
        ]
    ]


def methods_of(results: Json) -> Section:
    head = ["method", *(NAMES[name] for name in MAIN)]
    rows = [
        [f"`{method}`", *(_with_error(groups[OVERALL].get(n)) for n in MAIN)]
        for method, groups in results["methods"].items()
        if OVERALL in groups and _is_search(method)
    ]
    table = Table("Each method, over all scored questions", head, rows)
    errors = (
        "± is one standard error over questions; results.json also has the error that"
        " allows for questions about one conversation being alike."
    )
    return Section("Methods", [table, Text([errors])])


def _passages(results: Json) -> Section | None:
    """What is taken as a whole has no order: only how much it holds, and its price."""
    rows = [
        [
            f"`{method}`",
            *(_with_error(groups[OVERALL].get(n)) for n in ("recall@1", "all@1")),
            _with_error(groups[OVERALL].get("tokens@10")),
        ]
        for method, groups in results["methods"].items()
        if OVERALL in groups and not _is_search(method)
    ]
    if not rows:
        return None
    head = ("method", "recall", "all evidence", "tokens")
    table = Table("What is taken as a whole, and how much that is", head, rows)
    return Section("Chunks, and the full context", [table])


def _categories(results: Json) -> Section:
    shown = {
        name: groups for name, groups in results["methods"].items() if _is_search(name)
    }
    categories = sorted({c for groups in shown.values() for c in groups} - {OVERALL})
    rows = [
        [category, *(_of_category(groups, category) for groups in shown.values())]
        for category in categories
    ]
    head = ["category", *(f"`{name}`" for name in shown)]
    table = Table("R@10 of each method, by category of questions", head, rows)
    return Section("By category, R@10 (number of questions)", [table])


def _of_category(groups: Json, category: str) -> str:
    figures = groups.get(category)
    if figures is None:
        return "–"
    return f"{_with_error(figures['recall@10'])} ({figures['recall@10']['count']})"


def _budgets(results: Json) -> Section:
    filled = (
        "Each budget is filled, or everything is taken: behind the first 50 results"
        " stand those of a search for up to 1,000."
    )
    rows = [
        [
            f"`{name}`",
            *(_with_error(groups[OVERALL].get(f"recall@{b}tok")) for b in BUDGETS),
        ]
        for name, groups in results["methods"].items()
        if OVERALL in groups and _is_search(name)
    ]
    head = ["method", *map(str, BUDGETS)]
    table = Table("Recall within so many tokens", head, rows)
    return Section("Recall within a budget of tokens", [Text([filled]), table])


JUDGED_BY = {
    "abstention": "best score",
    "abstention_by_confidence": "confidence",
}


def _abstention(results: Json) -> Section | None:
    """By the score of the best result, and by the estimate that a block is given."""
    rows = [
        [
            *(f"`{style}`", by, _share(found["area"])),
            f"{found['answerable']} / {found['others']}",
            f"{found['best']['threshold']:.3f}",
            *(_share(found["best"][part]) for part in ("answered", "refused")),
        ]
        for style in results["abstention"]
        for name, by in JUDGED_BY.items()
        if (found := results.get(name, {}).get(style))
    ]
    if not rows:
        return None
    told = (
        "The best score says how well one memory fits; the confidence, whether any"
        " holds the answer (ADR 0524)."
    )
    head = ["method", "by", "AUC", "answerable / not", "threshold"]
    head += ["answered", "refused"]
    caption = "How well questions without an answer are told apart"
    return Section("Abstention", [Text([told]), Table(caption, head, rows, words=2)])


def _latency(results: Json) -> Section:
    rows = [
        [f"`{style}`", kind, *(_number(f) for f in _milliseconds(found))]
        for style, kinds in results["latency"].items()
        for kind, found in _kinds(kinds)
        if found["count"]
    ]
    head = ("method", "asked", "p50", "p95", "searches")
    table = Table("Milliseconds of a search, as a client waits", head, rows, words=2)
    return Section("Latency of a search, ms", [table])


def _kinds(kinds: Json) -> Iterator[tuple[str, Json]]:
    yield "one at a time", kinds["alone"]
    yield f"{kinds['together']['at_once']} at once", kinds["together"]


def _milliseconds(found: Json) -> tuple[Any, ...]:
    return found["p50_ms"], found["p95_ms"], found["count"]


def _answers(results: Json) -> Section | None:
    """The table of the Mem0 paper."""
    if not results.get("answers"):
        return None
    told = results["answered_by"]
    how = (
        f"J is the share that the same model, as a judge, holds for right: mean ± sd"
        f" over {told['rounds']} rounds. Times in ms: of the search, one at a time"
        " (`POST /v1/context/` for memories, the nearest chunks computed here); the"
        f" total adds the model's answer, of {told.get('at_once', 'some')} asked at"
        " once."
    )
    head = ["method", "answers", "F1", "BLEU-1", "J", "search p50", "search p95"]
    head += ["total p50", "total p95", "tokens of context"]
    rows = [
        [f"{method}, {category}", *_answer_row(found)]
        for method, groups in results["answers"].items()
        for category, found in groups.items()
    ]
    table = Table("Answers from each method's context, judged", head, rows)
    parts = [Text([how]), table, *_unusable(results)]
    return Section(f"Answers by {told['model']}", parts)


def _unusable(results: Json) -> Iterator[Part]:
    if not (told := as_unusable(results)):
        return
    yield Text([told])
    rows = [
        [f"`{method}`", str(groups[OVERALL].get("unusable", 0))]
        for method, groups in results["answers"].items()
    ]
    yield Table("Replies in no form that counts", ("method", "unusable"), rows)


def as_unusable(results: Json) -> str:
    """A sentence on what the model gave no answer or no verdict to; blank: nothing."""
    answers = results.get("answers", {}).values()
    missing = sum(groups[OVERALL].get("unusable", 0) for groups in answers)
    if not missing:
        return ""
    return (
        f"**{missing} unusable:** the model, asked three times, gave no answer or no"
        " verdict in the form it was asked for. They are in no figure above; the same"
        " command asks for them again."
    )


def _answer_row(found: Json) -> list[str]:
    spread = "" if found["j_sd"] is None else f" ± {_share(found['j_sd'])}"
    times = [
        found[n][p] for n in ("search_ms", "total_ms") for p in ("p50_ms", "p95_ms")
    ]
    return [
        *(str(found["count"]), _share(found["f1"]), _share(found["bleu1"])),
        f"{_share(found['j'])}{spread}",
        *map(_number, times),
        _number(found["context_tokens"]),
    ]


def _notes(results: Json) -> Section | None:
    if not results["notes"]:
        return None
    notes = Text(results["notes"], is_list=True)
    return Section("To know about these figures", [notes])


def _is_search(name: str) -> bool:
    return not name.startswith(("RAG", "full"))


def _share(value: float | None) -> str:
    return "–" if value is None else f"{value:.3f}".removeprefix("0")


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def _with_error(mean: Json | None) -> str:
    if mean is None or mean["value"] is None:
        return "–"
    if mean["value"] > 1:
        return _number(mean["value"])
    # Of values that are all alike it would say 0, which is no error of theirs.
    error = f" ± {_share(mean['error'])}" if mean["error"] else ""
    return _share(mean["value"]) + error
