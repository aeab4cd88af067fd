"""A replay: the last adds decided once more, in a shadow, nothing remembered of it."""

from __future__ import annotations

import pytest

from memories.models import (
    LlmCall,
    Memory,
    MemoryEvent,
    Operation,
    PromptDraft,
    PromptTrial,
    Subject,
)
from memories.selectors.operations import list_failed
from memories.services import replays, trials
from memories.services.again import retry_operation
from memories.services.background import empty_what_is_over
from memories.services.configuration import change_settings
from memories.services.deletion import erase_subject, purge
from memories.types import Actor
from memplatform.lib.errors import InvalidRequest, NotFound, QuotaExceeded
from tenants.models import Tenant
from tenants.scopes import tenant_scope
from tests.memories.services.prompts import OTHER_TEXT, Admin, reply

BOATS = tuple(f"I own {n} boats." for n in range(3, 6))


@pytest.fixture
def admin(agent) -> Admin:
    return Admin(agent)


@pytest.fixture
def learned(models, admin):
    """Three adds that were learned from, oldest first."""
    return [admin.agent.learn(text).id for text in BOATS]


def test_it_goes_over_the_last_adds_and_stores_nothing(models, admin, learned):
    admin.draft()
    with admin.agent.scope():
        before = Memory.objects.count(), MemoryEvent.objects.count()
    view = admin.replay(most=2)
    with admin.agent.scope():
        assert (Memory.objects.count(), MemoryEvent.objects.count()) == before
    assert (view.status, view.total, view.done, view.percent) == (
        "SUCCEEDED",
        2,
        2,
        100,
    )
    assert view.by_outcome == {"same": 2}
    assert [t.operation_id for t in admin.trials(view.id)] == learned[:0:-1]


def test_each_add_shows_both_sides(models, admin, learned):
    admin.draft()
    models.configure(replies=[reply({"text": "User owns 5 sailing boats."})])
    view = admin.replay(most=1)
    (trial,) = admin.trials(view.id)
    assert trial.messages == ("user: I own 5 boats.",)
    assert [one.text for one in trial.then] == ["User owns 5 boats."]
    assert [one.text for one in trial.now] == ["User owns 5 sailing boats."]
    assert trial.outcome == "reworded"


def test_a_draft_gets_its_number_and_may_be_published_afterwards(
    models, admin, learned
):
    admin.draft()
    view = admin.replay()
    assert view.version == 2
    assert not admin.version(2).is_published
    assert admin.version(2).text == OTHER_TEXT
    assert admin.publish(2) == 2


def test_what_it_took_is_told_in_tokens_and_money(models, admin, learned):
    admin.draft()
    view = admin.replay()
    with admin.agent.scope():
        calls = LlmCall.objects.filter(operation_id=None)
        taken = sum(call.prompt_tokens + call.completion_tokens for call in calls)
        texts = {(call.request, call.reply) for call in calls}
    assert view.tokens == taken > 0
    assert view.cost is None
    assert texts == {(None, None)}


def test_it_goes_on_where_it_was_stopped(models, admin, learned, monkeypatch):
    monkeypatch.setattr(replays, "ADDS_A_RUN", 1)
    admin.draft()
    operation_id = admin.start_replay()
    assert admin.agent.run(operation_id).status == "PENDING"
    assert admin.outcomes(operation_id) == ["same", "waiting", "waiting"]
    asked = models.stats()["chat"]
    assert admin.run(operation_id).status == "SUCCEEDED"
    assert models.stats()["chat"] == asked + 2


def test_a_model_that_is_away_is_waited_for(models, admin, learned):
    admin.draft()
    operation_id = admin.start_replay()
    models.order("unauthorized", times=1)
    models.order("error", times=20)
    waits = admin.agent.run(operation_id)
    assert (waits.status, waits.error_code) == ("PENDING", "provider_unavailable")
    models.configure(reset=True, dimension=64)
    with admin.agent.scope():
        Operation.objects.filter(id=operation_id).update(next_attempt_at=None)
    assert admin.run(operation_id).status == "SUCCEEDED"


def test_a_reply_that_cannot_be_read_is_what_the_prompt_leads_to(
    models, admin, learned
):
    admin.draft()
    models.configure(replies=["nonsense"] * 3)
    view = admin.replay()
    assert (view.status, view.by_outcome) == ("SUCCEEDED", {"failed": 1, "same": 2})


def test_cancelled_it_stops_and_may_go_on(models, admin, learned, monkeypatch):
    monkeypatch.setattr(replays, "ADDS_A_RUN", 1)
    admin.draft()
    operation_id = admin.start_replay()
    admin.agent.run(operation_id)
    admin.cancel(operation_id)
    assert admin.agent.run(operation_id).error_code == "cancelled"
    assert admin.view(operation_id).done == 1
    with pytest.raises(InvalidRequest, match="ended already"):
        admin.cancel(operation_id)
    with admin.agent.scope():
        assert list_failed() == []  # not with others that failed
    retry_operation(admin.access, operation_id)
    admin.run(operation_id)
    assert admin.view(operation_id).by_outcome == {"same": 3}


def test_cancelled_between_two_calls_nothing_more_is_asked(
    models, admin, learned, monkeypatch
):
    admin.draft()
    operation_id = admin.start_replay()
    settle = replays._Run.settle

    def settle_and_cancel(run, trials):
        settle(run, trials)
        admin.cancel(operation_id)

    monkeypatch.setattr(replays._Run, "settle", settle_and_cancel)
    asked = models.stats()["chat"]
    admin.agent.run(operation_id)
    assert models.stats()["chat"] == asked + 1
    assert admin.outcomes(operation_id) == ["same", "waiting", "waiting"]


def test_one_replay_at_a_time(models, admin, learned):
    admin.draft()
    admin.start_replay()
    with pytest.raises(InvalidRequest, match="A replay is running"):
        admin.start_replay(number=1)


@pytest.mark.parametrize("most", [0, 201])
def test_its_length_has_bounds(models, admin, learned, most):
    with pytest.raises(InvalidRequest, match="1 to 200"):
        admin.start_replay(number=1, most=most)


def test_without_recorded_adds_there_is_nothing_to_replay(models, admin):
    with pytest.raises(InvalidRequest, match="no recorded add"):
        admin.start_replay(number=1)


def test_it_ends_when_the_tokens_of_the_month_do(models, admin, learned):
    operation_id = admin.start_replay(number=1)
    with admin.agent.scope():
        Tenant.objects.update(limits={"per_month": {"tokens": 0}})
    done = admin.agent.run(operation_id)
    assert (done.status, done.error_code) == ("FAILED", QuotaExceeded.code)


def test_a_subjects_own_adds(models, admin, learned):
    admin.agent.learn("I keep bees.", user_id="ben")
    with admin.agent.scope():
        ben = Subject.objects.get(external_id="ben")
    view = admin.replay(number=1, subject_id=ben.id)
    assert (view.total, view.subject) == (1, "ben")


def test_the_audit_says_who_replayed_what(models, admin, learned):
    operation_id = admin.start_replay(number=1)
    admin.cancel(operation_id)
    assert admin.audited() == ["prompt.replay", "prompt.replay_cancel"]


# --- what was said is not kept longer for it ------------------------------------------


def test_erasure_takes_what_replays_made_of_it(models, admin, learned):
    admin.draft()
    view = admin.replay()
    with admin.agent.scope():
        erase_subject(admin.access.project_id, "user", "ann", Actor("system"))
        kept = PromptTrial.objects.exclude(decisions__isnull=True).count()
    assert kept == 0
    assert [t.now for t in admin.trials(view.id)] == [None] * 3


def test_an_erasure_that_comes_first_leaves_nothing_to_try(models, admin, learned):
    admin.draft()
    operation_id = admin.start_replay()
    with admin.agent.scope():
        erase_subject(admin.access.project_id, "user", "ann", Actor("system"))
    asked = models.stats()["chat"]
    admin.run(operation_id)
    assert models.stats()["chat"] == asked
    assert set(admin.outcomes(operation_id)) == {"erased"}


def test_an_erasure_while_the_model_thinks_wins(models, admin, learned, monkeypatch):
    operation_id = admin.start_replay(number=1, most=1)
    decide = trials.Shadow.decide_past

    def erase_and_decide(shadow, burst):
        settled = decide(shadow, burst)
        with admin.agent.scope():
            erase_subject(admin.access.project_id, "user", "ann", Actor("system"))
        return settled

    monkeypatch.setattr(trials.Shadow, "decide_past", erase_and_decide)
    admin.run(operation_id)
    with admin.agent.scope():
        (trial,) = PromptTrial.objects.all()
    assert (trial.outcome, trial.decisions) == ("erased", None)


def test_its_texts_go_with_those_of_models(models, admin, learned, frozen):
    view = admin.replay(number=1)
    frozen.advance(days=31)
    empty_what_is_over()
    assert [t.now for t in admin.trials(view.id)] == [None] * 3
    assert admin.view(view.id).by_outcome == {"same": 3}


def test_a_project_that_keeps_no_model_texts_keeps_none_of_these(
    models, admin, learned
):
    with admin.agent.scope():
        change_settings(admin.agent.company.project, {"keep_model_texts": False})
    view = admin.replay(number=1)
    assert [t.now for t in admin.trials(view.id)] == [None] * 3
    assert view.by_outcome == {"same": 3}


def test_a_purge_takes_drafts_and_trials_with_it(models, admin, learned):
    admin.replay(number=1)
    admin.draft()
    access = admin.access
    with tenant_scope(access.tenant_id):
        purge(access.tenant_id, access.project_id)
        assert not PromptTrial.objects.exists()
        assert not PromptDraft.objects.exists()


def test_an_outsider_finds_no_replay(models, admin, learned, other):
    operation_id = admin.start_replay(number=1)
    with pytest.raises(NotFound):
        Admin(other).view(operation_id)
    with pytest.raises(NotFound):
        Admin(other).cancel(operation_id)
