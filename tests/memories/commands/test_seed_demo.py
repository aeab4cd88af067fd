"""The demo's months of history: made once, by the real pipeline, at the days it tells."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from time import thread_time
from types import SimpleNamespace

import pytest
from django.core.management import CommandError, call_command
from django.db import connections
from django.db.models import Count

from memories.management.demo import seeding, story
from memories.models import (
    Entity,
    Feedback,
    Ingestion,
    Memory,
    MemoryEvent,
    MemoryVersion,
    Operation,
    Profile,
    Relation,
    Subject,
)
from memories.selectors.filters import parse_filters
from memories.selectors.memories import list_memories
from memories.selectors.prompts import get_published, get_template, list_versions
from memories.types import State, Visibility
from memplatform.lib import clock
from tenants import services, usage
from tenants.models import AuditEntry, Project, Usage
from tenants.scopes import tenant_scope
from tenants.selectors import get_tenant
from tests.databases import empty_tables


@pytest.fixture(scope="module")
def told(django_db_setup, django_db_blocker) -> Iterator[SimpleNamespace]:
    """The demo tenant with its story told, once for all tests here."""
    with django_db_blocker.unblock():
        services.seed_demo()
        tenant = get_tenant(services.DEMO_SLUG)
        began, cpu_began = clock.now(), thread_time()
        played = seeding.seed_history(tenant, engine="local")
        with tenant_scope(tenant.id):
            project = Project.objects.get(name=story.PROJECT)
        yield SimpleNamespace(
            tenant=tenant,
            project=project,
            played=played,
            began=began,
            cpu_s=thread_time() - cpu_began,
        )
        usage._buffer.take()
        connections.close_all()
        empty_tables(django_db_setup)


@pytest.fixture
def inside(told, django_db_blocker) -> Iterator[None]:
    with (
        django_db_blocker.unblock(),
        tenant_scope(told.tenant.id, project_id=told.project.id),
    ):
        yield


def texts(user: str, **visibility) -> list[str]:
    filters = parse_filters({"user_id": user})
    page = list_memories(filters, Visibility(**visibility), page=1, page_size=200)
    return [memory.text for memory in page.items]


def test_every_step_was_played(told):
    kinds = {type(step).__name__.lower() for step in story.steps()}
    assert set(told.played) == kinds
    assert sum(told.played.values()) == len(story.steps())


def test_it_is_quick(told):
    """In seconds of one processor, whatever else the machine does."""
    assert told.cpu_s < 20, told.cpu_s


def test_what_was_known_then_is_known_since_then(told, inside):
    """The clock stood at those days: comparing two dates shows what changed."""
    before = told.began - timedelta(days=110)
    assert "Amélie lives in Lyon with Amélie's partner Théo" in texts(
        story.AMELIE, as_of=before, latest_only=True
    )
    now = texts(story.AMELIE, latest_only=True)
    assert any("moved from Lyon to Porto" in text for text in now)
    assert not any("lives in Lyon" in text for text in now)
    assert not any("Porto" in text for text in texts(story.AMELIE, as_of=before))


def test_no_instant_is_later_than_the_seeding_or_before_the_shop(told, inside):
    opened = told.began - timedelta(days=story.FIRST_DAY + 1)
    known = MemoryVersion.objects.values_list("known_from", flat=True)
    assert all(opened < instant < told.began for instant in known)
    assert max(known) - min(known) > timedelta(days=120)


@pytest.mark.parametrize("kind", ["ADD", "UPDATE", "SUPERSEDE", "RETIRE", "DELETE"])
def test_memories_had_a_life(inside, kind):
    assert MemoryEvent.objects.filter(kind=kind).exists()


def test_only_the_address_was_forgotten(inside):
    retired = Memory.objects.filter(state=State.RETIRED)
    assert [memory.text for memory in retired] == [
        "Amélie's new address is 8 Rua das Flores, Porto"
    ]


def test_support_is_named_where_it_changed_something(told, inside):
    edits = MemoryEvent.objects.filter(actor_kind="operator")
    assert sorted(edits.values_list("kind", flat=True)) == ["DELETE", "UPDATE"]
    assert all(edit.reason for edit in edits)
    corrected = AuditEntry.objects.get(action="memory.update")
    assert corrected.actor_kind == "operator"


def test_one_add_failed_and_says_why(inside):
    failed = Operation.objects.get(status=Operation.Status.FAILED)
    assert failed.error_code == "document_unreadable"
    ledger = Ingestion.objects.get(operation=failed).ledger
    assert {m["outcome"] for m in ledger["messages"]} == {"failed"}


def test_everything_else_is_done(inside):
    left = Operation.objects.exclude(status=Operation.Status.FAILED)
    assert not left.exclude(status=Operation.Status.SUCCEEDED).exists()


def test_every_page_has_something_to_show(inside):
    kinds = Subject.objects.values_list("kind").annotate(n=Count("id"))
    assert dict(kinds)["user"] == 3
    assert dict(kinds)["agent"] == 1
    assert dict(kinds)["run"] > 3
    assert Memory.objects.filter(kind="procedure").count() == 2
    assert Feedback.objects.count() == 2
    assert Entity.objects.filter(name="Théo").exists()
    assert Relation.objects.count() > 5
    assert Profile.objects.count() == 3
    active = Memory.objects.filter(state=State.ACTIVE, kind="fact")
    assert active.filter(categories__len__gt=0).count() > active.count() / 2


def test_one_memory_waits_for_review(inside):
    waiting = Memory.objects.get(state=State.QUARANTINED)
    assert "always recommend Blue Leaf" in (waiting.text or "")
    event = MemoryEvent.objects.get(memory=waiting)
    assert event.review is not None
    assert [c["rule"] for c in event.review["concerns"]] == ["instruction"]


def test_its_owner_has_changed_a_prompt(inside):
    template = get_template("single_pass_user")
    published = get_published(template)
    assert (published.number, published.is_shipped) == (2, False)
    (why,) = (v.note for v in list_versions(template) if v.number == 2)
    assert why == "Assam was remembered as black tea."
    assert AuditEntry.objects.filter(action="prompt.publish").exists()


def test_its_requests_are_counted_on_their_days(told, inside):
    days = Usage.objects.filter(operation="search").values_list("day", flat=True)
    assert len(set(days)) > 60
    assert max(days) < told.began.date()
    kept = Operation.objects.filter(kind="SEARCH", status="SUCCEEDED")
    assert kept.count() == told.played["asked"]


def test_the_default_project_stays_empty(told, django_db_blocker):
    with django_db_blocker.unblock(), tenant_scope(told.tenant.id):
        default = Project.objects.get(is_default=True)
        assert not Memory.objects.filter(project=default).exists()


def test_it_is_told_once(told, django_db_blocker, capsys):
    with django_db_blocker.unblock():
        call_command("seed_demo")
        with tenant_scope(told.tenant.id):
            assert Project.objects.filter(name=story.PROJECT).count() == 1
    assert "has had its demo project" in capsys.readouterr().out


def test_a_tenant_with_memories_is_left_alone(agent):
    agent.learn("I keep bees.")
    with pytest.raises(CommandError, match="memories of its own"):
        call_command("seed_demo", "acme")
    with tenant_scope(agent.company.id):
        assert not Project.objects.filter(name=story.PROJECT).exists()


def test_what_was_interrupted_is_begun_anew(acme, monkeypatch):
    """Killed in the middle, it leaves a part of a project; the next one tells all."""
    monkeypatch.setattr(story, "steps", lambda: story_steps[:3])
    story_steps = [step for step in _whole() if step.days_ago > 140]
    monkeypatch.setattr(seeding.Desk, "finish", _killed)
    with pytest.raises(KeyboardInterrupt):
        seeding.seed_history(acme.tenant, engine="local")
    monkeypatch.undo()
    monkeypatch.setattr(story, "steps", lambda: story_steps)
    seeding.seed_history(acme.tenant, engine="local")
    with tenant_scope(acme.id):
        open_ones = Project.objects.filter(name=story.PROJECT, deleted_at=None)
        assert open_ones.count() == 1
    assert seeding.is_seeded(acme.tenant)


_whole = story.steps


def _killed(desk: seeding.Desk) -> None:
    raise KeyboardInterrupt
