"""Golden sets in the console: made, asked, accepted; what they draw."""

from __future__ import annotations

import json

import pytest

from memories.evaluation.golden.running import run_golden_set
from memories.models import GoldenRun, GoldenSet, Memory
from tenants.scopes import tenant_scope
from tests.memories.console.pages import text_of

QUESTIONS = json.dumps(
    {"question": "Where does Ann live?", "user_id": "ann", "expects": ["Lisbon"]}
)
CHOSEN = {
    "name": "Ann",
    "questions": QUESTIONS,
    "every_hours": "24",
    "tolerance": "0.02",
}


@pytest.fixture
def scope(acme):
    return lambda: tenant_scope(acme.id, project_id=acme.project.id)


@pytest.fixture
def golden(console, ada, page, scope) -> GoldenSet:
    assert console(ada).post(page("memories:new-golden-set"), CHOSEN).status_code == 302
    with scope():
        return GoldenSet.objects.get()


@pytest.fixture
def asked(console, ada, page, golden, agent):
    """Ask it by the button, and do what the worker does."""
    agent.keep("I live in Lisbon.")
    agent.keep("The weather is mostly warm.")

    def asked() -> None:
        console(ada).post(page("memories:ask-golden-set", golden.id))
        run_golden_set(golden.tenant_id, golden.id)

    return asked


def test_a_run_that_found_nothing_says_so_and_is_not_to_be_accepted(
    console, ada, page, golden
):
    console(ada).post(page("memories:ask-golden-set", golden.id))
    run_golden_set(golden.tenant_id, golden.id)
    shown = text_of(console(ada).get(page("memories:golden-set", golden.id)))
    assert "found nothing of what the questions expect" in shown
    assert "nothing found" in shown and "Accept the run" not in shown


def test_an_empty_list_says_what_a_golden_set_is_for(console, ada, page):
    assert "No golden set yet" in text_of(
        console(ada).get(page("memories:golden-sets"))
    )


@pytest.mark.parametrize(
    "line",
    [
        "[" * 50_000,
        '{"question": ' + "9" * 5_000 + ', "user_id": "ann"}',
        r'{"question": "half \ud800", "user_id": "ann"}',
        r'{"question": "?", "user_id": "ann", "category": "\udc00"}',
        r'{"question": "?", "filters": {"user_id": "a\u0000n"}}',
        r'{"question": "?", "user_id": "a\u0000n"}',
        '{"question": "?", "filters": {"metadata": {"n": ' + "9" * 4_000 + "}}}",
    ],
)
def test_what_nobody_could_keep_is_told_in_the_form(console, ada, page, line):
    wrong = {**CHOSEN, "questions": QUESTIONS + "\n" + line}
    answer = console(ada).post(page("memories:new-golden-set"), wrong)
    assert answer.status_code == 422
    assert "line 2" in text_of(answer) or "question 2" in text_of(answer)


def test_a_set_is_saved_again_as_it_was_shown(console, ada, page, scope):
    """Also with a line separator within a text, which JSON allows."""
    odd = r'{"question": "Where?", "user_id": "ann", "expects": ["a\u2028b"]}'
    console(ada).post(page("memories:new-golden-set"), {**CHOSEN, "questions": odd})
    with scope():
        made = GoldenSet.objects.get()
    url = page("memories:edit-golden-set", made.id)
    shown = console(ada).get(url).context["form"].initial["questions"]
    again = console(ada).post(url, {**CHOSEN, "questions": shown})
    assert again.status_code == 302
    with scope():
        assert GoldenSet.objects.get().questions[0]["expects"] == ["a\u2028b"]


def test_a_new_one_waits_for_its_time(console, ada, page, golden):
    seen = text_of(console(ada).get(page("memories:golden-set", golden.id)))
    assert "not asked yet" in seen
    assert golden.next_run_at is not None


def test_a_bad_line_is_shown_with_its_number(console, ada, page):
    wrong = {**CHOSEN, "questions": f"{QUESTIONS}\n{{"}
    answer = console(ada).post(page("memories:new-golden-set"), wrong)
    assert answer.status_code == 422
    assert "Questions, line 2: is not JSON" in text_of(answer)


def test_a_filter_that_no_search_takes_is_refused(console, ada, page):
    line = {"question": "?", "filters": {"colour": "red"}}
    wrong = {**CHOSEN, "questions": json.dumps(line)}
    answer = console(ada).post(page("memories:new-golden-set"), wrong)
    assert "Questions, question 1:" in text_of(answer)


def test_its_runs_are_drawn_and_listed(console, ada, page, golden, asked):
    asked()
    asked()
    answer = console(ada).get(page("memories:golden-set", golden.id))
    seen = text_of(answer)
    assert "2 runs" in seen and "1.000" in seen and "accepted" in seen
    assert answer.content.count(b"<polyline") == 3
    assert "1 of 1" in seen


def put_further_down(scope):
    """What is expected stands in the second result only."""
    with scope():
        Memory.objects.filter(text__contains="Lisbon").update(text="I live somewhere.")
        Memory.objects.filter(text__contains="warm").update(text="Lisbon is warm.")


def test_a_run_below_is_red_and_stands_in_the_overview(
    console, ada, page, golden, asked, scope
):
    asked()
    put_further_down(scope)
    asked()
    seen = text_of(console(ada).get(page("memories:golden-set", golden.id)))
    assert "The last run lies more than 0.02 below what was accepted" in seen
    assert "missed" in seen
    overview = console(ada).get(page("memories:overview"))
    assert "“Ann” finds less than was accepted, or nothing at all" in text_of(overview)
    assert page("memories:golden-set", golden.id) in overview.content.decode()


def test_a_run_is_accepted_from_its_line(console, ada, page, golden, asked, scope):
    asked()
    put_further_down(scope)
    asked()
    with scope():
        newest = GoldenRun.objects.latest("created_at")
    console(ada).post(page("memories:accept-golden-run", golden.id, newest.id))
    with scope():
        assert GoldenRun.objects.get(is_accepted=True).id == newest.id
        assert GoldenSet.objects.get().state == "good"


def test_it_is_changed_with_what_it_has(console, ada, page, golden, scope):
    address = page("memories:edit-golden-set", golden.id)
    shown = text_of(console(ada).get(address))
    assert "Where does Ann live?" in shown
    console(ada).post(address, {**CHOSEN, "name": "Ann of Lisbon", "every_hours": "0"})
    with scope():
        golden = GoldenSet.objects.get()
    assert (golden.name, golden.every_hours, golden.next_run_at) == (
        "Ann of Lisbon",
        0,
        None,
    )


def test_it_is_deleted_with_its_runs(console, ada, page, golden, asked, scope):
    asked()
    console(ada).post(page("memories:delete-golden-set", golden.id))
    with scope():
        assert not GoldenSet.objects.exists()
        assert not GoldenRun.objects.exists()


def test_a_viewer_reads_and_changes_nothing(console, bob, page, golden):
    seen = console(bob).get(page("memories:golden-set", golden.id))
    assert seen.status_code == 200 and b"/ask/" not in seen.content
    refused = console(bob).post(page("memories:ask-golden-set", golden.id))
    assert refused.status_code == 403


def test_another_tenant_does_not_find_it(console, carol, page, golden):
    assert console(carol).get(page("memories:golden-set", golden.id)).status_code == 404
