"""The limit of 100 requests a minute for real: 550 records by id, from a service without hints.

Takes five and a half minutes, and is therefore run by hand: ``python benchmarks/one_minute.py``.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from typing import get_args, get_type_hints

from scenario_async import AsyncScenario
from scenario_async.sandbox import Catalogue, RateLimit, Sandbox

TOO_MANY_REQUESTS = 429


async def measure(limit: RateLimit, records: int) -> None:
    """Retrieve so many records, and print what was used of the limit."""
    sandbox = Sandbox(
        Catalogue.seeded(public=1, private=records, collections=1), rate_limit=limit, latency=0.05
    )
    ids = sandbox.catalogue.ids()[:records]
    found = 0
    with sandbox.in_thread():
        async with AsyncScenario(
            base_url=sandbox.base_url, api_key=sandbox.api_key, api_secret=sandbox.api_secret
        ) as scenario:
            start = time.monotonic()
            async for _ in scenario.models.retrieve_many(ids):
                found += 1
            seconds = time.monotonic() - start
    refused = sum(request.status == TOO_MANY_REQUESTS for request in sandbox.requests)
    taken = sorted(
        request.when for request in sandbox.requests if request.status != TOO_MANY_REQUESTS
    )
    # The first window, by the clock of the limit.
    second = (taken[0] // limit.seconds + 1) * limit.seconds
    later = [when for when in taken if when >= second]
    allowed = (taken[-1] - second) * limit.requests / limit.seconds
    print(f"{found} of {len(ids)} records in {seconds:.1f} s, {len(sandbox.requests)} requests")
    print(f"refused: {refused} ({refused / len(sandbox.requests):.1%})")
    print(f"used from the second window on: {len(later) / allowed:.1%}")


def main() -> None:
    """Measure once and print it."""
    kinds = get_type_hints(RateLimit)
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--window", choices=get_args(kinds["window"]), default="fixed")
    parser.add_argument("--hint", choices=get_args(kinds["hint"]), default="none")
    parser.add_argument("--records", type=int, default=550)
    given = parser.parse_args()
    limit = RateLimit(
        requests=given.requests, seconds=given.seconds, window=given.window, hint=given.hint
    )
    asyncio.run(measure(limit, given.records))


if __name__ == "__main__":
    main()
