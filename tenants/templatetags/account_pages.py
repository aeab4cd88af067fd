"""What the templates of an operator's own account need."""

from __future__ import annotations

from dataclasses import dataclass

from django import template
from django.template.context import RequestContext
from django.urls import reverse

register = template.Library()

TABS = (
    ("Profile", "console:account"),
    ("Password", "account_change_password"),
    ("Two-factor", "mfa_index"),
    ("Passkeys", "mfa_list_webauthn"),
    ("Sessions", "usersessions_list"),
)
# The first that is named wins: most browsers name their ancestors too.
BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
    ("curl/", "curl"),
)
SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS", "macOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True, slots=True)
class Tab:
    label: str
    url: str
    is_here: bool


@register.simple_tag(takes_context=True)
def account_tabs(context: RequestContext) -> list[Tab]:
    """The pages of an account; the first one only on itself."""
    path = context["request"].path
    tabs = []
    for label, name in TABS:
        url = reverse(name)
        is_here = path == url if name == "console:account" else path.startswith(url)
        tabs.append(Tab(label, url, is_here))
    return tabs


@register.filter
def browser(user_agent: str) -> str:
    """``Firefox on Linux``, as far as a browser tells."""
    name = next((word for mark, word in BROWSERS if mark in user_agent), "A browser")
    system = next((word for mark, word in SYSTEMS if mark in user_agent), None)
    return f"{name} on {system}" if system else name
