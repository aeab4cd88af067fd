"""What a reader sees: targets beside figures, and nothing that is not there."""

from __future__ import annotations

import pytest

from memories.evaluation.report import as_goals, as_markdown
from tests.memories.evaluation.made_up import groups, made_up_results


@pytest.fixture
def results():
    return made_up_results()


def row(results, title):
    return next(
        line for line in as_goals(results).splitlines() if line.startswith(f"| {title}")
    )


@pytest.mark.parametrize(
    ("value", "verdict"),
    [(0.819, "**below**"), (0.82, "reached"), (0.849, "reached"), (0.85, "stretch")],
)
def test_a_target_is_reached_or_not(results, value, verdict):
    results["methods"]["verbatim"] = groups(recall_10=value)
    shown = row(results, "R@10")
    assert shown.endswith(f"| {verdict} |")
    assert f".{round(value * 1000)} ± .015" in shown


def test_plain_dense_of_this_run_stands_beside_the_notebooks(results):
    results["methods"]["dense, speaker: text"] = groups(recall_10=0.42)
    assert "| .424 (.420 here) | .825 |" in row(results, "R@10")


@pytest.mark.parametrize(
    ("recall", "tokens", "verdict"),
    [
        (0.45, 175.0, "reached"),  # .05 less at half of the tokens
        (0.449, 175.0, "**below**"),
        (0.5, 176.0, "**below**"),
    ],
)
def test_the_rule_engine_is_held_against_the_turns(results, recall, tokens, verdict):
    results["methods"]["local"] = groups(recall_10=recall, tokens_10=tokens)
    assert row(results, "`local` engine").endswith(f"| {verdict} |")


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("questions_limited", "Only a part of the data was asked"),
        ("keys_corrected", "By corrected keys; the targets are for the keys as pub"),
    ],
)
def test_what_the_targets_are_not_for_is_not_judged_by_them(results, what, said):
    results[what] = True
    results["methods"] |= {"verbatim": groups(recall_10=0.9), "local": groups()}
    told = as_goals(results)
    assert said in told
    for verdict in ("reached", "below", "stretch |  |"):
        assert verdict not in told.replace("to reach", "")


def test_the_keys_that_were_used_stand_beside_the_targets(results):
    assert "By the keys as published" in as_goals(results)


def test_what_is_taken_as_a_whole_has_no_order(results):
    results["methods"]["RAG 128 tokens, k=1"] = groups()
    text = as_markdown(results)
    methods, _, chunks = text.partition("## Chunks, and the full context")
    assert "RAG" not in methods and "RAG 128 tokens, k=1" in chunks


def test_turns_that_were_cut_are_told_of(results):
    results["ingested"]["verbatim"]["cut_turns"] = 0
    assert "cut" not in as_markdown(results)
    results["ingested"]["verbatim"]["cut_turns"] = 2
    assert "2 of the turns are cut" in as_markdown(results)


def test_values_that_are_all_alike_have_no_error(results):
    """Two questions that were both answered are no proof of ± .000."""
    for figures in results["methods"]["verbatim"].values():
        figures["recall@10"] = {"value": 1.0, "error": 0.0, "count": 2}
    assert "1.000 (2)" in as_markdown(results)
    assert "± .000" not in as_markdown(results)


def test_what_is_known_about_the_keys_is_printed(results):
    assert "* Nobody can reach 1.0." in as_markdown(results)


def test_a_data_set_without_targets_has_no_table_of_them(results):
    results["dataset"] = "custom"
    assert "To reach" not in as_markdown(results)
    assert "| `verbatim` | .500 ± .015 |" in as_goals(results)


def roc(area):
    best = {"threshold": 0.4, "answered": 0.9, "refused": 0.3}
    return {"area": area, "answerable": 9, "others": 3, "best": best}


def test_abstention_is_told_by_score_and_by_confidence(results):
    results["abstention"] = {"verbatim": roc(0.51)}
    results["abstention_by_confidence"] = {"verbatim": roc(0.73)}
    told = as_markdown(results)
    assert "| `verbatim` | best score | .510 |" in told
    assert "| `verbatim` | confidence | .730 |" in told


def test_a_run_that_asked_for_no_confidence_has_the_score_alone(results):
    results["abstention"] = {"verbatim": roc(0.51)}
    told = as_markdown(results)
    assert "| best score |" in told
    assert "| confidence |" not in told


def answered(results, **groups):
    nothing = {"p50_ms": None, "p95_ms": None}
    figures = {"j": None, "j_sd": None, "f1": None, "bleu1": None}
    figures |= {"context_tokens": None, "search_ms": nothing, "total_ms": nothing}
    overall = {"count": 0, "unusable": 0, **figures, **groups}
    results["answers"] = {"verbatim": {"overall": overall}}
    results["answered_by"] = {"model": "stand-in", "rounds": 10, "at_once": 8}
    return as_markdown(results)


def test_what_the_model_said_in_no_form_is_told_beside_the_figures(results):
    told = answered(results, unusable=3)
    assert "3 unusable" in told and "| `verbatim` | 3 |" in told
    assert "unusable" not in answered(results)


def test_the_times_of_answers_say_what_was_asked_and_how(results):
    told = answered(results)
    assert "one at a time (`POST /v1/context/`" in told
    assert "8 asked at once" in told
