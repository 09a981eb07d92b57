FROM prefecthq/prefect:3-latest AS environment
WORKDIR /opt/prefect/own-template

COPY ["requirements.txt", "/opt/prefect/own-template/requirements.txt"]
RUN uv pip install --no-cache -r requirements.txt \
 && rm -r "$(python -c 'import humanize; print(*humanize.__path__)')/locale"

FROM environment

COPY ["./", "/opt/prefect/own-template/"]
