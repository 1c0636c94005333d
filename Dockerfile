# Build with:  docker build -t syncd .
# For reproducible images hand in a base pinned by digest:  --build-arg PYTHON=python:3.11-slim-bookworm@sha256:...
ARG PYTHON=python:3.11-slim-bookworm

FROM ${PYTHON} AS build
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src

# What syncd runs on, before its own code: this layer is rebuilt only when the lock changes.
COPY requirements-run.lock ./
RUN python -m venv /opt/syncd && /opt/syncd/bin/pip install --require-hashes -r requirements-run.lock

# The tools that build the wheel, in an environment that stays in this stage. They are locked as well.
COPY requirements.lock ./
RUN python -m venv /opt/tools && /opt/tools/bin/pip install --require-hashes -r requirements.lock

COPY pyproject.toml README.md LICENSE ./
COPY mappings mappings
COPY migrations migrations
COPY syncd syncd
RUN /opt/tools/bin/pip wheel --no-index --no-deps --no-build-isolation --wheel-dir /wheel . \
    && /opt/syncd/bin/pip install --no-index --no-deps /wheel/*.whl \
    && /opt/syncd/bin/pip uninstall --yes pip setuptools

FROM ${PYTHON}
LABEL org.opencontainers.image.title="syncd" \
      org.opencontainers.image.description="Keeps Zendesk tickets and Jira bugs in step" \
      org.opencontainers.image.licenses="GPL-3.0-or-later"
COPY --from=build /opt/syncd /opt/syncd

# Numbers, not names: an orchestrator can see that this is not root. The volume takes its owner from here.
RUN install -d -o 65532 -g 65532 -m 0700 /var/lib/syncd && install -d -m 0755 /etc/syncd

# Nothing is written outside the volume, so the root file system may be read-only: no bytecode, temporary files and
# home in the volume (SQLite sorts there too; a tmpfs on /tmp is welcome but not needed). Log lines leave at once.
ENV PATH=/opt/syncd/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    HOME=/var/lib/syncd \
    TMPDIR=/var/lib/syncd
WORKDIR /var/lib/syncd
VOLUME ["/var/lib/syncd"]
USER 65532:65532

# SIGTERM: finish the write in flight, settle it, leave. At most 30 seconds, so stop with a grace of 40.
STOPSIGNAL SIGTERM
# Healthy means: the last cycle is younger than three polls and the store can be written. The first cycle after a long
# outage may take minutes, hence the start period.
HEALTHCHECK --interval=60s --timeout=15s --start-period=5m --retries=3 \
    CMD ["syncd", "status", "--health", "--config", "/etc/syncd/config.yaml"]
ENTRYPOINT ["syncd"]
CMD ["run", "--upgrade", "--config", "/etc/syncd/config.yaml"]
