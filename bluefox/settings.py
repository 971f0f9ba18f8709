"""Django settings, top to bottom. Values come from the environment; see .env.example."""

from datetime import timedelta
from urllib.parse import urlsplit

from django.contrib.messages import constants as messages

from bluefox.env import (
    BASE_DIR,
    env,
    is_fernet_key,
    is_long_key,
    optional_servers,
    required,
    required_keys,
    required_origin,
    required_secret,
)
from bluefox.schedule import BEAT_SCHEDULE

# --- Who we are -------------------------------------------------------------------------------
DEBUG = env.bool("DEBUG", default=False)
SITE_URL = required_origin("SITE_URL", "the address people open, such as https://mail.example.com")
ALLOWED_HOSTS = [str(urlsplit(SITE_URL).hostname), *env.list("EXTRA_ALLOWED_HOSTS", default=[])]
CSRF_TRUSTED_ORIGINS = [SITE_URL]
SILENCED_SYSTEM_CHECKS = [
    # Each form brings its tenant's own reCAPTCHA keys, so there are none for the site to check.
    "django_recaptcha.recaptcha_test_key_error",
    # HSTS speaks for this host only: its subdomains and the preload list are the operator's.
    "security.W005",
    "security.W021",
    # No redirect to https: see SECURE_SSL_REDIRECT.
    "security.W008",
]
RECAPTCHA_VERIFY_REQUEST_TIMEOUT = 3  # seconds; a visitor waits for it
TRUSTED_PROXY_COUNT = env.int("TRUSTED_PROXY_COUNT", default=0)

# --- Secrets ----------------------------------------------------------------------------------
SECRET_KEY = required_secret("SECRET_KEY", "50 or more random characters", min_length=50)
SECRET_KEY_FALLBACKS = env.list("SECRET_KEY_FALLBACKS", default=[])
FIELD_ENCRYPTION_KEYS = required_keys(
    "FIELD_ENCRYPTION_KEYS",
    "Fernet keys (32 random bytes in URL-safe base64), newest first, for tenants' secrets at rest",
    is_key=is_fernet_key,
)
LINK_SIGNING_KEYS = required_keys(
    "LINK_SIGNING_KEYS",
    "random keys of 32 or more characters, newest first; links in mails stay valid while their "
    "key is listed, so keep old ones for years",
    is_key=is_long_key,
)

# --- Apps -------------------------------------------------------------------------------------
INSTALLED_APPS = [
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "allauth",
    "allauth.account",
    "csp",
    "django_htmx",
    "django_recaptcha",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "bluefox.apps.BluefoxConfig",
    "tenants",
    "lists",
    "sending",
    "campaigns",
    "webhooks",
    "preferences",
    "reputation",
    "readiness",
]

MIDDLEWARE = [
    "bluefox.middleware.SnsMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "bluefox.health.HealthMiddleware",
    "bluefox.middleware.RequestIdMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "tenants.middleware.WorkspaceMiddleware",
]

ROOT_URLCONF = "bluefox.urls"
WSGI_APPLICATION = "bluefox.wsgi.application"
ASGI_APPLICATION = "bluefox.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "tenants.context_processors.workspace",
                "bluefox.navigation.navigation",
            ],
            "builtins": ["bluefox.templatetags.ui"],
        },
    }
]

# --- Data -------------------------------------------------------------------------------------
DATABASES = {"default": env.db_url_config(required("DATABASE_URL", "postgres://user:pw@host/db"))}
DATABASES["default"]["CONN_MAX_AGE"] = 60
DATABASES["default"]["CONN_HEALTH_CHECKS"] = True
# A host that was cut off in the middle of a transaction says nothing. Without these, the rows that
# it had locked stay locked for as long as TCP believes in it: two hours, if nobody sets less.
DATABASES["default"].setdefault("OPTIONS", {}).setdefault(
    "options",
    "-c idle_in_transaction_session_timeout=60s "
    "-c tcp_keepalives_idle=30 -c tcp_keepalives_interval=10 -c tcp_keepalives_count=3",
)
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

REDIS_URL = required("REDIS_URL", "redis://host:6379/0, Valkey or Redis")
CACHES = {
    "default": {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": REDIS_URL}
}

MEDIA_ROOT = env.path("MEDIA_ROOT", default=str(BASE_DIR / ".data" / "media"))
STATIC_URL = "/static/"
STATIC_ROOT = env.path("STATIC_ROOT", default=str(BASE_DIR / ".data" / "static"))
STATICFILES_DIRS = [BASE_DIR / "bluefox" / "static"]
WHITENOISE_USE_FINDERS = True
# An import of a million contacts is some 60 MB; the file goes to disk, never into memory.
FILE_UPLOAD_HANDLERS = ["django.core.files.uploadhandler.TemporaryFileUploadHandler"]
DATA_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024

# --- People -----------------------------------------------------------------------------------
AUTH_USER_MODEL = "tenants.User"
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.Argon2PasswordHasher",
    "django.contrib.auth.hashers.PBKDF2PasswordHasher",
]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 10},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "start:index"
ACCOUNT_ADAPTER = "tenants.adapter.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "mandatory"
ACCOUNT_CONFIRM_EMAIL_ON_GET = False
ACCOUNT_LOGOUT_ON_GET = False
ACCOUNT_EMAIL_SUBJECT_PREFIX = ""
ACCOUNT_PREVENT_ENUMERATION = True
ALLAUTH_TRUSTED_PROXY_COUNT = TRUSTED_PROXY_COUNT
SESSION_COOKIE_AGE = int(timedelta(days=14).total_seconds())

# --- Mail of the platform itself (verification, password reset, alerts) --------------------------
vars().update(env.email_url_config(required("EMAIL_URL", "smtp://user:pw@host:587, platform mail")))
DEFAULT_FROM_EMAIL = required("DEFAULT_FROM_EMAIL", "the From of the platform's own mail")
EMAIL_TIMEOUT = 10

# --- AWS ----------------------------------------------------------------------------------------
# boto3 reads AWS_ENDPOINT_URL_SESV2, _SNS, _STS and AWS_CA_BUNDLE from the environment by itself;
# the sender takes endpoint and certificates from the boto3 client it stands beside.
# Certificates and confirmations are fetched from the topic's SNS unless an origin is named here.
# The CloudFormation template of `manage.py aws_template`, on S3: the console takes it from nowhere
# else. Without it people download the template and upload it themselves.
AWS_TEMPLATE_URL = env.str("AWS_TEMPLATE_URL", default="")
AWS_SNS_ORIGIN = env.str("AWS_SNS_ORIGIN", default="")
# SNS must reach this address: {AWS_WEBHOOK_ORIGIN}/webhooks/sns/<secret>/
AWS_WEBHOOK_ORIGIN = env.str("AWS_WEBHOOK_ORIGIN", default=SITE_URL)

# --- DNS ----------------------------------------------------------------------------------------
# Tenants' records are looked up at the authoritative servers of their zones. In a network that
# reaches none of those, these servers are asked instead, with whatever address they have.
DNS_SERVERS = optional_servers("DNS_SERVERS", port=53)

# --- Celery -------------------------------------------------------------------------------------
CELERY_BROKER_URL = REDIS_URL
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_DEFAULT_QUEUE = "default"
CELERY_TASK_ROUTES = {
    "sending.tasks.drain": {"queue": "send"},
    "lists.tasks.run_import": {"queue": "long"},
    "lists.tasks.undo_import": {"queue": "long"},
    "lists.tasks.run_suppression_import": {"queue": "long"},
    "lists.tasks.run_bulk": {"queue": "long"},
    "lists.tasks.refresh_search": {"queue": "long"},
    "lists.tasks.count_large_lists": {"queue": "long"},
    "sending.tasks.cancel_rest": {"queue": "long"},
    "sending.tasks.forget_old_messages": {"queue": "long"},
    "sending.tasks.fold_engagement": {"queue": "long"},
    "sending.tasks.watch_domains": {"queue": "long"},
    "sending.tasks.mirror_suppressions": {"queue": "long"},
    "reputation.tasks.count_sources": {"queue": "long"},
    "readiness.tasks.write_report_of": {"queue": "long"},
}
# A busy worker must not hold tasks that an idle one could run: one unacknowledged task each.
CELERY_TASK_ACKS_LATE = True
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_TRANSPORT_OPTIONS = {"visibility_timeout": 600, "socket_keepalive": True}
CELERY_BEAT_SCHEDULE = BEAT_SCHEDULE
CELERY_BEAT_SCHEDULE_FILENAME = env.str(
    "CELERY_BEAT_SCHEDULE_FILENAME", default=str(BASE_DIR / ".data" / "beat-schedule")
)
CELERY_TIMEZONE = "UTC"

# --- API ----------------------------------------------------------------------------------------
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tenants.api.authentication.ApiKeyAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["tenants.api.authentication.HasScope"],
    "DEFAULT_THROTTLE_CLASSES": ["tenants.api.throttling.KeyThrottle"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["tenants.api.bodies.JsonParser"],
    "DEFAULT_SCHEMA_CLASS": "tenants.api.schema.AutoSchema",
    "DEFAULT_PAGINATION_CLASS": "tenants.api.paging.CursorPagination",
    "DEFAULT_METADATA_CLASS": None,  # OPTIONS: openapi.yaml says more
    "EXCEPTION_HANDLER": "tenants.api.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Bluefox API",
    "DESCRIPTION": "Mail through your own Amazon SES account, and the contacts, forms and domains "
    "of your workspace. Keys are made in the dashboard, under Developers, and sent as "
    "`Authorization: Bearer bf_live_…`. The guide [The REST API](/guides/api/) has an example for "
    "each thing.",
    "VERSION": "1",
    "OAS_VERSION": "3.1.1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_AUTHENTICATION": [],
    "SERVE_PERMISSIONS": [],
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "defaultModelsExpandDepth": -1},
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    # Several answers have a field `status`, each with words of its own.
    "ENUM_NAME_OVERRIDES": {
        "EmailStatusEnum": "campaigns.selectors.campaigns.LATEST_WORDS",
        "EmailAcceptedStatusEnum": ["queued", "skipped"],
        "SubmissionStatusEnum": ["check_mail", "signed_up"],
        "ContactStatusEnum": "lists.selectors.filters.STATES",
        "FieldKindEnum": "lists.models.FieldKind",
        "PlaceStatusEnum": "lists.models.SubscriptionStatus",
        "SesStateEnum": "sending.models.SesState",
        "RecordStateEnum": "sending.models.RecordState",
        "ReadinessStateEnum": ["good", "partly", "bad", "unknown"],
        "EventTypeEnum": "sending.models.EventKind",
        "CampaignStateEnum": "campaigns.api.campaigns.STATES",
        "PlaceStateEnum": "active unconfirmed paused unsubscribed suppressed".split(),
        "SuppressionReasonEnum": "lists.models.SuppressionReason",
        "SuppressReasonEnum": ["manual", "hard_bounce", "complaint"],
    },
}

# --- Safety ---------------------------------------------------------------------------------------
SECURE = SITE_URL.startswith("https://")
SECURE_SSL_REDIRECT = False  # one-click unsubscribe must never be answered by a redirect
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if TRUSTED_PROXY_COUNT else None
SECURE_HSTS_SECONDS = 31_536_000 if SECURE else 0
SECURE_REFERRER_POLICY = "strict-origin-when-cross-origin"
SESSION_COOKIE_SECURE = SECURE
CSRF_COOKIE_SECURE = SECURE
SESSION_COOKIE_HTTPONLY = True
X_FRAME_OPTIONS = "DENY"
CSRF_FAILURE_VIEW = "bluefox.errorpages.csrf_failure"
CONTENT_SECURITY_POLICY = {
    "DIRECTIVES": {
        "default-src": ["'none'"],
        "script-src": ["'self'"],
        "style-src": ["'self'"],
        "img-src": ["'self'", "data:"],
        "connect-src": ["'self'"],
        "font-src": ["'self'"],
        "worker-src": ["'self'"],
        "frame-src": ["'self'"],
        "form-action": ["'self'"],
        "base-uri": ["'none'"],
        "frame-ancestors": ["'none'"],
    }
}

# --- Words and time -------------------------------------------------------------------------------
# The dashboard speaks English; public pages speak what their reader does (preferences.languages).
LANGUAGE_CODE = "en"
LANGUAGES = [
    ("en", "English"),
    ("de", "Deutsch"),
    ("es", "Español"),
    ("fr", "Français"),
    ("it", "Italiano"),
    ("pt", "Português"),
]
LOCALE_PATHS = [BASE_DIR / "locale"]
FORMAT_MODULE_PATH = "bluefox.formats"
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"
MESSAGE_TAGS = {messages.ERROR: "error", messages.DEBUG: "info"}

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "line": {
            "()": "bluefox.logs.DiscreetFormatter",
            "format": "%(asctime)s %(levelname)s %(name)s %(message)s",
        },
        "brief": {"()": "bluefox.logs.BriefFormatter"},
    },
    "handlers": {
        "console": {"class": "logging.StreamHandler", "formatter": "line"},
        "faults": {"()": "sending.signs.FaultLog", "formatter": "brief"},
    },
    "root": {"handlers": ["console"], "level": env.str("LOG_LEVEL", default="INFO")},
    # Django gives these loggers handlers of their own, whose lines would not be redacted.
    "loggers": {
        "django": {"handlers": [], "level": "INFO"},
        "django.server": {"handlers": [], "level": "INFO", "propagate": True},
        # At INFO it tells for each client where it found what.
        "botocore": {"level": "WARNING"},
        # The newest warnings stand on the operator's page too.
        "sending": {"handlers": ["faults"]},
        "celery.app.trace": {"handlers": ["faults"]},
    },
}
