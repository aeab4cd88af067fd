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
