FROM prefecthq/prefect:3-latest
WORKDIR /opt/prefect/reports

COPY ["./", "/opt/prefect/reports/"]
