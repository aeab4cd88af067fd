"""JSON log lines with the request id that caused them (decision 29)."""

from __future__ import annotations

import logging
import traceback
from contextvars import ContextVar

from pythonjsonlogger.json import JsonFormatter as _JsonFormatter

request_id: ContextVar[str] = ContextVar("request_id", default="")


class JsonFormatter(_JsonFormatter):
    """Time, level, logger, message, request id and whatever ``extra`` was given."""

    def __init__(self) -> None:
        super().__init__(
            "%(levelname)s %(name)s %(message)s",
            rename_fields={"levelname": "level", "name": "logger"},
            timestamp="time",
        )

    def process_log_record(self, log_data: dict[str, object]) -> dict[str, object]:
        current = request_id.get()
        return {**log_data, "request_id": current} if current else log_data


def get(name: str) -> logging.Logger:
    return logging.getLogger(name)


def mistake_of(exc: Exception) -> dict[str, str]:
    """Where it happened, for ``extra``; not what the exception says, for that may quote
    a memory."""
    return {
        "exception": type(exc).__name__,
        "traceback": "".join(traceback.format_tb(exc.__traceback__)),
    }
