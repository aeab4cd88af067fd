"""Who may open which page of the console, and change what: every route, every role.

The table is written by hand, from what each role is for: a view with a wrong decorator
is found because it answers otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from django.test import Client
from django.urls import reverse

from tenants import services
from tenants.console.menu import OF_PROJECT, OF_TENANT
from tenants.models import Operator, Role
from tenants.scopes import tenant_scope
from tenants.selectors import RANK
from tests.conftest import PASSWORD
from tests.security.conftest import OF_A_PROJECT, ROUTES, fingerprint

VIEWER, SUPPORT, ADMIN, OWNER = Role.VIEWER, Role.SUPPORT, Role.ADMIN, Role.OWNER
NOBODY = None

ROLES: Mapping[str, tuple[Role, Role | None]] = {
    # Viewers read what is remembered; support changes it, and erases on request.
    "memories:overview": (VIEWER, NOBODY),
    "memories:subjects": (VIEWER, NOBODY),
    "memories:subject": (VIEWER, NOBODY),
    "memories:add-memory": (SUPPORT, SUPPORT),
    "memories:bulk": (SUPPORT, SUPPORT),
    "memories:picture": (VIEWER, NOBODY),
    "memories:retention": (VIEWER, NOBODY),
    "memories:ontologies": (VIEWER, ADMIN),
    "memories:graph": (VIEWER, NOBODY),
    "memories:entity": (VIEWER, NOBODY),
    "memories:merge-entity": (SUPPORT, SUPPORT),
    "memories:undo-merge": (SUPPORT, SUPPORT),
    "memories:history": (VIEWER, NOBODY),
    "memories:compare": (VIEWER, NOBODY),
    "memories:conversations": (VIEWER, NOBODY),
    "memories:restore-subject": (SUPPORT, SUPPORT),
    "memories:restored": (VIEWER, NOBODY),
    "memories:privacy": (SUPPORT, NOBODY),
    "memories:export-subject": (SUPPORT, SUPPORT),
    "memories:download": (SUPPORT, NOBODY),
    "memories:erase-subject": (SUPPORT, SUPPORT),
    "memories:erasure": (SUPPORT, NOBODY),
    "memories:memory": (VIEWER, NOBODY),
    "memories:edit-memory": (SUPPORT, SUPPORT),
    "memories:supersede-memory": (SUPPORT, SUPPORT),
    "memories:delete-memory": (SUPPORT, SUPPORT),
    "memories:wrong-memory": (SUPPORT, SUPPORT),
    "memories:confirm-memory": (SUPPORT, SUPPORT),
    "memories:doubt-memory": (SUPPORT, SUPPORT),
    "memories:restore-memory": (SUPPORT, SUPPORT),
    "memories:search-lab": (VIEWER, NOBODY),
    "memories:search-traces": (VIEWER, NOBODY),
    "memories:search-trace": (VIEWER, NOBODY),
    "memories:keep-search": (SUPPORT, SUPPORT),
    "memories:ingestions": (VIEWER, NOBODY),
    "memories:ingestion": (VIEWER, NOBODY),
    "memories:retry-ingestions": (SUPPORT, SUPPORT),
    "memories:retry-ingestion": (SUPPORT, SUPPORT),
    "memories:reprocess-ingestion": (SUPPORT, SUPPORT),
    "memories:reprocess-ingestions": (SUPPORT, SUPPORT),
    "memories:review": (VIEWER, NOBODY),
    "memories:review-decide": (SUPPORT, SUPPORT),
    "memories:review-memory": (VIEWER, SUPPORT),
    # Whoever reads memories may see how well they are found; asking costs.
    "memories:golden-sets": (VIEWER, NOBODY),
    "memories:evaluations": (ADMIN, NOBODY),
    "memories:golden-set": (VIEWER, NOBODY),
    "memories:new-golden-set": (ADMIN, ADMIN),
    "memories:edit-golden-set": (ADMIN, ADMIN),
    "memories:ask-golden-set": (ADMIN, ADMIN),
    "memories:accept-golden-run": (ADMIN, ADMIN),
    "memories:delete-golden-set": (ADMIN, ADMIN),
    # Admins: prompts, settings, providers, keys, webhooks, members. What steers the
    # memory is no secret to who reads it; what costs or leads outside is.
    "memories:prompts": (VIEWER, NOBODY),
    "memories:prompt": (VIEWER, NOBODY),
    "memories:prompt-compare": (VIEWER, NOBODY),
    "memories:prompt-draft": (ADMIN, ADMIN),
    "memories:prompt-discard": (ADMIN, ADMIN),
    "memories:prompt-adopt": (ADMIN, ADMIN),
    "memories:prompt-try": (ADMIN, ADMIN),
    "memories:prompt-recorded": (ADMIN, ADMIN),
    "memories:prompt-publish": (ADMIN, ADMIN),
    "memories:prompt-withdraw": (ADMIN, ADMIN),
    "memories:prompt-replays": (ADMIN, ADMIN),
    "memories:prompt-replay": (ADMIN, NOBODY),
    "memories:prompt-replay-cancel": (ADMIN, ADMIN),
    "memories:prompt-replay-continue": (ADMIN, ADMIN),
    "memories:settings": (VIEWER, ADMIN),
    "memories:providers": (ADMIN, NOBODY),
    "memories:save-provider": (ADMIN, ADMIN),
    "memories:test-provider": (ADMIN, ADMIN),
    "memories:remove-provider": (ADMIN, ADMIN),
    "memories:reembed": (ADMIN, ADMIN),
    "memories:return-to-previous-space": (ADMIN, ADMIN),
    "memories:webhooks": (ADMIN, NOBODY),
    "memories:new-webhook": (ADMIN, ADMIN),
    "memories:webhook": (ADMIN, NOBODY),
    "memories:edit-webhook": (ADMIN, ADMIN),
    "memories:rotate-webhook-secret": (ADMIN, ADMIN),
    "memories:test-webhook": (ADMIN, ADMIN),
    "memories:delete-webhook": (ADMIN, ADMIN),
    "memories:delivery": (ADMIN, NOBODY),
    "memories:redeliver": (ADMIN, ADMIN),
    "tenants:api-keys": (ADMIN, NOBODY),
    "tenants:new-api-key": (ADMIN, ADMIN),
    "tenants:api-key": (ADMIN, ADMIN),
    "tenants:revoke-api-key": (ADMIN, ADMIN),
    "tenants:usage": (ADMIN, NOBODY),
    "tenants:usage-download": (ADMIN, NOBODY),
    "tenants:audit": (ADMIN, NOBODY),
    "tenants:export-audit": (ADMIN, NOBODY),
    "tenants:new-project": (ADMIN, ADMIN),
    "tenants:members": (ADMIN, NOBODY),
    "tenants:invite-member": (ADMIN, ADMIN),
    "tenants:withdraw-invitation": (ADMIN, ADMIN),
    "tenants:remove-member": (ADMIN, ADMIN),
    # Owners: also the roles.
    "tenants:change-role": (OWNER, OWNER),
}
"""By route: the least role that may GET, and the least that may POST."""


def test_every_page_has_its_row():
    """Which role a page is for is decided here, before it is written there."""
    missing = [f'"{name}": (…, …),  # {ROUTES[name]}' for name in ROUTES.keys() - ROLES]
    assert not missing, "Add to ROLES, each with its least role:\n" + "\n".join(missing)
    gone = ROLES.keys() - ROUTES
    assert not gone, f"Take out of ROLES what is no page any more: {gone}"


@pytest.fixture
def browser(acme, globex, alice, carol):
    """Somebody signed in, by who they are."""

    def browser(who: str) -> Client:
        client = Client(raise_request_exception=False)
        if who == "stranger":
            return client
        client.force_login(_somebody(who, acme, alice, carol))
        return client

    return browser


def _somebody(who: str, acme, alice: Operator, carol: Operator) -> Operator:
    if who in ("owner", "outsider"):
        return alice if who == "owner" else carol
    operator = services.create_operator(f"{who}@x.example".replace(" ", "-"), PASSWORD)
    with tenant_scope(acme.id):
        if who == "owner of this project":
            services.add_member(operator, OWNER, project=acme.project)
        elif who == "owner of another project":
            other = services.create_project("Another")
            services.add_member(operator, OWNER, project=other)
        else:
            services.add_member(operator, Role(who))
    return operator


def rank(who: str, name: str) -> int | None:
    """What somebody may on a page; None where it is not there for them."""
    if who == "owner of this project":
        return RANK[OWNER] if name in OF_A_PROJECT else None
    return RANK[Role(who)] if who in set(Role) else None


# --- The matrix --------------------------------------------------------------

EVERYBODY = [
    *map(str, Role),
    "owner of this project",
    "owner of another project",
    "outsider",
]


@pytest.mark.parametrize("who", EVERYBODY)
def test_who_may_read(browser, address, ids, who):
    client, wrong = browser(who), []
    for name, (least, _) in ROLES.items():
        mine = rank(who, name)
        answer = client.get(address(name, ids if _is_refused(mine, least) else None))
        wrong += _complaints(f"GET {name}", answer, mine, least)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("who", EVERYBODY)
def test_who_may_write(browser, address, who):
    """Ids name nothing here: who may write would change the next one's rows."""
    client, wrong = browser(who), []
    for name, (_, least) in ROLES.items():
        answer = client.post(address(name))
        if least is NOBODY:
            if answer.status_code != 405:
                wrong.append(f"POST {name}: {answer.status_code}, nobody may")
        else:
            mine = rank(who, name)
            wrong += _complaints(f"POST {name}", answer, mine, least)
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("who", [*EVERYBODY, "stranger"])
def test_who_is_refused_changes_nothing(browser, address, ids, acme, globex, who):
    client, wrong = browser(who), []
    before = fingerprint(acme, globex)
    for name, (_, least) in ROLES.items():
        if least is not NOBODY and _is_refused(rank(who, name), least):
            status = client.post(address(name, ids)).status_code
            is_let_in = status < 300 or (status < 400 and who != "stranger")
            wrong += [f"POST {name}: {status}"] if is_let_in else []
    assert not wrong, "\n".join(wrong)
    assert fingerprint(acme, globex) == before


def test_a_stranger_is_sent_to_the_sign_in(browser, address, ids):
    client = browser("stranger")
    for name in ROLES:
        for answer in (client.get(address(name, ids)), client.post(address(name, ids))):
            assert answer.status_code == 302, name
            assert answer["Location"].startswith("/console/sign-in/?next="), name


@pytest.mark.parametrize("role", Role)
def test_the_menu_offers_what_may_be_opened(browser, address, role):
    client = browser(str(role))
    seen = client.get(address("memories:overview")).content.decode()
    names = [name for _, pages in (*OF_PROJECT, *OF_TENANT) for _, name in pages]
    for name in names:
        is_offered = f'href="{address(name)}"\n             ' in seen
        assert is_offered == (RANK[role] >= RANK[ROLES[name][0]]), name
        if is_offered:
            assert client.get(address(name)).status_code == 200, name


def test_without_the_forms_token_nothing_is_written(alice, address, ids, acme, globex):
    client = Client(enforce_csrf_checks=True)
    client.force_login(alice)
    before = fingerprint(acme, globex)
    for name in ROLES:
        assert client.post(address(name, ids)).status_code == 403, name
    for name in ("console:sign-out", "console:account", "console:invitation"):
        assert client.post(reverse(name)).status_code == 403, name
    assert fingerprint(acme, globex) == before


def _is_refused(mine: int | None, least: Role) -> bool:
    return mine is None or mine < RANK[least]


def _complaints(what: str, answer, mine: int | None, least: Role) -> list[str]:
    status = answer.status_code
    if mine is None:
        return [] if status == 404 else [f"{what}: {status} instead of 404"]
    if mine < RANK[least]:
        return [] if status == 403 else [f"{what}: {status} instead of 403"]
    is_served = status != 403 and status < 500
    return [] if is_served else [f"{what}: {status}, though {least} may"]
