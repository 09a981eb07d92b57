FROM prefecthq/prefect:3-latest AS environment
WORKDIR /opt/prefect/orders

FROM environment

COPY ["./", "/opt/prefect/orders/"]
