"""Projects over the API: how they remember, where they begin and end."""

from __future__ import annotations

from dataclasses import asdict, fields
from uuid import UUID

import pytest

from memories.models import Memory
from memories.models.settings import DEFAULT_CATEGORIES, ProjectSettings
from memories.selectors.projects import get_setup
from memories.services.background import keep_house
from memories.services.projects import purge_deleted_project
from tenants import services
from tenants.models import ApiKey, AuditEntry, Membership, Project, Role
from tenants.scopes import tenant_scope
from tests.memories.api.conftest import ADD, LIST, NOBODYS_ID, PING

ORGANIZATIONS = "/api/v1/orgs/organizations/"
OTHERWISE = ("instructions", "agent_instructions", "categories", "includes", "excludes")
OTHERWISE += ("with_graph",)
"""Settings that the wire calls by other names; profiles have an endpoint."""
OWN = {
    name: value
    for name, value in asdict(ProjectSettings()).items()
    if name not in OTHERWISE and not name.startswith("profile")
}


def projects_path(company) -> str:
    return f"{ORGANIZATIONS}{company.id}/projects/"


def project_path(company, project_id=None) -> str:
    return f"{projects_path(company)}{project_id or company.project.id}/"


@pytest.fixture
def change(client, acme):
    """``change(decay=True)`` patches acme's project, which then reads …"""

    def change(**fields: object):
        answer = client.patch(project_path(acme), fields)
        assert answer.status_code == 200, answer.json()
        assert answer.json() == {"message": "Project updated successfully"}
        return client.get(project_path(acme)).json()

    return change


@pytest.fixture
def second(client, acme):
    """The id of another project of acme, made over the API."""
    answer = client.post(projects_path(acme), {"name": "Second", "description": "Mine"})
    assert answer.status_code == 200, answer.json()
    assert answer.json().keys() == {"message", "project_id"}
    return answer.json()["project_id"]


def setup_of(company):
    with tenant_scope(company.id):
        return get_setup(company.project.id)


def key_of(company, owner, project_id=None):
    with tenant_scope(company.id):
        project = Project.objects.get(id=project_id or company.project.id)
        return services.issue_api_key(project, owner).text


def audited(company, action):
    with tenant_scope(company.id):
        return AuditEntry.objects.get(action=action)


# --- Reading ----------------------------------------------------------------


def test_a_project_that_nobody_changed(client, acme):
    assert client.get(project_path(acme)).json() == {
        "project_id": str(acme.project.id),
        "org_id": str(acme.id),
        "name": "acme project",
        "description": "",
        "timezone": "UTC",
        "languages": [],
        "custom_instructions": None,
        "agent_custom_instructions": None,
        "custom_categories": None,
        "multilingual": False,
        "decay": False,
        "memory_depth": None,
        "usecase": None,
        "inclusion_prompt": None,
        "exclusion_prompt": None,
        "enable_graph": True,
        "version": None,
        **OWN | {"review_untrusted": []},
        "is_default": True,
        "expiration_date": None,
        "active_prompt_profile": None,
        "members": [
            {
                "user_id": str(acme.owner.id),
                "username": "alice@acme.example",
                "email": "alice@acme.example",
                "role": "OWNER",
            }
        ],
        "user_role": "OWNER",
        "created_at": acme.project.created_at.isoformat(),
        "updated_at": acme.project.updated_at.isoformat(),
    }


@pytest.mark.parametrize("query", ["fields=name&fields=decay", "fields=name,decay"])
def test_only_the_fields_that_are_asked_for(client, acme, query):
    body = client.get(f"{project_path(acme)}?{query}&org_id=x").json()
    assert body.keys() == {"project_id", "name", "decay"}


@pytest.mark.parametrize("project_id", [NOBODYS_ID, "proj_2k", "1"])
def test_a_project_that_is_not_there(client, acme, project_id):
    answer = client.get(project_path(acme, project_id))
    assert answer.status_code == 404
    assert answer.json()["message"] == answer.json()["detail"] == "Project not found."


# --- Changing ---------------------------------------------------------------


def test_where_its_users_are_is_set_like_any_setting(change, acme):
    shown = change(timezone="Europe/Madrid", languages=["es", "pt-BR"], decay=True)
    assert (shown["timezone"], shown["languages"], shown["decay"]) == (
        *("Europe/Madrid", ["es", "pt-BR"], True),
    )
    assert audited(acme, "project.change").changes["timezone"] == [
        *("UTC", "Europe/Madrid"),
    ]
    shown = change(timezone="", languages=[])
    assert (shown["timezone"], shown["languages"]) == ("UTC", [])


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("timezone", "Madrid", "There is no timezone 'Madrid'."),
        ("timezone", "../etc/passwd", "There is no timezone"),
        ("timezone", 2, "must be text"),
        ("timezone", "E" * 65, "64 characters at most"),
        ("languages", "es", "must be a list of codes"),
        ("languages", [7], "must be a list of codes"),
        ("languages", ["Spanish"], "codes such as en or pt-BR"),
        ("languages", ["en"] * 11, "10 at most"),
    ],
)
def test_nothing_changes_where_a_zone_or_language_is_none(
    client, acme, field, value, said
):
    changes = {field: value, "name": "Other", "decay": True}
    answer = client.patch(project_path(acme), changes)
    assert answer.status_code == 400
    assert said in str(answer.json()["fields"][field])
    shown = client.get(project_path(acme)).json()
    assert (shown["name"], shown["decay"]) == ("acme project", False)
    assert (shown["timezone"], shown["languages"]) == ("UTC", [])


def test_instructions_reach_the_engine_and_blank_clears(change, acme):
    shown = change(custom_instructions="Only food", agent_custom_instructions="Brief")
    assert shown["custom_instructions"] == "Only food"
    assert shown["agent_custom_instructions"] == "Brief"
    settings = setup_of(acme).settings
    assert (settings.instructions, settings.agent_instructions) == (
        "Only food",
        "Brief",
    )
    shown = change(agent_custom_instructions="")
    assert shown["agent_custom_instructions"] is None
    assert shown["custom_instructions"] == "Only food"
    assert setup_of(acme).settings.agent_instructions == ""


@pytest.mark.parametrize(
    ("given", "catalogue"),
    [
        ([{"camelCase": "odd"}, {"snake_case": "too"}], None),
        ([{"a": "one", "b": "two"}], {"a": "one", "b": "two"}),
        (["billing", "support"], {"billing": "", "support": ""}),
    ],
)
def test_categories_come_back_as_they_were_given(change, acme, given, catalogue):
    catalogue = catalogue or {"camelCase": "odd", "snake_case": "too"}
    assert change(custom_categories=given)["custom_categories"] == given
    assert change(decay=True)["custom_categories"] == given
    assert setup_of(acme).settings.categories == catalogue


def test_no_categories_are_the_default_ones(change, acme):
    change(custom_categories=["billing"])
    assert change(custom_categories=[])["custom_categories"] is None
    assert setup_of(acme).settings.categories == DEFAULT_CATEGORIES


@pytest.mark.parametrize(
    ("sent", "value", "shown"),
    [
        ("multilingual", True, "multilingual"),
        ("decay", True, "decay"),
        ("memory_depth", "deep", "memory_depth"),
        ("usecase_setting", "support desk", "usecase"),
        ("inclusion_prompt", "hobbies", "inclusion_prompt"),
        ("exclusion_prompt", "health", "exclusion_prompt"),
        ("version", "v2", "version"),
        ("enable_graph", False, "enable_graph"),
        ("name", "Renamed", "name"),
        ("description", "For bees", "description"),
    ],
)
def test_what_is_set_is_read_back_and_stays(change, sent, value, shown):
    assert change(**{sent: value})[shown] == value
    assert change(custom_instructions="x", **{sent: None})[shown] == value


def test_a_switch_goes_back(change, acme):
    change(enable_graph=False)
    assert not setup_of(acme).settings.with_graph
    assert change(enable_graph=True, decay=True)["enable_graph"] is True
    assert change(decay=False)["decay"] is False


def test_what_clients_send_beside_is_ignored(change, acme):
    before = change(decay=True)
    after = change(org_id=NOBODYS_ID, project_id="x", shoe_size=39, members=[])
    assert after == before


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", " "),
        ("name", "x" * 201),
        ("name", 7),
        ("custom_instructions", ["a"]),
        ("custom_instructions", "x" * 10_001),
        ("custom_categories", {"a": "b"}),
        ("custom_categories", [7]),
        ("custom_categories", [{}]),
        ("custom_categories", [{"a": 7}]),
        ("custom_categories", [""]),
        ("custom_categories", [f"c{number}" for number in range(101)]),
        ("multilingual", "yes"),
        ("decay", 1),
        ("enable_graph", "true"),
        ("memory_depth", {}),
    ],
)
def test_what_is_wrong_is_named_and_nothing_changes(client, acme, field, value):
    asked = {field: value, "description": "changed"}
    answer = client.patch(project_path(acme), asked)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [field]
    assert answer.json()["message"] == answer.json()["detail"]
    assert client.get(project_path(acme)).json()["description"] == ""


def test_a_name_that_is_taken_changes_nothing(client, acme, second):
    asked = {"name": "acme project", "decay": True}
    answer = client.patch(project_path(acme, second), asked)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["name"]
    shown = client.get(project_path(acme, second)).json()
    assert (shown["name"], shown["decay"]) == ("Second", False)


def test_a_change_is_audited_under_the_key(change, acme):
    change(name="Renamed", decay=True)
    renamed, settled = (
        audited(acme, "project.change"),
        audited(acme, "project.settings"),
    )
    assert renamed.changes == {"name": ["acme project", "Renamed"]}
    assert settled.changes == {"decay": [None, True]}
    with tenant_scope(acme.id):
        prefix = acme.key.split("_")[2]
        assert renamed.actor_id == ApiKey.objects.get(prefix=prefix).id


# --- Making and deleting ----------------------------------------------------


def test_a_new_project_stands_beside_the_first(client, acme, second):
    shown = client.get(project_path(acme, second)).json()
    assert (shown["name"], shown["description"]) == ("Second", "Mine")
    assert shown["is_default"] is False
    listed = client.get(projects_path(acme)).json()
    assert [p["project_id"] for p in listed] == [str(acme.project.id), second]


@pytest.mark.parametrize("body", [{}, {"name": ""}, {"name": 7}, {"name": None}])
def test_a_project_needs_a_name(client, acme, body):
    answer = client.post(projects_path(acme), body)
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == ["name"]


def test_a_deleted_project_is_gone_for_everyone_at_once(client, api, acme, second):
    key = key_of(acme, acme.owner, second)
    answer = client.delete(project_path(acme, second))
    assert (answer.status_code, answer.json()) == (
        200,
        {"message": "Project deleted successfully"},
    )
    assert client.get(project_path(acme, second)).status_code == 404
    assert client.delete(project_path(acme, second)).status_code == 404
    assert len(client.get(projects_path(acme)).json()) == 1
    assert api(key).get(PING).status_code == 401
    assert client.post(projects_path(acme), {"name": "Second"}).status_code == 200


def test_a_deleted_projects_data_is_purged_and_others_stay(
    client, api, acme, second, store
):
    store("I keep bees.")
    theirs = {"messages": "I keep goats.", "user_id": "ida", "infer": False}
    assert api(key_of(acme, acme.owner, second)).post(ADD, theirs).status_code == 200
    client.delete(project_path(acme, second))
    purge_deleted_project(acme.id, UUID(second))
    with tenant_scope(acme.id):
        assert not Project.objects.filter(id=second).exists()
        assert not ApiKey.objects.filter(project_id=second).exists()
        assert [m.project_id for m in Memory.objects.all()] == [acme.project.id]
    assert audited(acme, "project.delete").changes == {"name": ["Second", None]}
    assert audited(acme, "project.purge").object_id == second


def test_a_lost_wake_up_is_made_up_for(client, acme, second):
    client.delete(project_path(acme, second))
    keep_house()
    with tenant_scope(acme.id):
        assert not Project.objects.filter(id=second).exists()
        assert Project.objects.filter(id=acme.project.id).exists()


def test_a_project_that_lives_is_not_purged(acme):
    purge_deleted_project(acme.id, acme.project.id)
    with tenant_scope(acme.id):
        assert Project.objects.filter(id=acme.project.id).exists()


# --- Who may ----------------------------------------------------------------


def everything(company, project_id=None):
    """Every request about a project, with the answer of who may."""
    path = project_path(company, project_id)
    return [
        ("get", path, None),
        ("patch", path, {"name": "Taken over"}),
        ("get", projects_path(company), None),
        ("post", projects_path(company), {"name": "Mine"}),
        ("delete", path, None),
    ]


def test_another_tenants_projects_are_not_there(outsider, acme, globex, subtests):
    for method, path, body in everything(acme):
        with subtests.test(f"{method} {path}"):
            assert getattr(outsider, method)(path, body).status_code == 404
    under_own_name = project_path(globex, acme.project.id)
    assert outsider.get(under_own_name).status_code == 404
    with tenant_scope(acme.id):
        assert [p.name for p in Project.objects.all()] == ["acme project"]


def test_a_narrowed_key_stays_outside(idas, acme, subtests):
    for method, path, body in everything(acme):
        with subtests.test(f"{method} {path}"):
            assert getattr(idas, method)(path, body).status_code == 403


def test_a_viewers_key_sees_and_changes_nothing(api, acme, bob, subtests):
    client = api(key_of(acme, bob))
    for method, path, body in everything(acme):
        with subtests.test(f"{method} {path}"):
            status = 200 if method == "get" else 403
            assert getattr(client, method)(path, body).status_code == status
    assert client.get(project_path(acme)).json()["user_role"] == "READER"


def test_the_owner_of_one_project_rules_that_one_only(api, client, acme, bob, second):
    dora = services.create_operator("dora@acme.example", None)
    with tenant_scope(acme.id):
        project = Project.objects.get(id=second)
        services.add_member(dora, Role.OWNER, project=project)
    doras = api(key_of(acme, dora, second))
    assert doras.patch(project_path(acme, second), {"name": "Hers"}).status_code == 200
    assert doras.get(project_path(acme)).status_code == 404
    assert doras.patch(project_path(acme), {"name": "Hers too"}).status_code == 404
    assert [p["name"] for p in doras.get(projects_path(acme)).json()] == ["Hers"]
    assert doras.post(projects_path(acme), {"name": "More"}).status_code == 403


def test_a_key_whose_owner_left_may_change_nothing(client, acme, bob):
    with tenant_scope(acme.id):
        services.add_member(bob, Role.OWNER, project=acme.project)
        Membership.objects.filter(operator=acme.owner).delete()
    assert client.get(project_path(acme)).json()["user_role"] == "READER"
    assert client.patch(project_path(acme), {"name": "Mine"}).status_code == 403
    assert client.post(LIST, {"filters": {"user_id": "ida"}}).status_code == 200


# --- Settings that go by their own names ------------------------------------


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("archive_unused_days", 90),
        ("graph_days", 30),
        ("patterns_enabled", True),
        ("patterns_days", 3),
        ("message_days", 365),
        ("engine", "local"),
        ("link_weight", 0.5),
        ("add_window_s", 0.5),
        ("ontology", {"relation_types": ["lives_in"]}),
    ],
)
def test_every_setting_is_set_and_read_back(change, acme, name, value):
    shown = change(**{name: value})[name]
    is_kept = getattr(setup_of(acme).settings, name) == shown
    assert is_kept and (shown == value or value.items() <= shown.items())


def test_none_of_the_settings_is_missing(change):
    """But those of profiles, which have an endpoint of their own."""
    wire = {"instructions": "custom_instructions", "with_graph": "enable_graph"}
    wire |= {"agent_instructions": "agent_custom_instructions"}
    wire |= {"categories": "custom_categories", "includes": "inclusion_prompt"}
    wire |= {"excludes": "exclusion_prompt"}
    shown = change(decay=True)
    for field in fields(ProjectSettings):
        is_told = wire.get(field.name, field.name) in shown
        assert is_told is not field.name.startswith("profile"), field.name


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("archive_unused_days", -1),
        ("graph_days", "soon"),
        ("patterns_enabled", "yes"),
        ("patterns_days", 0),
        ("engine", {"name": "local"}),
        ("ontology", ["lives_in"]),
        ("rerank_by", 7),
    ],
)
def test_a_setting_that_cannot_be_is_refused_by_name(client, acme, name, value):
    answer = client.patch(project_path(acme), {name: value})
    assert answer.status_code == 400
    assert list(answer.json()["fields"]) == [name]


# --- What is reviewed -------------------------------------------------------


def test_review_is_switched_on_and_off(change, acme):
    shown = change(
        review_instructions=True,
        review_untrusted=["Tool", "app: crawler", "tool"],
        review_below_confidence=0.5,
    )
    assert shown["review_instructions"] is True
    assert shown["review_untrusted"] == ["tool", "app:crawler"]
    assert shown["review_below_confidence"] == 0.5
    assert setup_of(acme).settings.has_review
    change(review_instructions=False, review_untrusted=[], review_below_confidence=0)
    assert not setup_of(acme).settings.has_review


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("review_instructions", "yes"),
        ("review_untrusted", "tool"),
        ("review_untrusted", ["robots"]),
        ("review_untrusted", ["app:"]),
        ("review_untrusted", [1]),
        ("review_untrusted", ["tool"] * 51),
        ("review_below_confidence", 1.5),
        ("review_below_confidence", "0.5"),
        ("review_below_confidence", True),
    ],
)
def test_what_cannot_be_reviewed_is_refused_by_name(client, acme, name, value):
    answer = client.patch(project_path(acme), {name: value})
    assert answer.status_code == 400
    assert name in answer.json()["fields"]
