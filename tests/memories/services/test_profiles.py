"""Profiles in the background: kept whole, forgotten with what they rest on."""

from __future__ import annotations

import pytest
from django.db import connection

from memories.models import LlmCall, Operation, Profile, Subject
from memories.services import background, profile_jobs
from memories.services.again import retry_operation
from memories.services.configuration import change_settings
from memories.services.deletion import erase_subject, purge
from memories.services.profiles import JobRequest, read_profile, start_job
from memories.services.run import run_operation
from memories.types import Actor
from memplatform.lib.errors import NotFound, RateLimited
from tests.memories.agents import at_once

SCHEMA = {
    "type": "object",
    "properties": {
        "pets": {
            "type": "array",
            "items": {"type": "string"},
            "description": "animals that they keep, such as bees",
        }
    },
}
BEES = "I keep bees."


@pytest.fixture(autouse=True)
def enabled(agent):
    settle(agent, profiles_enabled=True, profile_schema=SCHEMA)


def settle(agent, **changes):
    with agent.scope():
        change_settings(agent.company.project, changes)


def start(agent, user_id="ann", **details):
    request = JobRequest("trigger" if user_id else "sample", user_id, **details)
    return start_job(agent.access, request)[0].id


def generate(agent, user_id="ann"):
    return agent.run(start(agent, user_id))


def profile(agent, user_id="ann"):
    return read_profile(agent.access, user_id)


def rows(agent):
    with agent.scope():
        return list(Profile.objects.order_by("user_id").values_list("user_id", "data"))


def erase(agent, name="ann", kind="user"):
    with agent.scope():
        erase_subject(agent.access.project_id, kind, name, Actor("system"))


# --- Erased, purged ---------------------------------------------------------


def test_an_erased_user_has_no_profile(agent):
    agent.keep(BEES)
    agent.keep(BEES, user_id="bo")
    for name in ("ann", "bo"):
        generate(agent, name)
    erase(agent)
    assert rows(agent) == [("bo", {"pets": [BEES]})]
    with pytest.raises(NotFound):
        profile(agent)


def test_one_that_rests_on_what_an_erased_agent_heard_goes_too(agent):
    agent.keep(BEES, user_id="ann", agent_id="bot")
    agent.keep("I keep goats as animals.", user_id="bo")
    for name in ("ann", "bo"):
        generate(agent, name)
    erase(agent, "bot", "agent")
    assert [name for name, _ in rows(agent)] == ["bo"]


def test_a_job_of_an_erased_user_does_nothing(agent):
    agent.keep(BEES)
    job_id = start(agent)
    erase(agent)
    assert agent.run(job_id).error_code == "erased"
    assert rows(agent) == []


def test_a_sample_skips_who_was_erased_and_names_nobody(agent):
    agent.keep(BEES)
    agent.keep(BEES, user_id="bo")
    job_id = start(agent, None)
    erase(agent)
    job = agent.run(job_id)
    assert sorted(job.payload["subjects"].values()) == ["skipped", "succeeded"]
    assert "ann" not in str(job.payload)
    assert [name for name, _ in rows(agent)] == ["bo"]


def test_purging_takes_profiles_too(agent):
    agent.keep(BEES)
    generate(agent)
    with agent.scope():
        purge(agent.access.tenant_id, agent.access.project_id)
    assert rows(agent) == []


# --- While a model is asked -------------------------------------------------


def test_what_is_erased_meanwhile_is_not_kept(while_asked, agent):
    agent.keep(BEES)
    job_id = start(agent)
    with while_asked(job_id):
        erase(agent)
    assert rows(agent) == []


def test_what_is_deleted_meanwhile_is_read_again(while_asked, agent, models):
    gone, _ = agent.keep(BEES), agent.keep("I keep animals: goats.")
    job_id = start(agent)
    with while_asked(job_id):
        agent.delete(gone)
    assert rows(agent) == [("ann", {"pets": ["I keep animals: goats."]})]
    assert models.stats()["chat"] == 2


def test_no_transaction_is_open_while_a_model_is_asked(while_asked, agent):
    agent.keep(BEES)
    job_id = start(agent)
    waiting = (
        "SELECT count(*) FROM pg_stat_activity WHERE state LIKE 'idle in transaction%'"
        " AND datname = current_database()"
    )
    with while_asked(job_id), connection.cursor() as cursor:
        cursor.execute(waiting)
        assert cursor.fetchone() == (0,)


def test_who_was_taken_over_writes_nothing(while_asked, agent):
    agent.keep(BEES)
    job_id = start(agent)
    with while_asked(job_id), agent.scope():
        Operation.objects.filter(id=job_id).update(lease_token=99)
    assert rows(agent) == [("ann", {})]


# --- Faults -----------------------------------------------------------------


def test_a_fault_that_may_pass_is_tried_again(agent, models, frozen):
    agent.keep(BEES)
    job_id = start(agent)
    models.order("error", times=20)
    job = agent.run(job_id)
    assert (job.status, job.error_code) == ("PENDING", "provider_unavailable")
    assert profile(agent).status == "pending"
    models.configure(reset=True, dimension=64)
    frozen.advance(minutes=10)
    assert agent.run(job_id).status == "SUCCEEDED"
    assert profile(agent).status == "succeeded"


def test_who_was_done_is_not_done_again(agent, models, frozen):
    """A crash in the middle of a sample, and what a second run finds."""
    agent.keep(BEES)
    agent.keep("I keep goats, animals.", user_id="bo")
    job_id = start(agent, None)
    models.order("error", times=20, about="goats")
    assert agent.run(job_id).status == "PENDING"
    assert dict(rows(agent))["ann"] == {"pets": [BEES]}
    models.configure(reset=True, dimension=64)
    frozen.advance(minutes=10)
    assert agent.run(job_id).status == "SUCCEEDED"
    assert models.stats()["chat"] == 1
    assert (profile(agent).generation_count, profile(agent, "bo").status) == (
        1,
        "succeeded",
    )


def test_one_that_fails_leaves_the_others(agent, models):
    agent.keep(BEES)
    agent.keep("I keep goats, animals.", user_id="bo")
    job_id = start(agent, None)
    models.order("unauthorized", times=5, about="goats")
    job = agent.run(job_id)
    assert (job.status, sorted(job.payload["subjects"].values())) == (
        "SUCCEEDED",
        ["failed", "succeeded"],
    )
    assert profile(agent, "bo").status == "failed"
    assert profile(agent, "bo").error


def test_a_failure_keeps_the_profile_there_was(agent, models):
    agent.keep(BEES)
    generate(agent)
    models.order("unauthorized", times=5)
    assert generate(agent).status == "FAILED"
    told = profile(agent)
    assert (told.status, told.data) == ("failed", {"pets": [BEES]})
    assert told.generation_count == 1


def test_a_failed_job_can_be_tried_again(agent, models):
    """Those who failed are done then; those who were done are not."""
    for name in ("ann", "bo"):
        agent.keep(BEES, user_id=name)
    models.order("unauthorized", times=2)
    job = agent.run(start(agent, None))
    assert job.status == "FAILED"
    retry_operation(agent.access, job.id)
    assert agent.run(job.id).status == "SUCCEEDED"
    assert dict(rows(agent)) == {"ann": {"pets": [BEES]}, "bo": {"pets": [BEES]}}


def test_of_two_samples_at_once_one_is_taken(committed_db, agent):
    agent.keep(BEES)
    outcomes = at_once(*[lambda: start(agent, None)] * 2)
    refused = [o for o in outcomes if isinstance(o, RateLimited)]
    assert (len(outcomes), len(refused)) == (2, 1)


def test_what_a_model_took_is_on_the_books_without_words(agent, models):
    """A job may be about many: an erasure of one would not find its texts."""
    agent.keep(BEES)
    generate(agent)
    with agent.scope():
        call = LlmCall.objects.get(purpose="profile")
    assert call.prompt_tokens > 0
    assert call.request is call.reply is None


def test_old_projects_get_the_new_prompt(agent, models):
    agent.keep(BEES)
    assert "profile" in agent.setup.prompts


# --- Made anew by itself ----------------------------------------------------


@pytest.fixture
def refreshed(agent):
    """Sweep, and play the worker for what came of it; how many jobs that were."""

    def refreshed():
        asked = background.refresh_due_profiles()
        with agent.scope():
            jobs = Operation.objects.filter(kind="PROFILE", status="PENDING")
            ids = list(jobs.values_list("id", flat=True))
        for job_id in ids:
            run_operation(agent.access.tenant_id, job_id)
        return asked

    return refreshed


def keep_some(agent, frozen, *names, user_id="ann"):
    for name in names:
        frozen.advance(minutes=2)
        agent.keep(f"I keep animals: {name}.", user_id=user_id)


def test_a_profile_is_made_once_enough_is_known(agent, frozen, refreshed):
    settle(agent, profile_refresh_memories=3)
    keep_some(agent, frozen, "bees", "goats")
    assert refreshed() == 0
    keep_some(agent, frozen, "cats")
    assert refreshed() == 1
    assert len(profile(agent).data["pets"]) == 3
    assert refreshed() == 0


def test_and_again_once_enough_has_changed(agent, frozen, refreshed):
    settle(agent, profile_refresh_memories=2)
    keep_some(agent, frozen, "bees", "goats")
    refreshed()
    keep_some(agent, frozen, "cats")
    assert refreshed() == 0
    keep_some(agent, frozen, "dogs")
    assert refreshed() == 1
    assert profile(agent).generation_count == 2


def test_not_where_nobody_wants_it(agent, other, frozen, refreshed):
    settle(agent, profile_refresh_memories=0)
    keep_some(agent, frozen, *map(str, range(12)))
    keep_some(other, frozen, *map(str, range(12)))
    assert refreshed() == 0


def test_a_failed_one_waits_for_more_to_change(agent, frozen, refreshed, models):
    settle(agent, profile_refresh_memories=2)
    keep_some(agent, frozen, "bees", "goats")
    models.order("unauthorized", times=5)
    assert refreshed() == 1
    frozen.advance(minutes=5)
    assert refreshed() == 0


def test_two_sweeps_at_once_ask_once(agent, frozen):
    settle(agent, profile_refresh_memories=1)
    keep_some(agent, frozen, "bees")
    with agent.scope():
        subject_id = Subject.objects.get(external_id="ann").id
    asked = [
        background.start_refresh(agent.access.tenant_id, subject_id) for _ in range(2)
    ]
    assert asked == [True, False]


def test_a_long_quiet_user_is_left_alone(agent, frozen, refreshed):
    settle(agent, profile_refresh_memories=1)
    keep_some(agent, frozen, "bees")
    frozen.advance(days=2)
    assert refreshed() == 0


# --- What is read -----------------------------------------------------------


def test_a_window_that_is_full_keeps_the_newest(agent, models, settings, frozen):
    settings.LLM_CONTEXT_TOKENS = 4_000
    for number in range(8):
        frozen.advance(minutes=1)
        agent.keep(f"I keep bees, hive {number}. " + "So it is, and so on. " * 60)
    models.configure(keep_bodies=True)
    generate(agent)
    said = str([b for b in models.stats()["bodies"] if "messages" in b])
    assert "hive 7" in said
    assert "hive 0" not in said


def test_of_much_the_older_that_tells_is_read_too(agent, models, frozen, monkeypatch):
    """Not the newest only: whoever keeps bees has told us long ago."""
    monkeypatch.setitem(profile_jobs.MOST_MEMORIES, "model", 8)
    agent.keep("I keep bees, animals such as wasps.", user_id="ann", agent_id="bot")
    for number in range(12):
        frozen.advance(minutes=1)
        agent.keep(f"Day {number} was rainy.")
    models.configure(keep_bodies=True)
    generate(agent)
    (said,) = [str(b) for b in models.stats()["bodies"] if "messages" in b]
    assert "bees" in said
    assert "Day 11" in said
    assert "Day 0 " not in said
    assert profile(agent).memories_read == 8
    assert profile(agent).data == {"pets": ["I keep bees, animals such as wasps."]}
