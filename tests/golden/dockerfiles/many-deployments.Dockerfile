FROM prefecthq/prefect:3-latest AS environment
WORKDIR /opt/prefect/reports

FROM environment

COPY ["./", "/opt/prefect/reports/"]
