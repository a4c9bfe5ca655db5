"""What a text says about a database, and what is said of one that says nothing right."""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import Any

import pytest

from scenario_async.sync import CatalogStore
from scenario_async.sync._backends.urls import PARAMETERS, database_url

PASSWORD = "s3cr3tpw"


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (f"postgresql://bob:{PASSWORD}@host:5433/store", "postgresql://host:5433/store"),
        (f"postgresql://bob@host/store?password={PASSWORD}", "postgresql://host/store"),
        (f"postgres://bob:{PASSWORD}%40x%3Ay%2Fz@host/store", "postgresql://host/store"),
        (f"postgresql://:{PASSWORD}@host/store?sslmode=require", "postgresql://host/store"),
        (f"PostgreSQL+psycopg://bob:{PASSWORD}/?@host/store", "postgresql://host/store"),
        ("postgresql:///store", "postgresql:///store"),
        ("postgresql:///x?host=h&port=5433&dbname=store&user=bob", "postgresql://h:5433/store"),
        ("sqlite:///models.db", "models.db"),
        ("sqlite:////data/models.db", "/data/models.db"),
        ("sqlite:///at@12:30.db", "at@12:30.db"),
        ("models.db", "models.db"),
        ("./at@12:30.db", "./at@12:30.db"),
        ("/data/at@12:30.db", "/data/at@12:30.db"),
        (r"C:\Users\bob@host\models.db", r"C:\Users\bob@host\models.db"),
        (Path("models.db"), "models.db"),
        ("sqlite://", ":memory:"),
        (":memory:", ":memory:"),
    ],
)
def test_a_store_is_called_by_its_place_and_by_nothing_secret(
    given: str | Path, shown: str
) -> None:
    assert repr(CatalogStore.open(given)) == f"<CatalogStore {shown}>"


def test_parameters_of_the_place_are_part_of_the_url() -> None:
    url = database_url(f"postgresql:///x?host=h&port=1&dbname=d&user=u&password={PASSWORD}")
    assert (url.host, url.port, url.database, url.username) == ("h", 1, "d", "u")
    assert (url.password, dict(url.query)) == (PASSWORD, {})


@pytest.mark.parametrize(
    "given",
    [
        *(f"postgresql://bob:{PASSWORD}/store", f"postgresql://bob:{PASSWORD}@host:port/store"),
        *(f"postgresql://bob:s3cr3t@{PASSWORD}@host/store", f"postgresql://b/o:{PASSWORD}@host/s"),
        *(f"postgresql://bob:{PASSWORD}@host:99999/store", f"postgresql://host?port={PASSWORD}"),
        *(f"postgresql:/bob:{PASSWORD}@host/store", f"postgresql//bob:{PASSWORD}@host/store"),
        *(
            f"postgresql:bob:{PASSWORD}@host/store",
            f"postgres:{PASSWORD}",
            f"bob:{PASSWORD}@host/s",
        ),
        *(f"//bob:{PASSWORD}@host/store", f"host:5432@{PASSWORD}", f"bob:{PASSWORD}@h?u=http://x"),
        *(f"sqlite://bob:{PASSWORD}@host/s", f"sqlite:{PASSWORD}@models.db", f"sqlite:x{PASSWORD}"),
        *(f"mysql://bob:{PASSWORD}@host/store", f"postgresql://bob:{PASSWORD}@[::1/store"),
        *(f"postgresql://host/store?sslmode={PASSWORD}", f"postgresql://host/s?{PASSWORD}%20@=1"),
        *(f"postgresql://host/s?connect_timeout={PASSWORD}", f"postgresql://h/s?ssl={PASSWORD}"),
        f"postgresql://host/s?password={PASSWORD}&password={PASSWORD}",
        Path(f"postgresql://bob:{PASSWORD}@host/store"),
    ],
)
def test_a_url_that_is_refused_is_not_quoted(given: str | Path) -> None:
    with pytest.raises(ValueError, match=r"store|URL") as caught:
        CatalogStore.open(given)
    assert PASSWORD not in "".join(traceback.format_exception_only(caught.value))
    assert caught.value.__suppress_context__ or caught.value.__context__ is None


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ("postgresql://host:port/store", "no number from 1 to 65535, the port"),
        ("postgresql://host:0/store", "no number from 1 to 65535, the port"),
        ("postgresql://bob:pass@word@host/store", "write '@' as %40"),
        (
            "postgresql:/host/store",
            "this looks like a URL and is not one: a store is 'sqlite:///mod",
        ),
        ("host=localhost dbname=store", "this looks like a URL and is not one: a store is 'sqlite"),
        ("password = word user=bob", "this looks like a URL and is not one: a store is 'sqlite"),
        ("sqlite:models.db", "a path like it is written 'sqlite:///PATH'"),
        ("sqlite://models.db", "write 'sqlite:///models.db'"),
        ("sqlite://folder/models.db", "write 'sqlite:///folder/models.db'"),
        ("sqlite:///models.db?mode=ro", "a URL of SQLite has no parameters here"),
        ("sqlite:///mod?els.db", "a URL of SQLite has no parameters here"),
        ("postgresql://host/s?sslmode=yes", "'sslmode' of the URL can only be disable or allow or"),
        ("postgresql://host/s?channel_binding=require", "can only be disable or prefer"),
        ("postgresql://host/s?connect_timeout=1.5", "'connect_timeout'.* number of whole seconds"),
        ("postgresql://host/s?pgbouncer=true", "'pgbouncer' of the URL means nothing here"),
        ("postgresql://host/s?sslmode=allow&sslmode=allow", "'sslmode' of the URL is given twice"),
        ("", "this one has no name"),
        (" ", "this one has no name"),
    ],
)
def test_what_is_wrong_with_a_url_is_said(given: str, sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        CatalogStore.open(given)


def test_a_parameter_that_is_unknown_is_answered_with_those_that_are_known() -> None:
    with pytest.raises(ValueError, match="means nothing here") as caught:
        CatalogStore.open("postgresql://host/store?ssl=true")
    for name in (*PARAMETERS, "user", "password", "host", "port", "dbname"):
        assert repr(name) in str(caught.value)


@pytest.mark.parametrize("given", [None, 5])
def test_what_is_no_text_is_a_type_error(given: Any) -> None:
    with pytest.raises(TypeError, match=r"a store is 'sqlite:///models\.db', a path"):
        CatalogStore.open(given)
