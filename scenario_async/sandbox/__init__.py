"""A Scenario API on this machine, for trying, testing and measuring.

```python
from scenario_async.sandbox import Catalogue, RateLimited, Sandbox

async with Sandbox(Catalogue.seeded(public=709, private=300)) as sandbox:
    sandbox.faults.add(RateLimited(retry_after=2), path="/models", after=1)
    ...  # point a client at sandbox.base_url, with sandbox.api_key and sandbox.api_secret
    print(sandbox.requests[-1].status)
```

It is a second reading of the public documentation, independent of the client in this package, and
the official SDK lists it correctly. It needs no account and no network beyond loopback. Models,
names, ids and signatures in it are invented.

Where sources on the service disagree, ``Behavior`` has a switch. What users of the service measured
is the default:

- Several ``tags`` select the models that carry any of them, exactly as they are written.
- ``GET /models`` has no index of ``sc:`` tags: they select nothing there, although rows carry them.
  ``GET /models/public`` has one, as the help article on filtering says.
- ``sortDirection`` with ``sortBy=score`` is refused, and date bounds are without their ``sortBy``.
- A ``status`` that is not in the reference lists everything, deleted models too.
- ``GET /models/public`` takes the filters, sorts and bounds of public listings, and pages by
  ``pageSize`` (50 if left out) and ``paginationToken``; ``limit`` and ``offset`` are ignored.
- The last page has an empty token. Pages under tag, type and collection filters may be short, or
  empty, and still have a token, and pages under date bounds may be short.

The catalogue follows the public one of October 2026: 709 public models, of which three in four
have no thumbnail but example assets. Each asset has a URL that looks signed, and leads to a small
picture that the sandbox makes.

``SandboxAccounts`` serves many accounts on one port, told apart by their keys. The public models
are the same for all.

Where the sources are silent, the sandbox had to choose, and the service may do otherwise:

- Several collections or types select the models that have any of them.
- ``sortBy`` without ``sortDirection`` sorts in descending order; ties go by id.
- Values of ``type`` that are not in the reference are refused; an unknown collection is empty; any
  ``projectId`` is accepted. Empty and repeated parameters are refused.
- Public listings by score hand out plain offsets, which cannot tell that filters changed. All other
  tokens are sealed: they name the last row given, and are refused with other filters.
- Without parameters, get-bulk gives models as listings do.
- URLs of pictures expire at the end of the documented days, by the clock of the machine.
  They are served all the same, whatever their signature, without credentials and limits. The only
  faults that they take are those that are meant for them, such as ``ExpiredURL``.
- A request with a token may leave ``pageSize`` out.
- Access without an account gets 403 for everything that is not public.
- get-bulk answers in the order asked for, and leaves out what cannot be read.
- The service takes 100 requests a minute; here there is no limit unless ``rate_limit`` sets one.
  Requests with a wrong secret count as well.
- A model of another account is not found (404), unless its id was told to be foreign (403).
"""

from __future__ import annotations

from scenario_async.sandbox._api import Behavior, RateLimit
from scenario_async.sandbox._catalogue import Catalogue, ChangeKind, Collection, Privacy, Row
from scenario_async.sandbox._faults import (
    BadRow,
    BadRowKind,
    ChangedTokens,
    Delayed,
    Dropped,
    EmptyBulk,
    EmptyListing,
    EmptyPage,
    EndToken,
    ExpiredToken,
    ExpiredURL,
    Fault,
    FaultSchedule,
    IgnoredBounds,
    NotJSON,
    PictureContent,
    PlanLimitReached,
    QuotaExceeded,
    RateLimited,
    Redirect,
    RepeatedRows,
    RepeatedToken,
    ServerError,
    Stalled,
    Truncated,
)

from ._account import SandboxAccount
from ._accounts import CatalogueChange, SandboxAccounts, seeded_accounts
from ._limit_group import LimitGroup
from ._requests import AuthorizationKind, Request, RequestLog
from ._sandbox import Sandbox

__all__ = [
    "AuthorizationKind",
    "BadRow",
    "BadRowKind",
    "Behavior",
    "Catalogue",
    "CatalogueChange",
    "ChangeKind",
    "ChangedTokens",
    "Collection",
    "Delayed",
    "Dropped",
    "EmptyBulk",
    "EmptyListing",
    "EmptyPage",
    "EndToken",
    "ExpiredToken",
    "ExpiredURL",
    "Fault",
    "FaultSchedule",
    "IgnoredBounds",
    "LimitGroup",
    "NotJSON",
    "PictureContent",
    "PlanLimitReached",
    "Privacy",
    "QuotaExceeded",
    "RateLimit",
    "RateLimited",
    "Redirect",
    "RepeatedRows",
    "RepeatedToken",
    "Request",
    "RequestLog",
    "Row",
    "Sandbox",
    "SandboxAccount",
    "SandboxAccounts",
    "ServerError",
    "Stalled",
    "Truncated",
    "seeded_accounts",
]
