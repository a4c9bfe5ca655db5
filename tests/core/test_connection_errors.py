"""What is said of a connection that could not be made."""

from __future__ import annotations

import errno
import socket
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from scenario_async._http.connection_errors import connection_error
from scenario_async._http.messages import HTTPRequest

REQUEST = HTTPRequest(
    method="GET",
    url="https://api.example/v1/models?a=b",
    authorization="Basic c2VjcmV0c2VjcmV0",
    headers={},
    max_response_size=1,
)


@pytest.mark.parametrize(
    ("host", "error", "words"),
    [
        (
            "::1",
            OSError(errno.ECONNREFUSED, "Connect call failed ('::1', 9, 0, 0)"),
            "[::1]:9: Con",
        ),
        ("api", OSError(errno.EHOSTUNREACH, "Connect call failed ('1.2.3.4', 9)"), "api:9: No rou"),
        ("api", socket.gaierror(socket.EAI_NONAME, "Name not known"), "api:9: Name not known"),
        (
            "api",
            OSError("Multiple exceptions: one, another"),
            "api:9: Multiple exceptions: one, an",
        ),
        ("api", OSError(errno.EIO, "c2VjcmV0c2VjcmV0"), "api:9: ***"),
    ],
    ids=str,
)
def test_where_nobody_answers_is_told_with_the_reason(
    host: str, error: OSError, words: str
) -> None:
    place: Any = SimpleNamespace(host=host, port=9, ssl=True)
    told = connection_error(aiohttp.ClientConnectorError(place, error), REQUEST, 1.0)

    said = "GET /v1/models got no whole answer: cannot connect to "
    assert str(told).startswith(said + words)
    assert not told.permanent
