"""Provider keys and webhook secrets at rest."""

from __future__ import annotations

from memplatform.lib.sealing import decrypt, encrypt, rotate

__all__ = ["decrypt", "encrypt", "rotate"]
