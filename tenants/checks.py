"""What a value must be before it is written; each raises InvalidRequest with its field.

The database would refuse most of it too, but as a failure, not as an answer.
"""

from __future__ import annotations

import re
import zoneinfo

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.core.validators import validate_email

from memplatform.lib.errors import InvalidRequest

RESERVED_SLUGS = {"account", "invitation", "sign-in", "sign-out"}
"""What the console calls its own pages."""
MAX_SUBJECT_CHARS = 256
MAX_NAME_CHARS = 200
MAX_KEY_NAME_CHARS = 100
MAX_EMAIL_CHARS = 254
MAX_TEXT_CHARS = 10_000
MAX_RATE = 1_000_000
_SLUG = re.compile(r"[a-z0-9]([a-z0-9-]{0,62}[a-z0-9])?")


def invalid(field: str, message: str) -> InvalidRequest:
    return InvalidRequest(message, fields={field: [message]})


def require_slug(slug: str) -> str:
    """A name for URLs and commands, 1 to 64 characters."""
    if not _SLUG.fullmatch(slug):
        raise invalid("slug", "Use lower-case letters, digits and inner hyphens.")
    if slug in RESERVED_SLUGS:
        raise invalid("slug", f"{slug!r} is a page of the console.")
    return slug


def require_timezone(name: str) -> str:
    """The IANA name of a timezone that exists."""
    try:
        zoneinfo.ZoneInfo(name)
    except (ValueError, OSError, zoneinfo.ZoneInfoNotFoundError) as exc:
        raise invalid("timezone", f"There is no timezone {name!r}.") from exc
    return name


def require_text(field: str, text: str, most: int, *, least: int = 1) -> str:
    """Text with so many characters besides blanks around it, and no NUL."""
    if len(text.strip()) < least or len(text) > most or "\0" in text:
        raise invalid(field, f"The {field} has {least} to {most} characters.")
    return text


def require_email(email: str) -> None:
    try:
        validate_email(email)
    except ValidationError as exc:
        raise invalid("email", f"{email!r} is not an e-mail address.") from exc
    require_text("email", email, MAX_EMAIL_CHARS)


def require_rate(requests_per_minute: int | None) -> None:
    """None, or requests a minute from 0, which is any number."""
    if requests_per_minute is not None and not 0 <= requests_per_minute <= MAX_RATE:
        message = f"A rate is 0 to {MAX_RATE} requests a minute."
        raise invalid("requests_per_minute", message)


def require_subject(field: str, value: str | None) -> str | None:
    """An id that names one subject, not all of them; None passes."""
    if value is None:
        return None
    is_wildcard = not value.strip("* ")
    if is_wildcard or len(value) > MAX_SUBJECT_CHARS or "\0" in value:
        message = f"An id has 1 to {MAX_SUBJECT_CHARS} characters and is not '*'."
        raise invalid(field, message)
    return value


def require_good_password(password: str) -> None:
    try:
        validate_password(password)
    except ValidationError as exc:
        raise invalid("password", " ".join(exc.messages)) from exc
