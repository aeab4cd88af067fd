"""Webhooks: seen by who reaches the project, changed by its owners and admins."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.conf import settings
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from memories.api import shapes as shared
from memories.api.projects.standing import Standing, in_project
from memories.api.requests import read_page
from memories.api.views.base import MemoryApiView
from memories.api.webhooks import describe, requests, shapes
from memories.models import Delivery, Webhook
from memories.selectors import webhooks as selectors
from memories.services import webhooks as services
from memories.types import JsonDict
from memories.webhooks.addresses import Allowed
from memplatform.lib.errors import NotFound
from tenants.api.permissions import require_unnarrowed
from tenants.audit import Actor
from tenants.scopes import tenant_scope
from tenants.selectors import get_project


class WebhookApiView(MemoryApiView):
    """A problem of a field stands under its name, as clients of webhooks expect.

    A webhook tells of the whole project, so narrowed keys stay outside.
    """

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super().initial(request, *args, **kwargs)
        require_unnarrowed(self.access, "see webhooks")

    def shape_error(self, body: dict[str, Any], status: int) -> dict[str, Any]:
        return {**body.get("fields", {}), **body}

    @property
    def actor(self) -> Actor:
        return Actor.api_key(self.access, self.request.META.get("REMOTE_ADDR"))

    @property
    def allowed(self) -> Allowed:
        return Allowed.of(settings.ALLOW_PRIVATE_WEBHOOKS)

    @contextmanager
    def webhook(self, webhook_id: str) -> Iterator[tuple[Webhook, Standing]]:
        """A webhook, and the standing in its project, whose scope is open.

        Raises NotFound where neither key nor owner reaches.
        """
        tenant_id = self.access.tenant_id
        with tenant_scope(tenant_id):
            webhook = selectors.get_webhook(_uuid(webhook_id, selectors.MISSING))
        standing = self._standing(str(webhook.project_id), selectors.MISSING)
        with tenant_scope(tenant_id, project_id=webhook.project_id):
            yield webhook, standing

    @contextmanager
    def changed(self, webhook_id: str) -> Iterator[Webhook]:
        """The same, for who may change it; raises Forbidden."""
        with self.webhook(webhook_id) as (webhook, standing):
            standing.require()
            yield webhook

    def _standing(self, project_id: str, missing: str) -> Standing:
        try:
            return in_project(self.access, str(self.access.tenant_id), project_id)
        except NotFound as exc:
            raise NotFound(missing) from exc

    def shown(self, webhook: Webhook) -> JsonDict:
        """Call inside its project's scope."""
        owner = selectors.emails_of([webhook]).get(webhook.owner_id or UUID(int=0), "")
        return shapes.webhook_json(webhook, webhook.project.name, owner)


class Webhooks(WebhookApiView):
    """GET, POST /api/v1/webhooks/projects/{project_id}/"""

    @extend_schema(**describe.LIST)
    def get(self, request: Request, project_id: str) -> Response:
        standing = self._standing(project_id, "Project not found.")
        with tenant_scope(self.access.tenant_id, project_id=standing.project_id):
            project = get_project(UUID(project_id))
            found = selectors.list_webhooks(project.id)
            owners = selectors.emails_of(found)
        return Response(
            [
                shapes.webhook_json(
                    webhook,
                    project.name,
                    owners.get(webhook.owner_id or project.id, ""),
                )
                for webhook in found
            ]
        )

    @extend_schema(**describe.CREATE)
    def post(self, request: Request, project_id: str) -> Response:
        standing = self._standing(project_id, "Project not found.")
        standing.require()
        new = requests.read_new(request.data, self.allowed)
        with tenant_scope(self.access.tenant_id, project_id=standing.project_id):
            webhook, secret = services.create_webhook(
                get_project(UUID(project_id)),
                new,
                owner_id=self.access.operator_id,
                actor=self.actor,
            )
            body = self.shown(webhook)
        return Response({**body, "secret": secret}, status=201)


class OneWebhook(WebhookApiView):
    """GET, PUT, DELETE /api/v1/webhooks/{webhook_id}/"""

    @extend_schema(**describe.GET)
    def get(self, request: Request, webhook_id: str) -> Response:
        with self.webhook(webhook_id) as (webhook, _):
            return Response(self.shown(webhook))

    @extend_schema(**describe.CHANGE)
    def put(self, request: Request, webhook_id: str) -> Response:
        with self.changed(webhook_id) as webhook:
            changes = requests.read_changes(request.data, self.allowed)
            services.change_webhook(webhook, changes, actor=self.actor)
        return Response({"message": "Webhook updated successfully"})

    @extend_schema(**describe.DELETE)
    def delete(self, request: Request, webhook_id: str) -> Response:
        with self.changed(webhook_id) as webhook:
            services.delete_webhook(webhook, actor=self.actor)
        return Response({"message": "Webhook deleted successfully"})


class RotateSecret(WebhookApiView):
    """POST /api/v1/webhooks/{webhook_id}/rotate-secret/"""

    @extend_schema(**describe.ROTATE)
    def post(self, request: Request, webhook_id: str) -> Response:
        with self.changed(webhook_id) as webhook:
            webhook, secret = services.rotate_secret(webhook, actor=self.actor)
            body = self.shown(webhook)
        return Response({**body, "secret": secret})


class TestWebhook(WebhookApiView):
    """POST /api/v1/webhooks/{webhook_id}/test/"""

    @extend_schema(**describe.TEST)
    def post(self, request: Request, webhook_id: str) -> Response:
        topic = requests.read_topic(request.data)
        with self.changed(webhook_id) as webhook:
            topic = topic or webhook.event_types[0]
            delivery = services.send_test(webhook, topic, actor=self.actor)
        return Response(shapes.delivery_json(delivery))


class WebhookDeliveries(WebhookApiView):
    """GET /api/v1/webhooks/{webhook_id}/deliveries/"""

    @extend_schema(**describe.DELIVERIES)
    def get(self, request: Request, webhook_id: str) -> Response:
        page = read_page(request.query_params)
        status = requests.read_status(request.query_params)
        with self.webhook(webhook_id) as (webhook, _):
            found = selectors.list_deliveries(
                webhook.id, page=page.number, page_size=page.size, status=status
            )
        return Response(shared.page_json(request, found, shapes.delivery_json))


class OneDelivery(WebhookApiView):
    """GET /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/"""

    @extend_schema(**describe.DELIVERY)
    def get(self, request: Request, webhook_id: str, delivery_id: str) -> Response:
        with self.webhook(webhook_id) as (webhook, _):
            delivery = _delivery(webhook, delivery_id)
        return Response(shapes.delivery_detail_json(delivery))


class Redeliver(WebhookApiView):
    """POST /api/v1/webhooks/{webhook_id}/deliveries/{delivery_id}/redeliver/"""

    @extend_schema(**describe.REDELIVER)
    def post(self, request: Request, webhook_id: str, delivery_id: str) -> Response:
        with self.changed(webhook_id) as webhook:
            delivery = _delivery(webhook, delivery_id)
            delivery = services.redeliver(webhook, delivery, actor=self.actor)
        return Response(shapes.delivery_json(delivery))


def _delivery(webhook: Webhook, delivery_id: str) -> Delivery:
    known_id = _uuid(delivery_id, selectors.NO_DELIVERY)
    return selectors.get_delivery(webhook.id, known_id)


def _uuid(value: str, missing: str) -> UUID:
    """Ids are opaque text: a malformed one is nobody's."""
    try:
        return UUID(value)
    except ValueError as exc:
        raise NotFound(missing) from exc
