FROM prefecthq/prefect:3-latest
WORKDIR /opt/prefect/team

COPY ["./", "/opt/prefect/team/"]
