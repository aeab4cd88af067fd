"""Every page of the console inside a tenant, with rows for it to show."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

import pytest
from django.apps import apps
from django.db import connection
from django.urls import URLPattern, get_resolver, reverse

from memories.evaluation.golden import sets as golden_sets
from memories.evaluation.golden.running import run_golden_set
from memories.models import (
    Delivery,
    Entity,
    EntityMerge,
    GoldenRun,
    GoldenSet,
    Operation,
    Subject,
    Webhook,
)
from memories.retrieval.search import keep_trace
from memories.selectors.filters import parse_filters
from memories.services import webhooks
from memories.services.graph import merge_entities
from memories.types import ProposedEntity, SearchRequest
from memplatform.lib.ids import new_id
from tenants import services
from tenants.audit import SYSTEM
from tenants.models import Invitation, Membership, Role, TenantModel
from tenants.scopes import tenant_scope
from tenants.selectors import find_api_key
from tests.memories.agents import Agent, adds

WORDS = {"kind": "chat", "file_format": "csv", "purpose": "single_pass_user"}
"""What stands in an address besides ids."""
PARAMETER = re.compile(r"<(\w+):(\w+)>")


def _routes(patterns, prefix="", namespace="") -> Iterable[tuple[str, str]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLPattern):
            yield namespace + (pattern.name or ""), route
        else:
            inner = f"{pattern.namespace}:" if pattern.namespace else namespace
            yield from _routes(pattern.url_patterns, route, inner)


ROUTES = {
    name: route
    for name, route in _routes(get_resolver().url_patterns)
    if route.startswith("console/<slug:tenant>/")
}
OF_A_PROJECT = {name for name, route in ROUTES.items() if "<uuid:project>" in route}


@pytest.fixture
def ids(acme) -> dict[str, UUID]:
    """What each parameter of a route would name; others name nothing."""
    agent = Agent(acme)
    memory_id = agent.keep("I keep bees.")
    agent.learn("I live in Riga.")
    with tenant_scope(acme.id, project_id=acme.project.id):
        new = webhooks.NewWebhook("h", "https://x.example/", ["memory_add"])
        hook, _ = webhooks.create_webhook(acme.project, new, owner_id=acme.owner.id)
        webhooks.send_test(hook, "memory_add")
    bees = SearchRequest("bees", parse_filters({"user_id": "ann"}))
    trace_id = keep_trace(agent.access, bees)
    golden, run_id = _asked_golden_set(acme)
    merge = _merged(agent)
    with tenant_scope(acme.id):
        services.invite_member("i@x.example", Role.VIEWER, invited_by=acme.owner)
        key = find_api_key(acme.key.split("_")[2])
        add = Operation.objects.filter(kind="ADD").order_by("created_at").last()
        return {
            "memory_id": memory_id,
            "trace_id": trace_id,
            "entity_id": merge.kept_id,
            "merge_id": merge.id,
            "subject_id": Subject.objects.order_by("created_at")[0].id,
            "operation_id": add.id,
            "golden_id": golden.id,
            "run_id": run_id,
            "webhook_id": Webhook.objects.get().id,
            "delivery_id": Delivery.objects.get().id,
            "key_id": key.id,
            "invitation_id": Invitation.objects.get().id,
            "member_id": Membership.objects.order_by("created_at")[0].id,
        }


def _merged(agent: Agent) -> EntityMerge:
    """Two names of ann's that somebody took for one."""
    for name in ("Bo", "Zed"):
        named = (ProposedEntity(name, "person"),)
        agent.decide(adds(f"{name} called.", entities=named))
    with agent.scope():
        bo, zed = Entity.objects.filter(name__in=("Bo", "Zed")).order_by("name")
        return merge_entities(agent.company.project, bo.id, zed.id, actor=SYSTEM)


def _asked_golden_set(acme) -> tuple[GoldenSet, UUID]:
    """A golden set and its run."""
    line = '{"question": "What does Ann keep?", "user_id": "ann", "expects": ["bees"]}'
    with tenant_scope(acme.id, project_id=acme.project.id):
        golden = golden_sets.create_golden_set(
            acme.project.id,
            golden_sets.Wanted("g", line, 24, 0.02),
            author_id=acme.owner.id,
            actor=SYSTEM,
        )
        golden_sets.ask_now(golden, actor=SYSTEM)
    run_golden_set(acme.id, golden.id)
    with tenant_scope(acme.id):
        return golden, GoldenRun.objects.get().id


@pytest.fixture
def address(acme):
    """Where a route is in acme, with these ids, or ids of nothing."""

    def address(name: str, ids: Mapping[str, UUID] | None = None) -> str:
        given: dict[str, Any] = {"tenant": "acme", "project": acme.project.id}
        for converter, parameter in PARAMETER.findall(ROUTES[name]):
            if converter == "uuid":
                given.setdefault(parameter, (ids or {}).get(parameter) or new_id())
            else:
                given.setdefault(parameter, WORDS.get(parameter, "x"))
        wanted = {parameter for _, parameter in PARAMETER.findall(ROUTES[name])}
        return reverse(name, kwargs={k: v for k, v in given.items() if k in wanted})

    return address


def fingerprint(acme, globex) -> list[tuple[Any, ...]]:
    """All rows of both tenants, as digests."""
    models = [m for m in apps.get_models() if issubclass(m, TenantModel)]
    seen = []
    for company in (acme, globex):
        with tenant_scope(company.id), connection.cursor() as cursor:
            for model in models:
                table = model._meta.db_table
                rows = f"SELECT md5(string_agg(t::text, '' ORDER BY t::text)) FROM {table} t"
                cursor.execute(rows)
                seen.append((company.tenant.slug, table, cursor.fetchone()[0]))
    return seen
