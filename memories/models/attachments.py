"""Documents and images that messages bring, and what was read in them."""

from __future__ import annotations

from django.db import models

from memories.models.ingestion import Ingestion
from memplatform.lib import clock
from tenants.models import ProjectModel, TenantModel, reference


class Attachment(ProjectModel):
    """One part of a message that is not its own words (``sql/gone_too.sql``).

    ``data`` is what came inside the request, until it was read; ``pages`` is the text
    that was read, one for each page of a PDF, else a single one (for an image, what a
    model saw in it). ``sha256`` is of what was read, wherever it came from. The row
    goes when its message is emptied.
    """

    ingestion = reference(Ingestion)
    position = models.BigIntegerField(help_text="Of its message in the anchor.")
    number = models.IntegerField(help_text="Its place among those of its message.")
    part = models.IntegerField(null=True, help_text="Its place in a list of parts.")
    kind = models.CharField(max_length=16)
    url = models.TextField(null=True)
    data = models.BinaryField(null=True)
    media_type = models.CharField(max_length=64, null=True)
    size = models.BigIntegerField(null=True, help_text="Bytes.")
    sha256 = models.CharField(max_length=64, null=True)
    pages = models.JSONField(null=True)
    created_at = models.DateTimeField(default=clock.now)
    read_at = models.DateTimeField(null=True)

    class Meta(TenantModel.Meta):
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "ingestion", "position", "number"],
                name="attachment_number",
            )
        ]
