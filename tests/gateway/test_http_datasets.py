"""Data sets: built in, and uploaded whole or not at all."""

import errno
import gzip
import io
import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx2 import Response

from services.gateway.intake import ingest
from services.registry.errors import DatabaseUnavailable
from services.registry.runs import datasets
from services.registry.settings import Settings
from services.registry.storage.storage import Storage
from trm.config.presets import PRESETS
from trm.errors import StorageFull
from trm.puzzles.datasets.datasets import BUILTIN, load
from trm.puzzles.grids import text

ANSWER = "1234341221434321"


def relabelled() -> list[str]:
    """24 solved 4x4 Sudokus, alike up to their digits."""
    return [ANSWER.translate(str.maketrans("1234", "".join(order))) for order in itertools.permutations("1234")]


def rows() -> list[tuple[str, str]]:
    """Questions and answers; how many givens differ, so that they are not alike."""
    return [("." * (i % 12) + answer[i % 12 :], answer) for i, answer in enumerate(relabelled())]


def csv(table: list[tuple[str, str]]) -> bytes:
    return "".join(["question,answer\n", *(f"{question},{answer}\n" for question, answer in table)]).encode()


def jsonl(table: list[tuple[str, str]]) -> bytes:
    return "".join(json.dumps({"question": q, "answer": a}) + "\n" for q, a in table).encode()


def post(client: TestClient, content: bytes, test: bytes | None = None, **fields: str) -> Response:
    files: dict[str, Any] = {"file": ("puzzles", content)}
    if test is not None:
        files["test_file"] = ("test", test)
    return client.post("/v1/datasets", data={"name": "mine", **fields}, files=files)


def stored_files(settings: Settings) -> list[Path]:
    return [path for path in (settings.data_dir / "artifacts").rglob("*") if path.is_file()]


def check_nothing_was_kept(client: TestClient, settings: Settings) -> None:
    assert stored_files(settings) == []
    assert all(dataset["builtin"] for dataset in client.get("/v1/datasets").json()["data"])


def test_built_in_ones_are_listed_first(client: TestClient) -> None:
    assert post(client, csv(rows())).status_code == 201
    listed = client.get("/v1/datasets").json()["data"]
    assert [dataset["name"] for dataset in listed] == [*BUILTIN, "mine"]
    assert all(client.get(f"/v1/datasets/{dataset['id']}").json() == dataset for dataset in listed)


@pytest.mark.parametrize(
    "encode", [csv, jsonl, lambda table: gzip.compress(csv(table)), lambda table: gzip.compress(jsonl(table))]
)
def test_uploads_are_stored_whole(
    client: TestClient, settings: Settings, encode: Callable[[list[tuple[str, str]]], bytes]
) -> None:
    response = post(client, encode(rows()), test=encode(rows()[:5]), kind="sudoku")
    assert response.status_code == 201
    dataset = response.json()
    assert response.headers["location"] == f"/v1/datasets/{dataset['id']}"
    assert (dataset["builtin"], dataset["kind"], dataset["splits"]) == (False, "sudoku", {"train": 24, "test": 5})
    assert dataset["puzzle"] == BUILTIN["sudoku-4x4"].spec.model_dump(mode="json")
    assert client.get("/v1/datasets/mine").json() == client.get(response.headers["location"]).json() == dataset
    folder = settings.data_dir / "artifacts" / "datasets" / dataset["id"]
    assert len(load(folder, "train")) == 24
    assert len(load(folder, "test")) == 5


def test_a_training_can_use_it(client: TestClient, app: FastAPI) -> None:
    dataset = post(client, csv(rows())).json()
    for name in (dataset["id"], "mine"):
        response = client.post("/v1/training-jobs", json={"preset": "sudoku-6x6", "dataset": name})
        assert response.status_code == 202
        run = client.get(response.json()["links"]["run"]).json()
        assert (run["dataset"], run["config"]["puzzle"]) == ("mine", dataset["puzzle"])


def test_without_test_puzzles_some_are_held_out(client: TestClient, settings: Settings) -> None:
    dataset = post(client, csv(rows())).json()
    assert dataset["splits"]["train"] + dataset["splits"]["test"] == 24
    folder = settings.data_dir / "artifacts" / "datasets" / dataset["id"]
    train, test = (set(map(bytes, load(folder, split).questions)) for split in ("train", "test"))
    assert test
    assert not train & test


def test_any_grid_can_be_uploaded(client: TestClient, settings: Settings) -> None:
    maze = [(f"S  G\n#{' ' if i % 2 else '#'} #\n", f"S..G\n#{'.' if i % 2 else '#'} #\n") for i in range(10)]
    dataset = post(client, jsonl(maze), kind="grid", test=jsonl(maze[:1])).json()
    assert (dataset["kind"], dataset["puzzle"]["rows"], dataset["puzzle"]["cols"]) == ("grid", 2, 4)
    assert dataset["puzzle"]["symbols"] == [" ", "#", ".", "G", "S"]
    folder = settings.data_dir / "artifacts" / "datasets" / dataset["id"]
    assert load(folder, "train").questions.shape == (10, 8)
    assert np.array_equal(load(folder, "test").questions, load(folder, "train").questions[:1])


def test_cells_may_be_words(client: TestClient, settings: Settings) -> None:
    table = [{"question": [[0, 10], [11, i]], "answer": [[9, 10], [11, i]]} for i in range(9)]
    content = "\n".join(map(json.dumps, table)).encode()
    dataset = post(client, content, kind="grid", test=content).json()
    assert dataset["puzzle"]["symbols"] == sorted(map(str, range(12)))
    train = load(settings.data_dir / "artifacts" / "datasets" / dataset["id"], "train")
    assert [train.spec.symbols[token - 1] for token in train.questions[3]] == ["0", "10", "11", "3"]


def test_mazes_are_checked_by_their_rules(client: TestClient, settings: Settings) -> None:
    table = [("S #\n  G", "So#\n oG"), ("S #\n# G", "So#\n#oG"), ("G  \n##S", "Goo\n##S")]
    dataset = post(client, jsonl(table), test=jsonl(table[:1]), kind="maze").json()
    assert (dataset["kind"], dataset["puzzle"]["symbols"]) == ("maze", ["#", " ", "S", "G", "o"])
    assert (dataset["puzzle"]["rows"], dataset["puzzle"]["cols"], dataset["overlap"]) == (2, 3, 1)
    folder = settings.data_dir / "artifacts" / "datasets" / dataset["id"]
    assert load(folder, "train").questions.shape == (3, 6)
    long_way = post(client, jsonl([*table, ("S  \n  G", "Soo\nooG")]), name="other", kind="maze").json()
    assert (long_way["code"], [error["row"] for error in long_way["errors"]]) == ("dataset_malformed", [4])


def test_arc_tasks_are_built_in(client: TestClient, settings: Settings) -> None:
    response = post(client, b'{"train": [], "test": []}', kind="arc")
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "request_invalid")
    assert [error["parameter"] for error in problem["errors"]] == ["kind"]
    assert all(word in problem["detail"] for word in ("arc-1", "arc-2", "library"))
    check_nothing_was_kept(client, settings)


def test_built_in_ones_say_how_many_puzzles_their_splits_have(client: TestClient) -> None:
    for name in ("sudoku-4x4", "maze-hard"):
        splits = client.get(f"/v1/datasets/{name}").json()["splits"]
        assert splits == {split: len(load(name, split)) for split in ("train", "validation", "test")}
    assert client.get("/v1/datasets/arc-1").json()["splits"] == {"train": None, "test": None}


def test_a_share_is_held_out_of_few_puzzles_only(client: TestClient, settings: Settings) -> None:
    many = csv(rows() * 210)
    problem = post(client, many).json()
    assert problem["code"] == "request_invalid"
    assert [error["parameter"] for error in problem["errors"]] == ["test_file"]
    check_nothing_was_kept(client, settings)
    assert post(client, many, test=csv(rows())).json()["splits"] == {"train": 5040, "test": 24}


BAD_ROW = [*rows()[:2], ("7" * 16, ANSWER), *rows()[3:]]
WRONG_SIZE = [*rows()[:4], ("1" * 15, ANSWER)]
NO_ANSWER = [*rows()[:1], ("." * 16, "1" * 16)]
MALFORMED = [
    (csv(BAD_ROW), [("file", 3, "puzzle_unknown_symbol")]),
    (jsonl(BAD_ROW), [("file", 3, "puzzle_unknown_symbol")]),
    (csv(WRONG_SIZE), [("file", 5, "puzzle_wrong_size")]),
    (csv(NO_ANSWER), [("file", 2, "puzzle_contradictory")]),
    (b"", [("file", None, None)]),
    (b"question,answer\n", [("file", None, None)]),
    (b"a,b\n1,2\n", [("file", None, None)]),
    (b"\x89PNG\r\n\x1a\n\x00\x00", [("file", None, None)]),
    (b"question,answer\n" + b"\xff" * 32, [("file", None, None)]),
    (gzip.compress(csv(rows()))[:-9], [("file", None, None)]),
    (b"\x1f\x8b and then nonsense", [("file", None, None)]),
    (b'{"question": "1...", \n', [("file", 1, "puzzle_invalid")]),
    (b"question,answer\n" + b'"' + b"1" * 200_000 + b'",2\n', None),
    (b'{"question": ' + b"[" * 50_000 + b"\n", None),
    (b'{"question": 7, "answer": 8}\n', None),
    (b'{"question": {"a": 1}, "answer": [[]]}\n', None),
]  # fmt: skip


@pytest.mark.parametrize(("content", "places"), MALFORMED, ids=range(len(MALFORMED)))
def test_malformed_uploads_name_the_rows_and_leave_nothing(
    client: TestClient, settings: Settings, content: bytes, places: list[tuple[str, int, str]] | None
) -> None:
    response = post(client, content)
    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "dataset_malformed"), problem
    found = [(error.get("parameter"), error.get("row"), error.get("code")) for error in problem["errors"]]
    assert found
    assert places is None or found == places
    check_nothing_was_kept(client, settings)


def test_the_test_file_is_checked_too(client: TestClient, settings: Settings) -> None:
    problem = post(client, csv(rows()), test=csv(BAD_ROW)).json()
    assert [(error["parameter"], error["row"]) for error in problem["errors"]] == [("test_file", 3)]
    assert problem["code"] == "dataset_malformed"
    check_nothing_was_kept(client, settings)


def test_at_most_a_hundred_rows_are_listed(client: TestClient) -> None:
    problem = post(client, csv(rows()[:1] + [("y" * 16, ANSWER)] * 300)).json()
    assert len(problem["errors"]) == 100
    assert "300 of 301" in problem["detail"]


def test_a_symbol_that_cannot_be_stored_is_refused(client: TestClient, settings: Settings) -> None:
    response = post(client, jsonl([("a\0", "ba"), ("ab", "aa")]), kind="grid")
    assert (response.status_code, response.json()["code"]) == (422, "dataset_malformed")
    check_nothing_was_kept(client, settings)


def test_a_bomb_does_not_go_off(client: TestClient, settings: Settings) -> None:
    content = io.BytesIO()
    with gzip.open(content, "wb") as file:
        for _ in range(4 * settings.max_body_bytes // (1 << 20) + 1):
            file.write((b"0" * ((1 << 19) - 1) + b"\n") * 2)  # no line is too long by itself
    response = post(client, content.getvalue())
    assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
    check_nothing_was_kept(client, settings)


@pytest.mark.parametrize("name", ["mine", "sudoku-6x6"])
def test_names_are_taken_once(client: TestClient, settings: Settings, name: str) -> None:
    assert post(client, csv(rows())).status_code == 201
    before = stored_files(settings)
    response = post(client, csv(rows()), name=name)
    assert (response.status_code, response.json()["code"]) == (409, "dataset_name_taken")
    assert stored_files(settings) == before


@pytest.mark.parametrize("name", ["", "A", "../x", "a b", "a/b", "x" * 65])
def test_odd_names_are_refused(client: TestClient, settings: Settings, name: str) -> None:
    problem = post(client, csv(rows()), name=name).json()
    assert problem["code"] == "request_invalid"
    assert [error["parameter"] for error in problem["errors"]] == ["name"]
    check_nothing_was_kept(client, settings)


def test_unknown_kinds_are_refused(client: TestClient) -> None:
    problem = post(client, csv(rows()), kind="chess").json()
    assert [error["parameter"] for error in problem["errors"]] == ["kind"]


def test_files_go_when_the_row_cannot_be_written(
    client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **values: object) -> None:
        assert stored_files(settings)
        raise DatabaseUnavailable("gone since the files were stored")

    monkeypatch.setattr(datasets, "add", fail)
    assert post(client, csv(rows())).json()["code"] == "database_unavailable"
    check_nothing_was_kept(client, settings)


def test_a_full_storage_is_507(client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Storage, local: Path, name: str) -> str:
        raise StorageFull("no room")

    monkeypatch.setattr(Storage, "put_folder", full)
    response = post(client, csv(rows()))
    assert (response.status_code, response.json()["code"]) == (507, "storage_full")
    check_nothing_was_kept(client, settings)


def test_a_full_scratch_disk_is_507(client: TestClient, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*args: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("services.gateway.intake.ingest.save_dataset", full)
    response = post(client, csv(rows()))
    assert (response.status_code, response.json()["code"]) == (507, "storage_full")
    check_nothing_was_kept(client, settings)


def test_presets_name_data_sets_that_exist() -> None:
    assert {preset.dataset for preset in PRESETS.values()} <= BUILTIN.keys()


def test_an_upload_is_answered_with_what_is_wrong_with_it(client: TestClient) -> None:
    ambiguous = "." * 16
    table = [*rows()[:6], (ambiguous, ANSWER), (ambiguous, ANSWER)]
    dataset = post(client, csv(table), test=csv(rows()[:2])).json()
    report = dataset["report"]
    assert report["splits"]["train"] | {"unused_symbols": []} == {
        "searched": 8, "ambiguous": 2, "repeated": 1, "equivalent": 0, "unused_symbols": []
    }  # fmt: skip
    assert not report["clean"]
    assert dataset["overlap"] == 2
    assert any("more than one answer: rows 7, 8" in finding for finding in report["findings"])
    assert report["presets"] == ["sudoku-4x4"]
    assert client.get("/v1/datasets/mine").json()["report"] == report


def test_puzzles_of_both_splits_that_a_symmetry_turns_into_each_other_are_counted(client: TestClient) -> None:
    puzzles = load("sudoku-6x6", "train").take(10)
    table = [
        (text(puzzles.spec, q), text(puzzles.spec, a)) for q, a in zip(puzzles.questions, puzzles.answers, strict=True)
    ]
    digits = str.maketrans("123456", "246135")
    turned = [(question.translate(digits)[::-1], answer.translate(digits)[::-1]) for question, answer in table[:3]]
    assert not {question for question, _ in turned} & {question for question, _ in table}
    other = load("sudoku-6x6", "test").take(2)
    apart = [(text(other.spec, q), text(other.spec, a)) for q, a in zip(other.questions, other.answers, strict=True)]
    dataset = post(client, csv(table), test=csv([*turned, *apart])).json()
    assert dataset["overlap"] == 3
    assert any(
        "3 test puzzles (60.0%) are equivalent to a training puzzle" in finding
        for finding in dataset["report"]["findings"]
    )


def test_the_search_for_second_answers_ends_in_time(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest, "SEARCH_SECONDS", 0.0)
    report = post(client, csv(rows()), test=csv(rows())).json()["report"]
    assert [report["splits"][split]["searched"] for split in ("train", "test")] == [1, 1]
    assert "train: only the first 1 puzzles were solved." in report["findings"]


def test_what_was_dropped_is_reported(client: TestClient) -> None:
    content = "question,answer,rating\n" + "".join(f"{q},{a},{'hard' if i else 5}\n" for i, (q, a) in enumerate(rows()))
    findings = post(client, content.encode(), test=csv(rows())).json()["report"]["findings"]
    assert any(finding.startswith("train: The ratings of 23 rows are not numbers") for finding in findings)


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (json.dumps({"question": [[1] * 5] * 5, "answer": [[1] * 5] * 5}), "kind=grid takes it"),
        (json.dumps({"question": "S \n G", "answer": "So\n G"}), "kind=maze"),
        ("quest;reply\n1;2\n", "found: 'quest', 'reply', separated by semicolon"),
    ],
)
def test_a_refusal_names_what_was_found_and_what_would_fit(client: TestClient, content: str, words: str) -> None:
    problem = post(client, content.encode()).json()
    assert (problem["code"], words in problem["detail"]) == ("dataset_malformed", True), problem["detail"]


@pytest.mark.parametrize("digits", ["0123456789ABCDEF", "ABCDEFGHIJKLMNOP", "123456789abcdefg"])
def test_a_large_sudoku_keeps_the_digits_of_its_file(client: TestClient, digits: str) -> None:
    answer = "".join(digits[(4 * (r % 4) + r // 4 + c) % 16] for r in range(16) for c in range(16))
    table = csv([("." * i + answer[i:], answer) for i in range(1, 4)])
    dataset = post(client, table, test=table).json()
    assert dataset["puzzle"]["symbols"] == [".", *digits.upper()]


LATIN = [("ab__c__a__a__d__", "abcdcdabbadcdcba"), ("b_a_" + "_" * 12, "badcdcbaabcdcdab")]
JIGSAW = "AABB AABB CCDD CCDD".replace(" ", "")


def latin_rows() -> list[tuple[str, str]]:
    """Latin squares of four letters, relabelled."""
    answer, found = "abcdcdabbadcdcba", []
    for number, order in enumerate(itertools.permutations("abcd")):
        relabelled_ = answer.translate(str.maketrans("abcd", "".join(order)))
        found.append(("_" * (2 + number % 9) + relabelled_[2 + number % 9 :], relabelled_))
    return found


def test_declared_rules_are_checked_and_kept(client: TestClient) -> None:
    rules = '{"rows": true, "columns": true}'
    dataset = post(client, csv(latin_rows()), kind="grid", rules=rules).raise_for_status().json()
    assert dataset["puzzle"]["rules"] == {"rows": True, "columns": True, "regions": None, "blank": "_"}
    assert client.get("/v1/datasets/mine").json() == dataset
    wrong = [*latin_rows(), (LATIN[0][0], "abcdcdabbadcdcbb")]
    refused = post(client, csv(wrong), kind="grid", rules=rules, name="other")
    assert refused.status_code == 422
    assert [error["row"] for error in refused.json()["errors"]] == [25]


def test_a_jigsaw_is_uploaded_with_its_regions(client: TestClient) -> None:
    dataset = post(client, csv(rows()), rules=json.dumps({"regions": JIGSAW})).raise_for_status().json()
    assert (dataset["kind"], dataset["puzzle"]["box"]) == ("sudoku", None)
    assert dataset["puzzle"]["rules"] == {"rows": True, "columns": True, "regions": JIGSAW, "blank": None}


@pytest.mark.parametrize(
    ("rules", "told"),
    [
        ("rows", "Invalid JSON"),
        ("{}", "no rule is stated"),
        ('{"colums": true}', "colums"),
        ('{"regions": "AB"}', "4 regions of 4 cells each"),
        ('{"rows": true}', "kind=grid takes other rules"),
    ],
)
def test_rules_that_cannot_be_are_refused_in_words(client: TestClient, rules: str, told: str) -> None:
    refused = post(client, csv(rows()), rules=rules)
    assert refused.status_code == 422
    assert told in refused.text
    assert client.get("/v1/datasets/mine").status_code == 404
