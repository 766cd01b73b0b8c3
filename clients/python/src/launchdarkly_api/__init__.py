"""Reads and resets experiment results; the names here are those of the official client's version 6."""

from launchdarkly_api.api_client import ApiClient
from launchdarkly_api.configuration import Configuration
from launchdarkly_api.exceptions import (
    ApiAttributeError,
    ApiException,
    ApiKeyError,
    ApiTypeError,
    ApiValueError,
    ForbiddenException,
    InvalidResponseException,
    NotFoundException,
    OpenApiException,
    ServiceException,
    TimeoutException,
    UnauthorizedException,
    UnreachableException,
)
from launchdarkly_api.session import Experiments, experiments

__version__ = "0.1.0"

__all__ = [
    "ApiAttributeError",
    "ApiClient",
    "ApiException",
    "ApiKeyError",
    "ApiTypeError",
    "ApiValueError",
    "Configuration",
    "Experiments",
    "ForbiddenException",
    "InvalidResponseException",
    "NotFoundException",
    "OpenApiException",
    "ServiceException",
    "TimeoutException",
    "UnauthorizedException",
    "UnreachableException",
    "experiments",
]
