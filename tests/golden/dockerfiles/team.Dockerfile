FROM prefecthq/prefect:3-latest AS environment
WORKDIR /opt/prefect/team

FROM environment

COPY ["./", "/opt/prefect/team/"]
