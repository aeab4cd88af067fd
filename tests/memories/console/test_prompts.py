"""The pages of prompts: read by all, drafted, tried and published by admins."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from memories.models import Memory
from memories.prompts.purposes import PURPOSES
from memories.selectors.prompts import find_draft, get_template
from memories.selectors.trials import FIRST_LOOK, MOST_LOOKED_AT, sum_recorded
from tests.memories.services.prompts import OTHER_TEXT, PURPOSE, Admin, reply

READ = ("prompts", "prompt", "prompt-compare")
ADMINS = (
    "prompt-draft",
    "prompt-try",
    "prompt-recorded",
    "prompt-replays",
    "prompt-publish",
    "prompt-withdraw",
    "prompt-adopt",
)


@pytest.fixture
def admin(agent) -> Admin:
    return Admin(agent)


@pytest.fixture
def shown(console):
    """``shown(operator, url)``: the page, which is there."""

    def look(operator, url: str) -> str:
        answer = console(operator).get(url)
        assert answer.status_code == 200, answer
        return answer.content.decode()

    return look


def at(page, name: str, *args, **query) -> str:
    of_prompt = () if name == "prompts" else (PURPOSE,)
    return page(f"memories:{name}", *of_prompt, *args, **query)


def send(console, operator, url: str, **fields):
    return console(operator).post(url, fields)


# --- who may -------------------------------------------------------------------------


@pytest.mark.parametrize("name", READ)
def test_a_viewer_reads_versions_and_changes_nothing(shown, bob, page, admin, name):
    admin.draft()
    seen = shown(bob, at(page, name))
    assert OTHER_TEXT not in seen
    for verb in ("publish/", "draft/", "try/", "replays/"):
        assert f'/{verb}"' not in seen


@pytest.mark.parametrize("name", ADMINS)
def test_support_neither_drafts_nor_publishes(console, sam, page, admin, name):
    admin.draft()
    assert console(sam).get(at(page, name)).status_code == 403
    assert console(sam).post(at(page, name)).status_code == 403


@pytest.mark.parametrize("name", [*READ, *ADMINS])
def test_an_outsider_finds_nothing(console, carol, page, admin, name):
    admin.draft()
    assert console(carol).get(at(page, name)).status_code == 404


def test_a_viewer_cannot_look_at_the_draft_by_its_address(shown, bob, page, admin):
    admin.draft()
    seen = shown(bob, at(page, "prompt-compare", **{"from": "1", "to": "draft"}))
    assert "beehive" not in seen
    assert OTHER_TEXT not in seen
    assert OTHER_TEXT not in shown(bob, at(page, "prompt", version="1"))


# --- the list, versions, compare -----------------------------------------------------


def test_the_list_shows_what_speaks(shown, ada, page, admin, models):
    admin.publish_text()
    admin.agent.learn("I keep bees.")
    admin.draft("Wasps. {project}")
    admin.share(0.25)
    seen = shown(ada, at(page, "prompts"))
    assert "Remember and decide, about a user" in seen
    assert "version 2" in seen
    assert "version 3 for 25 %" in seen
    assert "100 %" in seen


@pytest.mark.parametrize("versions", [3, 30])
def test_a_prompt_takes_the_same_queries_whatever_its_versions(
    console, ada, page, admin, versions, django_assert_num_queries
):
    for number in range(versions):
        admin.publish_text(f"Bees {number}. {{project}}")
    client = console(ada)
    client.get(at(page, "prompt"))
    with django_assert_num_queries(30):
        client.get(at(page, "prompt"))


def test_without_a_model_the_pages_say_that_no_prompt_is_spoken(
    shown, ada, page, admin
):
    for name in ("prompts", "prompt", "prompt-try"):
        assert "no prompt is spoken" in shown(ada, at(page, name))


def test_a_prompt_of_another_engine_says_so(shown, ada, page, admin, models):
    url = page("memories:prompt", "decide")
    assert "does not speak this prompt" in shown(ada, url)


def test_two_versions_are_compared_word_by_word(shown, bob, page, admin):
    admin.publish_text("Remember what the user says. {project}")
    admin.publish_text("Remember what the person says. {project}")
    seen = shown(bob, at(page, "prompt-compare", **{"from": "2", "to": "3"}))
    assert "<del>user</del><ins>person</ins>" in seen


def test_a_version_that_is_not_there_is_not_found(console, bob, page, admin):
    for number in ("7", "x", "٣"):
        answer = console(bob).get(at(page, "prompt", version=number))
        assert answer.status_code == 404
    assert console(bob).get(page("memories:prompt", "horoscope")).status_code == 404


# --- drafting ------------------------------------------------------------------------


def test_an_admin_saves_a_draft_and_sees_what_it_changes(console, ada, page, admin):
    url = at(page, "prompt-draft")
    answer = send(console, ada, url, text="Remember bees. {project}", note="Bees")
    assert answer.status_code == 302
    with admin.agent.scope():
        draft = find_draft(get_template(PURPOSE))
    assert (draft.text, draft.author) == ("Remember bees. {project}", "Ada")
    seen = console(ada).get(url).content.decode()
    assert "<ins>" in seen
    assert "{categories} is missing" in seen


def test_an_unknown_section_is_refused_beside_the_text(console, ada, page, admin):
    answer = send(console, ada, at(page, "prompt-draft"), text="Do {this}.")
    assert answer.status_code == 422
    seen = answer.content.decode()
    assert "There is no section {this} here" in seen
    assert "Do {this}." in seen


def test_the_shipped_text_survives_the_editor_unchanged(
    console, ada, page, admin, shown
):
    text = admin.version(1).text
    send(console, ada, at(page, "prompt-draft"), text=text.replace("\n", "\r\n"))
    with admin.agent.scope():
        assert find_draft(get_template(PURPOSE)).text == text


def test_what_another_admin_saved_meanwhile_is_not_overwritten(
    console, ada, page, admin
):
    admin.draft("Theirs. {project}")
    answer = send(console, ada, at(page, "prompt-draft"), text="Mine.", seen_hash="")
    assert answer.status_code == 422
    assert "Somebody saved another text" in answer.content.decode()


def test_a_draft_begins_with_any_version(shown, ada, page, admin):
    admin.publish_text()
    admin.publish(1)
    assert OTHER_TEXT in shown(ada, at(page, "prompt-draft", **{"from": "2"}))


def test_a_draft_is_thrown_away(console, ada, page, admin):
    admin.draft()
    assert send(console, ada, at(page, "prompt-discard")).status_code == 302
    with admin.agent.scope():
        assert find_draft(get_template(PURPOSE)) is None


# --- trying --------------------------------------------------------------------------


def test_a_pasted_conversation_is_tried_and_nothing_is_stored(
    console, ada, page, admin, models
):
    admin.draft()
    asked = {"version": "draft", "said": "User: I keep bees."}
    answer = send(console, ada, at(page, "prompt-try"), **asked)
    assert answer.status_code == 200
    seen = answer.content.decode()
    assert "User keeps bees." in seen
    assert "Remembers" in seen
    assert "Nothing was stored." in seen
    with admin.agent.scope():
        assert not Memory.objects.exists()


def test_a_model_that_fails_says_so_on_the_form(console, ada, page, admin, models):
    models.order("unauthorized", times=5)
    asked = {"version": "1", "said": "I keep bees."}
    answer = send(console, ada, at(page, "prompt-try"), **asked)
    assert answer.status_code == 422
    assert "The model failed" in answer.content.decode()


def test_recorded_adds_stand_beside_what_came_of_them(
    console, ada, page, admin, models
):
    done = admin.agent.learn("I live in Lisbon. I keep bees.")
    ingestion = admin.ingestion(done.id)
    admin.draft()
    url = at(page, "prompt-recorded", subject="ann")
    assert str(ingestion.id) in console(ada).get(url).content.decode()
    models.configure(replies=[reply({"text": "User keeps bees."})])
    answer = send(console, ada, url, version="draft", add=str(ingestion.id))
    seen = answer.content.decode()
    assert "no longer stored" in seen
    assert "User lives in Lisbon." in seen


def test_somebody_without_adds_is_told_what_to_do(shown, ada, page, admin):
    seen = shown(ada, at(page, "prompt-recorded", subject="nobody"))
    assert "No recorded adds" in seen


def test_what_adds_took_is_read_off_the_newest(console, ada, page, admin, models):
    """Never sorted out of all there are: a step of so many, and one further back."""
    for n in range(3):
        admin.agent.learn(f"I keep {n} bees.")
    purpose = PURPOSES["single_pass_user"]
    with admin.agent.scope(), CaptureQueriesContext(connection) as captured:
        assert sum_recorded(purpose, 2).adds == 2
        assert sum_recorded(purpose, 4).adds == 3
    asked = [q["sql"] for q in captured if 'FROM "memories_ingestion"' in q["sql"]]
    assert len(asked) == 1 + 2
    assert all(f"LIMIT {FIRST_LOOK}" in sql for sql in (asked[0], asked[1]))
    assert f"LIMIT {MOST_LOOKED_AT - FIRST_LOOK} OFFSET {FIRST_LOOK}" in asked[2]


# --- replaying -----------------------------------------------------------------------


@pytest.fixture
def replay(console, ada, page, admin, models):
    """A replay of three adds as it was started from its page; not run yet."""
    for n in range(3, 6):
        admin.agent.learn(f"I own {n} boats.")
    admin.draft()
    answer = send(console, ada, at(page, "prompt-replays"), version="draft", most="3")
    assert answer.status_code == 302
    return answer.url


def test_a_replay_shows_its_progress_and_what_came_out(
    console, ada, admin, shown, replay
):
    assert "0 of 3 adds" in shown(ada, replay)
    admin.run(replay.rstrip("/").rpartition("/")[2])
    seen = shown(ada, replay)
    assert "3 of 3 adds" in seen
    assert "same 3" in seen
    assert "User owns 5 boats." in seen


def test_the_progress_is_asked_for_cheaply(console, ada, admin, replay):
    client = console(ada)
    first = client.get(replay, headers={"HX-Request": "true"})
    assert "every 5s" in first.content.decode()
    assert "<h1>" not in first.content.decode()
    same = {"HX-Request": "true", "If-None-Match": first["ETag"]}
    assert client.get(replay, headers=same).status_code == 304
    admin.run(replay.rstrip("/").rpartition("/")[2])
    done = client.get(replay, headers=same)
    assert done.status_code == 200
    assert "every 5s" not in done.content.decode()


def test_a_replay_is_cancelled_and_goes_on(console, ada, shown, replay):
    assert send(console, ada, f"{replay}cancel/").status_code == 302
    assert "Cancelled." in shown(ada, replay)
    assert send(console, ada, f"{replay}continue/").status_code == 302
    assert "Running" in shown(ada, replay)


def test_a_replay_of_nobody_is_refused(console, ada, page, admin, models):
    asked = {"version": "1", "most": "5", "subject": "nobody"}
    answer = send(console, ada, at(page, "prompt-replays"), **asked)
    assert answer.status_code == 422
    assert "There is nobody of this name." in answer.content.decode()


@pytest.mark.parametrize("trials", [3, 12])
def test_a_replay_takes_the_same_queries_whatever_its_length(
    console, ada, page, admin, models, trials, django_assert_num_queries
):
    for n in range(trials):
        admin.agent.learn(f"I own {n + 3} boats.")
    view = admin.replay(number=1, most=trials)
    client = console(ada)
    url = at(page, "prompt-replay", view.id)
    client.get(url)
    with django_assert_num_queries(24):
        assert client.get(url).status_code == 200


def test_another_tenants_replay_is_not_there(console, ada, page, admin, other, models):
    theirs = Admin(other)
    theirs.agent.learn("I keep bees.")
    operation_id = theirs.start_replay(number=1)
    for name in ("prompt-replay", "prompt-replay-cancel", "prompt-replay-continue"):
        url = at(page, name, operation_id)
        answer = console(ada).get(url) if name == "prompt-replay" else None
        answer = answer or console(ada).post(url)
        assert answer.status_code == 404


# --- publishing ----------------------------------------------------------------------


def test_an_admin_sees_the_change_and_publishes_it(console, ada, page, admin, shown):
    admin.draft()
    url = at(page, "prompt-publish", version="draft")
    seen = shown(ada, url)
    assert "speaks instead of version 1" in seen
    assert "<ins>" in seen
    assert send(console, ada, url, how="whole").status_code == 302
    assert "version 2</h2>" in shown(ada, at(page, "prompt"))


def test_a_share_first_then_whole_then_back(console, ada, page, admin, shown):
    admin.draft()
    url = at(page, "prompt-publish", version="draft")
    send(console, ada, url, how="share", share="12.5")
    assert "speaks for 12.5 % of adds" in shown(ada, at(page, "prompt"))
    send(console, ada, at(page, "prompt-publish", version="2"), how="whole")
    assert [v.number for v in admin.versions() if v.is_published] == [2]
    back = at(page, "prompt-publish", version="1")
    assert "Roll back" in shown(ada, back)
    send(console, ada, back, how="whole")
    assert admin.audited()[1:] == ["prompt.canary", "prompt.publish", "prompt.rollback"]


def test_a_share_is_withdrawn(console, ada, page, admin, shown):
    admin.draft()
    admin.share(0.5)
    assert "Withdraw version 2" in shown(ada, at(page, "prompt-withdraw"))
    send(console, ada, at(page, "prompt-withdraw"))
    assert admin.template().canary is None


@pytest.mark.parametrize("share", ["", "0", "100", "many"])
def test_a_share_that_is_none_is_refused(console, ada, page, admin, share):
    admin.draft()
    url = at(page, "prompt-publish", version="draft")
    answer = send(console, ada, url, how="share", share=share)
    assert answer.status_code == 422
    assert admin.template().published.number == 1


def test_a_summary_prompt_is_published_for_all_at_once(console, ada, page, admin):
    admin.draft("Sum up in {words} words. {project}", "summary")
    url = page("memories:prompt-publish", "summary", version="draft")
    assert "how" not in console(ada).get(url).context["form"].fields
    assert send(console, ada, url).status_code == 302
    assert admin.template("summary").published.number == 2


def test_markup_in_a_prompt_is_only_text(shown, ada, page, admin):
    admin.publish_text("<script>alert(1)</script> {project}")
    assert "<script>alert(1)" not in shown(ada, at(page, "prompt"))
    assert "<script>alert(1)" not in shown(ada, at(page, "prompt-compare"))
