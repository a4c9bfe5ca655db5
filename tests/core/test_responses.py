from __future__ import annotations

import json
import pickle
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async import (
    APIStatusError,
    NotFoundError,
    QuotaExceededError,
    RateLimitError,
)
from scenario_async._errors import error_for_status
from scenario_async._http.messages import HTTPResponse
from scenario_async._http.responses import (
    error_from_response,
    is_redirect,
    redirect_target,
    request_id,
    retry_hint,
)

NOW = datetime(2026, 10, 31, 12, 0, 0, tzinfo=UTC)
URL = "https://api.example.com/v1/models"

# Hypothesis draws strings of our source as well, and an error may have one of those by itself: the
# zeros around it make each secret another string.
secrets = st.text("abcdefghijklmnopqrstuvwxyzABC0123456789-_.+=", min_size=6, max_size=38).map(
    "0{}0".format
)
words = st.text("xyz ,:", max_size=20)


def response(
    status: int = 429, body: bytes = b"", headers: dict[str, str] | None = None
) -> HTTPResponse:
    return HTTPResponse(status=status, headers=headers or {}, body=body, seconds=0.0, sends=1)


def error_of(answer: HTTPResponse, *hidden: str) -> APIStatusError:
    return error_from_response(answer, request_name="GET /models", secrets=hidden)


def everything_in(error: APIStatusError) -> str:
    """All that an error says, in whatever way it is looked at."""
    shown = [str(error), repr(error), error.reason, error.body, vars(error), error.args]
    return " ".join(map(repr, shown)) + repr(pickle.dumps(error))


def hint(value: str) -> float | None:
    return retry_hint({"retry-after": value}, None, now=NOW)


@given(st.integers(0, 10**6) | st.floats(0, 1e6))
def test_a_hint_in_seconds_is_read_from_the_header_and_from_the_body(seconds: float) -> None:
    assert hint(str(seconds)) == seconds
    assert hint(f" {seconds} ") == seconds
    assert retry_hint({}, {"remainingSeconds": seconds}, now=NOW) == seconds
    assert retry_hint({}, {"remainingSeconds": str(seconds)}, now=NOW) == seconds


@given(st.integers(-(10**6), 10**6), st.booleans())
def test_a_hint_as_a_date_counts_from_now_and_not_below_zero(seconds: int, gmt: bool) -> None:
    date = format_datetime(NOW + timedelta(seconds=seconds), usegmt=gmt)
    assert hint(date) == max(0.0, seconds)


@pytest.mark.parametrize(
    "date",
    [
        "Sat, 31 Oct 2026 12:00:30 GMT",
        "Saturday, 31-Oct-26 12:00:30 GMT",
        "Sat Oct 31 12:00:30 2026",
        "Sat, 31 Oct 2026 12:00:30",
        "Sat, 31 Oct 2026 12:00:30 -0000",
        "Sat, 31 Oct 2026 14:00:30 +0200",
        "31 Oct 2026 12:00:30 GMT",
    ],
)
def test_a_date_is_read_in_each_form_that_http_allows(date: str) -> None:
    assert hint(date) == 30.0


@pytest.mark.parametrize(
    "value",
    [
        *("", " ", "soon", "5 seconds", "5,6", "-5", "-0.1", "nan", "inf", "-inf", "1e400", "0x10"),
        "Mon, 01 Jan 99999999999999999999 00:00:00 GMT",
        *("Sat, 99 Oct 2026 12:00:30 GMT", "2026-10-31T12:00:30Z", "Sat, 31 Oct", "null", "True"),
    ],
)
def test_what_cannot_be_read_is_no_hint(value: str) -> None:
    assert hint(value) is None
    assert retry_hint({}, {"remainingSeconds": value}, now=NOW) is None


@pytest.mark.parametrize(
    "value",
    [
        *(True, False, None, -1, -0.5, float("nan"), float("inf"), [5], {"seconds": 5}, b"5"),
        *(10**400, -(10**400)),
    ],
    ids=lambda value: repr(value)[:9],
)
def test_a_body_that_names_no_number_of_seconds_gives_no_hint(value: object) -> None:
    assert retry_hint({}, {"remainingSeconds": value}, now=NOW) is None
    assert retry_hint({}, value, now=NOW) is None


@given(
    seconds=st.integers(0, 10**6),
    ahead=st.integers(-(10**8), 10**8),
)
def test_a_date_counts_from_the_date_of_the_answer_because_clocks_differ(
    seconds: int, ahead: int
) -> None:
    theirs = NOW + timedelta(seconds=ahead)
    headers = {
        "date": format_datetime(theirs, usegmt=True),
        "retry-after": format_datetime(theirs + timedelta(seconds=seconds), usegmt=True),
    }
    assert retry_hint(headers, None, now=NOW) == seconds
    assert retry_hint({**headers, "date": "today"}, None, now=NOW) == max(0, seconds + ahead)


@given(st.integers(0, 10**7))
def test_a_hint_may_be_in_milliseconds(milliseconds: int) -> None:
    headers = {"retry-after-ms": str(milliseconds)}
    assert retry_hint(headers, None, now=NOW) == milliseconds / 1000
    assert retry_hint({**headers, "retry-after": "0"}, None, now=NOW) == milliseconds / 1000
    date = format_datetime(NOW + timedelta(milliseconds=milliseconds), usegmt=True)
    assert retry_hint({"retry-after-ms": date}, None, now=NOW) is None


PLAN = b'{"reason": "your plan ends here", "name": "PlanLimitReachedError", "details": {}}'
QUOTA = b'{"error": "Quota exceeded for search", "code": "QUOTA_EXCEEDED"}'


@pytest.mark.parametrize(
    ("body", "headers", "passes"),
    [
        (b"", {}, True),
        (b'{"reason": "cooldown", "remainingSeconds": 3}', {}, True),
        (b'{"name": "TooManyRequestsError", "code": "SLOW_DOWN"}', {}, True),
        (b"QUOTA_EXCEEDED", {}, True),
        (PLAN, {}, False),
        (QUOTA, {}, False),
        (b"", {"x-should-retry": "false"}, False),
        (b"", {"x-should-retry": " False "}, False),
        (b"", {"x-should-retry": "maybe"}, True),
        (QUOTA, {"x-should-retry": "true"}, True),
    ],
)
def test_a_429_that_does_not_pass_by_waiting_is_told_apart(
    body: bytes, headers: dict[str, str], passes: bool
) -> None:
    error = error_of(response(429, body, headers))
    assert type(error) is (RateLimitError if passes else QuotaExceededError)


@pytest.mark.parametrize("body", [PLAN, QUOTA])
def test_only_a_429_is_a_quota(body: bytes) -> None:
    assert type(error_of(response(404, body))) is NotFoundError


@pytest.mark.parametrize(("said", "read"), [("true", True), ("false", False), ("", None)])
def test_whether_to_try_again_is_kept_with_any_status(said: str, read: bool | None) -> None:
    assert error_of(response(404, b"", {"x-should-retry": said})).should_retry is read


def test_an_error_has_the_code_the_name_and_the_trace_that_the_body_names() -> None:
    body = b'{"status": "error", "code": "INVALID_PARAMETER", "message": "no", "traceId": "t1"}'
    error = error_of(response(400, body))
    assert (error.code, error.name, error.trace_id) == ("INVALID_PARAMETER", None, "t1")
    assert error.reason == "no"
    other = error_of(response(429, PLAN[:-1] + b', "trace_id": "t2"}'))
    assert (other.code, other.name, other.trace_id) == (None, "PlanLimitReachedError", "t2")
    assert other.reason == "your plan ends here"


@pytest.mark.parametrize("value", ["null", "5", "[]", '{"a": 1}', '" "'])
def test_what_is_no_text_is_no_code(value: str) -> None:
    body = f'{{"code": {value}, "name": {value}, "trace_id": {value}}}'.encode()
    error = error_of(response(400, body))
    assert (error.code, error.name, error.trace_id) == (None, None, None)


@given(secrets)
def test_no_secret_is_in_a_code_a_name_or_a_trace(secret: str) -> None:
    body = json.dumps({"code": secret, "name": f"x {secret}", "trace_id": secret}).encode()
    answer = response(400, body, {"x-request-id": f"x{secret}"})
    assert secret not in everything_in(error_of(answer, secret))


@given(st.text(max_size=30), st.text(max_size=30))
def test_no_text_of_a_service_breaks_the_reading_of_a_hint(header: str, body: str) -> None:
    read = retry_hint({"retry-after": header}, {"remainingSeconds": body}, now=NOW)
    assert read is None or 0 <= read < float("inf")


@given(st.floats(0, 1e6), st.floats(0, 1e6))
def test_of_two_hints_the_longer_one_counts(header: float, body: float) -> None:
    read = retry_hint({"retry-after": str(header)}, {"remainingSeconds": body}, now=NOW)
    assert read == max(header, body)


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/v2/models", "https://api.example.com/v2/models"),
        ("/v2/models?a=b&c", "https://api.example.com/v2/models?a=b&c"),
        ("public", "https://api.example.com/v1/public"),
        ("?page=2", "https://api.example.com/v1/models?page=2"),
        ("https://api.example.com/v2", "https://api.example.com/v2"),
        ("https://api.example.com:443/v2", "https://api.example.com:443/v2"),
        ("https://API.Example.com/v2", "https://API.Example.com/v2"),
        ("//api.example.com/v2", "https://api.example.com/v2"),
        ("", URL),
    ],
)
def test_a_redirect_inside_the_origin_is_followed(location: str, target: str) -> None:
    assert redirect_target(URL, location) == target


@pytest.mark.parametrize(
    "location",
    [
        "https://evil.example/v1/models",
        "https://example.com/v1/models",
        "https://api.example.com.evil.example/",
        "https://evil.example/api.example.com",
        "http://api.example.com/v1/models",
        "http://api.example.com:443/v1/models",
        "https://api.example.com:8443/v1/models",
        "https://api.example.com:80/",
        "//evil.example/v1/models",
        "//evil.example",
        "\t//evil.example",
        "/\t/evil.example",
        "https://api.example.com@evil.example/",
        "https://api.example.com:443@evil.example/",
        "https://api.example.com%40evil.example/",
        "https://api.example.com\\@evil.example/",
        "https://api.example.com./",
        "https://xapi.example.com/",
        "ftp://api.example.com/",
        "file:///etc/passwd",
        "javascript:alert(1)",
        "data:,x",
        "mailto:a@api.example.com",
        # No URL:
        *("https://api.example.com:99999/v1", "https://api.example.com:port/v1"),
        *("//[evil.example/", "https://[::1/"),
        # With credentials of its own:
        *("https://user:word@api.example.com/v1", "//user@api.example.com/"),
    ],
)
def test_a_redirect_to_another_origin_is_refused(location: str) -> None:
    assert redirect_target(URL, location) is None


@pytest.mark.parametrize(
    "location",
    [
        "\\\\evil.example\\",
        "/\\evil.example/",
        "\\/evil.example/",
        "https:\\\\evil.example/",
        "https:///evil.example/",
        "https:/evil.example/",
        "https:evil.example/",
        "////evil.example",
        "///evil.example",
        "/..//evil.example/",
        ".//evil.example",
        "https://evil\\@api.example.com/",
    ],
)
def test_a_redirect_that_some_readers_take_for_another_host_goes_to_ours_or_nowhere(
    location: str,
) -> None:
    target = redirect_target(URL, location)
    if target is not None:
        parts = urlsplit(target.replace("\\", "/"))
        assert (parts.scheme, parts.netloc) == ("https", "api.example.com")


def test_a_port_other_than_the_default_is_part_of_the_origin() -> None:
    local = "http://127.0.0.1:8080/v1"
    assert redirect_target(local, "/v2") == "http://127.0.0.1:8080/v2"
    assert redirect_target(local, "http://127.0.0.1:8081/v2") is None
    assert redirect_target("http://127.0.0.1/v1", "http://127.0.0.1:80/v2") is not None


def test_a_redirect_is_one_that_says_where_to() -> None:
    there = {"location": "/v2"}
    redirects = [one for one in range(200, 600) if is_redirect(response(one, headers=there))]
    assert redirects == [301, 302, 303, 307, 308]
    assert not is_redirect(response(302))


@pytest.mark.parametrize(
    "status", [300, 304, *range(400, 430), 451, 499, *range(500, 505), 599, 999]
)
@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"reason":"no such model"}', "no such model"),
        (b'{"message":"Forbidden"}', "Forbidden"),
        (b"plain  text\n of a gateway ", "plain text of a gateway"),
        (b"<html><h1>Bad Gateway</h1></html>", None),
        (b"", None),
    ],
)
def test_each_status_with_each_kind_of_body_is_an_error_that_says_so(
    status: int, body: bytes, reason: str | None
) -> None:
    error = error_of(response(status, body))
    assert type(error) is error_for_status(status)
    assert (error.status_code, error.reason, error.retry_after) == (status, reason, None)
    assert str(error).startswith(f"GET /models was answered with {status}")
    assert str(error).endswith(reason or "")
    assert "html" not in str(error)


def test_the_message_has_the_usual_words_for_a_status() -> None:
    assert str(error_of(response(404))) == "GET /models was answered with 404 Not Found"
    assert str(error_of(response(999))) == "GET /models was answered with 999"
    assert str(error_of(response(400, b'{"code": "TEAPOT"}'))).endswith(": TEAPOT")
    text = str(error_of(response(503, b'{"reason":"deploying"}')))
    assert text == "GET /models was answered with 503 Service Unavailable: deploying"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"reason":"a","message":"b","error":"c"}', "a"),
        (b'{"message":"b","error":"c"}', "b"),
        (b'{"error":"c"}', "c"),
        (b'{"reason":"","message":"b"}', "b"),
        (b'{"reason":5,"message":"b"}', "b"),
        (b'{"reason":null}', None),
        (b'{"error":{"message":"inner"}}', None),
        (b'"a text in quotes"', "a text in quotes"),
        (b'["a"]', None),
        (b"5", None),
        (b"null", None),
        (b"  \n <!DOCTYPE html>", None),
        (b" \n ", None),
        (b"\xff\xfe broken", "�� broken"),
        (b'{"reason":"cut', '{"reason":"cut'),
    ],
)
def test_the_reason_is_the_words_of_the_service(body: bytes, reason: str | None) -> None:
    assert error_of(response(400, body)).reason == reason


def test_the_body_is_kept_as_json_where_it_is_json_and_as_text_otherwise() -> None:
    assert error_of(response(400, b'{"a":[1,null]}')).body == {"a": [1, None]}
    assert error_of(response(400, b"plain")).body == "plain"
    assert error_of(response(400, b"")).body == ""
    assert error_of(response(400, b"[" * 10_000)).body == "[" * 10_000


def test_the_body_of_an_error_is_kept_up_to_a_bound() -> None:
    assert error_of(response(400, b"[" * 100_000)).body == "[" * 64 * 1024


@pytest.mark.parametrize("body", [b'{"reason":"%b"}', b'{"message":"%b"}', b"%b"])
def test_a_long_reason_is_shortened(body: bytes) -> None:
    error = error_of(response(400, body % (b"x" * 5000)))
    assert error.reason == "x" * 500 + "…"
    assert len(str(error)) < 600
    assert error_of(response(400, body % (b"x" * 500))).reason == "x" * 500


@given(st.binary(max_size=60), st.integers(300, 599))
def test_any_body_makes_an_error(body: bytes, status: int) -> None:
    error = error_of(response(status, body))
    assert isinstance(error, APIStatusError)
    again: object = pickle.loads(pickle.dumps(error))  # noqa: S301 - what was just made
    assert isinstance(again, APIStatusError)
    assert vars(again) == vars(error)


@pytest.mark.parametrize("status", [429, 503, 500, 408, 400])
def test_the_hint_is_read_with_any_status(status: int) -> None:
    assert error_of(response(status, headers={"retry-after": "7"})).retry_after == 7
    date = format_datetime(datetime.now(UTC) + timedelta(seconds=100), usegmt=True)
    read = error_of(response(status, headers={"retry-after": date})).retry_after
    assert read is not None
    assert 90 < read <= 100
    body = b'{"reason":"cooldown","remainingSeconds":90}'
    assert error_of(response(status, body)).retry_after == 90
    assert error_of(response(status, body, {"retry-after": "7"})).retry_after == 90


def test_the_request_is_named_as_the_service_names_it() -> None:
    assert request_id({}, ()) is None
    assert request_id({"x-request-id": "a"}, ()) == "a"
    assert request_id({"x-amzn-requestid": "b"}, ()) == "b"
    assert request_id({"request-id": "c"}, ()) == "c"
    assert request_id({"request-id": "c", "x-amzn-requestid": "b", "x-request-id": "a"}, ()) == "a"
    error = error_of(response(500, headers={"x-amzn-requestid": "b"}))
    assert error.request_id == "b"


@given(
    secret=secrets, before=words, after=words, shape=st.sampled_from(["reason", "message", "text"])
)
def test_no_error_shows_a_secret_that_the_service_sent_back(
    secret: str, before: str, after: str, shape: str
) -> None:
    text = f"{before}{secret}{after}"
    body = text if shape == "text" else json.dumps({shape: text, "more": [{"x": text}, {text: 1}]})
    error = error_of(response(401, body.encode()), "unrelated-secret", secret)
    assert secret not in everything_in(error)


@given(
    before=words,
    signature=st.text("abcdefABCDEF0123456789-_~%+=&", min_size=1, max_size=60),
    after=st.sampled_from(["", " ", " and more", "\nmore", ")", "<br>"]),
    shape=st.sampled_from(["reason", "message", "text"]),
)
def test_no_error_shows_the_signature_of_a_url(
    before: str, signature: str, after: str, shape: str
) -> None:
    text = f"{before} https://cdn.example/a.png?Signature=1{signature}2{after}"
    body = text if shape == "text" else json.dumps({shape: text, "more": [text]})
    error = error_of(response(400, body.encode()))
    assert "Signature" not in everything_in(error)
    assert f"1{signature}2" not in everything_in(error)


def test_a_reason_cannot_change_the_terminal_that_it_is_shown_on() -> None:
    body = json.dumps({"reason": "a\x1b[31mred\u202eb"})
    assert error_of(response(400, body.encode())).reason == "a [31mred b"


def test_a_url_in_quotes_does_not_cost_the_reason_and_the_hint() -> None:
    body = {"reason": 'see "https://docs.example/limits?x=1"', "remainingSeconds": 30}
    error = error_of(response(429, json.dumps(body).encode()))
    assert error.retry_after == 30
    assert error.reason == 'see "https://docs.example/limits?***"'


@pytest.mark.parametrize(
    "body",
    [
        r'{"reason":"see https:\/\/cdn.example\/a.png?Signature=abc"}',
        r'{"reason":"two lines:\nhttps://cdn.example/a.png?Signature=abc"}',
        r'{"reason":"a tab:\thttps://cdn.example/a.png?Signature=abc"}',
        r'{"reason":"see https://cdn.example/a.png\u003fSignature=abc"}',
        r'{"reason":"see \u0068ttps://cdn.example/a.png?Signature=abc"}',
    ],
)
def test_a_signed_url_is_not_shown_however_json_spells_it(body: str) -> None:
    assert "Signature" not in everything_in(error_of(response(400, body.encode())))


@pytest.mark.parametrize(
    ("body", "secret"),
    [
        (r'{"reason":"bad key abc\/defghi"}', "abc/defghi"),
        (r'{"reason":"bad key s\u00e9cret-key"}', "sécret-key"),
        (r'{"reason":"bad key abc\"defghi"}', 'abc"defghi'),
        (r'{"reason":"bad key abc\\defghi"}', "abc\\defghi"),
        (r'{"reason":"bad key \u0061bcdefghi"}', "abcdefghi"),
    ],
)
def test_a_secret_is_not_shown_however_json_spells_it(body: str, secret: str) -> None:
    error = error_of(response(400, body.encode()), secret)
    assert secret not in f"{error} {error.reason} {error.body}"


def test_a_secret_of_digits_is_not_shown_as_a_number_either() -> None:
    body = error_of(response(401, b'{"key":12345678,"left":12}'), "12345678").body
    assert body == {"key": "***", "left": 12}
