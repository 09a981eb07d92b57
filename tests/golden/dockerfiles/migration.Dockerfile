FROM prefecthq/prefect:3-latest
WORKDIR /opt/prefect/orders

COPY ["./", "/opt/prefect/orders/"]
