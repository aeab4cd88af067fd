"""An admin changes a prompt: drafts it, publishes it, a share first, and goes back."""

from __future__ import annotations

from itertools import pairwise

import pytest

from memories.models import LlmCall, MemoryEvent, Operation, PromptVersion
from memories.prompts import content_hash, shipped_prompts
from memories.selectors.projects import Canary
from memories.selectors.prompts import find_draft, get_template, list_templates
from memories.services import prompts
from memories.services.prompts import CHANGED_MEANWHILE, Draft
from memories.types import PromptText
from memplatform.lib.errors import InvalidRequest, NotFound
from memplatform.lib.ids import new_id
from tenants.models import AuditEntry
from tests.memories.services.conftest import use_engine
from tests.memories.services.prompts import OTHER_TEXT, PURPOSE, Admin


@pytest.fixture
def admin(agent) -> Admin:
    return Admin(agent)


def spoke(agent, operation_id) -> int:
    """The number of the version that the events of an add name; one for all."""
    with agent.scope():
        events = MemoryEvent.objects.filter(operation_id=operation_id)
        named = {event.prompt_version_id for event in events}
        calls = LlmCall.objects.filter(operation_id=operation_id)
        asked = {call.prompt_version_id for call in calls}
        assert asked <= named, "events name another version than was asked"
        return PromptVersion.objects.get(id__in=named).number


def heard(admin, operation_id) -> int:
    """The number of the version that is to speak for an accepted add."""
    setup = admin.agent.setup.for_ingestion(admin.ingestion(operation_id).id)
    return 2 if setup.prompts[PURPOSE].text == OTHER_TEXT else 1


# --- drafts --------------------------------------------------------------------------


def test_a_draft_is_kept_and_says_whose_it_is(admin, alice):
    admin.draft(note="Only bees")
    with admin.agent.scope():
        draft = find_draft(get_template(PURPOSE))
    assert (draft.text, draft.note, draft.author) == (OTHER_TEXT, "Only bees", "Alice")
    assert draft.based_on == 1
    assert [version.number for version in admin.versions()] == [1]


def test_a_draft_may_be_saved_again_by_who_has_seen_it(admin):
    first = admin.draft()
    admin.draft("Wasps. {project}", seen_hash=first.text_hash)
    with pytest.raises(InvalidRequest) as refused:
        admin.draft("Hornets. {project}", seen_hash=first.text_hash)
    assert refused.value.fields == {"text": [CHANGED_MEANWHILE]}


# text → what is said of it
FAULTY = [
    ("  ", "needs a text"),
    ("Do it. {memories}", "no section {memories}"),
    ("x" * 40_001, "40,001 characters"),
    ("a\x00b", "NUL"),
]


@pytest.mark.parametrize(("text", "problem"), FAULTY)
def test_a_text_that_could_not_be_spoken_is_refused(admin, text, problem):
    with pytest.raises(InvalidRequest) as refused:
        admin.draft(text)
    assert problem in refused.value.fields["text"][0]


def test_a_draft_can_be_thrown_away_once(admin):
    admin.draft()
    prompts.discard_draft(admin.access, PURPOSE)
    with pytest.raises(NotFound):
        prompts.discard_draft(admin.access, PURPOSE)


def test_there_is_no_prompt_of_another_name(admin):
    with pytest.raises(NotFound):
        admin.draft(purpose="horoscope")


# --- publishing ----------------------------------------------------------------------


def test_a_published_draft_speaks_from_the_next_add_on(models, admin):
    models.configure(keep_bodies=True)
    before = admin.agent.learn("I keep bees.")
    assert admin.publish_text() == 2
    after = admin.agent.learn("I live in Lisbon.")
    assert spoke(admin.agent, before.id) == 1
    assert spoke(admin.agent, after.id) == 2
    asked = [b for b in models.stats()["bodies"] if "messages" in b]
    said = asked[-1]["messages"][0]["content"]
    assert said.startswith("Remember what the user says of bees.")


def test_a_published_draft_is_no_draft_any_more(admin):
    admin.publish_text()
    with admin.agent.scope():
        assert find_draft(get_template(PURPOSE)) is None
    with pytest.raises(NotFound):
        admin.publish()


def test_an_earlier_version_is_rolled_back_to(models, admin):
    admin.publish_text()
    assert admin.publish(1) == 1
    assert spoke(admin.agent, admin.agent.learn("I keep bees.").id) == 1
    assert [v.number for v in admin.versions() if v.is_published] == [1]
    assert admin.audited() == ["prompt.draft", "prompt.publish", "prompt.rollback"]


def test_what_is_published_cannot_be_published_again(admin):
    admin.publish_text()
    with pytest.raises(InvalidRequest, match="published already"):
        admin.publish(2)


def test_the_text_of_a_version_that_is_there_gets_no_second_number(admin):
    admin.publish_text()
    admin.draft(admin.version(1).text)
    assert admin.publish() == 1


def test_a_text_that_leaves_the_model_no_room_is_not_published(settings, models, admin):
    settings.LLM_CONTEXT_TOKENS = 6_000
    admin.draft("Remember bees. {project} " + "And wasps too. " * 2_000)
    with pytest.raises(InvalidRequest, match="no room"):
        admin.publish()
    assert admin.agent.learn("I keep bees.").status == "SUCCEEDED"


def test_the_audit_names_who_did_it_and_from_where(admin, alice):
    admin.publish_text()
    with admin.agent.scope():
        entry = AuditEntry.objects.get(action="prompt.publish")
    assert (entry.actor_kind, entry.actor_id) == ("operator", alice.id)
    assert entry.address == "192.0.2.1"
    assert entry.changes == {"version": [1, 2], "purpose": [None, PURPOSE]}


# --- a share first -------------------------------------------------------------------


def test_a_share_of_ingestions_hears_the_canary_and_their_events_say_so(models, admin):
    admin.draft()
    assert admin.share(0.5) == 2
    told: dict[int, int] = {}
    while len(set(told.values())) < 2:
        operation_id = admin.agent.learn(f"I own {len(told) + 3} boats.").id
        told[len(told)] = spoke(admin.agent, operation_id)
        assert told[len(told) - 1] == heard(admin, operation_id)


def test_a_retry_hears_the_same_prompt(models, admin):
    admin.draft()
    admin.share(0.5)
    models.order("error", times=3)
    operation_id = admin.agent.accept("I keep bees.")
    expected = admin.agent.setup.for_ingestion(admin.ingestion(operation_id).id)
    while admin.agent.run(operation_id).status == "PENDING":
        pass
    with admin.agent.scope():
        calls = LlmCall.objects.filter(operation_id=operation_id)
        heard = {call.prompt_version_id for call in calls}
    assert heard == {expected.prompts[PURPOSE].version_id}


def told_apart(prompts: list) -> bool:
    """Whether two different ones follow one another, and two that are the same."""
    return {one == other for one, other in pairwise(prompts)} == {True, False}


def test_adds_that_hear_different_prompts_are_not_decided_together(
    settings, models, admin
):
    settings.ADD_WINDOW_S = 5.0
    admin.draft()
    admin.share(0.5)
    ids = [admin.agent.accept("I own 3 boats.")]
    while not told_apart([heard(admin, i) for i in ids]):
        ids.append(admin.agent.accept(f"I own {len(ids) + 3} boats."))
    expected = [heard(admin, i) for i in ids]
    with admin.agent.scope():
        Operation.objects.update(next_attempt_at=None)
    for operation_id in ids:
        admin.agent.run(operation_id)
    told = [spoke(admin.agent, operation_id) for operation_id in ids]
    assert told == expected
    assert models.stats()["chat"] < len(ids)


def test_a_larger_share_takes_all_of_a_smaller_one():
    prompt = PromptText(PURPOSE, "x", new_id())
    ids = [new_id() for _ in range(400)]
    drawn = [
        {i for i in ids if Canary(prompt, share).speaks_for(i)}
        for share in (0.0, 0.1, 0.5, 1.0)
    ]
    assert drawn[0] == set()
    assert drawn[0] <= drawn[1] <= drawn[2] <= drawn[3] == set(ids)
    assert 20 < len(drawn[1]) < 70
    assert 150 < len(drawn[2]) < 250


def test_a_withdrawn_canary_speaks_no_more(models, admin):
    admin.draft()
    admin.share(0.99)
    assert admin.withdraw() == 2
    assert spoke(admin.agent, admin.agent.learn("I keep bees.").id) == 1
    with pytest.raises(NotFound):
        admin.withdraw()


def test_a_promoted_canary_speaks_for_all(models, admin):
    admin.draft()
    admin.share(0.01)
    assert admin.publish(2) == 2
    assert spoke(admin.agent, admin.agent.learn("I keep bees.").id) == 2
    assert admin.template().canary is None


def test_one_version_at_a_time_is_tried_on_a_share(admin):
    admin.draft()
    admin.share(0.2)
    admin.draft("Wasps. {project}")
    admin.share(0.3)
    shares = {v.number: v.canary_share for v in admin.versions()}
    assert shares == {1: 0.0, 2: 0.0, 3: 0.3}


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5])
def test_a_share_is_more_than_none_and_less_than_all(admin, share):
    admin.draft()
    with pytest.raises(InvalidRequest, match="more than none"):
        admin.share(share)


def test_a_prompt_that_is_spoken_apart_from_adds_has_no_share(admin):
    admin.draft("Sum up in {words} words. {project}", "summary")
    with pytest.raises(InvalidRequest, match="publish it whole"):
        prompts.start_canary(admin.access, "summary", 0.5)


@pytest.mark.parametrize(
    ("engine", "purpose"),
    [
        ("single_pass", "single_pass_user"),
        ("two_phase", "extract_user"),
        ("additive", "additive_user"),
    ],
)
def test_every_engine_speaks_the_projects_own_prompt(models, admin, engine, purpose):
    use_engine(admin.agent, engine)
    admin.publish_text("Remember bees. {categories} {project}", purpose)
    operation = admin.agent.learn("I keep bees.")
    with admin.agent.scope():
        events = MemoryEvent.objects.filter(operation_id=operation.id)
        named = {event.prompt_version_id for event in events}
        texts = PromptVersion.objects.filter(id__in=named).values_list(
            "text", flat=True
        )
        assert list(texts) == ["Remember bees. {categories} {project}"]


# --- what is shipped -----------------------------------------------------------------


def test_a_new_shipped_text_is_told_of_until_it_is_adopted(monkeypatch, admin):
    assert not admin.template().is_outdated
    shipped = dict(shipped_prompts())
    shipped[PURPOSE] = PromptText(PURPOSE, OTHER_TEXT)
    for module in ("memories.selectors.prompts", "memories.services.prompts"):
        monkeypatch.setattr(f"{module}.shipped_prompts", lambda: shipped)
    assert admin.template().is_outdated
    prompts.adopt_shipped(admin.access, PURPOSE)
    assert admin.publish() == 2
    assert admin.version(2).is_shipped
    assert not admin.template().is_outdated


# --- reading -------------------------------------------------------------------------


def test_the_list_names_every_prompt_and_who_spoke_lately(
    models, admin, django_assert_num_queries
):
    admin.agent.learn("I keep bees.")
    admin.publish_text()
    admin.agent.learn("I live in Lisbon.")
    with admin.agent.scope(), django_assert_num_queries(6):
        listed = list_templates()
    assert {t.purpose.name for t in listed} == set(shipped_prompts())
    (mine,) = (t for t in listed if t.purpose.name == PURPOSE)
    assert (mine.published.number, mine.percent) == (2, 100.0)
    assert [v.percent for v in admin.versions()] == [50.0, 50.0]


def test_an_outsider_finds_nothing_of_it(admin, other):
    admin.publish_text()
    theirs = Admin(other)
    assert [v.number for v in theirs.versions()] == [1]
    with pytest.raises(NotFound):
        theirs.publish(2)


def test_the_hash_of_a_version_is_that_of_its_text(admin):
    admin.publish_text()
    assert admin.version(2).text_hash == content_hash(OTHER_TEXT)
    assert prompts.save_draft(
        admin.access, PURPOSE, Draft("A.\r\nB. {project}\n")
    ).text == ("A.\nB. {project}\n")
