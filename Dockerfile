# Two stages: the first builds, the second runs: no compiler, no installer, no root.
#
# The base is named by version. To pin the very image, add the digest that this prints:
#   docker buildx imagetools inspect python:3.13-slim-trixie
ARG BASE=python:3.13-slim-trixie

FROM ${BASE} AS build
WORKDIR /src
RUN python -m venv /opt/bot
COPY requirements.txt .
# Dependencies before the source: a change of text does not install them anew.
RUN /opt/bot/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml build_hook.py README.md LICENSE CHANGELOG.md ./
COPY bot bot
COPY faq faq
COPY locales locales
# The index is built here, into /opt/bot/var, because nothing can be written there later; whoever
# runs the image must be able to read it.
RUN /opt/bot/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/bot/bin/optout-bot check \
    && /opt/bot/bin/optout-bot ask --json warm-up \
    && /opt/bot/bin/pip uninstall --yes pip \
    && chmod -R a+rX /opt/bot

FROM ${BASE}
LABEL org.opencontainers.image.title="optout-bot" \
    org.opencontainers.image.description="Answers Europeans' questions about Meta training its AI on what they post, and takes them through the objection form" \
    org.opencontainers.image.version="0.1.0" \
    org.opencontainers.image.licenses="MIT"
RUN python -m pip uninstall --yes pip \
    && rm -rf "$(python -c 'import ensurepip; print(*ensurepip.__path__)')" \
    && mkdir -m 700 /data \
    && chown 10001:10001 /data
COPY --from=build /opt/bot /opt/bot
# Loads all of it once: what is missing fails here, not at the host's. It also keeps the compiled
# standard library, which the base image lacks, so that each start is quicker.
RUN ["/opt/bot/bin/python", "-c", "import bot.cli, bot.app"]
USER 10001:10001
# One thread for arithmetic: more would only count against the limits of memory and processes.
ENV PATH="/opt/bot/bin:$PATH" \
    DATA_DIR=/data \
    OPENBLAS_NUM_THREADS=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
VOLUME /data
STOPSIGNAL SIGTERM
# No port is needed to fetch updates from Telegram. The chat page and a webhook are served on HOST and
# PORT (127.0.0.1:8080, which nobody outside the container reaches): set HOST=0.0.0.0 and publish the
# port on the host's loopback, as compose.yaml shows.
HEALTHCHECK --interval=60s --timeout=10s --start-period=60s --retries=3 \
    CMD ["/opt/bot/bin/optout-bot", "health"]
ENTRYPOINT ["/opt/bot/bin/optout-bot"]
CMD ["run"]
# Run it as compose.yaml does, or by hand:
#   docker run --read-only --tmpfs /tmp --cap-drop ALL --security-opt no-new-privileges \
#     --pids-limit 64 --memory 512m --stop-timeout 15 -v bot-data:/data \
#     -v "$PWD/secrets/token:/run/secrets/token:ro" -e BOT_TOKEN_FILE=/run/secrets/token optout-bot
