from __future__ import annotations

import math
import re
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async import NOT_GIVEN, EventHooks, NotGiven, Timeout
from scenario_async._credentials import Credentials
from scenario_async._options import DEFAULT_BASE_URL, ClientOptions, check_base_url

LIMITS = ("connect", "read", "total")
seconds = st.floats(min_value=0, exclude_min=True, allow_infinity=False, allow_nan=False)


def options(**changes: Any) -> ClientOptions:
    values: dict[str, Any] = {
        "credentials": Credentials("public", "public-auth-token"),
        "base_url": DEFAULT_BASE_URL,
        "project_id": None,
        "timeout": Timeout(),
        "max_retries": 2,
        "max_concurrency": 8,
        "requests_per_second": None,
        "default_headers": {},
        "default_query": {},
        "event_hooks": EventHooks(),
    }
    return ClientOptions(**{**values, **changes})


def test_there_are_limits_by_default() -> None:
    assert None not in (Timeout().connect, Timeout().read, Timeout().total)


@given(st.none() | seconds | st.integers(1, 10**6))
def test_any_number_of_seconds_or_none_is_a_limit(limit: float | None) -> None:
    for name in LIMITS:
        assert getattr(Timeout(**{name: limit}), name) == limit


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("limit", [0, 0.0, -1, -0.5, math.inf, -math.inf, math.nan])
def test_a_limit_that_is_none_is_refused_by_name(name: str, limit: float) -> None:
    with pytest.raises(ValueError, match=f"{name} must be more than 0 seconds"):
        Timeout(**{name: limit})
    with pytest.raises(ValueError, match=r"^timeout must be more than 0 seconds"):
        Timeout.of(limit)


@pytest.mark.parametrize("name", LIMITS)
@pytest.mark.parametrize("limit", [True, False, "5", [5]])
def test_a_limit_of_another_type_is_refused_by_name(name: str, limit: Any) -> None:
    with pytest.raises(TypeError, match=f"{name} must be a number of seconds"):
        Timeout(**{name: limit})


@pytest.mark.parametrize(
    ("limit", "named"),
    [
        (True, "bool"),
        ("5", "str"),
        (timedelta(seconds=5), "datetime.timedelta"),
        (type("Timeout", (), {"__module__": "httpx"})(), "httpx.Timeout"),
    ],
)
def test_what_is_no_timeout_is_told_with_its_home(limit: Any, named: str) -> None:
    message = rf"^timeout must be .*, None or a scenario_async\.Timeout, not {re.escape(named)}$"
    with pytest.raises(TypeError, match=message):
        Timeout.of(limit)


@given(seconds)
def test_a_number_limits_each_attempt_and_leaves_the_whole_call_its_time(limit: float) -> None:
    timeout = Timeout.of(limit)
    assert timeout.connect == timeout.read == limit
    assert timeout.total == max(300.0, limit)


def test_no_timeout_is_no_limit_at_all() -> None:
    assert Timeout.of(None) == Timeout(connect=None, read=None, total=None)


def test_a_timeout_is_taken_as_it_is() -> None:
    timeout = Timeout(read=5)
    assert Timeout.of(timeout) is timeout
    assert timeout.connect == Timeout().connect


def test_not_given_is_told_from_none_and_false() -> None:
    assert isinstance(NOT_GIVEN, NotGiven)
    assert not NOT_GIVEN
    assert repr(NOT_GIVEN) == "NOT_GIVEN"


@pytest.mark.parametrize(("name", "least"), [("max_retries", 0), ("max_concurrency", 1)])
def test_a_count_has_a_least_value(name: str, least: int) -> None:
    assert getattr(options(**{name: least}), name) == least
    with pytest.raises(ValueError, match=f"{name} must be {least} or more, not {least - 1}"):
        options(**{name: least - 1})


@pytest.mark.parametrize("name", ["max_retries", "max_concurrency"])
@pytest.mark.parametrize("value", [True, 2.0, "2", None])
def test_a_count_that_is_no_int_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(TypeError, match=f"{name} must be an int"):
        options(**{name: value})


@given(st.none() | seconds | st.integers(1, 10**6))
def test_any_positive_number_of_requests_per_second_or_none_is_taken(rate: float | None) -> None:
    assert options(requests_per_second=rate).requests_per_second == rate


@pytest.mark.parametrize("rate", [0, 0.0, -1, -0.5, math.inf, -math.inf, math.nan])
def test_a_rate_at_which_nothing_or_everything_goes_out_is_refused_by_name(rate: float) -> None:
    with pytest.raises(ValueError, match="requests_per_second must be more than 0, or None"):
        options(requests_per_second=rate)


@pytest.mark.parametrize("rate", [True, False, "5", [5]])
def test_a_rate_of_another_type_is_refused_by_name(rate: Any) -> None:
    with pytest.raises(TypeError, match="requests_per_second must be a number or None"):
        options(requests_per_second=rate)


@pytest.mark.parametrize("name", ["Authorization", "authorization", "AUTHORIZATION"])
def test_default_headers_carry_no_credentials(name: str) -> None:
    with pytest.raises(ValueError, match="default_headers cannot carry Authorization"):
        options(default_headers={"Accept": "*/*", name: "Basic x"})


def test_other_default_headers_are_taken() -> None:
    assert options(default_headers={"X-Team": "a"}).default_headers == {"X-Team": "a"}


def test_options_do_not_show_the_credentials() -> None:
    shown = repr(options(credentials=Credentials("bearer", "Bearer the.jwt", ("the.jwt",))))
    assert "the.jwt" not in shown


@pytest.mark.parametrize(
    ("given_url", "base_url"),
    [
        (DEFAULT_BASE_URL, DEFAULT_BASE_URL),
        ("https://host/v1/", "https://host/v1"),
        ("https://host/v1//", "https://host/v1"),
        ("https://host", "https://host"),
        ("https://host/", "https://host"),
        (" https://host/v1\n", "https://host/v1"),
        ("http://127.0.0.1:8080/v1", "http://127.0.0.1:8080/v1"),
        ("http://[::1]:8080", "http://[::1]:8080"),
        ("HTTPS://host/v1", "https://host/v1"),
        ("https://host./v1", "https://host./v1"),
        ("https://my_service:8080/v1", "https://my_service:8080/v1"),
        ("https://münchen.example/v1", "https://münchen.example/v1"),
        (f"https://{'a' * 63}.example", f"https://{'a' * 63}.example"),
        (f"https://{'a.' * 126}a:65535", f"https://{'a.' * 126}a:65535"),
    ],
)
def test_a_base_url_has_no_slash_at_its_end(given_url: str, base_url: str) -> None:
    assert check_base_url(given_url) == base_url


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        "host",
        "host/v1",
        "//host/v1",
        "/v1",
        "ftp://host",
        "https://",
        "https:///v1",
        "https://[",
    ],
)
def test_what_is_no_absolute_http_url_is_refused(base_url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        check_base_url(base_url)


@pytest.mark.parametrize(
    ("base_url", "said"),
    [
        ("https://api..example/v1", "a dot too many"),
        ("https://.example/v1", "a dot too many"),
        ("https://api.example../v1", "a dot too many"),
        ("https://./v1", "a dot too many"),
        (f"https://{'a' * 64}.example/v1", "more than 63 letters"),
        (f"https://{'ü' * 63}.example/v1", "characters that no name has"),
        (f"https://{'a.' * 126}aa/v1", "more than 253 letters"),
        ("https://api example/v1", "a space"),
        ("https://api.example/v 1", "a space"),
        ("https://api.exa\nmple/v1", "a control character"),
        ("https://api.example\\v1", "characters that no name has"),
        ("https://api%2eexample/v1", "characters that no name has"),
        ("https://a,b/v1", "characters that no name has"),
        ("https://127.0.0.256/v1", "a number at its end"),
        ("https://10.0.0/v1", "a number at its end"),
        ("https://[::1/v1", "brackets"),
        ("https://host:0/v1", "the port"),
        ("https://host:65536/v1", "the port"),
        ("https://host:-1/v1", "the port"),
        ("https://host:" + "1" * 10_000, "the port"),
        ("https://key:secretword/cret@host/v1", "the port"),
    ],
)
def test_a_base_url_that_no_service_can_have_is_refused_and_not_quoted(
    base_url: str, said: str
) -> None:
    with pytest.raises(ValueError, match="base_url") as caught:
        check_base_url(base_url)
    assert said in str(caught.value)
    assert "secretword" not in str(caught.value)


@given(st.text(max_size=40))
def test_whatever_stands_for_a_base_url_is_one_or_a_value_error(text: str) -> None:
    try:
        base_url = check_base_url(f"https://{text}")
    except ValueError:
        return
    assert base_url.startswith("https://")


@pytest.mark.parametrize(
    "base_url", ["https://user:word@host", "https://user@host", "https://@host"]
)
def test_a_base_url_holds_no_credentials_and_the_error_does_not_show_them(base_url: str) -> None:
    with pytest.raises(ValueError, match="must not hold credentials") as caught:
        check_base_url(base_url)
    assert "word" not in str(caught.value)


@pytest.mark.parametrize("base_url", ["https://host/v1?a=b", "https://host/v1#a", "https://host?a"])
def test_a_base_url_has_neither_query_nor_fragment(base_url: str) -> None:
    with pytest.raises(ValueError, match="must not have a query or a fragment"):
        check_base_url(base_url)
