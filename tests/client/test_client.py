"""What a client says and gets, against a real gateway."""

from tests.gateway.conftest import Book
from trm.client import Client
from trm.client.api import EvaluatingEvent, SolveResult

TINY = {"model.hidden_size": 16, "train.steps": 5}
PUZZLE = ".2.43......31..."


def test_every_list_and_lookup_is_answered(client: Client, book: Book, model: str) -> None:
    job = client.solve(model=model, puzzle=PUZZLE, name="mine", tags=["a"], metadata={"k": "v"})
    book.solve(book.claim(job.id))
    run = next(client.runs.list())
    assert client.readiness().status == "ready"
    assert client.liveness().status == "ok"
    assert client.index()["links"]["jobs"] == "/v1/jobs"
    assert "trm_" in client.metrics()
    assert client.metrics_targets() is not None
    assert [line.kind for line in client.queue().data] == ["train", "solve", "evaluate"]
    assert list(client.workers()) == []
    assert list(client.jobs.attempts(job)) == client.jobs.get(job).attempts
    assert client.problem("job_not_found").status == 404
    assert client.presets.get(client.presets.list().data[0].name).model.hidden_size > 0
    assert client.runs.get(run).config.preset == run.preset
    assert list(client.runs.metrics(run)) == client.runs.curve(run).data == []
    assert list(client.runs.evaluations(run)) == []
    assert [saved.id for saved in client.runs.checkpoints(run)] == [saved.id for saved in client.checkpoints.list()]
    assert client.checkpoints.get(model).id == model
    assert client.models.promote("mine", model).version == 1
    assert client.models.get("mine") == next(client.models.versions("mine"))
    client.models.promote("other", model)
    assert [model.name for model in client.models.list(page_size=1).promoted] == ["mine", "other"]
    client.models.delete("mine")
    assert [model.name for model in client.models.list().data]
    assert client.datasets.get("sudoku-4x4").name == "sudoku-4x4"
    assert len(client.datasets.sample("sudoku-4x4", 3, seed=1).data) == 3
    assert next(client.datasets.puzzles("sudoku-4x4", page_size=2)).index == 0
    assert next(client.datasets.list()).builtin
    found = client.jobs.get(job)
    assert isinstance(found.result, SolveResult)
    assert found.result.n == 1
    assert [j.id for j in client.jobs.list(status="succeeded", kind="solve", tag=["a"], metadata={"k": "v"})] == [
        job.id
    ]
    assert list(client.jobs.list(tag=["b"])) == []
    assert [solution.answer for solution in client.jobs.solutions(job)] == ["1" * 16]
    assert client.jobs.picture(job, 0).startswith("<svg")
    assert list(client.jobs.logs(job)) == []
    assert [event.type for event in client.jobs.events(job)] == [e.type for e in client.jobs.past_events(job).data]
    assert client.jobs.wait(job).status == "succeeded"
    assert list(client.audit.list()) is not None
    assert client.train(preset="sudoku-4x4", overrides=TINY).kind == "train"
    assert client.plan_training(preset="sudoku-4x4").config.preset == "sudoku-4x4"
    assert client.evaluate(model=model, dataset="sudoku-4x4").kind == "evaluate"


def test_events_of_a_newer_service_are_taken_as_they_are(client: Client, book: Book) -> None:
    _, claim = book.training()
    book.event(claim, "dreamt", of="a grid")
    book.event(claim, "evaluating", split="test", n=2, through=1, mood="good")
    dreamt, evaluating = client.jobs.past_events(claim.job_id).data
    assert dreamt.to_dict() | {"created_at": ""} == {
        "id": 1,
        "type": "dreamt",
        "data": {"of": "a grid"},
        "created_at": "",
    }
    assert isinstance(evaluating, EvaluatingEvent)
    assert evaluating.data.to_dict() == {"split": "test", "n": 2, "through": 1, "mood": "good"}
    streamed = client.jobs.events(claim.job_id)
    assert [next(streamed).data, next(streamed).data] == [dreamt.data, evaluating.data]
