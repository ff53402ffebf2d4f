# Two stages: the first builds, the second runs: no compiler, no installer, no root.
FROM python:3.13-slim AS build
WORKDIR /src
RUN python -m venv /opt/bot
COPY requirements.txt .
# Dependencies before the source: a change of text does not install them anew.
RUN /opt/bot/bin/pip install --no-cache-dir --require-hashes -r requirements.txt
COPY pyproject.toml build_hook.py README.md LICENSE CHANGELOG.md ./
COPY bot bot
COPY faq faq
COPY locales locales
RUN /opt/bot/bin/pip install --no-cache-dir --no-deps --no-build-isolation . \
    && /opt/bot/bin/optout-bot check \
    && /opt/bot/bin/optout-bot ask --json warm-up \
    && /opt/bot/bin/pip uninstall --yes pip

FROM python:3.13-slim
COPY --from=build /opt/bot /opt/bot
RUN mkdir /data && chown 10001:10001 /data
USER 10001:10001
ENV DATA_DIR=/data PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
VOLUME /data
STOPSIGNAL SIGTERM
# Run with: docker run --read-only --cap-drop ALL --security-opt no-new-privileges --tmpfs /tmp \
#   -v bot-data:/data -e BOT_TOKEN_FILE=/run/secrets/token ...
# For the chat page in a container: -e HOST=0.0.0.0 -p 127.0.0.1:8080:8080
ENTRYPOINT ["/opt/bot/bin/optout-bot"]
CMD ["run"]
