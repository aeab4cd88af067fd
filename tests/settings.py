"""The platform's settings, away from the checkout's own data, and quicker."""

from __future__ import annotations

import os

os.environ["MEMPLATFORM_DATA_DIR"] = "/nonexistent"  # a running `make run` is not ours

from memplatform.settings import *  # noqa: F403
from memplatform.settings import DATABASES, REST_FRAMEWORK

SECRET_KEY = "tests-only"
ENCRYPTION_KEYS = ["dGVzdHMgb25seSwgdGVzdHMgb25seSwgdGVzdHMgb24="]
BROKER_URL = "redis://127.0.0.1:1/0"  # nobody listens; the `valkey` fixture changes it
ALLOW_PRIVATE_PROVIDERS = True  # the stand-in model server is on this machine
ALLOW_PRIVATE_WEBHOOKS = ["127.0.0.1"]  # and so is the receiver of webhooks
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
REST_FRAMEWORK = {**REST_FRAMEWORK, "TEST_REQUEST_DEFAULT_FORMAT": "json"}
ALLOWED_HOSTS = ["*"]
for _database in DATABASES.values():
    _database["OPTIONS"].pop("pool", None)  # a test's transaction is one connection

# Each test client makes its middleware anew: 35 ms for a look at every static file.
WHITENOISE_AUTOREFRESH = True
