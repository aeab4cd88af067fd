"""Loud readers for the environment: a malformed value stops the boot with its name.

``make run`` writes what it generated (secrets, addresses) to ``settings.env`` in the
data directory, so that ``./manage.py`` in another shell talks to the same services.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

BASE_DIR = Path(__file__).resolve().parent.parent
TRUE_WORDS = {"1", "true", "yes", "on"}
FALSE_WORDS = {"0", "false", "no", "off", ""}
NO_MAILER = "memplatform.lib.mail.LogBackend"
SMTP_TIMEOUT_S = 20


def data_dir() -> Path:
    """Where embedded services keep their data; ``.memplatform`` in the checkout."""
    return Path(os.environ.get("MEMPLATFORM_DATA_DIR") or BASE_DIR / ".memplatform")


def load_embedded() -> None:
    """Take over what a running ``make run`` wrote; the environment wins."""
    path = data_dir() / "settings.env"
    if not os.access(path, os.R_OK):
        return
    for line in path.read_text().splitlines():
        name, separator, value = line.partition("=")
        if separator and name not in os.environ:
            os.environ[name] = value


def envstr(name: str, default: str = "") -> str:
    return os.environ.get(name, default).strip()


def envint(name: str, default: int, *, minimum: int = 0) -> int:
    raw = envstr(name, str(default))
    try:
        value = int(raw)
    except ValueError:
        _refuse(name, raw, "a whole number")
    if value < minimum:
        _refuse(name, raw, f"at least {minimum}")
    return value


def envfloat(name: str, default: float, *, minimum: float = 0.0) -> float:
    raw = envstr(name, str(default))
    try:
        value = float(raw)
    except ValueError:
        _refuse(name, raw, "a number")
    if not value >= minimum:
        _refuse(name, raw, f"at least {minimum}")
    return value


def envbool(name: str, *, default: bool) -> bool:
    raw = envstr(name, "true" if default else "false").lower()
    if raw in TRUE_WORDS:
        return True
    if raw in FALSE_WORDS:
        return False
    return _refuse(name, raw, "true or false")


def envlist(name: str, default: Sequence[str] = ()) -> list[str]:
    """Comma-separated words."""
    raw = envstr(name, ",".join(default))
    return [word.strip() for word in raw.split(",") if word.strip()]


def envorigins(name: str) -> list[str]:
    """``https://host[:port]``, comma-separated, or ``*``."""
    words = envlist(name)
    for word in words:
        url = urlsplit(word)
        is_origin = url.scheme in {"http", "https"} and f"{url.scheme}://{url.netloc}"
        if word != "*" and (word != is_origin or not url.netloc or "@" in word):
            _refuse(name, word, "an origin such as https://app.example.com, or *")
    return words


def envnetworks(name: str) -> list[IPv4Network | IPv6Network]:
    """Addresses and networks such as ``10.0.0.0/8``, comma-separated."""
    found = []
    for word in envlist(name):
        try:
            found.append(ip_network(word))
        except ValueError:
            _refuse(name, word, "an address or a network such as 10.0.0.0/8")
    return found


def envsecret(name: str, *, placeholder: str) -> str:
    """A secret; the placeholder serves only commands that check or build code."""
    return envstr(name) or placeholder


def database(name: str, default: str) -> dict[str, Any]:
    """A Django DATABASES entry from ``postgresql://user:password@host:port/name``."""
    raw = envstr(name, default)
    url = urlsplit(raw)
    if url.scheme not in {"postgresql", "postgres"} or not url.path.strip("/"):
        _refuse(name, url._replace(netloc="…").geturl(), "a postgresql:// URL")
    query = dict(parse_qsl(url.query))
    host = query.pop("host", None) or unquote(url.hostname or "")
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(url.path.strip("/")),
        "USER": unquote(url.username or ""),
        "PASSWORD": unquote(url.password or ""),
        "HOST": host,
        "PORT": str(url.port or ""),
        "OPTIONS": query,
    }


def oidc(issuer: str, *, name: str, client_id: str, secret: str) -> dict[str, Any]:
    """allauth's SOCIALACCOUNT_PROVIDERS for one OpenID provider, or for none."""
    if not issuer and not client_id:
        return {}
    if not issuer.startswith(("https://", "http://")):
        _refuse("OIDC_ISSUER", issuer, "the URL of an OpenID provider")
    if not client_id:
        _refuse("OIDC_CLIENT_ID", client_id, "what the provider calls this platform")
    app = {
        "provider_id": "oidc",
        "name": name,
        "client_id": client_id,
        "secret": secret,
        "settings": {"server_url": issuer, "oauth_pkce_enabled": True},
    }
    return {"openid_connect": {"APPS": [app]}}


def mailers(*, host: str, use_tls: bool, use_ssl: bool, **options: Any) -> Any:
    """Django's MAILERS: a server, or the log. TLS at once excludes STARTTLS."""
    if not host:
        return {"default": {"BACKEND": NO_MAILER}}
    options |= {"host": host, "timeout": SMTP_TIMEOUT_S}
    options |= {"use_ssl": use_ssl, "use_tls": use_tls and not use_ssl}
    return {
        "default": {
            "BACKEND": "django.core.mail.backends.smtp.EmailBackend",
            "OPTIONS": options,
        }
    }


def _refuse(name: str, raw: str, wanted: str) -> bool:
    sys.exit(f"memplatform: {name}={raw!r} is not {wanted}; see README, settings.")
