"""Whom a command asks, and how: the options for it, and the client they make."""

from __future__ import annotations

import os
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import asyncclick as click

from scenario_async.cli._output import WrongUsageError, doing, wrong_usage

from ._options import Numbers, Option, Whole, gathered, section
from ._sandbox_models import COLLECTIONS, PRIVATE, PUBLIC, UNLISTED

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Collection

    from scenario_async import AsyncScenario, EventHooks
    from scenario_async.sandbox import Sandbox

__all__ = ["Connection", "Service", "base_url_option", "connection_options", "timeout_option"]

_MINUTE = 60
_CREDENTIALS = ("SCENARIO_SDK_API_KEY", "SCENARIO_SDK_API_SECRET", "SCENARIO_SDK_JWT")


@dataclass(frozen=True, slots=True)
class Service:
    """Whom a command asks.

    Attributes:
        client: A client of it.
        collections: The ids of its collections, where it is a sandbox: all of them are known.
    """

    client: AsyncScenario
    collections: Collection[str] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Connection:
    """The options that all commands with requests share; see their help."""

    base_url: str | None
    public_access: bool
    timeout: float | None
    max_retries: int
    max_concurrency: int
    rate: float | None
    sandbox: bool
    sandbox_models: int | None
    verbose: bool

    @property
    def can_ask(self) -> bool:
        """Whether there is anything to ask with."""
        given = any(os.environ.get(name) for name in _CREDENTIALS)
        return given or self.sandbox or self.public_access

    @asynccontextmanager
    async def open(
        self,
        event_hooks: EventHooks | None = None,
        *,
        project_id: str | None = None,
        quiet: bool,
    ) -> AsyncGenerator[Service]:
        """The service, with a client that is closed at the end, and the sandbox with it.

        Args:
            event_hooks: Of the client.
            project_id: Of the client, where all requests are for one project.
            quiet: Whether nothing is shown while the sandbox starts.

        Raises:
            WrongUsageError: The options do not fit, or there are no credentials.
        """
        self.check()
        if not self.can_ask:
            raise WrongUsageError(
                "no credentials: set SCENARIO_SDK_API_KEY and SCENARIO_SDK_API_SECRET (or "
                "SCENARIO_SDK_JWT) in the environment; --public-access lists public models "
                "without an account, --sandbox lists invented ones"
            )
        async with AsyncExitStack() as stack:
            if not self.sandbox:
                client = self._client(event_hooks, project_id)
                yield Service(await stack.enter_async_context(client))
                return
            with doing("Starting the sandbox", shown=not (quiet or self.verbose)):
                sandbox = stack.enter_context(self._sandbox().in_thread())
            client = self._client(event_hooks, project_id, sandbox)
            await stack.enter_async_context(client)
            yield Service(client, sandbox.catalogue.collection_ids)

    def check(self) -> None:
        """See that the options go together, also where nothing is asked with them.

        Raises:
            WrongUsageError: They do not.
        """
        if self.sandbox_models is not None and not self.sandbox:
            raise WrongUsageError("--sandbox-models needs --sandbox")
        if self.sandbox and self.base_url is not None:
            raise WrongUsageError("--sandbox and --base-url cannot be used together")

    def _client(
        self,
        event_hooks: EventHooks | None,
        project_id: str | None,
        sandbox: Sandbox | None = None,
    ) -> AsyncScenario:
        from scenario_async import NOT_GIVEN, AsyncScenario  # noqa: PLC0415 - slow, and not for help

        # Given explicitly, the sandbox's key and secret leave no room for those of the environment.
        keyed = sandbox is not None and not self.public_access
        with wrong_usage():
            return AsyncScenario(
                api_key=sandbox.api_key if sandbox is not None and keyed else None,
                api_secret=sandbox.api_secret if sandbox is not None and keyed else None,
                public=self.public_access,
                project_id=project_id,
                base_url=self.base_url if sandbox is None else sandbox.base_url,
                timeout=NOT_GIVEN if self.timeout is None else self.timeout,
                max_retries=self.max_retries,
                max_concurrency=self.max_concurrency,
                requests_per_second=None if self.rate is None else self.rate / _MINUTE,
                event_hooks=event_hooks,
            )

    def _sandbox(self) -> Sandbox:
        # The server side of aiohttp takes its time, and few runs need it.
        from scenario_async.sandbox import Catalogue, Sandbox  # noqa: PLC0415 - see above

        number = self.sandbox_models
        return Sandbox(
            Catalogue.seeded(
                public=PUBLIC if number is None else number,
                private=PRIVATE if number is None else number,
                unlisted=UNLISTED if number is None else min(number, UNLISTED),
                collections=COLLECTIONS,
            )
        )


base_url_option: Option = click.option(
    "--base-url", metavar="URL", help="The service, in place of SCENARIO_BASE_URL."
)
timeout_option: Option = click.option(
    "--timeout",
    type=Numbers(min=0, min_open=True),
    metavar="SECONDS",
    help="For connecting, and for each silence of the service.",
)
connection_options: Option = gathered(
    "connection",
    Connection,
    [
        section(
            "Requests",
            base_url_option,
            timeout_option,
            click.option(
                "--max-retries",
                type=Whole(min=0),
                default=4,
                show_default=True,
                metavar="N",
                help="How often a failed request is tried again.",
            ),
            click.option(
                "--max-concurrency",
                type=Whole(min=1),
                default=16,
                show_default=True,
                metavar="N",
                help="Requests under way at once, of which a listing needs 8 at most.",
            ),
            click.option(
                "--rate",
                type=Numbers(min=0, min_open=True),
                metavar="PER_MINUTE",
                help="Requests in a minute at most, evenly spaced: leaves room for other programs.",
            ),
        ),
        section(
            "Without an account",
            click.option(
                "--public-access",
                is_flag=True,
                help="Ask without an account: public models only, whatever the environment has.",
            ),
            click.option(
                "--sandbox",
                is_flag=True,
                help="Ask a sandbox that runs on this machine meanwhile: no key, no network.",
            ),
            click.option(
                "--sandbox-models",
                type=Whole(min=0),
                metavar="N",
                show_default=f"{PUBLIC} and {PRIVATE}",
                help="How many public and how many private models the sandbox has. "
                f"{UNLISTED} more, at most as many, are unlisted.",
            ),
        ),
        section(
            "Output",
            click.option(
                "--verbose",
                is_flag=True,
                help="Log each request to standard error, without progress.",
            ),
        ),
    ],
)
"""Declares these options on a command and hands them over as ``connection``."""
