FROM prefecthq/prefect:3-latest AS environment

RUN --mount=type=cache,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,target=/var/lib/apt/lists,sharing=locked \
    set -e; \
    command -v apt-get >/dev/null || { \
        echo "this base has no apt-get: take one made from Debian or Ubuntu" >&2; exit 1; \
    }; \
    export DEBIAN_FRONTEND=noninteractive; \
    apt-get update; \
    apt-get install -y --no-install-recommends -o Dir::Cache::Archives=kept hello

WORKDIR /opt/prefect/system-packages

COPY ["packages/greeting/", "/opt/prefect/system-packages/packages/greeting/"]
COPY ["requirements.txt", "/opt/prefect/system-packages/requirements.txt"]
RUN --mount=type=cache,target=/root/.cache \
    set -e; \
    python="$(command -v python || command -v python3)"; \
    if command -v uv >/dev/null; then \
        uv pip install --python "$python" --link-mode copy -r requirements.txt; \
    else \
        "$python" -m pip install --root-user-action ignore -r requirements.txt; \
    fi

FROM environment

COPY ["./", "/opt/prefect/system-packages/"]
