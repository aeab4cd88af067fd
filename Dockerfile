# One image for web, worker, beat and migrations; docker-compose.yml says which is which.
FROM python:3.12-slim AS build
RUN pip install --no-cache-dir uv
COPY requirements.lock .
RUN uv venv /venv \
    && VIRTUAL_ENV=/venv uv pip install --no-cache --no-deps --require-hashes \
       --compile-bytecode --requirements requirements.lock

FROM python:3.12-slim
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
RUN useradd --system --uid 10001 --no-create-home memplatform
COPY --from=build /venv /venv
COPY . /app
WORKDIR /app
USER 10001
EXPOSE 8000
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s \
    CMD ["python", "-c", "from urllib.request import urlopen; urlopen('http://localhost:8000/healthz', timeout=4)"]
CMD ["gunicorn", "memplatform.wsgi", "--config", "python:memplatform.embedded.gunicorn_conf", "--bind", "0.0.0.0:8000"]
