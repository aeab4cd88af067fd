"""The console's own paths."""

from __future__ import annotations

from django.contrib.auth.views import LogoutView
from django.urls import path

from tenants.console import views

app_name = "console"
urlpatterns = [
    path("", views.home, name="home"),
    path("sign-in/", views.SignIn.as_view(), name="sign-in"),
    path("sign-out/", LogoutView.as_view(), name="sign-out"),
]
