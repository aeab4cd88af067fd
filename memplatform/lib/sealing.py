"""Secrets at rest: Fernet, with a rotatable list of keys (ENCRYPTION_KEYS)."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from memplatform.lib.errors import ProviderRejected


def encrypt(text: str, keys: list[str]) -> str:
    """With the first key; blank stays blank."""
    return _box(keys).encrypt(text.encode()).decode() if text else ""


def decrypt(token: str, keys: list[str]) -> str:
    """With whichever key fits; raises ProviderRejected when none does."""
    if not token:
        return ""
    with _clear_errors():
        return _box(keys).decrypt(token.encode()).decode()


def rotate(token: str, keys: list[str]) -> str:
    """The same secret under the first key; raises ProviderRejected when none fits."""
    if not token:
        return ""
    with _clear_errors():
        return _box(keys).rotate(token.encode()).decode()


@contextmanager
def _clear_errors() -> Iterator[None]:
    try:
        yield
    except InvalidToken as exc:
        raise ProviderRejected(
            "A stored secret cannot be read with ENCRYPTION_KEYS; enter it again."
        ) from exc


def _box(keys: list[str]) -> MultiFernet:
    if not keys:
        raise ProviderRejected("ENCRYPTION_KEYS is not set; stored secrets need it.")
    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError as exc:
        raise ProviderRejected(
            "ENCRYPTION_KEYS holds a word that is no Fernet key (32 bytes, base64)."
        ) from exc
