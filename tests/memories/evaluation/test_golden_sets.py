"""A project's own questions: asked when due, held against what was accepted."""

from __future__ import annotations

import json
from contextlib import contextmanager
from datetime import timedelta
from itertools import pairwise

import pytest
from django.db import OperationalError, connection

from memories.evaluation.golden import sets
from memories.evaluation.golden.running import (
    LEASE,
    below,
    run_golden_set,
    take,
    wake_due_golden_sets,
)
from memories.evaluation.golden.sets import Wanted
from memories.models import GoldenRun, GoldenSet, Memory, MemoryUse, Operation
from memories.selectors.attention import find_attention
from memories.services.subjects import delete_subject
from memplatform.lib import clock
from memplatform.lib.errors import InvalidRequest, NotFound
from tenants.audit import SYSTEM
from tenants.models import AuditEntry
from tenants.scopes import tenant_scope

LISBON = {"question": "Where does Ann live?", "user_id": "ann", "expects": ["Lisbon"]}
TEA = {"question": "What does Ann drink?", "user_id": "ann", "expects": ["tea"]}
VIOLIN = {"question": "Which violin does Ann play?", "user_id": "ann"}


def wanted(*questions, name="Ann", every_hours=0, tolerance=0.02):
    text = "\n".join(json.dumps(question) for question in questions or (LISBON, TEA))
    return Wanted(name, text, every_hours, tolerance)


@pytest.fixture
def scope(acme):
    return lambda: tenant_scope(acme.id, project_id=acme.project.id)


@pytest.fixture
def make(acme, scope):
    def make(*questions, **options) -> GoldenSet:
        with scope():
            return sets.create_golden_set(
                acme.project.id,
                wanted(*questions, **options),
                author_id=acme.owner.id,
                actor=SYSTEM,
            )

    return make


@pytest.fixture
def ask(scope):
    """Ask it now, as the worker does; the run, and the set as it then is."""

    def ask(golden) -> tuple[GoldenRun, GoldenSet]:
        with scope():
            sets.ask_now(golden, actor=SYSTEM)
        run_golden_set(golden.tenant_id, golden.id)
        with scope():
            runs = GoldenRun.objects.filter(golden_set_id=golden.id)
            return runs.latest("created_at"), GoldenSet.objects.get(id=golden.id)

    return ask


@pytest.fixture
def known(agent):
    agent.keep("I live in Lisbon by the sea.")
    agent.keep("I drink green tea every morning.")
    return agent


@contextmanager
def failing_once(table):
    """The first statement that reads it is cut off, as by a statement timeout."""
    has_failed = False

    def cut_off(execute, sql, params, many, context):
        nonlocal has_failed
        if table in str(sql) and not has_failed:
            has_failed = True
            raise OperationalError("canceling statement due to statement timeout")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(cut_off):
        yield


def overall(run):
    return run.figures["groups"]["overall"]


def test_a_run_tells_whether_memories_hold_what_is_expected(known, make, ask):
    run, golden = ask(make(LISBON, TEA, VIOLIN))
    assert overall(run)["recall@10"]["value"] == 1.0
    assert overall(run)["recall@10"]["count"] == 2
    assert [answer["found"] for answer in run.answers] == [1, 1, 0]
    assert run.answers[0]["place"] == 1
    assert run.figures["abstention"]["others"] == 1
    assert golden.state == "good"


def test_a_run_leaves_no_trace_in_what_is_remembered(known, make, ask, scope):
    with scope():
        before = list(Memory.objects.order_by("id").values())
    ask(make())
    with scope():
        assert list(Memory.objects.order_by("id").values()) == before
        assert not MemoryUse.objects.exists()
        assert not Operation.objects.filter(kind="SEARCH").exists()


def test_the_first_run_is_accepted_by_itself(known, make, ask):
    run, _ = ask(make())
    assert run.is_accepted
    assert run.below == []


def test_a_first_run_that_finds_nothing_is_no_mark(agent, make, ask, scope):
    """Below .000 nothing can fall: the gate would never close."""
    run, golden = ask(make())
    assert (run.is_accepted, golden.state) == (False, "below")
    assert run.found_nothing and set(run.below) == {"recall@10", "mrr"}
    with scope(), pytest.raises(InvalidRequest, match="found nothing"):
        sets.accept_run(golden, run.id, actor=SYSTEM)
    agent.keep("I live in Lisbon by the sea.")
    run, golden = ask(golden)
    assert (run.is_accepted, golden.state) == (True, "good")


def test_a_mark_of_nothing_from_before_is_none(known, make, ask, scope):
    run, golden = ask(make())
    with scope():
        GoldenRun.objects.filter(id=run.id).update(
            figures={"groups": {"overall": {"mrr": {"value": 0.0}}}}
        )
    assert ask(golden)[0].is_accepted


def test_questions_that_expect_nothing_are_a_mark(known, make, ask):
    run, golden = ask(make(VIOLIN))
    assert (run.is_accepted, golden.state) == (True, "good")


def test_a_run_that_falls_behind_is_marked_and_needs_attention(known, make, ask, scope):
    golden = make()
    ask(golden)
    with scope():
        Memory.objects.filter(text__contains="Lisbon").update(text="I live somewhere.")
    run, golden = ask(golden)
    assert set(run.below) == {"recall@10", "mrr"}
    assert golden.state == "below"
    assert not run.is_accepted
    with scope():
        assert [s.name for s in find_attention().failing_golden_sets] == ["Ann"]


def test_accepting_it_makes_it_the_measure(known, make, ask, scope):
    golden = make()
    ask(golden)
    with scope():
        Memory.objects.filter(text__contains="Lisbon").update(text="I live somewhere.")
    run, _ = ask(golden)
    with scope():
        sets.accept_run(golden, run.id, actor=SYSTEM)
    again, golden = ask(golden)
    assert (again.below, golden.state) == ([], "good")


def test_within_the_tolerance_nothing_is_marked():
    def figures(recall, mrr):
        named = {"recall@10": {"value": recall}, "mrr": {"value": mrr}}
        return {"groups": {"overall": named}}

    assert below(figures(0.89, 0.7), figures(0.9, 0.7), 0.02) == []
    assert below(figures(0.87, 0.7), figures(0.9, 0.7), 0.02) == ["recall@10"]
    assert below(figures(0.9, 0.6), figures(0.9, 0.7), 0.02) == ["mrr"]


def test_it_is_asked_when_its_time_has_come(known, make, frozen, scope):
    golden = make(every_hours=24)
    run_golden_set(golden.tenant_id, golden.id)
    frozen.advance(hours=24)
    run_golden_set(golden.tenant_id, golden.id)
    with scope():
        assert GoldenRun.objects.count() == 1
        golden = GoldenSet.objects.get(id=golden.id)
        assert golden.next_run_at == clock.now() + timedelta(hours=24)


def test_two_wake_ups_make_one_run(known, make, scope):
    golden = make()
    with scope():
        sets.ask_now(golden, actor=SYSTEM)
    run_golden_set(golden.tenant_id, golden.id)
    run_golden_set(golden.tenant_id, golden.id)
    with scope():
        assert GoldenRun.objects.count() == 1
        assert GoldenSet.objects.get().next_run_at is None


def test_the_sweep_sees_what_is_due_in_any_tenant(known, make, scope):
    golden = make()
    assert wake_due_golden_sets() == 0
    with scope():
        sets.ask_now(golden, actor=SYSTEM)
    assert wake_due_golden_sets() == 1


def test_a_run_that_cannot_be_made_says_why(models, agent, make, ask, model_server):
    agent.keep("I live in Lisbon.")
    model_server.order("unauthorized", path="embeddings", times=9)
    run, golden = ask(make())
    assert run.error and not run.figures
    assert golden.state == "failed" and not run.is_accepted


@pytest.fixture
def broken(make, ask, known, scope):
    """A set that was good, with a question that nothing here can read."""
    golden = ask(make(every_hours=24))[1]
    secret = [{"question": "Where is Ann's gold?", "filters": {"user_id": "ann"}}]
    with scope():
        GoldenSet.objects.filter(id=golden.id).update(questions=secret)
    return golden


def test_a_run_that_breaks_is_red_and_not_asked_for_ever(broken, ask, scope):
    """Whatever it was: until then the set stayed as it was, and was tried again."""
    run, golden = ask(broken)
    assert golden.state == "failed" and not run.is_accepted
    assert "KeyError" in run.error and "worker's log" in run.error
    assert golden.next_run_at == run.started_at + timedelta(hours=24)
    with scope():
        assert [s.name for s in find_attention().failing_golden_sets] == ["Ann"]


def test_a_run_that_breaks_is_logged_without_texts(broken, ask, caplog):
    ask(broken)
    (record,) = (r for r in caplog.records if r.msg == "golden set failed")
    assert record.golden_set == str(broken.id)
    assert record.exception == "KeyError" and "as_dataset" in record.traceback
    assert "gold?" not in str(record.__dict__)


def test_the_database_that_failed_a_run_makes_it_red(known, make, ask):
    """A search that is cut off, say: it may be cut off every day."""
    golden = make()
    with failing_once("memories_memory"):
        run, golden = ask(golden)
    assert golden.state == "failed"
    assert "OperationalError" in run.error


def test_a_long_run_keeps_others_away(known, make, scope, frozen):
    """500 questions with a slow reranker take longer than a lease."""
    golden = make(*({**TEA, "question": f"Tea, {n}?"} for n in range(6)))
    with scope():
        sets.ask_now(golden, actor=SYSTEM)
    held = []

    def slowly(execute, sql, params, many, context):
        frozen.advance(minutes=0.5)
        if sql.startswith('UPDATE "memories_goldenset"'):
            held.append(clock.now())
        return execute(sql, params, many, context)

    with connection.execute_wrapper(slowly):
        run_golden_set(golden.tenant_id, golden.id)
    assert held[-1] - held[0] > LEASE
    assert max(b - a for a, b in pairwise(held)) < LEASE


def test_who_asks_meanwhile_is_not_put_off(known, make, scope, frozen):
    golden = make()
    with scope():
        sets.ask_now(golden, actor=SYSTEM)
    held = take(golden.tenant_id, golden.id, clock.now())
    frozen.advance(minutes=10)
    with scope():
        sets.ask_now(golden, actor=SYSTEM)
    held.renew()
    assert wake_due_golden_sets() == 1


def test_other_questions_are_another_measure(known, make, ask, scope):
    golden = make()
    ask(golden)
    with scope():
        sets.change_golden_set(golden, wanted(LISBON), actor=SYSTEM)
        golden = GoldenSet.objects.get()
        assert not GoldenRun.objects.filter(is_accepted=True).exists()
    assert golden.state == "new"
    run, _ = ask(golden)
    assert run.is_accepted


def test_a_name_is_given_once(make):
    make()
    with pytest.raises(InvalidRequest, match="already is a golden set"):
        make()


def test_changes_are_audited_without_the_questions(make, scope):
    make()
    with scope():
        entry = AuditEntry.objects.get(action="golden_set.create")
    assert entry.changes == {"name": [None, "Ann"], "questions": [None, 2]}


def test_an_erasure_takes_what_is_asked_of_somebody(known, make, ask, scope):
    other = {"question": "Where is Bob?", "user_id": "bob", "expects": ["Oslo"]}
    golden = make(LISBON, other)
    ask(golden)
    known.run(delete_subject(known.access, "user", "ann"))
    with scope():
        golden = GoldenSet.objects.get()
        assert [q["filters"] for q in golden.questions] == [{"user_id": "bob"}]
        assert not GoldenRun.objects.exists()


def test_another_tenants_set_is_not_there(make, ask, globex):
    golden = make()
    run, _ = ask(golden)
    with tenant_scope(globex.id, project_id=globex.project.id):
        assert not GoldenSet.objects.exists()
        with pytest.raises(NotFound):
            sets.accept_run(golden, run.id, actor=SYSTEM)
    run_golden_set(globex.id, golden.id)  # nothing to do
