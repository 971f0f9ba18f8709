# The front end, built from its locked packages.
FROM node:24-slim AS frontend
WORKDIR /app
COPY frontend/package.json frontend/package-lock.json frontend/.npmrc frontend/
RUN npm --prefix frontend ci
COPY . .
RUN npm --prefix frontend run build

FROM python:3.13-slim
ENV PYTHONUNBUFFERED=1 STATIC_ROOT=/app/staticfiles
WORKDIR /app
COPY requirements/uv.txt requirements/run.txt requirements/
RUN pip install --no-cache-dir --require-hashes -r requirements/uv.txt \
    && uv pip install --system --no-cache --require-hashes -r requirements/run.txt
COPY manage.py gunicorn.conf.py ./
COPY tenants tenants
COPY lists lists
COPY sending sending
COPY campaigns campaigns
COPY webhooks webhooks
COPY preferences preferences
COPY reputation reputation
COPY readiness readiness
COPY docs/guides docs/guides
COPY templates templates
COPY bluefox bluefox
COPY locale locale
RUN pybabel --quiet compile --directory locale --domain django
COPY --from=frontend /app/bluefox/static/dist bluefox/static/dist
# The settings have no defaults for secrets. These are read here and left behind.
RUN key=0123456789abcdef0123456789abcdef0123456789a= \
    && SECRET_KEY=$key$key FIELD_ENCRYPTION_KEYS=$key LINK_SIGNING_KEYS=$key \
    SITE_URL=http://localhost DATABASE_URL=postgres://localhost/none REDIS_URL=redis://localhost \
    EMAIL_URL=consolemail:// DEFAULT_FROM_EMAIL=none@localhost \
    python manage.py collectstatic --no-input
RUN useradd --system --uid 10001 --user-group bluefox && mkdir /data && chown bluefox:bluefox /data
USER bluefox
EXPOSE 8000
CMD ["gunicorn", "--bind", "0.0.0.0:8000"]
