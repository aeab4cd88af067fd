"""A small OpenID provider for tests: real HTTP, codes that serve once, PKCE checked.

    with OpenIdProvider() as provider:
        provider.person = {"sub": "7", "email": "ann@x.org", "email_verified": True}

Everybody who arrives at ``/authorize`` is ``person``, who agrees at once; None refuses.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.parse import parse_qsl, urlencode, urlsplit

import jwt

CLIENT_ID = "memplatform"
SECRET = "the secret of the client, long enough to sign"


class OpenIdProvider:
    """Serves until its ``with`` block ends; ``url`` is its issuer."""

    def __init__(self) -> None:
        self.person: dict[str, Any] | None = None
        self.audience = CLIENT_ID
        self.codes: dict[str, dict[str, str]] = {}
        self.refused: list[str] = []
        provider = self

        class Handler(_Handler):
            serving = provider

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    # --- What the provider does ---------------------------------------------

    def configuration(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/userinfo",
            "jwks_uri": f"{self.url}/keys",
            "token_endpoint_auth_methods_supported": ["client_secret_post"],
        }

    def authorize(self, asked: dict[str, str]) -> str:
        """Where the browser goes back to."""
        if self.person is None:
            back = {"error": "access_denied", "state": asked["state"]}
        else:
            code = secrets.token_urlsafe()
            self.codes[code] = asked
            back = {"code": code, "state": asked["state"]}
        return f"{asked['redirect_uri']}?{urlencode(back)}"

    def token(self, asked: dict[str, str]) -> dict[str, Any] | None:
        """What a code buys, once; None when anything is not as it was."""
        given = self.codes.pop(asked.get("code", ""), None)
        verifier = asked.get("code_verifier", "").encode()
        digest = base64.urlsafe_b64encode(hashlib.sha256(verifier).digest())
        is_good = (
            given is not None
            and asked.get("client_secret") == SECRET
            and asked.get("redirect_uri") == given["redirect_uri"]
            and digest.decode().rstrip("=") == given.get("code_challenge")
        )
        if not is_good:
            self.refused.append("token")
            return None
        claims = {"iss": self.url, "aud": self.audience, "exp": int(time.time()) + 60}
        id_token = jwt.encode({**claims, **(self.person or {})}, SECRET, "HS256")
        return {"access_token": "at", "token_type": "Bearer", "id_token": id_token}


class _Handler(BaseHTTPRequestHandler):
    serving: OpenIdProvider

    def do_GET(self) -> None:
        path, query = urlsplit(self.path).path, urlsplit(self.path).query
        if path == "/.well-known/openid-configuration":
            self._json(self.serving.configuration())
        elif path == "/authorize":
            self.send_response(302)
            location = self.serving.authorize(dict(parse_qsl(query)))
            self.send_header("Location", location)
            self.end_headers()
        elif path == "/userinfo" and self.headers["Authorization"] == "Bearer at":
            self._json(self.serving.person)
        else:
            self._json({"error": "not_found"}, 404)

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        answer = self.serving.token(dict(parse_qsl(body)))
        self._json(answer or {"error": "invalid_grant"}, 200 if answer else 400)

    def _json(self, answer: Any, status: int = 200) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""
