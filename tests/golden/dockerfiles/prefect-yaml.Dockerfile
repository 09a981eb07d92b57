FROM prefecthq/prefect:3-latest AS environment
WORKDIR /opt/prefect/nightly

FROM environment

COPY ["./", "/opt/prefect/nightly/"]
