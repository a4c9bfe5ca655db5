"""``scenario-async gallery``: a store in web pages, until Ctrl-C."""

from __future__ import annotations

import secrets
import socket
import webbrowser
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING
from urllib.parse import quote

import anyio
import anyio.to_thread
import asyncclick as click

from scenario_async._urls import address_of, host_problem, is_this_machine
from scenario_async.cli._completion import files
from scenario_async.cli._connection import connection_options
from scenario_async.cli._options import StrictCommand, Whole, section
from scenario_async.cli._output import (
    WrongUsageError,
    cannot_listen,
    debug_log,
    doing,
    say,
    write_lines,
)
from scenario_async.cli._stores import account_option, opened_store

if TYPE_CHECKING:
    from scenario_async import AsyncScenario
    from scenario_async.cli._connection import Connection
    from scenario_async.sync import CatalogStore

__all__ = ["Place", "gallery", "open_browser"]

_PORT = 8484
_MINUTE = 60.0
_SHORTEST_TOKEN = 8
_SANDBOX_SCOPES = ("private", "public", "unlisted")


@click.command(
    cls=StrictCommand,
    short_help="Look at a store in a browser.",
    epilog="""
STORE is a path, or a URL as for "scenario-async sync". With --sandbox alone it is a copy of the
sandbox's models, for as long as the command runs. Needs: pip install 'scenario-async[gallery]'

Pictures are asked for with the credentials of the environment, and kept on this machine. Without
credentials, or without a network, all data are there and all pictures that were seen before.

Only this machine can ask, unless --host says otherwise. Then a token is needed: the command writes
it once, as part of the URL.
""",
    examples=(
        "scenario-async gallery models.db --open",
        "scenario-async gallery models.db --live",
        "scenario-async gallery --sandbox",
        "scenario-async gallery postgresql://user@host/database --port 0",
        "scenario-async gallery models.db --host 0.0.0.0",
    ),
)
@click.argument("store", metavar="[STORE]", required=False, shell_complete=files)
@account_option
@section(
    "The pages",
    click.option(
        "--host", default="127.0.0.1", show_default=True, help="The address to listen on."
    ),
    click.option(
        "--port",
        type=Whole(min=0, max=65535),
        metavar="N",
        default=_PORT,
        show_default=True,
        help="The port to listen on; 0 takes any free one.",
    ),
    click.option(
        "--token",
        envvar="SCENARIO_GALLERY_TOKEN",
        metavar="TOKEN",
        help="What whoever looks has to know, in place of one that is made up; better in "
        "SCENARIO_GALLERY_TOKEN, as others on the same machine can read command lines.",
    ),
    click.option(
        "--name",
        "names",
        multiple=True,
        metavar="HOST",
        help="A name by which other machines ask, such as that of a proxy. Repeatable.",
    ),
    click.option(
        "--live",
        is_flag=True,
        help="Keep the copy fresh meanwhile: a sync of its scopes once a minute.",
    ),
    click.option("--open", "opens", is_flag=True, help="Open a browser."),
)
@connection_options
async def gallery(
    store: str | None,
    *,
    account: str | None,
    host: str,
    port: int,
    token: str | None,
    names: tuple[str, ...],
    live: bool,
    opens: bool,
    connection: Connection,
) -> None:
    """Look at the models of a store in a browser, until Ctrl-C."""
    connection.check()
    if store is None and not connection.sandbox:
        raise WrongUsageError(
            "no store: give its path, such as 'models.db', which 'scenario-async sync models.db "
            "--public' makes; --sandbox shows invented models"
        )
    place = Place.of(host, token, names)
    # Only here: the extra may be missing, and the server side of aiohttp takes its time.
    from scenario_async.gallery import application  # noqa: PLC0415 - see above
    from scenario_async.gallery._server import serving  # noqa: PLC0415 - see above

    async with AsyncExitStack() as stack:
        stack.enter_context(debug_log(shown=connection.verbose))
        folder = None
        if store is None:
            folder = Path(stack.enter_context(TemporaryDirectory()))
            store = str(folder / "models.db")
        client = None
        if connection.can_ask or live:
            service = await stack.enter_async_context(connection.open(quiet=False))
            client = service.client
        opened = await stack.enter_async_context(
            opened_store(store, create=folder is not None, account=account)
        )
        if folder is not None and client is not None:
            await _copy(client, opened)
        app = application(
            opened,
            scenario=client,
            pictures=None if folder is None else folder / "pictures",
            refresh_every=_MINUTE if live else None,
            hosts=place.names,
            token=place.token,
        )
        try:
            port = await stack.enter_async_context(serving(app, host, port))
        except OSError as error:
            raise cannot_listen(host, port, error) from error
        # No comma behind the URL: some terminals would take it for a part of the token.
        await write_lines([f"The gallery is at {place.url(port)} until Ctrl-C"])
        if opens:
            await open_browser(place.url(port))
        await anyio.sleep_forever()


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where the gallery is, and who may look.

    Attributes:
        host: The address or name that it listens on.
        token: What has to be known, where others than this machine can ask.
        names: The names by which it is asked for.
    """

    host: str
    token: str | None
    names: tuple[str, ...]

    @classmethod
    def of(cls, host: str, token: str | None, names: tuple[str, ...]) -> Place:
        """The place that options say.

        Raises:
            WrongUsageError: They do not fit.
        """
        for name in (host, *names):
            problem = host_problem(name)
            if problem is not None:
                raise WrongUsageError(f"{name!r} is not a host: {problem}")
        if token is not None and len(token) < _SHORTEST_TOKEN:
            raise WrongUsageError(
                f"the token is easily guessed: give {_SHORTEST_TOKEN} characters or more, or none, "
                "and the command makes one up"
            )
        address = address_of(host)
        alone = is_this_machine(host) and not (address is not None and address.is_unspecified)
        if token is None and not alone:
            token = secrets.token_urlsafe(24)
        # Anybody in a network can answer for its names: they lead to no gallery without a token.
        own = () if token is None else _own_names()
        return cls(host=host, token=token, names=(host, *names, *own))

    def url(self, port: int) -> str:
        """The URL to open."""
        address = address_of(self.host)
        host = self.host
        if address is not None and address.is_unspecified:
            host = socket.gethostname()
        elif address is not None and address.version == 6:  # noqa: PLR2004 - IPv6
            host = f"[{self.host}]"
        query = "" if self.token is None else f"?token={quote(self.token, safe='')}"
        return f"http://{host}:{port}/{query}"


def _own_names() -> tuple[str, ...]:
    """The names of this machine in its network."""
    name = socket.gethostname()
    return (name, f"{name.partition('.')[0]}.local")


async def _copy(client: AsyncScenario, store: CatalogStore) -> None:
    """Copy what the sandbox has."""
    from scenario_async.sync import sync  # noqa: PLC0415 - the extra may be missing

    with doing("Copying the sandbox's models", shown=True):
        await sync(client, store, scopes=_SANDBOX_SCOPES)


async def open_browser(url: str) -> None:
    """Open a browser, or say that there is none."""
    try:
        opened = await anyio.to_thread.run_sync(webbrowser.open, url)
    except webbrowser.Error:
        opened = False
    if not opened:
        say("There is no browser that could be opened here: open the URL yourself.")
