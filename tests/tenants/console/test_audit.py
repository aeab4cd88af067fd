from __future__ import annotations

import csv
import io
import json

import pytest

from memplatform.lib.ids import new_id
from tenants import services
from tenants.audit import Actor, record_audit
from tenants.console.audit import export
from tenants.models import AuditEntry
from tenants.scopes import tenant_scope


@pytest.fixture
def acted(acme, alice):
    """Alice did something to acme's project: ``acted("project.settings", …)``."""

    def acted(action: str, *, actor=None, **changes) -> AuditEntry:
        with tenant_scope(acme.id):
            return record_audit(
                action,
                acme.project,
                actor=actor or Actor.operator(alice, "192.0.2.7"),
                changes=changes,
            )

    return acted


@pytest.fixture
def audit(console, alice, page):
    """The actions that the page shows, newest first."""

    def audit(**query) -> list[str]:
        answer = console(alice).get(page("tenants:audit", **query))
        assert answer.status_code == 200
        return [row.entry.action for row in answer.context["rows"]]

    return audit


@pytest.fixture
def exported(console, alice, page):
    def exported(file_format: str, **query) -> str:
        url = page("tenants:export-audit", file_format, **query)
        answer = console(alice).get(url)
        assert answer["Content-Disposition"].startswith("attachment")
        return b"".join(answer.streaming_content).decode()

    return exported


def test_it_tells_who_did_what_to_which_object(console, alice, acme, acted, page):
    acted("project.settings", engine=["", "local"], decay=[False, True])
    seen = console(alice).get(page("tenants:audit")).content.decode()
    assert "alice@acme.example" in seen
    assert "192.0.2.7" in seen
    assert f'href="{page("memories:overview")}"' in seen
    assert "nothing" not in seen
    assert '<ins class="diff-added">local</ins>' in seen
    assert '<del class="diff-removed">false</del>' in seen


def test_instants_are_told_in_the_operators_zone(console, alice, acted, page):
    alice.timezone = "Asia/Tokyo"
    alice.save()
    acted("key.set_expiry", expires_at=[None, "2026-03-01T15:00:00+00:00"])
    acted("test.it", note=["2026-99-99T99:99", "2026-03-01T15:00:00"])
    seen = console(alice).get(page("tenants:audit")).content.decode()
    assert "2 Mar 2026, 00:00" in seen
    assert "2026-99-99T99:99" in seen


def test_a_key_is_named_by_its_prefix(console, alice, acme, acted, page):
    prefix = acme.key.split("_")[2]
    with tenant_scope(acme.id):
        key = services.selectors.find_api_key(prefix)
    acted("webhook.create", actor=Actor("api_key", key.id))
    seen = console(alice).get(page("tenants:audit", action="webhook")).content.decode()
    assert f"key {prefix}… (API key)" in seen


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"actor": "ALICE"}, ["project.settings"]),
        ({"actor": "alice@acme.example", "action": "project.s"}, ["project.settings"]),
        ({"actor": "carol"}, []),
        ({"action": "project.create"}, ["project.create"]),
        ({"action": "%"}, []),
        ({"object": "apikey"}, ["key.issue", "key.issue"]),
        ({"last": "2020-01-01"}, []),
        ({"first": "2020-01-01", "action": "tenant"}, ["tenant.create"]),
    ],
)
def test_filters(audit, acted, query, expected):
    acted("project.settings", engine=["", "local"])
    assert audit(**query) == expected


def test_the_platform_is_an_actor_too(audit, acted):
    acted("project.settings")
    assert "project.settings" not in audit(actor="platform")
    assert "tenant.create" in audit(actor="platform")


def test_an_object_is_found_by_its_id(audit, acme):
    assert audit(object=str(acme.project.id)) == ["project.create"]


def test_a_project_filters_and_so_does_a_key(audit, acme):
    assert set(audit(project=acme.project.id)) == {"key.issue", "project.create"}
    assert audit(actor=acme.key.split("_")[2]) == []


def test_days_are_those_of_the_operator(audit, acted, alice, frozen):
    alice.timezone = "Asia/Tokyo"  # 1 March, 18:30 there
    alice.save()
    acted("project.settings")
    assert "project.settings" in audit(first="2026-03-01", last="2026-03-01")
    frozen.advance(hours=6)
    acted("project.change")
    assert "project.change" not in audit(last="2026-03-01")
    assert "project.change" in audit(first="2026-03-02", action="project")


@pytest.mark.parametrize(
    "nonsense",
    [{"first": "soon"}, {"project": "7"}, {"page": "-1"}, {"page": "x" * 90}],
)
def test_nonsense_filters_nothing(audit, nonsense):
    assert "tenant.create" in audit(**nonsense)


def test_pages_go_back_in_time(audit, acme, acted):
    for number in range(60):
        acted(f"test.{number}")
    first, second = audit(), audit(page=2)
    assert (len(first), first[0]) == (50, "test.59")
    assert second[-1] == "tenant.create"


def test_csv_has_a_line_for_each_entry(exported, acme, acted, monkeypatch):
    monkeypatch.setattr(export, "CHUNK", 7)
    for number in range(20):
        acted(f"test.{number}", number=[None, number])
    lines = list(csv.DictReader(io.StringIO(exported("csv"))))
    with tenant_scope(acme.id):
        assert len(lines) == AuditEntry.objects.count()
    assert lines[0]["action"] == "test.19"
    assert lines[0]["actor"] == "alice@acme.example"
    assert json.loads(lines[0]["changes"]) == {"number": [None, 19]}
    assert [line["at"] for line in lines] == sorted(
        (line["at"] for line in lines), reverse=True
    )


def test_json_lines_hold_what_the_filter_shows(exported, acted):
    acted("project.settings", engine=["", "local"])
    (line,) = exported("jsonl", action="project.settings").splitlines()
    assert json.loads(line)["changes"] == {"engine": ["", "local"]}


def test_entries_of_one_instant_are_all_exported(exported, acted, frozen, monkeypatch):
    monkeypatch.setattr(export, "CHUNK", 2)
    for number in range(5):
        acted(f"test.{number}")
    assert len(exported("jsonl", action="test").splitlines()) == 5


def test_no_cell_is_a_formula(exported, acme, alice):
    with tenant_scope(acme.id):
        AuditEntry.objects.create(
            actor_kind="system", action="=1+1", object_type="x", object_id="@SUM(A1)"
        )
    (line,) = csv.DictReader(io.StringIO(exported("csv", action="=")))
    assert (line["action"], line["object_id"]) == ("'=1+1", "'@SUM(A1)")


def test_there_is_no_other_format(console, alice, page):
    assert console(alice).get(page("tenants:export-audit", "xml")).status_code == 404


def test_a_deleted_project_is_told_without_a_link(console, alice, acme, page):
    with tenant_scope(acme.id):
        gone = services.create_project("Gone", actor=Actor.operator(alice))
        services.delete_project(gone, actor=Actor.operator(alice))
    answer = console(alice).get(page("tenants:audit", object=str(gone.id)))
    assert {row.url for row in answer.context["rows"]} == {""}


def test_an_unknown_actor_keeps_its_id(console, alice, acted, page):
    nobody = new_id()
    acted("test.it", actor=Actor("operator", nobody))
    seen = console(alice).get(page("tenants:audit")).content.decode()
    assert str(nobody) in seen


@pytest.mark.parametrize(
    ("name", "args"), [("tenants:audit", []), ("tenants:export-audit", ["csv"])]
)
def test_outsiders_and_small_roles(
    console, carol, globex, sam, bob, ada, page, name, args
):
    url = page(name, *args)
    assert console(carol).get(url).status_code == 404
    for operator in (sam, bob):
        assert console(operator).get(url).status_code == 403
    assert console(ada).get(url).status_code == 200


def test_another_tenants_entries_are_in_no_export(exported, globex):
    assert "globex" not in exported("jsonl") + exported("csv")


def test_the_number_of_queries_does_not_grow(console, alice, acted, page, queries):
    client, taken = console(alice), []
    for many in (3, 27):
        for number in range(many):
            acted(f"test.{number}")
        taken.append(queries(client, page("tenants:audit")))
    assert taken[0] == taken[1]
