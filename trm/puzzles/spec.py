"""The shape and alphabet of one kind of puzzle."""

from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

Kind = Literal["sudoku", "maze", "arc", "grid"]


def refuse_boolean_number(cls: type[BaseModel], value: object, info: ValidationInfo) -> object:
    """For `field_validator("*", mode="before")`: true is no 1, where a field takes numbers and no booleans."""
    field = cls.model_fields.get(info.field_name or "")
    if isinstance(value, bool) and field is not None and not _takes_booleans(field.annotation):
        raise ValueError(f"{str(value).lower()} is neither a number nor anything else that this takes")
    return value


def _takes_booleans(annotation: object) -> bool:
    return annotation in (bool, Any, object) or any(_takes_booleans(part) for part in get_args(annotation))


class Frozen(BaseModel):
    """Immutable, and refuses fields it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    _numbers = field_validator("*", mode="before")(refuse_boolean_number)


class PuzzleSpec(Frozen):
    """The shape and alphabet of one kind of puzzle: all that is needed to read, check and print its grids.

    Token 0 is padding; `symbols[i]` is token i + 1. For Sudoku the first symbol is the blank, for mazes they are wall, open,
    start, goal and path, for ARC the end marker and the ten colours.
    """

    kind: Kind
    rows: int = Field(ge=1, le=64)
    cols: int = Field(ge=1, le=64)
    symbols: tuple[str, ...] = Field(min_length=2, max_length=4096)
    box: tuple[int, int] | None = None  # rows, columns of a Sudoku box

    @property
    def cells(self) -> int:
        """Grid cells, L."""
        return self.rows * self.cols

    @property
    def vocab_size(self) -> int:
        """Tokens, padding included, V."""
        return len(self.symbols) + 1

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.symbols)) != len(self.symbols):
            raise ValueError("symbols must differ from each other")
        if (self.kind == "sudoku") != (self.box is not None):
            raise ValueError("a box belongs to Sudoku, and only to Sudoku")
        if self.box is not None and not self.rows == self.cols == self.box[0] * self.box[1] == len(self.symbols) - 1:
            raise ValueError("a Sudoku needs as many rows, columns and digits as cells in a box")
        return self
