"""Which proxy is asked, which hosts are excepted, and what a bad URL of one says."""

from __future__ import annotations

import base64
import traceback
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async import UsageError
from scenario_async._credentials import Secret
from scenario_async._http.proxies import Proxy, excepted, proxy_for

SERVICE = "https://api.example/v1/models"
words = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=4, max_size=20)


def proxy(given_url: str, url: str = SERVICE) -> Proxy | None:
    return proxy_for(url, {"https": Secret(given_url), "http": Secret(given_url)})


@pytest.mark.parametrize(
    ("given_url", "url"),
    [
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("HTTP://proxy.example:3128/", "http://proxy.example:3128"),
        ("proxy.example:3128", "http://proxy.example:3128"),
        ("proxy", "http://proxy:80"),
        ("https://proxy.example", "https://proxy.example:443"),
        ("http://user:wxyz@[::1]:3128", "http://[::1]:3128"),
        ("http://user@10.0.0.1:3128/path", "http://10.0.0.1:3128"),
    ],
)
def test_a_proxy_is_known_by_host_and_port_alone(given_url: str, url: str) -> None:
    found = proxy(given_url)
    assert found is not None
    assert found.url == url


@given(words, words)
def test_whatever_is_escaped_is_the_login_as_it_was(user: str, password: str) -> None:
    found = proxy(f"http://{quote(user, safe='')}:{quote(password, safe='')}@proxy.example:3128")
    assert found is not None
    login = found.headers["Proxy-Authorization"].removeprefix("Basic ")
    assert base64.b64decode(login).decode() == f"{user}:{password}"
    assert login not in repr(found) + repr(found.headers)


@given(words, words, st.sampled_from("#/?"), st.sampled_from(["https://", "http://", ""]))
def test_no_part_of_a_password_is_shown_where_one_cannot_be_read(
    before: str, after: str, character: str, scheme: str
) -> None:
    password = f"Qx7{before}{character}{after}Zj9"
    with pytest.raises(UsageError, match="HTTPS_PROXY of the environment") as caught:
        proxy(f"{scheme}user:{password}@proxy.example:3128")
    shown = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=True).format()
    )
    mine = shown.index("in proxy_for")
    assert "Qx7" not in shown[mine:]
    assert "Zj9" not in shown[mine:]


def test_a_bracket_in_a_password_is_a_character_like_others() -> None:
    found = proxy("http://user:a[b]c@proxy.example:3128")
    assert found is not None
    assert found.url == "http://proxy.example:3128"


@pytest.mark.parametrize(
    ("given_url", "said"),
    [
        ("http://", "no host"),
        ("http://:3128", "no host"),
        ("http://user:wxyz@", "no host"),
        ("http://user:wxyz@:3128", "no host"),
        ("http://user:wxyz", "the port"),
        ("http://proxy.example:0", "the port"),
        ("http://proxy.example:99999", "the port"),
        ("http://proxy..example:3128", "a dot too many"),
        ("http://pro xy:3128", "characters that no name has"),
        ("http://[::1:3128", "characters that no name has"),
        ("http://[proxy]:3128", "characters that no name has"),
        ("socks5://user:wxyz@proxy.example", "it is a socks5 proxy"),
        ("wxyz://proxy.example", "http://user:password@host:port"),
        ("http://user:wx#yz@proxy.example:3128", "write '#' as %23"),
    ],
)
def test_what_is_wrong_with_a_proxy_is_said_and_not_quoted(given_url: str, said: str) -> None:
    with pytest.raises(UsageError) as caught:
        proxy(given_url)
    text = str(caught.value)
    assert text.startswith("HTTPS_PROXY of the environment cannot be used: ")
    assert said in text
    assert "wx" not in text


def test_a_proxy_for_all_schemes_is_asked_where_there_is_none_for_one() -> None:
    everything = {"all": Secret("http://everything:1"), "http": Secret("http://plain:2")}
    for url, expected in (
        (SERVICE, "http://everything:1"),
        ("http://a.example/", "http://plain:2"),
    ):
        found = proxy_for(url, everything)
        assert found is not None
        assert found.url == expected
    with pytest.raises(UsageError, match="ALL_PROXY"):
        proxy_for(SERVICE, {"all": Secret("http://")})


@pytest.mark.parametrize(
    "host", ["localhost", "LOCALHOST.", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]", "[::]"]
)
def test_this_machine_is_asked_directly(host: str) -> None:
    assert proxy("http://proxy.example:3128", f"http://{host}:8080/v1") is None


@pytest.mark.parametrize(
    ("no_proxy", "host", "port", "expected"),
    [
        ("", "api.example", 443, False),
        ("*", "api.example", 443, True),
        ("other.example, *", "api.example", 443, True),
        ("api.example", "api.example", 443, True),
        ("API.Example", "api.example", 443, True),
        ("api.example", "API.EXAMPLE.", 443, True),
        ("api.example.", "api.example", 443, True),
        ("example", "api.example", 443, True),
        (".example", "api.example", 443, True),
        ("*.example", "api.example", 443, True),
        (".api.example", "api.example", 443, True),
        ("pi.example", "api.example", 443, False),
        ("api.example.org", "api.example", 443, False),
        ("api.example:443", "api.example", 443, True),
        ("api.example:8443", "api.example", 443, False),
        ("a.example b.example\tapi.example", "api.example", 443, True),
        ("10.0.0.0/8", "10.1.2.3", 443, True),
        ("10.1.2.3/8", "10.9.9.9", 443, True),
        ("10.0.0.0/8", "11.1.2.3", 443, False),
        ("10.0.0.0/8", "api.example", 443, False),
        ("10.0.0.0/33", "10.1.2.3", 443, False),
        ("fd00::/8", "fd12::1", 443, True),
        ("fd00::/8", "10.1.2.3", 443, False),
        ("10.1.2.3", "10.1.2.3", 443, True),
        ("10.1.2.3:80", "10.1.2.3", 443, False),
        ("2.3", "10.1.2.3", 443, False),
        ("fd12:0:0::1", "fd12::1", 443, True),
        ("[fd12::1]", "fd12::1", 443, True),
        ("[fd12::1]:443", "fd12::1", 443, True),
        ("[fd12::1]:80", "fd12::1", 443, False),
        (".", "api.example", 443, False),
        ("*.", "api.example", 443, False),
        (":443", "api.example", 443, False),
    ],
)
def test_no_proxy_excepts_names_addresses_networks_and_ports(
    no_proxy: str, host: str, port: int, expected: bool
) -> None:
    assert excepted(host, port, no_proxy) is expected


@given(st.ip_addresses(), st.integers(0, 128))
def test_an_address_is_excepted_by_each_network_that_it_is_in(address: object, bits: int) -> None:
    bits = min(bits, 32) if ":" not in str(address) else bits
    assert excepted(str(address), 443, f"x.example,{address}/{bits}")


@given(st.text(max_size=40))
def test_whatever_no_proxy_says_something_is_decided(no_proxy: str) -> None:
    assert excepted("api.example", 443, no_proxy) in {True, False}
    assert excepted("10.0.0.1", 443, no_proxy) in {True, False}


@given(st.text(max_size=40))
def test_whatever_stands_for_a_proxy_is_one_or_a_usage_error(given_url: str) -> None:
    try:
        found = proxy(given_url)
    except UsageError:
        return
    assert found is None or found.url.startswith(("http://", "https://"))
