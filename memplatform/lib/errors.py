"""The error tree of the platform; every class carries its wire code and status.

PlatformError
├── InvalidRequest            400  bad input; ``fields`` names what is wrong
│   ├── BodyTooLarge          413
│   └── LengthRequired        411
├── NotAuthenticated          401
├── Forbidden                 403  the key or role is too narrow
├── NotFound                  404  absent, or another tenant's
├── Conflict                  409  only: an idempotency key reused with another body
├── RateLimited               429
├── QuotaExceeded             413
├── ScopeError                500  a programming error: a query outside a tenant scope
└── ProviderError             502  a model, embedder or reranker did not serve us
    ├── ProviderTimeout            retryable
    ├── ProviderUnavailable        retryable
    ├── ProviderRateLimited        retryable, ``retry_after_s``
    ├── ProviderRejected           not retryable: bad key, unknown model, refused
    ├── ProviderReplyInvalid       retryable: the reply did not parse or fit the schema
    ├── ProviderWindowTooSmall     not retryable: the instructions leave no room
    ├── DocumentUnavailable        retryable: what a message names is not served now
    └── DocumentUnreadable         not retryable: it is no such thing, or too large

A docstring is the class's default message. Nothing here knows Django.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar


class PlatformError(Exception):
    """The platform could not do this."""

    code: ClassVar[str] = "error"
    status: ClassVar[int] = 500
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        message: str = "",
        *,
        fields: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.message = message or (self.__doc__ or "").strip()
        self.fields = dict(fields or {})
        super().__init__(self.message)


class InvalidRequest(PlatformError):
    """The request is not valid."""

    code = "invalid_request"
    status = 400


class BodyTooLarge(InvalidRequest):
    """The request body is larger than the configured limit."""

    code = "body_too_large"
    status = 413


class LengthRequired(InvalidRequest):
    """Send the body with a Content-Length, not in chunks."""

    code = "length_required"
    status = 411


class NotAuthenticated(PlatformError):
    """Invalid API key."""

    code = "not_authenticated"
    status = 401


class Forbidden(PlatformError):
    """This key may not do that."""

    code = "forbidden"
    status = 403


class NotFound(PlatformError):
    """Not found."""

    code = "not_found"
    status = 404


class Conflict(PlatformError):
    """This idempotency key was already used with another request body."""

    code = "idempotency_key_reused"
    status = 409


class RateLimited(PlatformError):
    """Too many requests; try again later."""

    code = "rate_limited"
    status = 429
    retryable = True

    def __init__(self, message: str = "", *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class QuotaExceeded(PlatformError):
    """The quota of this tenant is used up."""

    code = "quota_exceeded"
    status = 413


class ScopeError(PlatformError):
    """A tenant's data was asked for outside an open tenant scope."""

    code = "unscoped"
    status = 500


class ProviderError(PlatformError):
    """A model provider did not serve the request."""

    # Its message is stored, answered and shown: never what the provider said in words
    # of its own, which may quote what it was asked.

    code = "provider_error"
    status = 502


class ProviderTimeout(ProviderError):
    """The model provider did not answer in time."""

    code = "provider_timeout"
    retryable = True


class ProviderUnavailable(ProviderError):
    """The model provider could not be reached or failed."""

    code = "provider_unavailable"
    retryable = True


class ProviderRateLimited(ProviderError):
    """The model provider asked us to slow down."""

    code = "provider_rate_limited"
    retryable = True

    def __init__(
        self, message: str = "", *, retry_after_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class ProviderRejected(ProviderError):
    """The model provider refused the request."""

    code = "provider_rejected"


class ProviderReplyInvalid(ProviderError):
    """The model's reply could not be understood."""

    code = "provider_reply_invalid"
    retryable = True

    def __init__(self, message: str = "", *, detail: str = "") -> None:
        """``detail`` may quote the reply: for the model only, when asked again."""
        super().__init__(message)
        self.detail = detail or self.message


class ProviderWindowTooSmall(ProviderError):
    """The model's window has no room for messages beside the instructions."""

    code = "provider_window_too_small"


class DocumentUnavailable(ProviderError):
    """A document that a message names could not be fetched."""

    code = "document_unavailable"
    retryable = True


class DocumentUnreadable(ProviderError):
    """A document that a message brings cannot be read."""

    code = "document_unreadable"
