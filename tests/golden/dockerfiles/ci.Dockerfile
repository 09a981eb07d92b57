FROM prefecthq/prefect:3-latest
WORKDIR /opt/prefect/ci

COPY ["./", "/opt/prefect/ci/"]
