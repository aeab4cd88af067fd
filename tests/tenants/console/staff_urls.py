"""The platform's paths where ENABLE_ADMIN is set."""

from __future__ import annotations

from django.urls import path

from memplatform.urls import urlpatterns as usual
from tenants import staff

urlpatterns = [*usual, path("admin/", staff.site.urls)]
