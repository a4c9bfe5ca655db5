"""``scenario-async sandbox``: a Scenario API on this machine, until Ctrl-C."""

from __future__ import annotations

import os
import shlex
from contextlib import AsyncExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import asyncclick as click
from anyio import to_thread

from scenario_async._formats import without_steering
from scenario_async.cli._key_files import write_key_files
from scenario_async.cli._options import Numbers, Option, StrictCommand, Whole, section
from scenario_async.cli._output import WrongUsageError, cannot_listen, counted, write_lines
from scenario_async.cli._sandbox_models import (
    COLLECTIONS,
    FEWEST,
    MOST,
    PRIVATE,
    PUBLIC,
    UNLISTED,
    models_in_words,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from scenario_async.sandbox import Behavior, RateLimit, Sandbox, SandboxAccounts

__all__ = ["sandbox"]


def _how_many(name: str, default: int, about: str) -> Option:
    """Declare an option for how many of these the sandbox has."""
    return click.option(
        name, type=Whole(min=0), metavar="N", default=default, show_default=True, help=about
    )


@click.command(
    cls=StrictCommand,
    short_help="Run a Scenario API on this machine.",
    epilog="""
Standard output gets lines for a shell: where it runs, and key and secret, which are invented. Those
of --accounts are in files that nobody else can read: JSON objects with api_key, api_secret and
base_url. The same numbers and seed give the same models each time.
""",
    examples=(
        "scenario-async sandbox",
        "scenario-async sandbox --port 8123 --private 20000 --latency 0.2",
        "scenario-async sandbox --rate-limit 5",
        "scenario-async sandbox --behavior models_tags=all --behavior bulk=refused",
        "scenario-async sandbox --accounts 200 --keys keys --rate-limit 2",
    ),
)
@section(
    "Which models it has",
    _how_many("--public", PUBLIC, "Public models."),
    click.option(
        "--private",
        type=Whole(min=0),
        metavar="N",
        show_default=f"{PRIVATE}; with --accounts {FEWEST} to {MOST}",
        help="Private models.",
    ),
    _how_many("--unlisted", UNLISTED, "Unlisted models."),
    _how_many("--collections", COLLECTIONS, "Collections."),
    click.option(
        "--seed",
        type=int,
        metavar="N",
        default=0,
        show_default=True,
        help="Another number gives other models.",
    ),
)
@section(
    "Many accounts, each with a key and models of its own",
    click.option(
        "--accounts",
        type=Whole(min=1),
        metavar="N",
        help="Accounts. The public models are the same for all.",
    ),
    click.option(
        "--keys",
        type=click.Path(path_type=Path, file_okay=False),
        metavar="FOLDER",
        help="Where their keys are written: a file for each, as `file:PATH` of a fleet names it.",
    ),
)
@section(
    "Where it listens",
    click.option(
        "--host", default="127.0.0.1", show_default=True, help="The address to listen on."
    ),
    click.option(
        "--port",
        type=Whole(0, 65535),
        metavar="N",
        default=0,
        show_default="any free one",
        help="The port to listen on.",
    ),
)
@section(
    "How it answers",
    click.option(
        "--latency",
        type=Numbers(min=0),
        default=0.0,
        metavar="SECONDS",
        help="The wait before each answer.",
    ),
    click.option(
        "--rate-limit",
        type=Numbers(min=0, min_open=True),
        metavar="PER_SECOND",
        help="Requests that are taken of an account; the others are answered with 429.",
    ),
    click.option(
        "--behavior",
        "behaviors",
        multiple=True,
        metavar="NAME=VALUE",
        help="A switch of the sandbox's behavior where the service's is not known. Repeatable.",
    ),
)
async def sandbox(
    *,
    host: str,
    port: int,
    public: int,
    private: int | None,
    unlisted: int,
    collections: int,
    seed: int,
    accounts: int | None,
    keys: Path | None,
    latency: float,
    rate_limit: float | None,
    behaviors: tuple[str, ...],
) -> None:
    """Run a Scenario API on this machine, with invented models, until Ctrl-C."""
    # The server side of aiohttp takes its time, and few runs need it.
    from scenario_async.sandbox import (  # noqa: PLC0415 - see above
        Behavior,
        Catalogue,
        RateLimit,
        Sandbox,
        SandboxAccounts,
        seeded_accounts,
    )

    try:
        behavior = Behavior.from_text(behaviors)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--behavior") from error
    if (accounts is None) is not (keys is None):
        raise WrongUsageError("--accounts and --keys need each other: keys go into files")
    options = _Options(
        host=host,
        port=port,
        latency=latency,
        rate_limit=None if rate_limit is None else RateLimit(requests_per_second=rate_limit),
        behavior=behavior,
    )
    kinds = _Kinds(unlisted=unlisted, collections=collections, seed=seed)
    if accounts is None or keys is None:
        private = PRIVATE if private is None else private
        one = Sandbox(Catalogue.seeded(public=public, private=private, **kinds), **options)
        await _serve(one, options, lambda: _lines(one))
        return
    fewest, most = (FEWEST, MOST) if private is None else (private, private)
    many = SandboxAccounts(
        seeded_accounts(accounts, private=(fewest, most), **kinds),
        public=Catalogue.seeded(public=public, private=0, collections=0, seed=seed),
        **options,
    )
    await _serve(many, options, lambda: _lines_of_accounts(many, keys))


class _Kinds(TypedDict):
    """What an account has beside private models, and the seed of them all."""

    unlisted: int
    collections: int
    seed: int


class _Options(TypedDict):
    """What a sandbox takes, with one account as with many."""

    host: str
    port: int
    latency: float
    rate_limit: RateLimit | None
    behavior: Behavior


async def _serve(
    server: Sandbox | SandboxAccounts, options: _Options, lines: Callable[[], list[str]]
) -> None:
    """Serve until Ctrl-C, once standard output has the lines."""
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(server)
        except OSError as error:
            raise cannot_listen(options["host"], options["port"], error) from error
        await write_lines(await to_thread.run_sync(lines))
        await server.serve_forever()


def _lines(server: Sandbox) -> list[str]:
    """What a shell needs to ask this sandbox."""
    values = {
        "SCENARIO_BASE_URL": server.base_url,
        "SCENARIO_SDK_API_KEY": server.api_key,
        "SCENARIO_SDK_API_SECRET": server.api_secret,
    }
    lines = [f"# {models_in_words(server.catalogue)} at {server.base_url}, until Ctrl-C"]
    if server.catalogue.collection_ids:
        lines.append(f"# collections: {' '.join(server.catalogue.collection_ids)}")
    lines += [f"export {name}={shlex.quote(value)}" for name, value in values.items()]
    if os.environ.get("SCENARIO_SDK_JWT"):
        lines.append("unset SCENARIO_SDK_JWT")  # no client takes two kinds of credentials
    return lines


def _lines_of_accounts(server: SandboxAccounts, keys: Path) -> list[str]:
    """Write the keys into files; say where they are, and what a shell needs besides."""
    write_key_files(keys, server)
    names = list(server)
    return [
        f"# {counted(len(server), 'account')} at {server.base_url}, until Ctrl-C",
        # A shell reads what is below a line end as a command.
        f"# keys in {without_steering(str(keys))}: {names[0]} to {names[-1]}",
        f"export SCENARIO_BASE_URL={shlex.quote(server.base_url)}",
    ]
