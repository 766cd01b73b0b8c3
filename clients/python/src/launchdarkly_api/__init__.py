"""Reads and resets experiment results; the names here are those of the official client's version 6."""

from launchdarkly_api.api_client import ApiClient as ApiClient
from launchdarkly_api.configuration import Configuration as Configuration
from launchdarkly_api.exceptions import (
    ApiAttributeError as ApiAttributeError,
    ApiException as ApiException,
    ApiKeyError as ApiKeyError,
    ApiTypeError as ApiTypeError,
    ApiValueError as ApiValueError,
    ForbiddenException as ForbiddenException,
    InvalidResponseException as InvalidResponseException,
    NotFoundException as NotFoundException,
    OpenApiException as OpenApiException,
    ServiceException as ServiceException,
    TimeoutException as TimeoutException,
    UnauthorizedException as UnauthorizedException,
    UnreachableException as UnreachableException,
)
from launchdarkly_api.session import Experiments as Experiments, experiments as experiments

__version__ = "0.1.0"
