"""A sandbox with many accounts, on one server."""

from __future__ import annotations

import itertools
import random
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, NamedTuple

from scenario_async.sandbox._api import (
    Account,
    Accounts,
    Behavior,
    Credentials,
    Limiter,
    PageCache,
    RateLimit,
)
from scenario_async.sandbox._catalogue import Catalogue, ChangeKind, change_at_random

from ._account import SandboxAccount, Shared
from ._base import BaseSandbox
from ._limit_group import LimitGroup

if TYPE_CHECKING:
    from collections.abc import Iterable

_SEEDS: Final = 1_000_000
"""How many accounts of one seed have models that no other seed makes."""

_KEPT_ROWS: Final = 25_000
"""How many encoded rows all accounts keep together."""


def seeded_accounts(
    count: int,
    *,
    private: tuple[int, int] = (50, 300),
    unlisted: int = 0,
    collections: int = 3,
    seed: int = 0,
    odd: bool = True,
) -> dict[str, Catalogue]:
    """Make the catalogues of accounts for ``SandboxAccounts``, of invented models.

    The same arguments give the same catalogues in every process, and an account is the same however
    many there are.

    Args:
        count: How many accounts.
        private: The fewest and the most private models that an account has.
        unlisted: Number of unlisted models of each.
        collections: Number of collections of each.
        seed: Any whole number; another seed gives other models.
        odd: As for ``Catalogue.seeded``.

    Returns:
        The catalogues by the names ``account-001``, ``account-002`` and so on.

    Raises:
        ValueError: A number is negative, or ``private`` has more as the fewest than as the most.
    """
    fewest, most = private
    if count < 0 or fewest > most:
        raise ValueError(
            f"count must be at least 0 and private (FEWEST, MOST), not {count} and {private}"
        )
    return {
        f"account-{number:03}": Catalogue.seeded(
            public=0,
            private=random.Random(f"{seed} {number}").randint(fewest, most),  # noqa: S311 -- no secret
            unlisted=unlisted,
            collections=collections,
            seed=seed * _SEEDS + number,
            odd=odd,
            owner=f"proj_SANDBOX{number:017}",
            kept_rows=_KEPT_ROWS // count,
        )
        for number in range(1, count + 1)
    }


class CatalogueChange(NamedTuple):
    """What ``SandboxAccounts.change`` did to a model.

    Attributes:
        account: The name of the account.
        kind: What was done.
        model_id: The id of the model.
    """

    account: str
    kind: ChangeKind
    model_id: str


class SandboxAccounts(BaseSandbox, Mapping[str, SandboxAccount]):
    """A Scenario API on this machine with many accounts, each with a key and models of its own.

    It is started as ``Sandbox`` is, and is a mapping of names to accounts. Its key or its JWT tells
    which account a request belongs to. Requests that show none, such as those of public access and
    those for pictures, are those of ``public``.

    Args:
        accounts: The catalogues of the accounts by name, without public models. Two keys of one
            project are two accounts with the same catalogue.
        public: The catalogue of the public models, which are the same for all accounts; an ordinary
            seeded one if left out.
        limit_groups: By the name of an account, the name of the group that it shares its rate
            limit with, as the keys of one project do. An account that is left out has a limit for
            itself.
        host: The address to listen on.
        port: The port to listen on; 0 for any free one.
        latency: Seconds to wait before each answer; can be changed while the sandbox runs.
        rate_limit: How many requests are taken of each limit group, and of public access; ``None``
            for all.
        behavior: How the service behaves where it is not known; as measured if left out.
        compression: Whether answers are compressed for clients that ask for it.
        cache_bytes: How much memory may go to ready answers, of all accounts together.

    Attributes:
        public: Access without an account. It lists the public models and has no key. Requests with
            a key that nobody has are among its own, and refused.
        limit_groups: The limit groups by name.
        latency: Seconds to wait before each answer.
        behavior: How the service behaves where it is not known.

    Raises:
        TypeError: ``behavior``, ``rate_limit``, ``latency`` or a catalogue is of the wrong type.
        ValueError: A catalogue has public models of its own, ``limit_groups`` names an account that
            does not exist, or ``latency`` is below 0.
    """

    def __init__(
        self,
        accounts: Mapping[str, Catalogue],
        *,
        public: Catalogue | None = None,
        limit_groups: Mapping[str, str] | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        latency: float = 0.0,
        rate_limit: RateLimit | None = None,
        behavior: Behavior | None = None,
        compression: bool = True,
        cache_bytes: int = 256 * 1024 * 1024,
    ) -> None:
        super().__init__(host=host, port=port, latency=latency, compression=compression)
        self.behavior: Behavior = Behavior() if behavior is None else behavior
        shared = Shared(self.behavior, PageCache(cache_bytes), itertools.count(1))
        models = Catalogue.seeded(private=0, collections=0) if public is None else public
        limiters: defaultdict[str, Limiter] = defaultdict(lambda: Limiter(rate_limit, _now()))
        groups = dict(limit_groups or {})
        if unknown := sorted(groups.keys() - accounts.keys()):
            raise ValueError(f"limit_groups names accounts that do not exist: {', '.join(unknown)}")
        self.public: SandboxAccount = SandboxAccount(
            "public", models, None, Limiter(rate_limit, _now()), shared, limit_group="public"
        )
        self._accounts: dict[str, SandboxAccount] = {}
        for number, (name, catalogue) in enumerate(accounts.items(), 1):
            group = groups.setdefault(name, name)
            keys = _credentials(number)
            self._accounts[name] = SandboxAccount(
                name, catalogue, keys, limiters[group], shared, limit_group=group
            )
            catalogue.share_public(models)
        self.limit_groups: Mapping[str, LimitGroup] = MappingProxyType(_limit_groups(self.values()))
        self._directory = Accounts([one.served for one in self.values()], self.public.served)

    def __getitem__(self, name: str) -> SandboxAccount:
        return self._accounts[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._accounts)

    def __len__(self) -> int:
        return len(self._accounts)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self._where()}, {len(self)} accounts>"

    def _find(self, authorization: str | None) -> Account:
        return self._directory.find(authorization)

    def _serve_at(self, origin: str) -> None:
        for account in (self.public, *self.values()):
            account.begin(origin)

    def change(self, count: int, *, seed: int) -> list[CatalogueChange]:
        """Change models of accounts at random, while they are served or not.

        Models that are not public are added, changed, moved between collections, deleted and
        restored. The same calls make the same changes to the same catalogues.

        Args:
            count: How many changes.
            seed: Any whole number; another one makes other changes.

        Returns:
            What was done, in order.
        """
        source = random.Random(seed)  # noqa: S311 -- invented data, nothing to protect
        names = list(self)
        changes: list[CatalogueChange] = []
        for _ in range(count):
            name = source.choice(names)
            changes.append(CatalogueChange(name, *change_at_random(self[name].catalogue, source)))
        return changes

    def reset(self) -> None:
        """Forget all faults and logged requests; the catalogues stay as they are."""
        for account in (self.public, *self.values()):
            account.reset()


def _credentials(number: int) -> Credentials:
    """Return the key, secret and JWT of an account: invented, and the same on every run."""
    return Credentials(f"sandbox-key-{number}", f"sandbox-secret-{number}", f"sandbox-jwt-{number}")


def _limit_groups(accounts: Iterable[SandboxAccount]) -> dict[str, LimitGroup]:
    members: defaultdict[str, list[SandboxAccount]] = defaultdict(list)
    for account in accounts:
        members[account.limit_group].append(account)
    return {name: LimitGroup(name, of_it) for name, of_it in members.items()}


def _now() -> float:
    return time.monotonic()
