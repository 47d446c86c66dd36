"""What the gateway itself refuses, each with a stable code.

    GatewayError
    ├── BodyMalformed          body_malformed
    ├── BodyTooLarge           body_too_large
    ├── BodyTooDeep            body_too_deep
    ├── MediaTypeUnsupported   media_type_unsupported
    ├── RequestTimeout         request_timeout
    ├── RequestInvalid         request_invalid
    ├── RouteNotFound          route_not_found
    ├── MethodNotAllowed       method_not_allowed
    ├── Unauthenticated        unauthenticated
    ├── ScopeMissing           scope_missing
    ├── ForeignPage            foreign_page
    ├── RateLimited            rate_limited
    ├── ConnectionsTooMany     connections_too_many
    ├── Overloaded             overloaded
    ├── PresetNotFound         preset_not_found
    ├── ProblemNotFound        problem_not_found
    ├── CheckpointFileNotFound checkpoint_file_not_found
    ├── RangeNotSatisfiable    range_not_satisfiable
    ├── ModelNameTaken         model_name_taken
    ├── ModelNotReady          model_not_ready
    ├── WebhooksOff            webhooks_off
    ├── WebhooksTooMany        webhooks_too_many
    └── PartsRefused           the code of what is wrong with the first part

Codes say what is wrong; `catalogue.py` says which HTTP status that is.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import ClassVar

from services.gateway.schemas.problem import ProblemItem
from services.registry.errors import SchemaMismatch, Unavailable
from trm.errors import CodedError, StorageFull

OF_THE_SERVICE = (Unavailable, SchemaMismatch, StorageFull)  # no part of a request causes them


@contextmanager
def at_fault(field: str) -> Iterator[None]:
    """An error of the block is the fault of this field of the body, or of what is inside it."""
    try:
        yield
    except CodedError as error:
        if not isinstance(error, OF_THE_SERVICE):
            error.locate(field)
        raise


class GatewayError(CodedError):
    """Root of the tree; `items` describe the parts of the request that are at fault, where `fields` do not suffice."""

    headers: ClassVar[Mapping[str, str]] = {}  # of the response

    def __init__(
        self, message: str = "", *fields: str | tuple[str | int, ...], items: Sequence[ProblemItem] = ()
    ) -> None:
        super().__init__(message, *fields)
        self.items = tuple(items)


class PartsRefused(GatewayError):
    """Parts of a request are refused, each for a reason of its own; `items` hold one entry for each."""

    def __init__(self, code: str, message: str, items: Sequence[ProblemItem]) -> None:
        super().__init__(message, items=items)
        self.code = code


class BodyMalformed(GatewayError):
    """The body is not the JSON or the form that it says it is."""

    code = "body_malformed"


class BodyTooLarge(GatewayError):
    """The body, or what it decompresses to, is larger than this service takes."""

    code = "body_too_large"


class BodyTooDeep(GatewayError):
    """The JSON of the body is nested too deeply."""

    code = "body_too_deep"


class MediaTypeUnsupported(GatewayError):
    """The body has another media type than the route takes."""

    code = "media_type_unsupported"


class RequestTimeout(GatewayError):
    """The request did not arrive in time."""

    code = "request_timeout"
    headers = {"Connection": "close"}  # noqa: RUF012 - constant


class RequestInvalid(GatewayError):
    """A value of the request breaks a rule of its schema, or one that its schema cannot express."""

    code = "request_invalid"


class RouteNotFound(GatewayError):
    """No route has this path."""

    code = "route_not_found"


class MethodNotAllowed(GatewayError):
    """The path has routes, but none for this method."""

    code = "method_not_allowed"


class Unauthenticated(GatewayError):
    """The request has no valid key, or its key has ended while it was open."""

    code = "unauthenticated"
    headers = {"WWW-Authenticate": 'Bearer realm="trm"'}  # noqa: RUF012 - constant


class ScopeMissing(GatewayError):
    """The caller's key is not for work of this kind."""

    code = "scope_missing"


class ForeignPage(GatewayError):
    """A browser asks for another site's page, or by a name that is not this machine's."""

    code = "foreign_page"


class RateLimited(GatewayError):
    """The key or the address has asked too often."""

    code = "rate_limited"


class ConnectionsTooMany(GatewayError):
    """As many connections are open as this service takes."""

    code = "connections_too_many"


class Overloaded(GatewayError):
    """Bodies of other requests fill the memory that is set apart for them."""

    code = "overloaded"


class PresetNotFound(GatewayError):
    """No preset has the name in the path."""

    code = "preset_not_found"


class ModelNameTaken(GatewayError):
    """A shipped model has the name in the path."""

    code = "model_name_taken"


class ProblemNotFound(GatewayError):
    """No problem has the code in the path."""

    code = "problem_not_found"


class CheckpointFileNotFound(GatewayError):
    """The checkpoint has no file of the name in the path."""

    code = "checkpoint_file_not_found"


class RangeNotSatisfiable(GatewayError):
    """The part that is asked for lies beyond the end."""

    code = "range_not_satisfiable"

    def __init__(self, message: str = "", size: int = 0) -> None:
        super().__init__(message)
        self.headers = {"Content-Range": f"bytes */{size}"}  # type: ignore[misc]


class ModelNotReady(GatewayError):
    """A job names a run that has no checkpoint yet."""

    code = "model_not_ready"


class WebhooksOff(GatewayError):
    """The operator has not allowed webhooks."""

    code = "webhooks_off"


class WebhooksTooMany(GatewayError):
    """The owner has as many webhooks as one may have."""

    code = "webhooks_too_many"
