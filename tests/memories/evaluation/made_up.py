"""Results as a run writes them, with figures that are made up."""

from __future__ import annotations

from typing import Any

CATEGORIES = ("overall", "multi-hop", "open-domain")


def mean(value):
    return {"value": value, "error": 0.015, "clustered_error": 0.02, "count": 971}


def groups(**figures):
    """All figures of a method: .5, but those given."""
    names = [f"recall@{n}" for n in (1, 5, 10, 20, 50)]
    names += [f"all@{n}" for n in (1, 5, 10, 20, 50)]
    names += [f"recall@{n}tok" for n in (250, 500, 1000, 2000, 4000, 7000)]
    values = dict.fromkeys([*names, "mrr", "ndcg@10"], 0.5) | {"tokens@10": 350.0}
    values |= {name.replace("_", "@"): value for name, value in figures.items()}
    return {c: {n: mean(v) for n, v in values.items()} for c in CATEGORIES}


def made_up_roc(area):
    """Of 9 questions that have an answer and 3 others."""
    return {
        "area": area,
        "answerable": 9,
        "others": 3,
        "best": {"threshold": 0.4, "answered": 0.9, "refused": 0.3},
        "points": [[1.0, 0.0, 0.0], [0.4, 0.7, 0.9], [0.0, 1.0, 1.0]],
    }


def made_up_answers(method, *, unusable=0):
    """As a run has them that a model answered, in ten rounds."""
    times = {"count": 40, "p50_ms": 400.0, "p95_ms": 900.0}
    shares = {"j": 0.7, "j_sd": 0.02, "f1": 0.4, "bleu1": 0.35}
    tokens = {"context_tokens": 1200.0, "prompt_tokens": 1300.0}
    found = {"count": 40, "unusable": unusable, **shares, **tokens}
    return {
        "answers": {
            method: {"overall": {**found, "search_ms": times, "total_ms": times}}
        },
        "answered_by": {"model": "stand-in", "rounds": 10, "at_once": 8},
    }


def made_up_results() -> dict[str, Any]:
    return {
        "dataset": "locomo",
        "at": "2026-11-21T18:00:00+00:00",
        "machine": "2 cores",
        "embedder": "all-MiniLM-L6-v2",
        "tokenizer": "word pieces",
        "questions": 1245,
        "scored": 971,
        "questions_limited": False,
        "notes": ["Nobody can reach 1.0."],
        "seconds": {"adds, verbatim": 60.0},
        "ingested": {
            "verbatim": {
                "memories": 3573,
                "turns": 3576,
                "linked_turns": 3576,
                "confirmed": 3,
            }
        },
        "methods": {"verbatim": groups()},
        "abstention": {"verbatim": None},
        "latency": {},
        "answers": {},
    }
