"""What needs somebody, and where to go about it, as far as a role may go there."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, cast

from django.urls import NoReverseMatch, resolve, reverse

from memories.models import GoldenSet
from memories.providers.factory import LOCAL
from memories.selectors.attention import MOST, Attention, find_attention
from memories.selectors.projects import get_setup
from memplatform.lib import clock
from tenants.console.usage.limits import is_near, quota_states
from tenants.console.visits import Page, Visit

BAD, WARN, NOTE = "bad", "warn", "accent"


@dataclass(frozen=True, slots=True)
class Notice:
    """``level`` is the badge's; ``url`` blank: this operator cannot go there."""

    level: str
    label: str
    text: str
    url: str = ""


def list_attention(visit: Visit) -> list[Notice]:
    """The worst first. Opens its own scopes."""
    with visit.scope():
        found = find_attention()
        is_by_rules = get_setup(visit.project_id).engine == LOCAL
    notices = [*_of_work(visit, found), *_of_access(visit, found)]
    notices += _of_golden_sets(visit, found)
    notices += [*_of_quotas(visit), *_of_setup(visit, found, is_by_rules=is_by_rules)]
    order = (BAD, WARN, NOTE)
    return sorted(notices, key=lambda notice: order.index(notice.level))


def _of_work(visit: Visit, found: Attention) -> Iterator[Notice]:
    if found.failed:
        yield Notice(
            BAD,
            "Failed",
            f"{_many(found.failed, 'ingestion')} failed in the last 7 days.",
            page_url(visit, "memories:ingestions", status="FAILED"),
        )
    if found.late:
        yield Notice(
            BAD,
            "Stuck",
            f"{_many(found.late, 'operation')} not finished for more than 5 minutes.",
            page_url(visit, "memories:ingestions", status="PENDING"),
        )
    if found.in_review:
        yield Notice(
            WARN,
            "Review",
            f"{_many(found.in_review, 'memory', 'memories')} waiting for a decision.",
            page_url(visit, "memories:review"),
        )
    if found.doubted:
        place = [visit.tenant_slug, visit.project_id, found.doubted_first]
        yield Notice(
            NOTE,
            "Doubts",
            f"{_many(found.doubted, 'memory', 'memories')} that may be stale.",
            reverse("memories:memory", args=place),
        )
    for webhook in found.failing_webhooks:
        state = "is switched off" if webhook.disabled_at else "does not get through"
        yield Notice(
            BAD if webhook.disabled_at else WARN,
            "Webhook",
            f"The webhook “{webhook.name}” {state}.",
            page_url(visit, "memories:webhooks"),
        )


def _of_golden_sets(visit: Visit, found: Attention) -> Iterator[Notice]:
    """Its own questions are answered worse than what was accepted."""
    for golden in found.failing_golden_sets:
        is_below = golden.state == GoldenSet.State.BELOW
        less = "finds less than was accepted, or nothing at all"
        what = less if is_below else "could not be asked"
        url = page_url(visit, "memories:golden-sets")
        yield Notice(
            BAD,
            "Golden set",
            f"The golden set “{golden.name}” {what}.",
            f"{url}{golden.id}/" if url else "",
        )


def _of_access(visit: Visit, found: Attention) -> Iterator[Notice]:
    for key in found.expiring_keys:
        if key.expires_at is None:
            continue
        verb = "has expired" if key.expires_at <= clock.now() else "expires"
        yield Notice(
            WARN,
            "API key",
            f"The key “{key.name}” ({key.prefix}…) {verb} on"
            f" {key.expires_at:%-d %B %Y}.",
            page_url(visit, "tenants:api-keys"),
        )


def _of_quotas(visit: Visit) -> Iterator[Notice]:
    """Those who can do nothing about limits are not told of them."""
    if not visit.may_admin or visit.project is None:
        return
    for state in quota_states(visit, [visit.project]):
        if is_near(state):
            yield Notice(
                BAD if state.is_used_up else WARN,
                "Quota",
                f"{state} are used.",
                page_url(visit, "tenants:usage"),
            )


def _of_setup(visit: Visit, found: Attention, *, is_by_rules: bool) -> Iterator[Notice]:
    if is_by_rules:
        yield Notice(
            NOTE,
            "Engine",
            "No language model reads this project's conversations: rules do.",
            page_url(visit, "memories:providers"),
        )
    if found.changed_prompts:
        names = ", ".join(found.changed_prompts)
        yield Notice(
            NOTE,
            "Prompts",
            f"This release ships newer texts of: {names}.",
            page_url(visit, "memories:prompts"),
        )


def _many(count: int, one: str, more: str = "") -> str:
    number = f"more than {MOST - 1}" if count >= MOST else str(count)
    return f"{number} {one if count == 1 else more or one + 's'}"


def page_url(visit: Visit, name: str, **query: Any) -> str:
    """A page of the project or its tenant, blank where this role may not read it."""
    for place in ([visit.tenant_slug, visit.project_id], [visit.tenant_slug]):
        try:
            path = reverse(name, args=place)
        except NoReverseMatch:
            continue
        page = cast("Page", resolve(path).func)
        is_open = visit.standing.may(page.read_role)
        return reverse(name, args=place, query=query or None) if is_open else ""
    return ""
