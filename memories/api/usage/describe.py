"""Usage and limits in the API document."""

from __future__ import annotations

from datetime import date

from rest_framework.serializers import (
    CharField,
    ChoiceField,
    DateField,
    DateTimeField,
    IntegerField,
    ListField,
    Serializer,
    URLField,
)

from memories.api.components import nullable
from memories.api.describe import PAGING, answered, described, in_query, page
from tenants.limits import QUOTAS
from tenants.reports import GROUPS

GROUPS_HELP = (
    f"Some of {', '.join(GROUPS)}, separated by commas; subject and key not together. "
    "A request that names a user and an agent counts for both."
)


class Counts(Serializer):  # type: ignore[type-arg]
    requests = IntegerField(help_text="Those that were served.")
    prompt_tokens = IntegerField()
    completion_tokens = IntegerField()
    embedding_tokens = IntegerField()
    model_calls = IntegerField()
    cost = CharField(help_text="By the prices of the project's own chat provider.")


class UsedKey(Serializer):  # type: ignore[type-arg]
    id = CharField()
    name = CharField()
    prefix = CharField()


class UsedSubject(Serializer):  # type: ignore[type-arg]
    type = CharField()
    name = CharField(help_text="`erased-…` for whom erasure has made nameless.")


class UsageItem(Counts):
    day = nullable(DateField)
    key = nullable(UsedKey, help_text="Null also for work that no key asked for.")
    operation = nullable(CharField)
    subject = nullable(UsedSubject)


class UsagePage(Serializer):  # type: ignore[type-arg]
    count = IntegerField()
    next = nullable(URLField)
    previous = nullable(URLField)
    results = ListField(child=UsageItem())
    total = Counts(help_text="Of all pages.")


class Rate(Serializer):  # type: ignore[type-arg]
    requests_per_minute = IntegerField()
    remaining = IntegerField()
    resets_at = IntegerField(help_text="Unix seconds; then all of it is there again.")


class Rates(Serializer):  # type: ignore[type-arg]
    key = nullable(Rate, help_text="Null: any number of requests.")
    organization = nullable(Rate, help_text="Of all its keys together.")


class QuotaItem(Serializer):  # type: ignore[type-arg]
    name = ChoiceField(choices=QUOTAS)
    of = ChoiceField(choices=["organization", "project"])
    limit = IntegerField()
    used = IntegerField(help_text="This month, UTC.")
    remaining = IntegerField()
    stop = ChoiceField(
        choices=["hard", "soft"],
        help_text="Hard answers 413; soft serves on, and warns in a header.",
    )


class LimitsAnswer(Serializer):  # type: ignore[type-arg]
    rates = Rates()
    quotas = ListField(child=QuotaItem())
    month_ends = DateTimeField()


_COUNTS = {
    "requests": 40,
    "prompt_tokens": 52_000,
    "completion_tokens": 4_100,
    "embedding_tokens": 900,
    "model_calls": 40,
    "cost": "0.02120000",
}
USAGE = described(
    "report_usage",
    "usage",
    UsagePage,
    400,
    403,
    summary="What keys and subjects of the project used, some seconds behind",
    parameters=[
        in_query("from", "The first day, UTC; else the month's first.", date),
        in_query("to", "The last day; else today.", date),
        in_query("group_by", GROUPS_HELP),
        in_query("operation", "Only this one: add, search, list, …"),
        *PAGING,
    ],
    examples=[
        answered(
            "By day and operation",
            {
                **page(
                    {
                        **_COUNTS,
                        "day": "2026-03-01",
                        "key": None,
                        "operation": "add",
                        "subject": None,
                    }
                ),
                "total": _COUNTS,
            },
        )
    ],
)
LIMITS = described(
    "get_limits",
    "usage",
    LimitsAnswer,
    403,
    summary="How much may be asked, and how much of it is left",
    examples=[
        answered(
            "A rate per key, and a quota that stops",
            {
                "rates": {
                    "key": {
                        "requests_per_minute": 600,
                        "remaining": 599,
                        "resets_at": 1772357401,
                    },
                    "organization": None,
                },
                "quotas": [
                    {
                        "name": "add",
                        "of": "organization",
                        "limit": 10_000,
                        "used": 1_250,
                        "remaining": 8_750,
                        "stop": "hard",
                    }
                ],
                "month_ends": "2026-04-01T00:00:00+00:00",
            },
        )
    ],
)
