"""A run's results as a page with plots that needs nothing else."""

from __future__ import annotations

import re

import pytest

from memories.evaluation.drawing import categories_of, drawings_of, methods_of
from memories.evaluation.page import as_page
from tests.memories.evaluation.made_up import groups, made_up_results

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


def test_rows_are_methods_and_categories(results):
    assert [row.name for row in methods_of(results)] == ["verbatim", DENSE]
    methods, rows = categories_of(results)
    assert methods == ["verbatim", DENSE]
    assert [(row.name, row.values) for row in rows] == [
        ("multi-hop", [0.5, 0.25]),
        ("open-domain", [0.5, 0.25]),
    ]


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
