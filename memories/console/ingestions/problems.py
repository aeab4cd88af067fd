"""What a failed ingestion says in words: what happened, and what to do about it.

What happened is the error's own sentence; what to do is told by docs/errors.md, with
which a test compares these.
"""

from __future__ import annotations

from dataclasses import dataclass

from memplatform.lib.errors import PlatformError

ERASED = "Its subject was erased before it was thought about."

WHAT_TO_DO = {
    "provider_error": "The model endpoint did not serve us.",
    "provider_timeout": "The model endpoint did not answer in time; try again.",
    "provider_unavailable": (
        "The model endpoint could not be reached or failed; try again."
    ),
    "provider_rate_limited": (
        "The model endpoint is asked too often; try again later."
    ),
    "provider_rejected": (
        "The model endpoint refuses us: check its key, the model's name and its quota."
    ),
    "provider_reply_invalid": (
        "The model's answer made no sense; try again, or choose a model that keeps to"
        " a schema."
    ),
    "provider_window_too_small": (
        "The project's instructions leave no room in the model's window: shorten them."
    ),
    "document_unavailable": (
        "An image or document of a message could not be fetched; it is tried again."
    ),
    "document_unreadable": (
        "An image or document of a message holds nothing that could be read: send"
        " another."
    ),
    "gave_up": (
        "Every attempt ended without an outcome: remove the cause, then retry it in the"
        " console or by manage.py retry_operation."
    ),
    "internal_error": (
        "A mistake of ours: the log has its cause; retry when it is mended."
    ),
    "erased": "Nothing: its subject was erased before it was thought about.",
}


@dataclass(frozen=True, slots=True)
class Problem:
    """``happened`` and ``to_do`` are sentences; ``can_retry``: it may end otherwise."""

    code: str
    happened: str
    to_do: str

    @property
    def can_retry(self) -> bool:
        return self.code != "erased"


def problem_of(code: str, message: str | None = None) -> Problem:
    """In the words kept with it, where there are any."""
    happened = message or _told().get(code) or ERASED
    return Problem(code, happened, WHAT_TO_DO.get(code, "Retry it."))


def _told() -> dict[str, str]:
    """What each kind of error says of itself, by its code.

    Of several with one code the most general speaks: the others are told apart by the
    sentence that is kept with a failure.
    """
    told: dict[str, str] = {}
    level: list[type[PlatformError]] = [PlatformError]
    while level:
        for kind in level:
            told.setdefault(kind.code, (kind.__doc__ or "").strip())
        level = [lower for kind in level for lower in kind.__subclasses__()]
    return told
