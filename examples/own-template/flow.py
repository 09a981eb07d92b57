import shutil

import humanize
from prefect import flow


@flow(log_prints=True)
def free_space(folder: str = "/") -> str:
    text = humanize.naturalsize(shutil.disk_usage(folder).free)
    print(f"{text} are free in {folder}")
    return text
