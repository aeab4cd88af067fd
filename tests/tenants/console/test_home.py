from __future__ import annotations

from tenants import services
from tenants.audit import Actor
from tenants.models import AuditEntry, Project, Role
from tenants.scopes import tenant_scope
from tests.conftest import PASSWORD

HOME = "/console/"


def test_each_project_is_a_link_into_it(console, alice, acme, page):
    seen = console(alice).get(HOME).content.decode()
    assert f'href="{page("memories:overview")}"' in seen
    assert "no key used yet" in seen


def test_it_tells_when_a_key_was_last_used(console, alice, acme, api):
    api(acme.key).get("/v1/ping/")
    assert "no key used yet" not in console(alice).get(HOME).content.decode()


def test_who_may_not_make_a_project_is_not_offered_it(console, alice, bob, page):
    link = page("tenants:new-project")
    assert link in console(alice).get(HOME).content.decode()
    assert link not in console(bob).get(HOME).content.decode()


def test_a_member_of_one_project_sees_no_other(console, acme):
    with tenant_scope(acme.id):
        services.create_project("Secret plans")
        dora = services.create_operator("dora@acme.example", PASSWORD)
        services.add_member(dora, Role.OWNER, project=acme.project)
    seen = console(dora).get(HOME).content.decode()
    assert "acme project" in seen
    assert "Secret plans" not in seen
    assert "you are owner here" in seen
    assert "Make a project" not in seen


def test_two_memberships_in_a_tenant_are_one_section(console, acme, bob):
    with tenant_scope(acme.id):
        services.add_member(bob, Role.SUPPORT, project=acme.project)
    seen = console(bob).get(HOME).content.decode()
    assert seen.count('id="tenant-acme"') == 1
    assert "you are support here" in seen


def test_the_number_of_queries_does_not_grow_with_projects(
    console, alice, acme, queries
):
    client, taken = console(alice), []
    for many in (3, 27):
        with tenant_scope(acme.id):
            for number in range(many):
                services.create_project(f"Project {many} {number}")
        taken.append(queries(client, HOME))
    assert taken[0] == taken[1]


def test_an_admin_makes_a_project_and_is_led_into_it(console, ada, acme, page):
    chosen = {"name": "Bees", "description": "What we know", "timezone": "Asia/Tokyo"}
    answer = console(ada).post(page("tenants:new-project"), chosen)
    with tenant_scope(acme.id):
        project = Project.objects.get(name="Bees")
        entry = AuditEntry.objects.get(action="project.create", project_id=project.id)
    assert answer["Location"] == f"/console/acme/{project.id}/"
    assert project.timezone == "Asia/Tokyo"
    assert (entry.actor_kind, entry.actor_id) == (Actor.operator(ada).kind, ada.id)


def test_a_taken_name_is_told_beside_its_field(console, alice, page):
    chosen = {"name": "acme project", "timezone": "UTC"}
    answer = console(alice).post(page("tenants:new-project"), chosen)
    assert answer.status_code == 422
    assert "There already is a project" in answer.content.decode()


def test_support_makes_none(console, sam, page):
    url = page("tenants:new-project")
    chosen = {"name": "Bees", "timezone": "UTC"}
    assert console(sam).post(url, chosen).status_code == 403


def test_another_tenant_is_not_there(console, carol, globex, page):
    assert console(carol).get(page("tenants:new-project")).status_code == 404
