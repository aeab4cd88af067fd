"""``/console/<tenant>/<project>/search-lab/``"""

from __future__ import annotations

from django.urls import path

from memories.console.search_lab.traces import (
    keep_search,
    search_trace,
    search_traces,
)
from memories.console.search_lab.views import search_lab

urlpatterns = [
    path("", search_lab, name="search-lab"),
    path("keep/", keep_search, name="keep-search"),
    path("traces/", search_traces, name="search-traces"),
    path("traces/<uuid:trace_id>/", search_trace, name="search-trace"),
]
