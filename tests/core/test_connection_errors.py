"""What is said of a connection that could not be made."""

from __future__ import annotations

import errno
import os
import socket
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest

from scenario_async._http.connection_errors import connection_error
from scenario_async._http.messages import HTTPRequest

REQUEST = HTTPRequest(
    method="GET",
    url="https://api.test/v1/models?a=b",
    authorization="Basic c2VjcmV0c2VjcmV0",
    headers={},
    max_response_size=1,
)


@pytest.mark.parametrize(
    ("host", "error", "words"),
    [
        (
            "::1",
            OSError(errno.ECONNREFUSED, "Connect call failed ('::1', 9)"),
            "the proxy [::1]:9: Co",
        ),
        ("proxy", socket.gaierror(socket.EAI_NONAME, "Not known"), "the proxy proxy:9: Not known"),
        (
            "api.test",
            OSError(errno.EHOSTUNREACH, "Connect call failed"),
            f"api.test:9: {os.strerror(errno.EHOSTUNREACH)}",
        ),
        ("api.test", socket.gaierror(socket.EAI_NONAME, "Not known"), "api.test:9: Not known"),
        (
            "api.test",
            OSError("Multiple exceptions: one, two"),
            "api.test:9: Multiple exceptions: o",
        ),
        ("api.test", OSError(errno.EIO, "c2VjcmV0c2VjcmV0"), "api.test:9: ***"),
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


@pytest.mark.parametrize(
    ("asked", "host", "told"),
    [
        ("münchen.example", "xn--mnchen-3ya.example", "xn--mnchen-3ya.example:9"),
        ("[0:0:0:0:0:0:0:1]", "::1", "[::1]:9"),
        ("[::FFFF:127.0.0.1]", "::ffff:7f00:1", "[::ffff:7f00:1]:9"),
    ],
)
def test_another_spelling_of_the_host_is_not_taken_for_a_proxy(
    asked: str, host: str, told: str
) -> None:
    place: Any = SimpleNamespace(host=host, port=9, ssl=True)
    request = replace(REQUEST, url=f"https://{asked}/v1")
    error = connection_error(aiohttp.ClientConnectorError(place, OSError("gone")), request, 1.0)

    assert str(error).endswith(f"cannot connect to {told}: gone")
