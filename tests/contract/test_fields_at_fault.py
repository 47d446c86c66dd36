"""Errors name the fields at fault: every rule between fields does, by names that exist, and no sentence is searched for them."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from services.gateway.schemas.solve_job import SolveJobRequest
from services.gateway.schemas.training_job import TrainingJobRequest
from trm.config.model import ModelConfig
from trm.config.run import RunConfig
from trm.config.train import TrainConfig
from trm.errors import CodedError, RuleError
from trm.interface.effort import Effort

ROOT = Path(__file__).parents[2]
MODELS: list[type[BaseModel]] = [Effort, ModelConfig, TrainConfig, RunConfig, SolveJobRequest, TrainingJobRequest]
READERS = [
    *(ROOT / "trm/config").glob("*.py"),
    *(
        path
        for room in ("problems", "intake", "lookups", "routes", "schemas")
        for path in (ROOT / "services/gateway" / room).glob("*.py")
    ),
]


def after_validators(model: type[BaseModel]) -> Iterator[ast.FunctionDef]:
    """The rules between fields of a model."""
    tree = ast.parse((ROOT / f"{model.__module__.replace('.', '/')}.py").read_text())
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and any("model_validator" in ast.unparse(d) for d in node.decorator_list):
            yield node


def rule_tables(model: type[BaseModel]) -> Iterator[ast.FunctionDef]:
    """The generators that a model's rules are taken from: what is wrong, a sentence, and fields."""
    tree = ast.parse((ROOT / f"{model.__module__.replace('.', '/')}.py").read_text())
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef) and node.name == "_list_rules")


def named_fields(rules: ast.FunctionDef) -> set[str]:
    """What follows the sentence of each rule: arguments of the error, or the last columns of a table of rules."""
    nodes = list(ast.walk(rules))
    calls = [node for node in nodes if isinstance(node, ast.Call) and ast.unparse(node.func) == "RuleError"]
    yielded = [node.value for node in nodes if isinstance(node, ast.Yield)]
    yielded += [row for call in requirements(rules) for row in call.args[1:]]
    rows = [node.elts[2] for node in nodes if isinstance(node, ast.Tuple) and len(node.elts) == 3]
    given = [arg for call in calls for arg in call.args[1:]]
    given += [field for row in rows if isinstance(row, ast.Tuple) for field in row.elts]
    given += [field for row in yielded if isinstance(row, ast.Tuple) for field in row.elts[2:]]
    return {str(node.value) for node in given if isinstance(node, ast.Constant)}


def requirements(rules: ast.FunctionDef) -> Iterator[ast.Call]:
    """Calls of `require`: the error, then a row for each rule."""
    yield from (node for node in ast.walk(rules) if isinstance(node, ast.Call) and ast.unparse(node.func) == "require")


def known_fields(model: type[BaseModel]) -> set[str]:
    inner: dict[str, type[BaseModel]] = {"model": ModelConfig, "train": TrainConfig} if model is RunConfig else {}
    return {*model.model_fields, *(f"{name}.{field}" for name, part in inner.items() for field in part.model_fields)}


@pytest.mark.parametrize("model", MODELS)
def test_rules_between_fields_name_fields_that_exist(model: type[BaseModel]) -> None:
    validators = list(after_validators(model))
    assert validators
    for validator in validators:
        named = named_fields(validator).union(*map(named_fields, rule_tables(model)))
        assert named
        assert named <= known_fields(model)
        raised = [
            ast.unparse(node.exc.func)
            for node in ast.walk(validator)
            if isinstance(node, ast.Raise) and isinstance(node.exc, ast.Call)
        ]
        raised += [ast.unparse(call.args[0]) for call in requirements(validator)]
        assert set(raised) == {"RuleError"}


@pytest.mark.parametrize("path", READERS, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_sentence_is_searched_for_a_field(path: Path) -> None:
    imported = {
        alias.name
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Import)
        for alias in node.names
    }
    assert "re" not in imported


def test_a_rule_is_kept_with_its_fields_by_pydantic() -> None:
    with pytest.raises(ValueError, match="set until_verified") as refused:
        Effort(restart_steps=4)
    [problem] = refused.value.errors()  # type: ignore[attr-defined]
    rule = problem["ctx"]["error"]
    assert isinstance(rule, RuleError)
    assert rule.fields == ("restart_steps",)


def test_an_error_is_located_inside_the_field_that_was_read() -> None:
    error = CodedError("x", ("train.stages", 1), "train.steps")
    error.locate("overrides")
    assert error.fields == (("overrides", "train.stages", 1), ("overrides", "train.steps"))
    whole = CodedError("x")
    whole.locate("model")
    assert whole.fields == (("model",),)
