"""API keys as text: ``mp_<tenant>_<prefix>_<secret>``, everything in base62.

The tenant travels in the key because row-level security must know it before the first
query (decision 4). Pure functions: no database, no Django.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string
from dataclasses import dataclass
from uuid import UUID

from memplatform.lib.errors import NotAuthenticated

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
TENANT_CHARS = 22  # 62**22 > 2**128
PREFIX_CHARS = 8
SECRET_CHARS = 43  # 62**43 > 2**256
API_KEY = "mp"
INVITATION = "mpi"

_SHAPE = re.compile(
    rf"(?P<kind>{API_KEY}|{INVITATION})"
    rf"_(?P<tenant>[0-9A-Za-z]{{{TENANT_CHARS}}})"
    rf"_(?P<prefix>[0-9A-Za-z]{{{PREFIX_CHARS}}})"
    rf"_(?P<secret>[0-9A-Za-z]{{{SECRET_CHARS}}})",
    re.ASCII,
)
_VALUE_OF = {character: value for value, character in enumerate(ALPHABET)}


@dataclass(frozen=True, slots=True)
class KeyParts:
    """What a key's text says; nothing of it is believed yet."""

    tenant_id: UUID
    prefix: str
    secret: str

    def matches(self, digest: str) -> bool:
        """Whether the secret has this digest, in time that tells nothing."""
        return hmac.compare_digest(digest_secret(self.secret), digest)


@dataclass(frozen=True, slots=True)
class NewKey:
    """A fresh key: ``text`` is shown once, ``prefix`` and ``digest`` are kept."""

    text: str
    prefix: str
    digest: str


def generate_key(tenant_id: UUID, *, kind: str = API_KEY) -> NewKey:
    """A key of this tenant with a secret of 256 random bits."""
    prefix = "".join(secrets.choice(ALPHABET) for _ in range(PREFIX_CHARS))
    secret = _encode(secrets.randbits(256), SECRET_CHARS)
    tenant = _encode(tenant_id.int, TENANT_CHARS)
    return NewKey(f"{kind}_{tenant}_{prefix}_{secret}", prefix, digest_secret(secret))


def parse_key(text: str, *, kind: str = API_KEY) -> KeyParts:
    """Take a key apart; raises NotAuthenticated unless it has the exact shape."""
    match = _SHAPE.fullmatch(text)
    if match is None or match["kind"] != kind:
        raise NotAuthenticated
    tenant = _decode(match["tenant"])
    if tenant >= 1 << 128:
        raise NotAuthenticated
    return KeyParts(UUID(int=tenant), match["prefix"], match["secret"])


def digest_secret(secret: str) -> str:
    """SHA-256, hexadecimal. No salt or stretching: the secret is 256 random bits."""
    return hashlib.sha256(secret.encode("ascii")).hexdigest()


def _encode(number: int, length: int) -> str:
    digits: list[str] = []
    for _ in range(length):
        number, value = divmod(number, len(ALPHABET))
        digits.append(ALPHABET[value])
    return "".join(reversed(digits))


def _decode(text: str) -> int:
    number = 0
    for character in text:
        number = number * len(ALPHABET) + _VALUE_OF[character]
    return number
