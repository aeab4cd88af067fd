"""For ``makemigrations --check``, which compares code with code: it waits for nobody."""

from __future__ import annotations

from memplatform.settings import *  # noqa: F403
from memplatform.settings import DATABASES

DATABASES = {alias: {"ENGINE": "django.db.backends.dummy"} for alias in DATABASES}
# What no database at all cannot do.
SILENCED_SYSTEM_CHECKS = ["models.W040", "models.W047"]
