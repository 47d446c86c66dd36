"""Puzzles of a split: page by page in their order, or drawn by chance."""

from typing import Any

import pytest
from fastapi.testclient import TestClient

from tests.gateway.test_http_datasets import csv, relabelled
from trm.puzzles import grids
from trm.puzzles.arc_files import load_shipped
from trm.puzzles.datasets.datasets import load


def puzzles(client: TestClient, name: str = "sudoku-6x6", **query: int | str) -> dict[str, Any]:
    response = client.get(f"/v1/datasets/{name}/puzzles", params=query)
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_pages_are_the_split_in_its_order(client: TestClient) -> None:
    split = load("sudoku-6x6", "test")
    seen, cursor = [], None
    for _ in range(3):
        page = client.get(
            "/v1/datasets/sudoku-6x6/puzzles", params={"limit": 100, **({"cursor": cursor} if cursor else {})}
        ).json()
        seen += page["data"]
        cursor = page["next_cursor"]
        assert page["has_more"] == (cursor is not None)
    assert [row["index"] for row in seen] == list(range(300))
    for row in (seen[0], seen[150], seen[299]):
        assert row["question"] == grids.text(split.spec, split.questions[row["index"]])
        assert row["answer"] == grids.text(split.spec, split.answers[row["index"]])


def test_the_last_page_has_none_after_it(client: TestClient) -> None:
    sizes = client.get("/v1/datasets/sudoku-4x4").json()["splits"]
    pages, cursor = 0, ""
    while cursor is not None:
        page = client.get(
            "/v1/datasets/sudoku-4x4/puzzles", params={"limit": 100, **({"cursor": cursor} if cursor else {})}
        ).json()
        pages, cursor = pages + 1, page["next_cursor"]
    assert pages == -(-sizes["test"] // 100)


def test_a_seed_draws_the_same_puzzles_again_and_another_others(client: TestClient) -> None:
    first, again, other = (puzzles(client, "sudoku-hard", seed=seed, limit=5) for seed in (1, 1, 2))
    assert first == again != other
    assert first["next_cursor"] is None
    split = load("sudoku-hard", "test")
    rows = first["data"]
    assert isinstance(rows, list)
    for row in rows:
        assert row["question"] == grids.text(split.spec, split.questions[row["index"]])
    assert len({row["index"] for row in rows}) == 5
    assert split.ratings is not None
    assert [row["rating"] for row in rows] == [split.ratings[row["index"]] for row in rows]


def test_uploaded_ones_are_read_from_the_storage(client: TestClient) -> None:
    solved = relabelled()
    files = {
        "file": ("a.csv", csv([("." + a[1:], a) for a in solved])),
        "test_file": ("b.csv", csv([(solved[0], solved[0])])),
    }
    made = client.post("/v1/datasets", data={"name": "mine"}, files=files)
    assert made.status_code == 201, made.text
    for name in ("mine", made.json()["id"]):
        page = puzzles(client, name, split="train", limit=3)
        rows = page["data"]
        assert isinstance(rows, list)
        assert [(row["index"], row["answer"]) for row in rows] == list(enumerate(solved[:3]))
        assert (rows[0]["source"], rows[0]["rating"]) == (None, None)
    [error] = client.get("/v1/datasets/mine/puzzles?split=validation").json()["errors"]
    assert error["parameter"] == "split"
    assert "has test, train" in error["detail"]


@pytest.mark.parametrize(
    ("path", "status", "code", "parameter"),
    [
        ("sudoku-6x6/puzzles?split=dev", 422, "request_invalid", "split"),
        ("arc-1/puzzles", 422, "request_invalid", "id_or_name"),
        ("sudoku-6x6/puzzles?seed=1&cursor=x", 422, "request_invalid", "cursor"),
        ("sudoku-6x6/puzzles?cursor=x", 422, "cursor_invalid", None),
        ("no-such/puzzles", 404, "dataset_not_found", None),
    ],
)
def test_what_cannot_be_shown_is_said(
    client: TestClient, path: str, status: int, code: str, parameter: str | None
) -> None:
    problem = client.get(f"/v1/datasets/{path}").json()
    assert (problem["status"], problem["code"]) == (status, code)
    assert [item.get("parameter") for item in problem["errors"]] == ([parameter] if parameter else [])


def test_a_cursor_belongs_to_its_split(client: TestClient) -> None:
    cursor = puzzles(client, "sudoku-6x6", limit=1)["next_cursor"]
    other = client.get("/v1/datasets/sudoku-6x6/puzzles", params={"cursor": cursor, "split": "train"})
    assert other.json()["code"] == "cursor_invalid"


def test_tasks_of_arc_have_their_example_pairs(client: TestClient) -> None:
    """Those of the files that ship, page by page, and the names of all."""
    for name, split, count in (("arc-1", "test", 400), ("arc-2", "test", 120), ("arc-1", "train", 400)):
        names, query = list[str](), {"split": split, "limit": "100"}
        while True:
            page = client.get(f"/v1/datasets/{name}/tasks", params=query).json()
            names += [task["name"] for task in page["data"]]
            if not page["has_more"]:
                break
            query["cursor"] = page["next_cursor"]
        assert names == sorted(set(names))
        assert len(names) == count
    [first] = client.get("/v1/datasets/arc-1/tasks?limit=1").json()["data"]
    original = load_shipped("arc-agi-1")["evaluation"][0]
    assert [pair["question"] for pair in first["train"]] == [
        ["".join(map(str, row)) for row in pair.question.tolist()] for pair in original.train
    ]
    assert [len(pair["answer"]) for pair in first["test"]] == [
        0 if pair.answer is None else len(pair.answer) for pair in original.test
    ]


def test_other_data_sets_have_no_tasks(client: TestClient) -> None:
    assert client.get("/v1/datasets/sudoku-4x4/tasks").json() == {"data": [], "next_cursor": None, "has_more": False}
    missing = client.get("/v1/datasets/nothing/tasks")
    assert (missing.status_code, missing.json()["code"]) == (404, "dataset_not_found")
    strange = client.get("/v1/datasets/arc-1/tasks", params={"cursor": "x"})
    assert (strange.status_code, strange.json()["code"]) == (422, "cursor_invalid")
