"""The web entry point: gunicorn with threads serves this."""

from __future__ import annotations

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "memplatform.settings")

application = get_wsgi_application()
