"""What aiohttp's exceptions mean, as ours. No I/O."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from scenario_async._errors import APIConnectionError, APIResponseValidationError, APITimeoutError
from scenario_async._system_errors import system_reason
from scenario_async._urls import address_of, redact

if TYPE_CHECKING:
    from .messages import HTTPRequest

__all__ = ["bare", "connection_error", "too_large"]

# What OpenSSL says where the two sides have no TLS in common, or one of them speaks none.
_NO_COMMON_TLS = frozenset(
    {
        "HTTP_REQUEST",
        "NO_PROTOCOLS_AVAILABLE",
        "NO_SHARED_CIPHER",
        "SSLV3_ALERT_HANDSHAKE_FAILURE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNSUPPORTED_PROTOCOL",
        "WRONG_SSL_VERSION",
        "WRONG_VERSION_NUMBER",
    }
)


def connection_error(error: Exception, request: HTTPRequest, seconds: float) -> APIConnectionError:
    """The exception for a request to which no whole answer came."""
    if isinstance(error, TimeoutError):
        return APITimeoutError(
            f"{_name(request)} timed out after {seconds:.1f} s: {_text(error, request)}"
        )
    failure = APIConnectionError(f"{_name(request)} got no whole answer: {_text(error, request)}")
    failure.permanent = _is_permanent(error)
    return failure


def too_large(request: HTTPRequest, status: int, size: str) -> APIResponseValidationError:
    """The exception for an answer that is larger than the request allows."""
    return APIResponseValidationError(
        f"the answer to {_name(request)} has {size}, and max_response_size is "
        f"{request.max_response_size:,} bytes",
        status_code=status,
    )


def _name(request: HTTPRequest) -> str:
    return f"{request.method} {urlsplit(request.url).path}"


def _is_permanent(error: BaseException) -> bool:
    """Whether the same request cannot succeed a little later either."""
    match error:
        case aiohttp.ClientConnectorCertificateError() | aiohttp.InvalidURL():
            return True
        case aiohttp.ClientHttpProxyError():
            # As it is for answers of the service itself.
            return error.status < HTTPStatus.INTERNAL_SERVER_ERROR and error.status not in (
                HTTPStatus.REQUEST_TIMEOUT,
                HTTPStatus.TOO_MANY_REQUESTS,
            )
        case aiohttp.ClientConnectorError():
            # Without one of these reasons the connection broke, or the other side failed.
            return getattr(error.os_error, "reason", None) in _NO_COMMON_TLS
        case _:
            return False


def _text(error: BaseException, request: HTTPRequest) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            reason = getattr(error.certificate_error, "verify_message", error.certificate_error)
            return f"the certificate of {error.host}:{error.port} is refused: {reason}"
        case aiohttp.ClientHttpProxyError():
            text = f"the proxy answered with {error.status} {error.message}".rstrip()
        # That of a Unix socket tells its path by itself.
        case aiohttp.ClientConnectorError() if not hasattr(error, "path"):
            text = f"cannot connect to {_where_and_why(error, request)}"
        case _:
            text = str(error) or type(error).__name__
    return redact(text, (request.authorization.rpartition(" ")[2],))


def _where_and_why(error: aiohttp.ClientConnectorError, request: HTTPRequest) -> str:
    reason = error.strerror or str(error.os_error)
    if "Connect call failed" in reason:  # asyncio has the address there in place of the reason
        reason = system_reason(error.os_error)
    host = f"[{error.host}]" if ":" in error.host else error.host
    proxy = "the proxy " if _is_of_proxy(error, request) else ""
    return f"{proxy}{host}:{error.port}: {reason}"


def _is_of_proxy(error: aiohttp.ClientConnectorError, request: HTTPRequest) -> bool:
    """Whether it was a proxy that could not be reached.

    Where the name of a proxy is unknown, its error is that of any name.
    """
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return True
    asked = urlsplit(request.url).hostname or ""
    address = address_of(asked)
    if address is not None:
        return address_of(error.host) != address
    # Of a name in other letters aiohttp has another spelling.
    return asked.isascii() and error.host != asked


def bare(error: BaseException) -> BaseException:
    """The same exception without what it holds of the request.

    Its ``repr`` would show the headers, and its frames, those of aiohttp, hold what was written.
    """
    chain: list[BaseException] = [error]
    for link in chain:
        link.__traceback__ = None
        others = (link.__cause__, link.__context__)
        chain += [other for other in others if other is not None and other not in chain]
    if isinstance(error, aiohttp.ClientResponseError):
        info = error.request_info
        none = info.headers.copy()
        none.clear()
        bare = type(info.headers)(none)
        error.request_info = aiohttp.RequestInfo(info.url, info.method, bare, info.real_url)
        error.history = ()
        error.args = (error.request_info, error.history)
    return error
