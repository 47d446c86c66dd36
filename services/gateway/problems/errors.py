"""What the gateway itself refuses, each with a stable code.

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


class BodyMalformed(GatewayError, code="body_malformed"):
    """The body is not the JSON or the form that it says it is."""


class BodyTooLarge(GatewayError, code="body_too_large"):
    """The body, or what it decompresses to, is larger than this service takes."""


class BodyTooDeep(GatewayError, code="body_too_deep"):
    """The JSON of the body is nested too deeply."""


class MediaTypeUnsupported(GatewayError, code="media_type_unsupported"):
    """The body has another media type than the route takes."""


class RequestTimeout(GatewayError, code="request_timeout"):
    """The request did not arrive in time."""

    headers = {"Connection": "close"}  # noqa: RUF012 - constant


class RequestInvalid(GatewayError, code="request_invalid"):
    """A value of the request breaks a rule of its schema, or one that its schema cannot express."""


class RouteNotFound(GatewayError, code="route_not_found"):
    """No route has this path."""


class MethodNotAllowed(GatewayError, code="method_not_allowed"):
    """The path has routes, but none for this method."""


class Unauthenticated(GatewayError, code="unauthenticated"):
    """The request has no valid key, or its key has ended while it was open."""

    headers = {"WWW-Authenticate": 'Bearer realm="trm"'}  # noqa: RUF012 - constant


class ScopeMissing(GatewayError, code="scope_missing"):
    """The caller's key is not for work of this kind."""


class ForeignPage(GatewayError, code="foreign_page"):
    """A browser asks for another site's page, or by a name that is not this machine's."""


class RateLimited(GatewayError, code="rate_limited"):
    """The key or the address has asked too often."""


class ConnectionsTooMany(GatewayError, code="connections_too_many"):
    """As many connections are open as this service takes."""


class Overloaded(GatewayError, code="overloaded"):
    """Bodies of other requests fill the memory that is set apart for them."""


class PresetNotFound(GatewayError, code="preset_not_found"):
    """No preset has the name in the path."""


class ModelNameTaken(GatewayError, code="model_name_taken"):
    """A shipped model has the name in the path."""


class ProblemNotFound(GatewayError, code="problem_not_found"):
    """No problem has the code in the path."""


class CheckpointFileNotFound(GatewayError, code="checkpoint_file_not_found"):
    """The checkpoint has no file of the name in the path."""


class UploadRefused(GatewayError, code="checkpoint_refused"):
    """An uploaded model is not one that trm has written, is not whole, or holds numbers that are not finite."""


class RangeNotSatisfiable(GatewayError, code="range_not_satisfiable"):
    """The part that is asked for lies beyond the end."""

    def __init__(self, message: str = "", size: int = 0) -> None:
        super().__init__(message)
        self.headers = {"Content-Range": f"bytes */{size}"}  # type: ignore[misc]


class ModelNotReady(GatewayError, code="model_not_ready"):
    """A job names a run that has no checkpoint yet."""


class ModelChanged(GatewayError, code="model_changed"):
    """The shipped model that a job was solved with is gone, or has other weights since."""


class WebhooksOff(GatewayError, code="webhooks_off"):
    """The operator has not allowed webhooks."""


class WebhooksTooMany(GatewayError, code="webhooks_too_many"):
    """The owner has as many webhooks as one may have."""
