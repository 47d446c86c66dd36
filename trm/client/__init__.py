"""A client of the service: what its HTTP API offers, typed. Needs the extra `client`, and no torch.

    with Client() as client:
        job = client.train(preset="sudoku-4x4")
        client.jobs.wait(job, on_progress=lambda job: print(job.progress.percent))
        solved = client.solve(model=job.run_id, puzzle="...4....2....4.3", wait=10)

`trm.client.api` has the types of all answers, as the OpenAPI document states them.
"""

from trm.errors import PackageMissing

try:
    from trm.client.client import Client
except ModuleNotFoundError as error:
    if error.name != "httpx2":
        raise
    raise PackageMissing("The client needs httpx2. Install it with: pip install 'trm-service[client]'") from error
from trm.client.errors import ApiError, ClientError, JobUnsuccessful, ServiceUnreachable, UnexpectedAnswer, WaitTimedOut

__all__ = [
    "ApiError",
    "Client",
    "ClientError",
    "JobUnsuccessful",
    "ServiceUnreachable",
    "UnexpectedAnswer",
    "WaitTimedOut",
]
