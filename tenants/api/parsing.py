"""JSON in, strictly: what the store or the wire could not hold is refused here.

Refused with 400: NUL, lone surrogates, NaN, Infinity, 1e999, nesting over 64 levels
(decision 26). A usual body costs three substring searches beside ``json.loads``.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import IO, Any, NoReturn

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import UnreadablePostError
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import BaseRenderer
from rest_framework.request import Request

from memplatform.lib.errors import BodyTooLarge, InvalidRequest

MAX_NESTING = 64
DISCARDED_LIMITS = 4
"""How many times the limit a body may have and still be taken in, to be refused."""
PART_BYTES = 64 * 1024
_ODD_ESCAPE = re.compile(r"\\u(0000|[dD][89a-fA-F])")
_CONTAINERS = (dict, list)


class StrictJSONParser(BaseParser):
    """Parses ``application/json`` up to ``MAX_BODY_BYTES``; an empty body is ``{}``."""

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        return parse_json(self._read(stream, parser_context or {}))

    def _read(self, stream: IO[bytes], context: Mapping[str, Any]) -> bytes:
        limit = settings.MAX_BODY_BYTES
        request = context.get("request")
        declared = int(request.META.get("CONTENT_LENGTH") or 0) if request else 0
        if declared > limit:
            _discard(stream, declared)
            _refuse_size(limit)
        try:
            body = stream.read(limit + 1)
        except RequestDataTooBig:
            _refuse_size(limit)
        except UnreadablePostError as exc:
            raise InvalidRequest("The request body ended before its length.") from exc
        if len(body) > limit:
            _refuse_size(limit)
        return body


def _discard(stream: IO[bytes], declared: int) -> None:
    """Take in what a client still sends, within reason: it hears no answer before."""
    if declared > DISCARDED_LIMITS * settings.MAX_BODY_BYTES:
        return
    left = declared
    try:
        while left > 0 and (part := stream.read(min(left, PART_BYTES))):
            left -= len(part)
    except UnreadablePostError:  # it has gone
        return


def parse_json(body: bytes) -> Any:
    """The JSON value of a body; raises InvalidRequest that says where it broke."""
    text = _decode(body)
    if not text.strip():
        return {}
    try:
        value = json.loads(text, parse_constant=_refuse_number, parse_float=_finite)
    except json.JSONDecodeError as exc:
        where = f"line {exc.lineno} column {exc.colno}"
        raise InvalidRequest(f"JSON parse error - {exc.msg} at {where}.") from exc
    except RecursionError as exc:
        raise _too_deep() from exc
    except ValueError as exc:  # an integer of more than 4,300 digits
        raise InvalidRequest("JSON parse error - a number is too long.") from exc
    _check(value, text)
    return value


def _decode(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as exc:
        message = f"JSON parse error - byte {exc.start} is not UTF-8."
        raise InvalidRequest(message) from exc


def _check(value: Any, text: str) -> None:
    """Walk the value only when its text could hold something that is refused."""
    has_odd_text = "\\u" in text and _ODD_ESCAPE.search(text) is not None
    if has_odd_text or text.count("[") + text.count("{") > MAX_NESTING:
        _walk(value, has_odd_text=has_odd_text)


def _walk(value: Any, *, has_odd_text: bool) -> None:
    """Level by level, so that depth costs no recursion."""
    level: list[Any] = [[value]]
    for _ in range(MAX_NESTING + 1):
        if has_odd_text:
            _check_texts(level)
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise _too_deep()


def _children(item: Any) -> list[Any]:
    """The objects and lists right inside; ``json.loads`` makes no subclasses."""
    values = item.values() if type(item) is dict else item
    return [child for child in values if type(child) in _CONTAINERS]


def _check_texts(level: Iterable[Any]) -> None:
    for item in level:
        if type(item) is dict:
            _check_all(item.keys())
            _check_all(item.values())
        else:
            _check_all(item)


def _check_all(values: Iterable[Any]) -> None:
    for text in values:
        if isinstance(text, str):
            _check_text(text)


def _check_text(text: str) -> None:
    if "\0" in text:
        raise InvalidRequest("A text holds a NUL character (\\u0000).")
    try:
        text.encode()
    except UnicodeEncodeError as exc:
        raise InvalidRequest("A text holds half of a surrogate pair.") from exc


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        _refuse_number(digits)
    return number


def _refuse_number(digits: str) -> NoReturn:
    raise InvalidRequest(f"JSON parse error - {digits[:20]} is not a JSON number.")


def _too_deep() -> InvalidRequest:
    return InvalidRequest(f"The JSON is nested deeper than {MAX_NESTING} levels.")


def _refuse_size(limit: int) -> NoReturn:
    raise BodyTooLarge(f"The request body may have {limit} bytes at most.")


class AlwaysJSON(BaseContentNegotiation):
    """Answers JSON whatever the client accepts; parses JSON, also when unlabelled."""

    def select_parser(
        self, request: Request, parsers: Iterable[BaseParser]
    ) -> BaseParser | None:
        content_type = request.content_type or ""
        kind = content_type.partition(";")[0].strip().lower()
        if not kind:
            return next(iter(parsers))
        return next((p for p in parsers if p.media_type == kind), None)

    def select_renderer(
        self,
        request: Request,
        renderers: Iterable[BaseRenderer],
        format_suffix: str | None = None,
    ) -> tuple[BaseRenderer, str]:
        renderer = next(iter(renderers))
        return renderer, renderer.media_type
