"""What several layers name field by field is the same in all of them: events of the trainer, tables, and the API."""

from dataclasses import fields
from types import NoneType
from typing import get_args

from services.gateway.schemas import event as event_schemas
from services.gateway.schemas import run as run_schemas
from services.gateway.schemas import solution as solution_schemas
from services.gateway.schemas.base import Response
from services.registry.db import tables
from services.registry.db.base import Base
from trm.interface.events import CheckpointSaved, Evaluated, Evaluating, Finished, Record, Started, StepMetrics
from trm.interface.solution import Answer, Solution

MADE_BY_THE_DATABASE = {"run_id", "attempt", "created_at"}


def _optional(annotation: object) -> bool:
    return NoneType in get_args(annotation)


def _of_event(event: type[Record]) -> dict[str, bool]:
    return {field.name: _optional(field.type) for field in fields(event)}


def _of_table(table: type[Base], but: set[str]) -> dict[str, bool]:
    return {column.key: bool(column.nullable) for column in table.__table__.columns if column.key not in but}


def _of_schema(schema: type[Response], but: set[str]) -> dict[str, bool]:
    return {name: _optional(field.annotation) for name, field in schema.model_fields.items() if name not in but}


def test_a_curve_has_the_same_fields_everywhere() -> None:
    said = _of_event(StepMetrics)
    assert _of_table(tables.RunMetric, MADE_BY_THE_DATABASE) == said
    assert _of_schema(run_schemas.RunMetric, MADE_BY_THE_DATABASE) == said


def test_an_evaluation_has_the_same_fields_everywhere() -> None:
    said = _of_event(Evaluated)
    assert _of_table(tables.RunEvaluation, MADE_BY_THE_DATABASE) == said
    assert _of_schema(run_schemas.RunEvaluation, MADE_BY_THE_DATABASE) == said


def test_events_of_a_training_have_the_same_fields_everywhere() -> None:
    assert _of_schema(event_schemas.StartedData, set()) == _of_event(Started)
    assert _of_schema(event_schemas.FinishedData, set()) == _of_event(Finished)
    assert _of_schema(run_schemas.Evaluation, set()) == {
        name: optional for name, optional in _of_event(Evaluated).items() if name != "report"
    }
    assert _of_schema(event_schemas.EvaluatingData, {"step"}) == {
        name: optional for name, optional in _of_event(Evaluating).items() if name != "step"
    }
    assert _of_schema(event_schemas.CheckpointData, {"id"}) == {
        name: optional for name, optional in _of_event(CheckpointSaved).items() if name != "path"
    }


def test_a_solution_has_the_same_fields_everywhere() -> None:
    inherited = {field.name for field in fields(Answer)}
    said = {field.name: _optional(field.type) for field in fields(Solution) if field.name not in inherited}
    stored = _of_table(tables.Solution, {"job_id", "index", "question", "answer"})
    assert stored == said
    shown = _of_schema(solution_schemas.Solution, {"index", "question", "answer", "halted", "violations"})
    renamed = {"supervision_steps": "steps", "total_supervision_steps": "total_steps"}
    assert {renamed.get(name, name): optional for name, optional in shown.items()} == said
