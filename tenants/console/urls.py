"""The console's own paths."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from tenants.console import views
from tenants.console.account.urls import OF_CONSOLE

app_name = "console"
urlpatterns = [
    path("", views.home, name="home"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
    *OF_CONSOLE,
]
