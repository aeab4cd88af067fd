from __future__ import annotations


def test_it_shows_the_project_and_what_the_role_may_open(console, alice, bob, page):
    seen = console(alice).get(page("memories:overview"))
    assert seen.status_code == 200
    assert "acme project" in seen.content.decode()
    assert console(bob).get(page("memories:overview")).status_code == 200


def test_another_tenant_is_not_there(console, carol, globex, page):
    assert console(carol).get(page("memories:overview")).status_code == 404


def test_a_stranger_is_sent_to_the_sign_in(client, page):
    answer = client.get(page("memories:overview"))
    assert answer["Location"].startswith("/console/sign-in/?next=")
