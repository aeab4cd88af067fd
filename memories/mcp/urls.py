"""The one address of the Model Context Protocol."""

from __future__ import annotations

from django.urls import path

from memories.mcp.views import McpEndpoint

app_name = "mcp"

urlpatterns = [
    path("mcp", McpEndpoint.as_view(), name="endpoint"),
    # Clients do not follow a redirect, and people write both.
    path("mcp/", McpEndpoint.as_view(), name="endpoint-with-slash"),
]
