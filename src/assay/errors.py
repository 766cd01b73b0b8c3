"""Every error that Assay raises on purpose, each with the status and code a client sees.

AssayError
├── InvalidRequest        400 invalid_request
├── Unauthorized          401 unauthorized
├── Forbidden             403 forbidden
├── NotFound              404 not_found
├── MethodNotAllowed      405 method_not_allowed
├── Conflict              409 conflict
│   └── OptimisticLock    409 optimistic_locking_error
├── TooLarge              413 payload_too_large
├── PatchFailed           422 patch_failed
├── TooManyRequests       429 rate_limited
├── Unavailable           503 service_unavailable
│   └── LogUnavailable    the event log can't promise durability now
└── DataFolderError       the data folder can't be used (a start fails; never seen by a client)
"""

import uuid


class AssayError(Exception):
    """The root; `status` and `code` are what the REST API answers with."""

    status = 500
    code = "internal_server_error"


def error_body(error: AssayError) -> dict[str, str]:
    """The one shape of every error: code, message, and an id by which a log line can be found."""
    return {"code": error.code, "message": str(error), "id": str(uuid.uuid4())}


class InvalidRequest(AssayError):
    status = 400
    code = "invalid_request"


class Unauthorized(AssayError):
    status = 401
    code = "unauthorized"


class Forbidden(AssayError):
    status = 403
    code = "forbidden"


class NotFound(AssayError):
    status = 404
    code = "not_found"


class MethodNotAllowed(AssayError):
    status = 405
    code = "method_not_allowed"


class Conflict(AssayError):
    status = 409
    code = "conflict"


class OptimisticLock(Conflict):
    """The thing has changed since the caller read it, or somebody else holds it."""

    code = "optimistic_locking_error"


class TooLarge(AssayError):
    status = 413
    code = "payload_too_large"


class PatchFailed(AssayError):
    status = 422
    code = "patch_failed"


class TooManyRequests(AssayError):
    """`reset_ms`: epoch milliseconds at which the next request is welcome."""

    status = 429
    code = "rate_limited"

    def __init__(self, reset_ms: int) -> None:
        super().__init__("You've exceeded the API rate limit. Try again later.")
        self.reset_ms = reset_ms


class Unavailable(AssayError):
    status = 503
    code = "service_unavailable"


class LogUnavailable(Unavailable):
    pass


class DataFolderError(AssayError):
    pass
