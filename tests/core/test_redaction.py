from __future__ import annotations

import json
import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scenario_async._http.messages import HTTPResponse
from scenario_async._http.responses import error_from_response
from scenario_async._urls import redact

texts = st.text(st.characters(exclude_characters="*", exclude_categories=["Cs"]), max_size=30)
secrets = st.text(
    st.characters(exclude_characters="*", exclude_categories=["Cs"]), min_size=8, max_size=30
)
signatures = st.text("abcdefABCDEF0123456789-_~%+=&./,;:@!$'()[]{}|^", min_size=1, max_size=40)


@given(st.lists(texts, min_size=1, max_size=4), st.lists(secrets, min_size=1, max_size=3))
def test_no_secret_is_left_wherever_it_stands(parts: list[str], hidden: list[str]) -> None:
    text = "".join(part + secret for part in parts for secret in hidden)
    redacted = redact(text, hidden)
    for secret in hidden:
        assert secret not in redacted


@given(texts, secrets)
def test_a_secret_leaves_a_mark_in_its_place(text: str, secret: str) -> None:
    assume("://" not in text + secret)
    assume(secret not in text)
    assume(secret.strip("<"))  # else the first ones are it
    assert redact(f"<{secret}>", [secret]) == "<***>"


@given(texts)
def test_a_text_without_secrets_and_urls_stays_as_it_is(text: str) -> None:
    assume("://" not in text)
    assert redact(text) == text
    assert redact(text, ["not-in-there"]) == text


@given(texts, secrets)
def test_redacting_twice_changes_nothing_more(text: str, secret: str) -> None:
    once = redact(text + secret, [secret])
    assert redact(once, [secret]) == once


@pytest.mark.parametrize("short", ["", "a", "public", "1234567"])
def test_a_string_too_short_for_a_secret_does_not_cut_words_to_pieces(short: str) -> None:
    text = f"a public word, 12345678 and {short}"
    assert redact(text, [short]) == text


@given(
    before=st.sampled_from(["", " ", "see ", "(", '"', "<", "'", "=", "\n", ", "]),
    scheme=st.sampled_from(["https://", "http://", "HTTPS://"]),
    place=st.sampled_from(["cdn.example/", "cdn.example/a.png", "cdn.example:8443/a/b", "[::1]/a"]),
    mark=st.sampled_from("?#"),
    signature=signatures,
    after=st.sampled_from(["", " ", '"', "<", ">", "\n", "\t and so on"]),
)
def test_no_query_and_no_fragment_of_a_url_is_left(  # noqa: PLR0917 - by keyword
    before: str, scheme: str, place: str, mark: str, signature: str, after: str
) -> None:
    text = f"{before}{scheme}{place}{mark}0{signature}0{after}"
    assert redact(text) == f"{before}{scheme}{place}?***{after}"


@given(
    user=st.text("abcdef0123456789%-_.:", min_size=1, max_size=20),
    after=st.sampled_from(["", "/", "/a.png", ":8080/", " and more"]),
)
def test_no_userinfo_of_a_url_is_left(user: str, after: str) -> None:
    assert redact(f"at https://{user}@host.example{after}") == f"at https://***@host.example{after}"


def test_a_url_loses_userinfo_and_query_at_once() -> None:
    assert redact("https://a:b@host/path?key=1#x") == "https://***@host/path?***"


@pytest.mark.parametrize("before", ["url", "_", "1"])
def test_a_url_is_redacted_right_behind_a_letter_as_well(before: str) -> None:
    assert "Signature" not in redact(f"{before}https://cdn.example/a.png?Signature=abc")


def test_an_at_sign_in_a_query_does_not_save_the_rest_of_it() -> None:
    assert "secret" not in redact("https://cdn.example?Signature=abc@secret")


def test_each_url_of_a_text_is_redacted() -> None:
    text = "https://a/1?x=1 and https://b/2?y=2, http://c/3"
    assert redact(text) == "https://a/1?*** and https://b/2?*** http://c/3"


@pytest.mark.parametrize(
    "text", ["https://host/path", "http://host", "what? no: 50%", "a@b.example"]
)
def test_what_hides_nothing_stays_as_it_is(text: str) -> None:
    assert redact(text) == text


@pytest.mark.parametrize(
    "inner",
    [
        r'{"url":"https:\/\/cdn.example\/a.png?Signature=abc"}',
        r'{"url":"https:\/\/user:Signature@cdn.example\/a.png"}',
        r'{"url":"https:\u002f\u002fcdn.example/a.png?Signature=abc"}',
    ],
)
def test_a_signed_url_is_not_shown_in_json_inside_a_text(inner: str) -> None:
    # As a gateway puts the answer of the service behind it into its own.
    assert "Signature" not in redact(inner)
    body = json.dumps({"message": inner}).encode()
    answer = HTTPResponse(status=502, headers={}, body=body, seconds=0.0, sends=1)
    error = error_from_response(answer, request_name="GET /models", secrets=())
    assert "Signature" not in f"{error} {error.reason} {error.body}"


@pytest.mark.parametrize("piece", ["http://", "http:\\/\\/", "http:\\u002f\\u002f", "http:\\\\"])
def test_a_hostile_text_takes_no_longer_than_any_of_its_length(piece: str) -> None:
    text = piece * (100_000 // len(piece))
    began = time.process_time()

    assert redact(text) == text
    assert time.process_time() - began < 1.0, "a few milliseconds, or else many seconds"


@given(
    user=st.text("abcdef0123456789%-_.:", max_size=20),
    spelled=st.sampled_from(["http://", "http:\\/\\/", "http:\\u002f\\u002f"]),
)
def test_a_url_in_front_of_another_hides_nothing_of_it(user: str, spelled: str) -> None:
    text = f"{spelled}{spelled}{user}S3CR3T@a.example{spelled}?{user}S3CR3T"
    assert "S3CR3T" not in redact(text)
