# The gateway as a container: two stages, no compiler and no pip cache in the second, not root, nothing writable but
# /data and /tmp. Base images are pinned by version; pin them by digest in your own registry for reproducible bytes.
ARG PYTHON_VERSION=3.11.14

FROM python:${PYTHON_VERSION}-slim-trixie AS build
WORKDIR /src
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1
COPY requirements-scale.lock pyproject.toml README.md LICENSE ./
COPY proxy proxy
COPY router router
COPY classifier classifier
COPY retrieval retrieval
COPY admin admin
COPY config config
COPY migrations migrations
RUN python -m venv /opt/thalamus \
 && /opt/thalamus/bin/python -m pip install --require-hashes --requirement requirements-scale.lock \
 && /opt/thalamus/bin/python -m pip install --no-deps --no-build-isolation .

FROM python:${PYTHON_VERSION}-slim-trixie
# Nothing in the working directory can hide a package, output is not held back, nothing is compiled at run time.
ENV PATH=/opt/thalamus/bin:$PATH \
    PYTHONSAFEPATH=1 \
    PYTHONUNBUFFERED=1 \
    PYTHONDONTWRITEBYTECODE=1 \
    THALAMUS_STATE_DIR=/data \
    THALAMUS_SERVER__HOST=0.0.0.0 \
    THALAMUS_LOGGING__FORMAT=json
RUN groupadd --gid 10001 thalamus \
 && useradd --uid 10001 --gid thalamus --no-create-home --shell /usr/sbin/nologin thalamus \
 && install --directory --owner thalamus --group thalamus --mode 0700 /data
COPY --from=build /opt/thalamus /opt/thalamus
USER 10001:10001
WORKDIR /data
VOLUME /data
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=3s --start-period=20s --retries=3 \
  CMD ["python", "-c", "import os, urllib.request as r; r.urlopen('http://127.0.0.1:' + os.environ.get('THALAMUS_SERVER__PORT', '8000') + '/health/ready', timeout=2)"]
ENTRYPOINT ["thalamus"]
CMD ["serve"]
