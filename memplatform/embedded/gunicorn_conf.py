"""How gunicorn serves ``memplatform.wsgi``: processes of threads; addresses by --bind.

Read by gunicorn, with ``--config python:memplatform.embedded.gunicorn_conf``.
"""

from __future__ import annotations

import os
from pathlib import Path

from memplatform import env

workers = env.envint("WEB_WORKERS", 2, minimum=1)
threads = env.envint("WEB_THREADS", 4, minimum=1)
worker_class = "gthread"
limit_request_line = 8190  # bytes, the most there is; longer ones are refused
# Each worker opens its own database pool and loads its own model, after the fork.
preload_app = False
# A heartbeat on a real disk can block a worker for as long as the disk is busy.
_MEMORY = Path("/dev/shm")  # noqa: S108
worker_tmp_dir = str(_MEMORY) if os.access(_MEMORY, os.W_OK) else None
graceful_timeout = 10
timeout = 60
keepalive = 30
control_socket_disable = True
errorlog = "-"
# To the log below. The path without its query; with the id that joins it to a task.
access_log_format = "%(m)s %(U)s %(s)s %(M)s ms, request %({x-request-id}o)s"
logconfig_dict = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "memplatform.lib.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {
        "gunicorn.error": {"handlers": [], "level": "INFO", "propagate": True},
        "gunicorn.access": {"handlers": [], "level": "INFO", "propagate": True},
    },
}
