FROM prefecthq/prefect:3-latest

ARG GREETING=Hello
ENV GREETING=$GREETING

WORKDIR /opt/flows
COPY requirements.txt ./
RUN uv pip install --no-cache -r requirements.txt
COPY . ./
