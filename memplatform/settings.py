"""Every setting of the platform, from the environment; the table is in README.md."""

from __future__ import annotations

import logging

from memplatform import env
from memplatform.lib import pool

env.load_embedded()

BASE_DIR = env.BASE_DIR
DATA_DIR = env.data_dir()
DEBUG = env.envbool("DEBUG", default=False)
SECRET_KEY = env.envsecret("SECRET_KEY", placeholder="not-for-serving")
ENCRYPTION_KEYS = env.envlist("ENCRYPTION_KEYS")
ALLOWED_HOSTS = env.envlist("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
CSRF_TRUSTED_ORIGINS = env.envlist("CSRF_TRUSTED_ORIGINS")
PUBLIC_URL = env.envstr("PUBLIC_URL")

INSTALLED_APPS = [
    "django.contrib.admin.apps.SimpleAdminConfig",  # its pages: ENABLE_ADMIN
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "corsheaders",
    "django_htmx",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "memplatform.embedded",
    "tenants",
    "memories",
]
MIDDLEWARE = [
    "memplatform.lib.http.RequestMiddleware",
    "corsheaders.middleware.CorsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "django.middleware.csp.ContentSecurityPolicyMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "tenants.console.account.activity.ActivityMiddleware",
]
ROOT_URLCONF = "memplatform.urls"
WSGI_APPLICATION = "memplatform.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.template.context_processors.csp",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
            "libraries": {"memories": "memories.console.tags"},
        },
    }
]
APPEND_SLASH = False

# --- PostgreSQL -------------------------------------------------------------
# Web and worker connect as the `app` role, which cannot bypass row-level security;
# `owner` migrates and builds indexes (decision 2). No server-side cursors, and prepared
# statements only where that is said: PgBouncer in transaction mode may stand between.
DB_POOL_SIZE = env.envint("DB_POOL_SIZE", 40, minimum=2)
DB_PREPARED_STATEMENTS = env.envbool("DB_PREPARED_STATEMENTS", default=False)
"""Whether PostgreSQL may keep the plans of what a request reads (docs/adr/0014)."""
_PLACEHOLDER = "postgresql://memplatform_app@127.0.0.1:5432/memplatform"
DATABASES = {
    "default": env.database("DATABASE_URL", _PLACEHOLDER),
    "owner": env.database(
        "MIGRATION_DATABASE_URL", env.envstr("DATABASE_URL", _PLACEHOLDER)
    ),
}
DB_POOL = {
    "min_size": 1,
    "max_size": DB_POOL_SIZE,
    "timeout": 10,
    # Attempts are made at twice the distance each: with the usual five minutes, as long
    # as an outage took passed after its end before the next (31 s after 33).
    "reconnect_timeout": 10,
    "check": pool.check_if_closed,
}
for _alias, _pool in (
    ("default", DB_POOL),
    ("owner", False),
):
    DATABASES[_alias]["DISABLE_SERVER_SIDE_CURSORS"] = True
    DATABASES[_alias]["CONN_HEALTH_CHECKS"] = True
    DATABASES[_alias]["OPTIONS"] = {
        **DATABASES[_alias]["OPTIONS"],
        "prepare_threshold": None,
        "connect_timeout": 5,
        **({"pool": _pool} if _pool else {}),
    }
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

# --- Who signs in (docs/guides/sign-in.md) ------------------------------------
AUTH_USER_MODEL = "tenants.Operator"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
ENABLE_ADMIN = env.envbool("ENABLE_ADMIN", default=False)
"""Whether /admin/ is there, for operators with ``is_staff``."""
SECURE_COOKIES = env.envbool("SECURE_COOKIES", default=False)
LOGIN_URL = "console:sign-in"
LOGIN_REDIRECT_URL = "console:home"
LOGOUT_REDIRECT_URL = "console:sign-in"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator"},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
SILENCED_SYSTEM_CHECKS: list[str] = []
ACCOUNT_ADAPTER = "tenants.console.account.adapters.OperatorAdapter"
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_EMAIL_VERIFICATION = "none"  # an invitation is how an e-mail becomes known
ACCOUNT_SESSION_REMEMBER = True
ACCOUNT_RATE_LIMITS = False  # per process there; tenants/console/lockout.py is shared
ACCOUNT_FORMS = {"change_password": "tenants.console.account.forms.ChangePasswordForm"}
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if SECURE_COOKIES else "http"
MFA_ADAPTER = "tenants.console.account.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_FORMS = {
    "authenticate": "tenants.console.account.forms.CodeForm",
    "reauthenticate": "tenants.console.account.forms.ConfirmingCodeForm",
}
MFA_RATE_LIMITS = False
MFA_ALLOW_UNVERIFIED_EMAIL = True
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_RECOVERY_CODES_SHOW_ONCE = True
MFA_TOTP_ISSUER = "Memplatform"
MFA_TOTP_TOLERANCE = 1  # half a minute of a telephone's clock, either way
SOCIALACCOUNT_ADAPTER = "tenants.console.account.adapters.ProviderAdapter"
# Our CSP lets no form lead to the provider; views.py refuses links from elsewhere.
SOCIALACCOUNT_LOGIN_ON_GET = True
OIDC_ISSUER = env.envstr("OIDC_ISSUER").rstrip("/")
OIDC_NAME = env.envstr("OIDC_NAME", "single sign-on")
SOCIALACCOUNT_PROVIDERS = env.oidc(
    OIDC_ISSUER,
    name=OIDC_NAME,
    client_id=env.envstr("OIDC_CLIENT_ID"),
    secret=env.envstr("OIDC_CLIENT_SECRET"),
)

# --- Mail: without a server, the log shows what would have been sent -------------
MAILERS = env.mailers(
    host=env.envstr("EMAIL_HOST"),
    port=env.envint("EMAIL_PORT", 587, minimum=1),
    username=env.envstr("EMAIL_HOST_USER"),
    password=env.envstr("EMAIL_HOST_PASSWORD"),
    use_tls=env.envbool("EMAIL_USE_TLS", default=True),
    use_ssl=env.envbool("EMAIL_USE_SSL", default=False),
)
SENDS_MAIL = MAILERS["default"]["BACKEND"] != env.NO_MAILER
DEFAULT_FROM_EMAIL = env.envstr("EMAIL_FROM", "memplatform@localhost")

# --- Work -------------------------------------------------------------------
BROKER_URL = env.envstr("BROKER_URL", "redis://127.0.0.1:6379/0")
LEASE_S = env.envint("LEASE_S", 150, minimum=1)
"""How long one attempt may hold an operation; longer than every model deadline."""
SWEEP_INTERVAL_S = env.envfloat("SWEEP_INTERVAL_S", 2.0, minimum=0.1)
MAX_ATTEMPTS = env.envint("MAX_ATTEMPTS", 5, minimum=1)
RETRY_BASE_S = env.envfloat("RETRY_BASE_S", 2.0, minimum=0.0)
ADD_WINDOW_S = env.envfloat("ADD_WINDOW_S", 0.0, minimum=0.0)
"""How long a small add waits for others of its scope, to be decided with them."""
WORKER_THREADS = env.envint("WORKER_THREADS", 32, minimum=1)
EMBEDDING_REQUEST_DEADLINE_S = env.envfloat(
    "EMBEDDING_REQUEST_DEADLINE_S", 5.0, minimum=0.1
)
"""How long a request (search, edit, verbatim add) waits for embeddings in all."""
QUERY_CACHE_S = env.envfloat("QUERY_CACHE_S", 300.0, minimum=0.0)
"""How long the vector of a query is kept; 0 is not at all."""
HUGE_SCOPE_VECTORS = env.envint("HUGE_SCOPE_VECTORS", 5_000, minimum=0)
"""From how many vectors on a scope gets an index of its own; 0 is never (ADR 503)."""
VERBATIM_MAX_TEXTS = env.envint("VERBATIM_MAX_TEXTS", 100, minimum=1)

# --- Webhooks ---------------------------------------------------------------
ALLOW_PRIVATE_WEBHOOKS = env.envlist("ALLOW_PRIVATE_WEBHOOKS")
"""Hosts and networks that webhooks may reach though they are not on the internet."""
WEBHOOK_TIMEOUT_S = env.envfloat("WEBHOOK_TIMEOUT_S", 15.0, minimum=0.1)
WEBHOOK_CONCURRENCY = env.envint(
    "WEBHOOK_CONCURRENCY", max(1, WORKER_THREADS // 4), minimum=1
)
WEBHOOK_RETRY_BASE_S = env.envfloat("WEBHOOK_RETRY_BASE_S", 5.0, minimum=0.0)
WEBHOOK_RETRY_HOURS = env.envfloat("WEBHOOK_RETRY_HOURS", 24.0, minimum=0.0)
WEBHOOK_DELIVERY_DAYS = env.envint("WEBHOOK_DELIVERY_DAYS", 30, minimum=1)

# --- Models -----------------------------------------------------------------
LLM_BASE_URL = env.envstr("LLM_BASE_URL")
LLM_MODEL = env.envstr("LLM_MODEL", "gpt-5-mini")
LLM_API_KEY = env.envstr("LLM_API_KEY")
LLM_TIMEOUT_S = env.envfloat("LLM_TIMEOUT_S", 60.0, minimum=0.1)
LLM_DEADLINE_S = env.envfloat("LLM_DEADLINE_S", 100.0, minimum=0.1)
LLM_CONTEXT_TOKENS = env.envint("LLM_CONTEXT_TOKENS", 128_000, minimum=4_000)
LLM_VISION = env.envbool("LLM_VISION", default=False)
"""Whether LLM_MODEL sees images."""
LLM_CONCURRENCY = env.envint("LLM_CONCURRENCY", 32, minimum=1)
ALLOW_PRIVATE_PROVIDERS = env.envbool("ALLOW_PRIVATE_PROVIDERS", default=False)
"""Whether projects may name endpoints that are not on the internet."""
EMBEDDING_BASE_URL = env.envstr("EMBEDDING_BASE_URL")
EMBEDDING_MODEL = env.envstr("EMBEDDING_MODEL", "text-embedding-3-small")
EMBEDDING_API_KEY = env.envstr("EMBEDDING_API_KEY") or (
    # The chat model's key serves its own address only: a key never goes elsewhere.
    LLM_API_KEY if EMBEDDING_BASE_URL == LLM_BASE_URL else ""
)
EMBEDDING_DIMENSION = env.envint("EMBEDDING_DIMENSION", 1536, minimum=1)
EMBEDDING_TIMEOUT_S = env.envfloat("EMBEDDING_TIMEOUT_S", 15.0, minimum=0.1)
RERANK_BASE_URL = env.envstr("RERANK_BASE_URL")
RERANK_MODEL = env.envstr("RERANK_MODEL")
RERANK_API_KEY = env.envstr("RERANK_API_KEY")

# --- API --------------------------------------------------------------------
MAX_BODY_BYTES = env.envint("MAX_BODY_BYTES", 8 * 1024 * 1024, minimum=1024)
MAX_MESSAGES = env.envint("MAX_MESSAGES", 500, minimum=1)
MAX_MESSAGE_CHARS = env.envint("MAX_MESSAGE_CHARS", 200_000, minimum=100)
MAX_ATTACHMENTS = env.envint("MAX_ATTACHMENTS", 10, minimum=0)
"""Images and documents in one add; all of its images are one request to the model."""
MAX_DOCUMENT_BYTES = env.envint("MAX_DOCUMENT_BYTES", 10 * 1024 * 1024, minimum=1024)
"""Of a document, and of all images of an add together; fetched, or in the request."""
MAX_DOCUMENT_PAGES = env.envint("MAX_DOCUMENT_PAGES", 200, minimum=1)
MAX_DOCUMENT_CHARS = env.envint("MAX_DOCUMENT_CHARS", 400_000, minimum=1000)
DOCUMENT_TIMEOUT_S = env.envfloat("DOCUMENT_TIMEOUT_S", 20.0, minimum=0.1)
"""How long fetching a document may take, and how long reading a PDF."""
ALLOW_PRIVATE_DOCUMENTS = env.envbool("ALLOW_PRIVATE_DOCUMENTS", default=False)
"""Whether messages may name documents that are not on the internet."""
RATE_LIMIT_PER_MINUTE = env.envint("RATE_LIMIT_PER_MINUTE", 0)
TENANT_RATE_LIMIT_PER_MINUTE = env.envint("TENANT_RATE_LIMIT_PER_MINUTE", 0)
EVALUATION_RUNS = env.envstr("EVALUATION_RUNS", "")
"""The directory whose evaluations the console shows; blank: none."""
SEARCH_LOG_SAMPLE = env.envfloat("SEARCH_LOG_SAMPLE", 1.0)
EXPORT_DAYS = env.envint("EXPORT_DAYS", 7, minimum=1)
"""How long what was exported, and a file whose import failed, is kept."""
IMPORT_MAX_BYTES = env.envint("IMPORT_MAX_BYTES", 1024**3, minimum=1024)
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "tenants.api.authentication.ApiKeyAuthentication"
    ],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.api.permissions.KeyMayDoThis"],
    "DEFAULT_THROTTLE_CLASSES": ["tenants.api.throttling.KeyThrottle"],
    "DEFAULT_PARSER_CLASSES": ["tenants.api.parsing.StrictJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "EXCEPTION_HANDLER": "tenants.api.errors.handle",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "tenants.api.parsing.AlwaysJSON",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Memplatform",
    "DESCRIPTION": "What your agents remember: stored, traced, searchable.",
    "VERSION": "0.1.0",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "ENUM_NAME_OVERRIDES": {
        "MemberRoleEnum": "memories.api.projects.requests.WIRE_ROLES",
        "StatusEnum": "memories.api.components.EVENT_STATUSES",
        "ProfileStatusEnum": "memories.api.profiles.describe.STATES",
        "ProfileJobStatusEnum": "memories.api.profiles.describe.JOB_STATES",
        "ProfileJobKindEnum": "memories.api.profiles.describe.ALL_JOBS",
        "AskedProfileJobEnum": "memories.api.profiles.describe.ASKED_JOBS",
        "WebhookEventEnum": "memories.api.webhooks.describe.TOPICS",
        "DeliveryStatusEnum": "memories.api.webhooks.describe.STATUSES",
        "GraphEntityStateEnum": "memories.selectors.entities.STATES",
        "GraphRelationStateEnum": "memories.api.components.RELATION_STATES",
    },
    "SWAGGER_UI_DIST": "SIDECAR",
    # The default asks a validator on the internet, which our CSP would refuse anyway.
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "validatorUrl": None},
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
}

# --- Pages of other sites that call the API ----------------------------------
# Keys travel in a header and never in a cookie, so no answer is about credentials:
# not even for `*`. The console is not covered, whatever is listed.
_CORS = env.envorigins("CORS_ALLOWED_ORIGINS")
CORS_ALLOW_ALL_ORIGINS = "*" in _CORS
CORS_ALLOWED_ORIGINS = [] if CORS_ALLOW_ALL_ORIGINS else _CORS
CORS_ALLOW_CREDENTIALS = False
CORS_URLS_REGEX = r"^/+(v1|v2|v3|api|mcp)(/|$)"
CORS_ALLOW_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
CORS_ALLOW_HEADERS = [
    "authorization",
    "content-type",
    "idempotency-key",
    "mcp-method",
    "mcp-name",
    "mcp-protocol-version",
    "mcp-session-id",
    "mem0-user-id",
    "x-application",
    "x-mem0-caller-type",
    "x-mem0-client",
    "x-mem0-client-language",
    "x-mem0-client-version",
    "x-mem0-source",
    "x-request-id",
]
CORS_EXPOSE_HEADERS = [
    "Retry-After",
    "X-Memplatform-Warning",
    "X-RateLimit-Limit",
    "X-RateLimit-Remaining",
    "X-RateLimit-Reset",
    "X-Request-ID",
]
TRUSTED_PROXIES = env.envnetworks("TRUSTED_PROXIES")
"""Proxies whose word on the client's address is taken (lib/http.py)."""

# --- Browser ----------------------------------------------------------------
LANGUAGE_CODE = "en-us"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "static"]
WHITENOISE_USE_FINDERS = True  # nothing is collected
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = SECURE_COOKIES
SESSION_COOKIE_HTTPONLY = CSRF_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CSP = {
    "default-src": ["'self'"],
    "object-src": ["'none'"],
    "base-uri": ["'none'"],
    "frame-ancestors": ["'none'"],
    "form-action": ["'self'"],
    "img-src": ["'self'", "data:"],
}

# --- Logs: JSON lines, one request id from header to task; no memory text --------
LOG_LEVEL = env.envstr("LOG_LEVEL", "INFO").upper()
logging.captureWarnings(capture=True)
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"json": {"()": "memplatform.lib.logs.JsonFormatter"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": LOG_LEVEL},
    "loggers": {
        "django": {"handlers": [], "level": "INFO", "propagate": True},
        "django.request": {"level": "ERROR"},
        "httpx2": {"level": "WARNING"},
        "mcp": {"level": "WARNING"},  # its INFO is a line or two a request
        "openai": {"level": "WARNING"},
        "celery": {"handlers": [], "level": "INFO", "propagate": True},
        # Two lines a task would drown the rest: a sweep runs every other second.
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
        "celery.beat": {"level": "WARNING"},
    },
}
