"""A project or tenant that is gone for everyone while its data is being purged."""

from __future__ import annotations

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("tenants", "0002_grant_framework_tables")]

    operations = [
        migrations.AddField(
            "project",
            "deleted_at",
            models.DateTimeField(editable=False, null=True),
        ),
        migrations.AlterField(
            "tenant",
            "status",
            models.CharField(
                choices=[
                    ("active", "Active"),
                    ("suspended", "Suspended"),
                    ("closing", "Closing"),
                    ("purged", "Purged"),
                ],
                default="active",
                max_length=16,
            ),
        ),
    ]
