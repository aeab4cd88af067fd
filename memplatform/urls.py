"""Every path there is, and what answers the ones there are not."""

from __future__ import annotations

from importlib.util import find_spec

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path
from django.views.generic import RedirectView
from drf_spectacular.renderers import OpenApiJsonRenderer2
from drf_spectacular.views import SpectacularAPIView, SpectacularSwaggerSplitView

from memplatform import health

schema = SpectacularAPIView.as_view(renderer_classes=[OpenApiJsonRenderer2])
docs = SpectacularSwaggerSplitView.as_view(template_name="docs/swagger_ui.html")

urlpatterns: list[URLPattern | URLResolver] = [
    path("", RedirectView.as_view(pattern_name="console:home"), name="root"),
    path("healthz", health.healthz, name="healthz"),
    path("readyz", health.readyz, name="readyz"),
    path("api/schema/", schema, name="schema"),
    path("api/docs/", docs, name="docs"),
    path("console/", include("tenants.console.urls")),
    path("console/", include("tenants.console.account.urls")),
    path("console/", include("tenants.console.pages")),
]
if settings.ENABLE_ADMIN:
    from tenants import staff

    urlpatterns.append(path("admin/", staff.site.urls))
if find_spec("memories.api.urls"):
    project = "console/<slug:tenant>/<uuid:project>/"
    urlpatterns.append(path(project, include("memories.console.urls")))
    urlpatterns.append(path("", include("memories.api.urls")))
    urlpatterns.append(path("", include("memories.mcp.urls")))

handler400 = "memplatform.pages.bad_request"
handler404 = "memplatform.pages.not_found"
handler500 = "memplatform.pages.server_error"
