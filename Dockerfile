# This project's own images: `services` for every service of the reference system, `load` for
# Locust's master and workers. `docker compose build` and `harness images build` use this file.
#
# Packages are installed in separate stages, so that the final images contain neither pip nor your
# network's CA. If your network's proxy has its own CA, put its bundle beside this file as
# ca-bundle.crt (git ignores it), or let `harness images build` pass the one that pip uses here.
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS packages
ARG PIP_INDEX_URL
ARG PIP_EXTRA_INDEX_URL
WORKDIR /build
RUN python -m venv /venv
# The bundle is optional: COPY accepts a pattern without a match if another source exists.
COPY constraints.txt ca-bundle.cr[t] /build/
RUN if [ -f ca-bundle.crt ]; then export PIP_CERT=/build/ca-bundle.crt; fi; \
    /venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check -c constraints.txt \
        asyncpg httptools httpx msgspec starlette uvicorn uvloop

FROM packages AS load-packages
RUN if [ -f ca-bundle.crt ]; then export PIP_CERT=/build/ca-bundle.crt; fi; \
    /venv/bin/python -m pip install --no-cache-dir --disable-pip-version-check -c constraints.txt \
        locust pydantic pyyaml docker typer rich toxiproxy-python
RUN /venv/bin/python -m pip uninstall --yes pip setuptools

FROM packages AS services-packages
RUN /venv/bin/python -m pip uninstall --yes pip setuptools

FROM ${PYTHON} AS base
RUN python -m pip uninstall --yes --root-user-action=ignore pip setuptools wheel 2>/dev/null; \
    rm -rf /root/.cache; \
    useradd --uid 1000 --no-create-home --shell /usr/sbin/nologin harness; \
    mkdir -p /data && chown harness /data
ENV PATH=/venv/bin:$PATH PYTHONUNBUFFERED=1
WORKDIR /srv

FROM base AS load
COPY --from=load-packages /venv /venv
COPY harness harness
COPY services services
COPY experiments experiments
ENV PYTHONPATH=/srv
RUN python -m compileall -q harness services experiments
USER harness

FROM base AS services
COPY --from=services-packages /venv /venv
COPY services services
RUN python -m compileall -q services
USER harness
# A new named volume gets the owner of the directory on which it is first mounted.
VOLUME /data
EXPOSE 8000
HEALTHCHECK --interval=5s --timeout=2s --start-period=2s \
    CMD ["python", "-m", "services.kit.health"]
