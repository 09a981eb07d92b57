FROM prefecthq/prefect:3-latest
WORKDIR /opt/prefect/nightly

COPY ["./", "/opt/prefect/nightly/"]
