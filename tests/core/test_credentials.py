from __future__ import annotations

import base64
from typing import Any, TypeAlias

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async._credentials import Credentials, resolve_credentials

Arguments: TypeAlias = dict[str, str | None]

KEY, SECRET, JWT = "SCENARIO_SDK_API_KEY", "SCENARIO_SDK_API_SECRET", "SCENARIO_SDK_JWT"
ENVIRONMENT = {KEY: "env_key", SECRET: "env_secret"}
printable = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20).filter(
    lambda value: value[0] not in "'\"`\u2018\u201c"
)


def resolve(
    given_ones: Arguments | None = None,
    environment: dict[str, str] | None = None,
    *,
    public: bool = False,
) -> Credentials:
    arguments: Arguments = {"api_key": None, "api_secret": None, "bearer_auth": None}
    arguments |= given_ones or {}
    return resolve_credentials(
        api_key=arguments["api_key"],
        api_secret=arguments["api_secret"],
        bearer_auth=arguments["bearer_auth"],
        public=public,
        environment=environment or {},
    )


def basic(key: str, secret: str) -> str:
    return "Basic " + base64.b64encode(f"{key}:{secret}".encode()).decode()


@given(printable.filter(lambda key: ":" not in key), printable)
def test_a_pair_is_sent_as_basic_authentication(key: str, secret: str) -> None:
    credentials = resolve({"api_key": key, "api_secret": secret})
    assert credentials.kind == "basic"
    scheme, encoded = credentials.authorization.split(" ")
    assert scheme == "Basic"
    assert base64.b64decode(encoded).decode() == f"{key}:{secret}"
    assert set(credentials.secrets) == {key, secret, encoded}


def test_a_token_is_sent_as_bearer_authentication() -> None:
    credentials = resolve({"bearer_auth": "header.payload.signature"})
    assert credentials.kind == "bearer"
    assert credentials.authorization == "Bearer header.payload.signature"
    assert credentials.secrets == ("header.payload.signature",)


def test_public_access_is_the_literal_of_the_api() -> None:
    credentials = resolve(public=True)
    assert credentials.kind == "public"
    assert credentials.authorization == "public-auth-token"
    assert credentials.secrets == ()


def test_the_environment_is_read_as_the_official_sdk_reads_it() -> None:
    assert resolve({}, ENVIRONMENT).authorization == basic("env_key", "env_secret")
    assert resolve({}, {JWT: "env.jwt"}).authorization == "Bearer env.jwt"


@pytest.mark.parametrize(
    ("given_ones", "authorization"),
    [
        ({"bearer_auth": "my.jwt"}, "Bearer my.jwt"),
        ({"api_key": "my_key", "api_secret": "my_secret"}, basic("my_key", "my_secret")),
    ],
)
@pytest.mark.parametrize(
    "environment", [ENVIRONMENT, {JWT: "env.jwt"}, {**ENVIRONMENT, JWT: "env.jwt"}, {KEY: "half"}]
)
def test_what_is_given_beats_the_environment_as_a_whole(
    given_ones: Arguments, authorization: str, environment: dict[str, str]
) -> None:
    assert resolve(given_ones, environment).authorization == authorization


def test_public_access_beats_the_environment() -> None:
    assert resolve({}, ENVIRONMENT, public=True).kind == "public"


@pytest.mark.parametrize(
    ("given_ones", "given_name", "absent"),
    [
        ({"api_key": "my_key"}, "api_key", "api_secret"),
        ({"api_secret": "my_secret"}, "api_secret", "api_key"),
    ],
)
def test_half_a_pair_is_refused_and_not_filled_from_the_environment(
    given_ones: Arguments, given_name: str, absent: str
) -> None:
    for environment in ({}, ENVIRONMENT):
        with pytest.raises(ValueError, match=f"{given_name} without {absent}"):
            resolve(given_ones, environment)


@pytest.mark.parametrize(
    ("environment", "message"),
    [
        ({KEY: "env_key"}, f"{KEY} without {SECRET}"),
        ({SECRET: "env_secret"}, f"{SECRET} without {KEY}"),
        ({**ENVIRONMENT, JWT: "env.jwt"}, f"two kinds of credentials at once: {KEY} and {JWT}"),
        ({SECRET: "env_secret", JWT: "env.jwt"}, f"at once: {SECRET} and {JWT}"),
    ],
)
def test_an_environment_that_does_not_fit_together_is_refused_by_its_names(
    environment: dict[str, str], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        resolve({}, environment)


@pytest.mark.parametrize(
    ("given_ones", "names"),
    [
        ({"api_key": "k", "api_secret": "s", "bearer_auth": "t"}, "api_key and bearer_auth"),
        ({"api_key": "k", "bearer_auth": "t"}, "api_key and bearer_auth"),
        ({"api_secret": "s", "bearer_auth": "t"}, "api_secret and bearer_auth"),
    ],
)
def test_two_kinds_at_once_are_refused_by_name(given_ones: Arguments, names: str) -> None:
    with pytest.raises(ValueError, match=f"two kinds of credentials at once: {names}"):
        resolve(given_ones)


@pytest.mark.parametrize("name", ["api_key", "api_secret", "bearer_auth"])
def test_public_access_with_any_credentials_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="public=True means no account"):
        resolve({name: "value"}, public=True)


def test_without_any_credentials_the_error_names_every_way_to_give_some() -> None:
    with pytest.raises(ValueError, match="no credentials") as caught:
        resolve()
    for name in ("api_key", "api_secret", "bearer_auth", "public=True", KEY, SECRET, JWT):
        assert name in str(caught.value)


def test_an_empty_variable_counts_as_unset() -> None:
    assert resolve({}, {**ENVIRONMENT, JWT: ""}).kind == "basic"
    assert resolve({}, {KEY: "", SECRET: "", JWT: "env.jwt"}).kind == "bearer"
    with pytest.raises(ValueError, match="no credentials"):
        resolve({}, {KEY: "", SECRET: "", JWT: ""})


@pytest.mark.parametrize(
    "given_ones",
    [
        {"api_key": "", "api_secret": "s"},
        {"api_key": "k", "api_secret": ""},
        {"bearer_auth": ""},
        {"api_key": ""},
    ],
)
def test_an_empty_argument_is_no_way_to_the_environment(given_ones: Arguments) -> None:
    with pytest.raises(ValueError, match=r"is empty|without"):
        resolve(given_ones, ENVIRONMENT)


@pytest.mark.parametrize(
    ("values", "error", "said"),
    [
        (
            ["value\n", " value", "va\tlue", "va\x00lue", "value\r\n", "\x7f"],
            ValueError,
            "has white space",
        ),
        (["'value'", '"value"', "\u201cvalue\u201d"], ValueError, "has quotes around it"),
        ([b"value"], TypeError, "must be a str, not bytes"),
    ],
    ids=["white space", "quotes", "bytes"],
)
@pytest.mark.parametrize("name", ["api_key", "api_secret", "bearer_auth"])
def test_a_value_that_cannot_be_sent_is_refused_by_name_and_not_shown(
    name: str, values: list[Any], error: type[Exception], said: str
) -> None:
    pair = {} if name == "bearer_auth" else {"api_key": "k", "api_secret": "s"}
    for value in values:
        with pytest.raises(error, match=f"^{name} {said}") as refused:
            resolve({**pair, name: value})
        assert "value" not in str(refused.value)


@pytest.mark.parametrize("odd", ["'", "'value", 'value"', "'value\""])
def test_quotes_that_are_no_pair_are_sent(odd: str) -> None:
    resolve({"api_key": "k", "api_secret": odd})


def test_a_value_of_the_environment_that_cannot_be_sent_is_refused_by_its_name() -> None:
    with pytest.raises(ValueError, match=f"^{SECRET} has white space"):
        resolve({}, {KEY: "env_key", SECRET: "env_secret\n"})


def test_a_key_with_a_colon_is_refused() -> None:
    with pytest.raises(ValueError, match="api_key contains a colon"):
        resolve({"api_key": "a:b", "api_secret": "s"})
    assert resolve({"api_key": "a", "api_secret": "b:c"}).authorization == basic("a", "b:c")


@pytest.mark.parametrize("token", ["Bearer abc", "bearer abc"])
def test_a_token_with_its_scheme_is_refused(token: str) -> None:
    with pytest.raises(ValueError, match="the token alone"):
        resolve({"bearer_auth": token})


def test_a_token_that_no_header_can_carry_is_refused() -> None:
    with pytest.raises(ValueError, match="characters that a header cannot carry"):
        resolve({"bearer_auth": "tökén"})


# No name of ours, which an error says: names that stand in our source are drawn as well.
nameless = st.text(min_size=9, max_size=20).map("{}0".format)


@given(st.lists(st.none() | nameless, min_size=3, max_size=3), st.booleans())
def test_no_error_shows_a_value(values: list[str | None], public: bool) -> None:
    names = ["api_key", "api_secret", "bearer_auth"]
    given_ones = dict(zip(names, values, strict=True))
    try:
        credentials = resolve(given_ones, public=public)
    except ValueError as error:
        shown = f"{error} {error!r}"
    else:
        shown = f"{credentials} {credentials!r}"
    assert [value for value in values if value and value in shown] == []


@pytest.mark.parametrize(
    "credentials",
    [
        resolve({"api_key": "the_key", "api_secret": "the_secret"}),
        resolve({"bearer_auth": "the.jwt"}),
    ],
    ids=["basic", "bearer"],
)
def test_credentials_do_not_show_what_they_hold(credentials: Credentials) -> None:
    shown = f"{credentials} {credentials!r} {[credentials]}"
    for secret in (*credentials.secrets, credentials.authorization):
        assert secret not in shown
    assert credentials.kind in shown
