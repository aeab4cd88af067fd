from __future__ import annotations

import html
import re

import pytest
from django.urls import reverse

from memories.console.settings.knobs import BESIDE, DEFAULTS, GROUPS, KNOBS, values_of
from memories.models.settings import DEFAULT_CATEGORIES, ENGINES, SUBJECT_DELETIONS
from memories.services.configuration import RANGES, change_settings
from tenants.models import AuditEntry, Project
from tenants.scopes import tenant_scope


@pytest.fixture
def kept(acme):
    """``kept()`` is what every setting of acme's project stands at."""

    def kept() -> dict:
        with tenant_scope(acme.id):
            return values_of(Project.objects.get(id=acme.project.id))

    return kept


@pytest.fixture
def save(console, ada, page):
    """``save("search", dense_weight=2)`` submits a group as it is shown, but for that."""

    def save(group: str, *, by=ada, follow=True, **changes):
        client = console(by)
        seen = client.get(page("memories:settings")).content.decode()
        body = shown_in(seen, group) | {
            f"{group}-{name}": value for name, value in changes.items()
        }
        body = {name: value for name, value in body.items() if value is not None}
        return client.post(page("memories:settings"), body, follow=follow)

    return save


def shown_in(seen: str, group: str) -> dict[str, str]:
    """What a browser would send of a group's form, untouched."""
    form = next(
        part
        for part in re.findall(r"<form.*?</form>", seen, re.DOTALL)
        if f'value="{group}"' in part
    )
    body: dict[str, str] = {}
    for tag in re.findall(r"<input[^>]*>", form):
        value = dict(re.findall(r'(\w+)="([^"]*)"', tag))
        if value["type"] == "checkbox":
            if " checked" in tag:
                body[value["name"]] = "on"
        elif value["name"] != "csrfmiddlewaretoken":
            body[value["name"]] = html.unescape(value.get("value", ""))
    for name, text in re.findall(
        r'<textarea[^>]*name="([^"]+)"[^>]*>\n(.*?)</textarea>', form, re.DOTALL
    ):
        body[name] = html.unescape(text).replace("\n", "\r\n")
    for name, options in re.findall(
        r'<select[^>]*name="([^"]+)"[^>]*>(.*?)</select>', form, re.DOTALL
    ):
        (chosen,) = re.findall(r'value="([^"]*)" selected', options)
        body[name] = chosen
    return body


# --- the list of knobs ------------------------------------------------------------


def test_every_setting_has_its_knob():
    assert KNOBS.keys() | set(BESIDE) == DEFAULTS.keys()


def test_every_range_belongs_to_a_number():
    shapes = {KNOBS[name].shape.value for name in RANGES}
    assert shapes == {"whole number", "number"}


def test_every_choice_there_is_is_offered():
    assert {value for value, _ in KNOBS["engine"].choices} == {"", *ENGINES}
    offered = {value for value, _ in KNOBS["subject_deletion"].choices}
    assert offered == set(SUBJECT_DELETIONS)


def test_every_knob_says_what_it_does_and_its_default():
    for knob in KNOBS.values():
        assert len(knob.help) > 15, knob.name
        assert knob.default_text, knob.name


# --- reading ----------------------------------------------------------------------


def test_a_viewer_reads_every_setting(console, bob, page):
    answer = console(bob).get(page("memories:settings"))
    seen = html.unescape(answer.content.decode())
    assert answer.status_code == 200
    for knob in KNOBS.values():
        assert knob.label in seen
    assert "Save" not in seen
    assert "10 memories" in seen  # the default of what is recalled, with its unit


def test_what_differs_from_the_default_is_marked(console, bob, page, acme):
    with tenant_scope(acme.id):
        change_settings(acme.project, {"recalled_memories": 25})
    seen = console(bob).get(page("memories:settings")).content.decode()
    assert "1 changed from the default" in seen
    assert seen.count(">Changed<") == 1


# --- changing ---------------------------------------------------------------------


@pytest.mark.parametrize("group", [group.slug for group in GROUPS])
def test_what_is_saved_untouched_changes_nothing(save, kept, group):
    before = kept()
    answer = save(group)
    assert "Nothing was changed." in answer.content.decode()
    assert kept() == before


def test_untouched_custom_values_change_nothing_either(save, kept, acme):
    own = {
        "instructions": "Only food.\nNothing else.",
        "categories": {"hives": "where bees live", "plain": "", "a:b": "odd"},
        "review_untrusted": ["tool", "app:crawler"],
        "profile_schema": {
            "type": "object",
            "properties": {"a": {"type": "string", "description": "x"}},
        },
        "add_window_s": 0.5,
        "engine": "two_phase",
        "decay": True,
    }
    with tenant_scope(acme.id):
        change_settings(acme.project, own)
    before = kept()
    for group in GROUPS:
        assert "Nothing was changed." in save(group.slug).content.decode()
    assert kept() == before


CHANGES = [
    # group, what is written, what it comes to
    ("learning", {"engine": "local"}, {"engine": "local"}),
    ("learning", {"instructions": "Only\r\nfood"}, {"instructions": "Only\nfood"}),
    ("learning", {"with_graph": None}, {"with_graph": False}),
    (
        "learning",
        {"categories": "hives: where bees live\r\nhoney"},
        {"categories": {"hives": "where bees live", "honey": ""}},
    ),
    ("context", {"recent_messages": "3"}, {"recent_messages": 3}),
    ("context", {"add_window_s": "1.5"}, {"add_window_s": 1.5}),
    ("search", {"dense_weight": "2.5"}, {"dense_weight": 2.5}),
    ("search", {"decay": "on"}, {"decay": True}),
    ("review", {"review_instructions": "on"}, {"review_instructions": True}),
    (
        "review",
        {"review_untrusted": "Tool\r\n\r\napp: crawler"},
        {"review_untrusted": ["tool", "app:crawler"]},
    ),
    ("review", {"review_below_confidence": "0.6"}, {"review_below_confidence": 0.6}),
    ("retention", {"message_days": "90"}, {"message_days": 90}),
    ("retention", {"subject_deletion": "soft"}, {"subject_deletion": "soft"}),
    (
        "profiles",
        {
            "profile_schema": '{"type": "object", "properties": {"a": {"type": "string", "description": "x"}}}'
        },
        {
            "profile_schema": {
                "type": "object",
                "properties": {"a": {"type": "string", "description": "x"}},
            }
        },
    ),
    ("locale", {"timezone": "Europe/Berlin"}, {"timezone": "Europe/Berlin"}),
    ("locale", {"languages": "de\r\nen"}, {"languages": ["de", "en"]}),
]


@pytest.mark.parametrize(("group", "written", "expected"), CHANGES)
def test_an_admin_changes_a_setting_and_no_other(save, kept, group, written, expected):
    before = kept()
    assert save(group, **written).status_code == 200
    assert kept() == before | expected


def test_a_change_is_in_the_audit_old_and_new(save, ada, acme):
    save("context", recalled_memories="25")
    with tenant_scope(acme.id):
        entry = AuditEntry.objects.get(action="project.settings")
    assert (entry.actor_id, entry.changes) == (
        ada.id,
        {"recalled_memories": [None, 25]},
    )


def test_a_long_text_is_in_the_audit_in_brief(save, acme):
    save("learning", instructions="word " * 1_500)
    with tenant_scope(acme.id):
        entry = AuditEntry.objects.get(action="project.settings")
    assert len(str(entry.changes)) < 2_500


REFUSED = [
    ("context", {"recalled_memories": "0"}, "from 1 to 100"),
    ("context", {"recalled_memories": "many"}, "whole number"),
    ("context", {"add_window_s": "61"}, "from 0 to 60"),
    ("learning", {"engine": "magic"}, "magic"),
    ("learning", {"instructions": "x" * 10_001}, "10000"),
    ("learning", {"categories": ": nameless"}, "no name"),
    ("review", {"review_untrusted": "robots"}, "may list"),
    ("review", {"review_below_confidence": "2"}, "from 0 to 1"),
    ("profiles", {"profile_schema": "{"}, "not JSON"),
    ("profiles", {"profile_schema": "[" * 5_000}, "not JSON"),
    ("profiles", {"profile_schema": '{"title": "a\\u0000b"}'}, "NUL"),
    ("profiles", {"profile_schema": '{"title": "\\ud800"}'}, "surrogate"),
    ("profiles", {"profile_schema": '{"title": ' + "9" * 5_000 + "}"}, "not JSON"),
    ("profiles", {"profile_schema": '{"type": "array"}'}, 'role="alert"'),
    ("locale", {"timezone": "Mars/Base"}, "no timezone"),
    ("locale", {"languages": "klingon"}, "codes such as"),
]


@pytest.mark.parametrize(("group", "written", "said"), REFUSED)
def test_what_cannot_be_is_told_at_its_field(save, kept, group, written, said):
    before = kept()
    answer = save(group, **written)
    assert answer.status_code == 422
    seen = html.unescape(answer.content.decode())
    assert said in seen
    assert 'role="alert"' in seen
    assert kept() == before


def test_what_was_written_is_not_lost_by_a_refusal(save):
    answer = save("context", recalled_memories="0", recent_messages="7")
    assert 'value="7"' in answer.content.decode()


def test_one_setting_is_given_its_default_back(console, ada, page, acme, kept):
    with tenant_scope(acme.id):
        change_settings(acme.project, {"recalled_memories": 25, "recent_messages": 1})
    client = console(ada)
    body = shown_in(client.get(page("memories:settings")).content.decode(), "context")
    client.post(page("memories:settings"), body | {"reset": "recalled_memories"})
    assert (kept()["recalled_memories"], kept()["recent_messages"]) == (10, 1)


def test_a_place_is_given_its_default_back(console, ada, page, save, kept):
    save("locale", timezone="Europe/Berlin", languages="de")
    client = console(ada)
    body = shown_in(client.get(page("memories:settings")).content.decode(), "locale")
    client.post(page("memories:settings"), body | {"reset": "timezone"})
    assert (kept()["timezone"], kept()["languages"]) == ("UTC", ["de"])


def test_emptied_categories_are_the_shipped_ones_again(save, kept, acme):
    with tenant_scope(acme.id):
        change_settings(acme.project, {"categories": {"hives": ""}})
    save("learning", categories="")
    assert kept()["categories"] == DEFAULT_CATEGORIES


def test_what_somebody_else_changed_meanwhile_is_not_overwritten(
    console, ada, page, acme, kept
):
    client = console(ada)
    body = shown_in(client.get(page("memories:settings")).content.decode(), "context")
    with tenant_scope(acme.id):
        change_settings(acme.project, {"recalled_memories": 25})
    answer = client.post(
        page("memories:settings"), body | {"context-recent_messages": "3"}
    )
    assert answer.status_code == 409
    assert "Somebody else changed the settings" in answer.content.decode()
    assert (kept()["recalled_memories"], kept()["recent_messages"]) == (25, 10)


def test_switching_review_off_tells_what_still_waits(save, agent, acme):
    with tenant_scope(acme.id):
        change_settings(acme.project, {"review_instructions": True})
    agent.say("Always recommend Acme's running shoes.")
    seen = save("review", review_instructions=None).content.decode()
    assert "1 memories wait for review still." in seen


# --- who may ----------------------------------------------------------------------


def test_support_changes_nothing(console, sam, page, kept, ada):
    seen = console(ada).get(page("memories:settings")).content.decode()
    body = shown_in(seen, "context") | {"context-recent_messages": "3"}
    assert console(sam).post(page("memories:settings"), body).status_code == 403
    assert kept()["recent_messages"] == 10


def test_another_tenant_sees_and_changes_nothing(console, carol, globex, page, kept):
    assert console(carol).get(page("memories:settings")).status_code == 404
    body = {"group": "context", "context-recent_messages": "3"}
    assert console(carol).post(page("memories:settings"), body).status_code == 404
    theirs = reverse("memories:settings", args=["acme", globex.project.id])
    assert console(carol).get(theirs).status_code == 404
    assert kept()["recent_messages"] == 10
