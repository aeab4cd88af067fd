"""A run's results as a page with plots that needs nothing else."""

from __future__ import annotations

import html
import re

import pytest

from memories.evaluation.drawing import drawings_of
from memories.evaluation.page import as_page, pieces_of
from memories.evaluation.report import as_markdown
from tests.memories.evaluation.made_up import (
    groups,
    made_up_answers,
    made_up_results,
    made_up_roc,
)
from tests.security.test_console_pages import complaints

DENSE = "dense, speaker: text"


@pytest.fixture
def results():
    made = made_up_results()
    made["methods"] |= {"RAG 128 tokens, k=1": groups(), DENSE: groups(recall_10=0.25)}
    return made


def test_what_was_brought_in_is_drawn_beside_plain_dense_retrieval(results):
    by_results, by_tokens = drawings_of(results)
    assert [line.name for line in by_results.lines] == ["verbatim", DENSE]
    assert [point.label for point in by_results.labels] == ["1", "5", "10", "20", "50"]
    assert [point.value for point in by_results.lines[1].points][2] == 0.25
    assert by_tokens.labels[-1].label == "7000"
    assert f"{DENSE}: 0.500 at 1, 0.500 at 5, 0.250 at 10" in by_results.description


def test_what_is_better_is_drawn_higher(results):
    drawing = drawings_of(results)[0]
    verbatim, dense = (line.points[2] for line in drawing.lines)
    assert 0 < verbatim.y < dense.y < drawing.height
    assert 0 < dense.x < drawing.width


def test_a_fourth_line_has_no_colour_of_its_own(results):
    for style in ("local", "single_pass", "two_phase"):
        results["ingested"][style] = {}
        results["methods"][style] = groups()
    lines = drawings_of(results)[0].lines
    assert [(line.series, line.is_dashed) for line in lines] == [
        *((1, False), (2, False), (3, False)),
        *((1, True), (2, True)),
    ]


@pytest.fixture
def whole(results):
    """With all that a run may have: abstention, latency, a model's answers."""
    results["abstention"] = {"verbatim": made_up_roc(0.51)}
    results["abstention_by_confidence"] = {"verbatim": made_up_roc(0.73)}
    took = {"count": 100, "p50_ms": 21.0, "p95_ms": 34.0}
    results["latency"] = {"verbatim": {"alone": took, "together": took | AT_ONCE}}
    results |= made_up_answers("verbatim", unusable=3)
    return results


AT_ONCE = {"at_once": 4}


def words_of(text):
    """As somebody reads a page: without its marks."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", text)).split())


def letters_of(text):
    """Without what marks and breaks may leave between them."""
    return re.sub(r"[\s`*]", "", text)


def test_the_page_tells_what_the_report_tells(whole):
    """Each heading, each cell, each sentence, with its errors."""
    shown = letters_of(words_of(as_page(whole)))
    for line in as_markdown(whole).splitlines():
        if set(line) <= set("|- "):
            continue  # what parts a table's head from its rows
        for told in line.strip("#*| ").split(" | "):
            assert letters_of(told) in shown


def test_the_page_has_standard_errors_and_the_papers_table(whole):
    shown = words_of(as_page(whole))
    for told in (".500 ± .015", "BLEU-1", ".700 ± .020", "one at a time 21 34 100"):
        assert told in shown


def test_a_page_of_a_whole_run_is_well_made(whole):
    text = as_page(whole)
    assert text.count("<table") == text.count("<caption") == 9
    assert text.count('<th scope="col"') > 40
    style = "an inline style on style"  # its own, for it needs no other file
    assert [told for told in complaints(text) if told != style] == []


def test_marks_of_markdown_are_elements(results):
    assert [(p.text, p.mark) for p in pieces_of("so `a b` is **below** it")] == [
        ("so ", ""), ("a b", "code"), (" is ", ""), ("below", "strong"), (" it", ""),
    ]  # fmt: skip
    assert "<code>verbatim</code>" in as_page(results)


# --- abstention ----------------------------------------------------------------------


def test_abstention_is_drawn_by_score_and_by_confidence(whole):
    drawing = drawings_of(whole)[-1]
    names = ["verbatim, best score", "verbatim, confidence"]
    assert [line.name for line in drawing.lines] == names
    assert [tick.label for tick in drawing.labels] == ["0", "0.25", "0.5", "0.75", "1"]
    assert "verbatim, best score: 0.900 at 0.700." in drawing.description


def test_a_curve_begins_where_nothing_is_answered_and_ends_where_all_is(whole):
    drawing = drawings_of(whole)[-1]
    first, *_, last = drawing.lines[0].course
    assert first == tuple(round(c) for c in (drawing.chance[0].x, drawing.chance[0].y))
    assert last == tuple(round(c) for c in (drawing.chance[1].x, drawing.chance[1].y))


def test_many_thresholds_take_no_more_places_than_there_are(whole):
    steps = [[1 - n / 9_999, n / 9_999, n / 9_999] for n in range(10_000)]
    whole["abstention"]["verbatim"]["points"] = steps
    line = drawings_of(whole)[-1].lines[0]
    assert len(line.course) < 1_000
    assert len(line.points) == 1  # the best one is told of


def test_questions_that_all_have_answers_draw_no_curve(results):
    assert [d.slug for d in drawings_of(results)] == ["results", "tokens"]


# --- the page ------------------------------------------------------------------------


def test_a_run_without_figures_draws_nothing(results):
    results["methods"] = {"verbatim": {"overall": {}}}
    assert drawings_of(results) == []
    assert "<polyline" not in as_page(results)


def test_the_page_needs_nothing_else(results):
    """Opened from a disk, without a network, by whoever gets it by mail."""
    text = as_page(results)
    assert text.count("<svg") >= 2
    assert text.count("<polyline") == 4
    assert "--series-1" in text
    assert not re.search(r"<script|<link|src=|https?://(?!www\.w3\.org)", text)


def test_words_of_the_data_are_words_in_the_page(results):
    """A category of somebody's own file, say."""
    results["notes"] = ["<script>alert(1)</script>"]
    results["dataset"] = "<b>"
    text = as_page(results)
    assert "<script>" not in text and "<b>" not in text
