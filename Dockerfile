# The service image. Settings come from the environment; MONGO_URI is required, since there is
# no embedded MongoDB in here.
FROM python:3.12-slim AS build
WORKDIR /build
COPY requirements/build.txt requirements/build.txt
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement requirements/build.txt
COPY LICENSE README.md pyproject.toml ./
COPY src src
RUN pip wheel --no-cache-dir --no-deps --no-build-isolation --wheel-dir /wheels .

FROM python:3.12-slim
LABEL org.opencontainers.image.title="tracbridge" \
      org.opencontainers.image.licenses="Apache-2.0"
ENV PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1
COPY requirements/run.txt /tmp/run.txt
RUN pip install --no-cache-dir --no-deps --require-hashes --requirement /tmp/run.txt
COPY --from=build /wheels /tmp/wheels
RUN pip install --no-cache-dir --no-deps --no-index /tmp/wheels/*.whl \
    && groupadd --gid 1000 tracbridge \
    && useradd --uid 1000 --gid tracbridge --home-dir /srv/tracbridge tracbridge \
    && mkdir -p /srv/tracbridge/data/inbound /srv/tracbridge/data/outbound /srv/tracbridge/.tracbridge \
    && chown -R tracbridge:tracbridge /srv/tracbridge
WORKDIR /srv/tracbridge
USER 1000:1000
VOLUME ["/srv/tracbridge/data", "/srv/tracbridge/.tracbridge"]
# SIGTERM ends a pass at a safe point, within ten seconds.
STOPSIGNAL SIGTERM
EXPOSE 8080
HEALTHCHECK --interval=30s --timeout=5s --start-period=20s \
    CMD ["python", "-c", "import urllib.request as r; r.urlopen('http://127.0.0.1:8080/health/live', timeout=4)"]
ENTRYPOINT ["tracbridge"]
# In here every address is the container's own; who may come in says the port mapping.
CMD ["serve", "--host", "0.0.0.0"]
