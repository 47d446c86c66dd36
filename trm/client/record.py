"""What every answer of the service has in common: frozen, and open to what a newer service adds."""

from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError, ValidatorFunctionWrapHandler, WrapValidator

UNKNOWN_WORD = {"literal_error", "union_tag_invalid"}
T = TypeVar("T")


class Record(BaseModel):
    """An answer, whose fields are those of the API reference; fields that this client does not know are kept."""

    model_config = ConfigDict(frozen=True, extra="allow", protected_namespaces=(), defer_build=True)

    def to_dict(self) -> dict[str, Any]:
        """The answer as JSON has it: what the service sent, and no more."""
        return self.model_dump(mode="json", exclude_unset=True, warnings=False)


class Page(Record, Generic[T]):
    """One page of a list."""

    data: list[T]
    next_cursor: str | None = None
    """Asks for the next page; None on the last one."""
    has_more: bool


def _accept_newer(value: Any, validate: ValidatorFunctionWrapHandler) -> Any:  # noqa: ANN401
    try:
        return validate(value)
    except ValidationError as error:
        if {problem["type"] for problem in error.errors()} <= UNKNOWN_WORD:
            return Record.model_validate(value) if isinstance(value, dict) else value
        raise


# a word, or a kind of record, that only a newer service knows is taken as it is
NEWER_TOO = WrapValidator(_accept_newer)


class Identified(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> str:
        """What the API knows it by."""
        ...


def id_of(thing: Identified | str) -> str:
    """Its id, or the id itself."""
    return thing if isinstance(thing, str) else thing.id
