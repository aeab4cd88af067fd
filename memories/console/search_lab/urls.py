"""The address of the search lab."""

from __future__ import annotations

from django.urls import path

from memories.console.search_lab.views import search_lab

urlpatterns = [path("", search_lab, name="search-lab")]
