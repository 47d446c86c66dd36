"""What all schemas have in common."""

from typing import Self

from pydantic import BaseModel, ConfigDict, JsonValue, field_validator

from trm.puzzles.spec import refuse_boolean_number


def examples(*shown: JsonValue) -> ConfigDict:
    """The configuration of a schema whose documentation shows these."""
    return ConfigDict(json_schema_extra={"examples": list(shown)})


class Request(BaseModel):
    """A request body: refuses fields it does not know, so that a misspelt option is never ignored."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    _numbers = field_validator("*", mode="before")(refuse_boolean_number)


class Response(BaseModel):
    """A response body, made by this service."""

    model_config = ConfigDict(frozen=True)

    @classmethod
    def from_row(cls, row: object, **computed: object) -> Self:
        """The fields from the columns of the same names, but for those that are computed."""
        names = cls.model_fields.keys() - computed.keys()
        return cls.model_validate({name: getattr(row, name) for name in names} | computed)
