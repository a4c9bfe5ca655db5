"""``scenario-async sandbox``: a Scenario API on this machine, until Ctrl-C."""

from __future__ import annotations

import os
import shlex
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

import asyncclick as click

from scenario_async.cli._options import Numbers, StrictCommand, Whole, section
from scenario_async.cli._output import cannot_listen, write_lines
from scenario_async.cli._sandbox_models import (
    COLLECTIONS,
    PRIVATE,
    PUBLIC,
    UNLISTED,
    models_in_words,
)

if TYPE_CHECKING:
    from scenario_async.sandbox import Sandbox

__all__ = ["sandbox"]


@click.command(
    cls=StrictCommand,
    short_help="Run a Scenario API on this machine.",
    epilog="""
Standard output gets lines for a shell: where it runs, and key and secret, which are invented. The
same numbers and seed give the same models each time.
""",
    examples=(
        "scenario-async sandbox",
        "scenario-async sandbox --port 8123 --private 20000 --latency 0.2",
        "scenario-async sandbox --rate-limit 5",
        "scenario-async sandbox --behavior models_tags=all --behavior bulk=refused",
    ),
)
@section(
    "Which models it has",
    click.option(
        "--public",
        type=Whole(min=0),
        metavar="N",
        default=PUBLIC,
        show_default=True,
        help="Public models.",
    ),
    click.option(
        "--private",
        type=Whole(min=0),
        metavar="N",
        default=PRIVATE,
        show_default=True,
        help="Private models.",
    ),
    click.option(
        "--unlisted",
        type=Whole(min=0),
        metavar="N",
        default=UNLISTED,
        show_default=True,
        help="Unlisted models.",
    ),
    click.option(
        "--collections",
        type=Whole(min=0),
        metavar="N",
        default=COLLECTIONS,
        show_default=True,
        help="Collections.",
    ),
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
        help="Requests that are taken; the others are answered with 429.",
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
    private: int,
    unlisted: int,
    collections: int,
    seed: int,
    latency: float,
    rate_limit: float | None,
    behaviors: tuple[str, ...],
) -> None:
    """Run a Scenario API on this machine, with invented models, until Ctrl-C."""
    # The server side of aiohttp takes its time, and few runs need it.
    from scenario_async.sandbox import Behavior, Catalogue, RateLimit, Sandbox  # noqa: PLC0415 - see above

    try:
        behavior = Behavior.from_text(behaviors)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--behavior") from error
    server = Sandbox(
        Catalogue.seeded(
            public=public, private=private, unlisted=unlisted, collections=collections, seed=seed
        ),
        host=host,
        port=port,
        behavior=behavior,
        latency=latency,
        rate_limit=None if rate_limit is None else RateLimit(requests_per_second=rate_limit),
    )
    async with AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(server)
        except OSError as error:
            raise cannot_listen(host, port, error) from error
        await write_lines(_lines(server))
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
