"""A data set that states its rules, through the whole service: uploaded, trained on, and its answers judged by them."""

from itertools import permutations

import httpx2
import pytest

from tests.acceptance.conftest import TINY
from tests.api import Client

SQUARE = "abcdbcdacdabdabc"  # every letter once in each row and column
RULES = '{"rows": true, "columns": true}'


@pytest.mark.slow
def test_answers_are_judged_by_the_rules_of_the_data_set(client: Client) -> None:
    squares = [SQUARE.translate(str.maketrans("abcd", "".join(order))) for order in permutations("abcd")]
    rows = [f"{'_' * (1 + i % 4)}{square[1 + i % 4 :]},{square}" for i, square in enumerate(squares)]
    table = "\n".join(["question,answer", *rows, ""]).encode()
    fields = {"name": "latin-squares", "kind": "grid", "rules": RULES}
    uploaded = httpx2.post(f"{client.api}/v1/datasets", data=fields, files={"file": ("latin.csv", table)})
    assert uploaded.status_code == 201, uploaded.text
    assert uploaded.json()["puzzle"]["rules"]["blank"] == "_"

    body = {"preset": "sudoku-4x4", "dataset": "latin-squares", "overrides": TINY | {"train.steps": 5}}
    trained = client.wait_until_finished(client.post("/v1/training-jobs", body))
    question = {"model": trained["run_id"], "puzzle": "____" + SQUARE[4:], "require_unique_solution": True}
    solved = client.wait_until_finished(client.post("/v1/solve-jobs", question | {"until_verified": True}))
    [solution] = solved["result"]["solutions"]
    assert solution["verified"] in (True, False)
    rules = {violation["rule"] for violation in solution["violations"]}
    assert rules <= {"given", "blank", "row", "column"}
    assert bool(rules) is not solution["verified"]
    assert solved["result"]["verified"] == int(solution["verified"])
