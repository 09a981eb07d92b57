FROM prefecthq/prefect:3-latest AS environment
WORKDIR /opt/prefect/hello

COPY ["requirements.txt", "/opt/prefect/hello/requirements.txt"]
RUN --mount=type=cache,target=/root/.cache \
    set -e; \
    python="$(command -v python || command -v python3)"; \
    if command -v uv >/dev/null; then \
        uv pip install --python "$python" --link-mode copy -r requirements.txt; \
    else \
        "$python" -m pip install --root-user-action ignore -r requirements.txt; \
    fi

FROM environment

COPY ["./", "/opt/prefect/hello/"]
