"""What the gateway itself refuses, each with a stable code.

    GatewayError
    ├── BodyMalformed        body_malformed
    ├── BodyTooLarge         body_too_large
    ├── RequestInvalid       request_invalid
    ├── Unauthenticated      unauthenticated
    ├── ScopeMissing         scope_missing
    ├── PresetNotFound       preset_not_found
    ├── ProblemNotFound      problem_not_found
    ├── CheckpointFileNotFound  checkpoint_file_not_found
    ├── RangeNotSatisfiable  range_not_satisfiable
    ├── ModelNameTaken       model_name_taken
    ├── ModelUnknown         model_unknown
    ├── ModelNotReady        model_not_ready
    ├── EffortRefused        config_invalid
    ├── UploadRefused        dataset_malformed
    ├── WebhooksOff          webhooks_off
    ├── WebhookRefused       webhook_refused
    ├── WebhooksTooMany      webhooks_too_many
    ├── FieldRefused         the code of what the field names wrongly
    └── PuzzlesRefused       the code of the first puzzle that is refused

Codes say what is wrong; `catalogue.py` says which HTTP status that is.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from services.gateway.schemas.problem import ProblemItem, pointer
from services.registry.errors import RegistryError, SchemaMismatch, Unavailable
from trm.errors import InvalidOverride, StorageFull, TrmError


@contextmanager
def at_fault(field: str) -> Iterator[None]:
    """An error of the block is the fault of this field of the body, or of what is inside it: its `errors` point there."""
    try:
        yield
    except (TrmError, RegistryError, GatewayError) as error:
        if isinstance(error, Unavailable | SchemaMismatch | StorageFull) or getattr(error, "items", None):
            raise
        keys = error.keys if isinstance(error, InvalidOverride) else ()
        places = [(field, *key) for key in keys] or [(field,)]
        raise FieldRefused(
            error, [ProblemItem(pointer=pointer(*place), detail=str(error)) for place in places]
        ) from error


class GatewayError(Exception):
    """Root of the tree; `items` name the parts of the request that are at fault."""

    code: str = "request_invalid"

    def __init__(self, message: str, items: Sequence[ProblemItem] = ()) -> None:
        super().__init__(message)
        self.items = list(items)


class BodyMalformed(GatewayError):
    """The body is not the JSON or the form that it says it is."""

    code = "body_malformed"


class BodyTooLarge(GatewayError):
    """The body, or what it decompresses to, is larger than this service takes."""

    code = "body_too_large"


class RequestInvalid(GatewayError):
    """A value of the request breaks a rule that its schema cannot express."""

    code = "request_invalid"


class Unauthenticated(GatewayError):
    """The caller's key has ended while its request was open."""

    code = "unauthenticated"


class ScopeMissing(GatewayError):
    """The caller's key is not for work of this kind."""

    code = "scope_missing"


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

    def __init__(self, message: str, size: int) -> None:
        super().__init__(message)
        self.headers = {"Content-Range": f"bytes */{size}"}


class ModelUnknown(GatewayError):
    """A solve job names a model that does not exist."""

    code = "model_unknown"


class ModelNotReady(GatewayError):
    """A solve job names a run that has no checkpoint yet."""

    code = "model_not_ready"


class EffortRefused(GatewayError):
    """A solve job asks for thinking that its model or its kind of puzzle does not allow."""

    code = "config_invalid"


class UploadRefused(GatewayError):
    """An uploaded file is not a valid data file; `items` hold one entry for each bad row."""

    code = "dataset_malformed"


class WebhooksOff(GatewayError):
    """The operator has not allowed webhooks."""

    code = "webhooks_off"


class WebhookRefused(GatewayError):
    """A webhook's URL is one that this service will not call."""

    code = "webhook_refused"


class WebhooksTooMany(GatewayError):
    """The owner has as many webhooks as one may have."""

    code = "webhooks_too_many"


class FieldRefused(GatewayError):
    """What a field of the request names or says is refused; the code is that of the reason."""

    def __init__(self, reason: TrmError | RegistryError | GatewayError, items: Sequence[ProblemItem]) -> None:
        super().__init__(str(reason), items)
        self.code = reason.code


class PuzzlesRefused(GatewayError):
    """Some puzzles of a request cannot be solved as given; `items` hold one entry for each."""

    def __init__(self, items: Sequence[ProblemItem]) -> None:
        first = items[0]
        super().__init__(
            first.detail if len(items) == 1 else f"{len(items)} puzzles are refused. {first.detail}", items
        )
        self.code = first.code or self.code
