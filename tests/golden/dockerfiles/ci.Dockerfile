FROM prefecthq/prefect:3-latest AS environment
WORKDIR /opt/prefect/ci

FROM environment

COPY ["./", "/opt/prefect/ci/"]
