"""Usage also tells how often models were asked, and what that cost."""

from __future__ import annotations

from typing import Any

from django.db import migrations, models


def _calls() -> Any:
    return models.BigIntegerField(default=0, db_default=0)


def _cost() -> Any:
    return models.DecimalField(
        max_digits=18, decimal_places=8, default=0, db_default=0
    )


class Migration(migrations.Migration):
    dependencies = [("tenants", "0004_limits_and_usage")]
    operations = [
        migrations.AddField("usage", "model_calls", _calls()),
        migrations.AddField("subjectusage", "model_calls", _calls()),
        migrations.AddField("subjectusage", "cost", _cost()),
    ]
