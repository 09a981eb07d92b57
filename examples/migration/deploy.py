from prefect import deploy
from imagebuild import FlowImage

from flow import orders, refunds

if __name__ == "__main__":
    deploy(
        orders.to_deployment("orders-by-python"),
        refunds.to_deployment("refunds-by-python"),
        work_pool_name="docker-pool",
        image=FlowImage("registry.example.com/team/orders", tag="v1", platform="linux/amd64"),
    )
