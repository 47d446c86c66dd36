"""The shape and alphabet of one kind of puzzle."""

from typing import Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from trm.puzzles.regions import NO_REGION, is_jigsaw, name_regions

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


class DeclaredRules(Frozen):
    """What a data set states about its answers; for a jigsaw Sudoku the regions say all, since rows and columns are implied."""

    rows: bool = False
    """No symbol stands twice in a row."""
    columns: bool = False
    """No symbol stands twice in a column."""
    regions: str | None = Field(default=None, max_length=1 << 14)
    """No symbol stands twice in a region: one character a cell, row by row, the same for all cells of a region, `.` for a cell in none.
    White space means nothing. They are kept as A, B, C, .. in the order in which they occur."""
    blank: str | None = None
    """The symbol of a cell that the answer fills in. Left out, it is the one that occurs in questions only."""

    @field_validator("regions", mode="before")
    @classmethod
    def _named_in_order(cls, given: object) -> object:
        if isinstance(given, list | tuple) and all(isinstance(row, str) for row in given):
            given = "".join(given)
        return name_regions(given) if isinstance(given, str) else given

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not (self.rows or self.columns or self.regions):
            raise ValueError("no rule is stated: set rows or columns to true, or give regions")
        return self


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
    rules: DeclaredRules | None = None  # of a jigsaw Sudoku, and of a data set of grids that states some

    @property
    def cells(self) -> int:
        """Grid cells, L."""
        return self.rows * self.cols

    @property
    def vocab_size(self) -> int:
        """Tokens, padding included, V."""
        return len(self.symbols) + 1

    @property
    def blank(self) -> int | None:
        """The token of a cell that an answer fills in; None where no symbol means that."""
        if self.kind == "sudoku":
            return 1
        if self.rules is None or self.rules.blank is None:
            return None
        return self.symbols.index(self.rules.blank) + 1

    @property
    def regions(self) -> str | None:
        """The regions that an answer is judged by, a letter a cell."""
        return None if self.rules is None else self.rules.regions

    @property
    def has_rules(self) -> bool:
        """Whether an answer can be verified."""
        return self.kind in ("sudoku", "maze") or self.rules is not None

    @property
    def is_searchable(self) -> bool:
        """Whether answers can be found by exact search over what blanks may hold."""
        return self.kind != "arc" and self.blank is not None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if len(set(self.symbols)) != len(self.symbols):
            raise ValueError("symbols must differ from each other")
        if self.kind != "sudoku" and self.box is not None:
            raise ValueError("a box belongs to Sudoku, and only to Sudoku")
        if self.kind == "sudoku" and (self.box is None) == (self.rules is None):
            raise ValueError("a Sudoku needs a box, or as a jigsaw the regions in its place")
        if self.rules is not None:
            self._require_possible(self.rules)
        if self.box is not None and not self.rows == self.cols == self.box[0] * self.box[1] == len(self.symbols) - 1:
            raise ValueError("a Sudoku needs as many rows, columns and digits as cells in a box")
        return self

    def _require_possible(self, rules: DeclaredRules) -> None:
        if self.kind not in ("sudoku", "grid"):
            raise ValueError(f"rules are declared for grids and Sudokus; those of kind {self.kind} are fixed")
        if rules.regions is not None and len(rules.regions) != self.cells:
            raise ValueError(f"there are {len(rules.regions)} region letters for {self.cells} cells")
        if self.kind == "sudoku":
            self._require_jigsaw(rules)
        elif rules.blank is not None and rules.blank not in self.symbols:
            raise ValueError(f"the blank {rules.blank!r} is none of the symbols")
        fillings, largest = len(self.symbols) - (self.blank is not None), self._largest_group(rules)
        if largest > fillings:
            raise ValueError(f"{largest} cells cannot hold different symbols: there are {fillings}")

    def _require_jigsaw(self, rules: DeclaredRules) -> None:
        if not (
            rules.rows and rules.columns and rules.blank is None and self.rows == self.cols == len(self.symbols) - 1
        ):
            raise ValueError(
                "a jigsaw Sudoku is square, with as many digits as rows, different in rows, columns and regions"
            )
        if not is_jigsaw(rules.regions or "", self.rows):
            raise ValueError(
                f"a {self.rows}x{self.rows} jigsaw Sudoku needs {self.rows} regions of {self.rows} cells each"
            )

    def _largest_group(self, rules: DeclaredRules) -> int:
        regions = (rules.regions or "").replace(NO_REGION, "")
        sizes = [regions.count(name) for name in set(regions)]
        return max([self.cols * rules.rows, self.rows * rules.columns, *sizes])
