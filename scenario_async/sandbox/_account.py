"""An account: its models, its key, its limit, its faults and its requests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple

from scenario_async.sandbox._api import (
    Account,
    Behavior,
    Credentials,
    Limiter,
    PageCache,
    RateLimit,
    Service,
)
from scenario_async.sandbox._catalogue import Catalogue
from scenario_async.sandbox._faults import FaultSchedule

from ._requests import RequestLog

if TYPE_CHECKING:
    from collections.abc import Iterator

    from scenario_async.sandbox._catalogue import Privacy


class Shared(NamedTuple):
    """What the accounts of a sandbox share.

    Attributes:
        behavior: How the service behaves where it is not known.
        cache: Where answers are kept.
        numbers: Where the numbers of requests come from.
    """

    behavior: Behavior
    cache: PageCache
    numbers: Iterator[int]


class BaseAccount:
    """What a sandbox with one account and each of many have in common.

    Args:
        catalogue: What is listed.
        credentials: What requests must show; ``None`` where only public access is allowed.
        limiter: The rate limit.
        shared: What it shares with other accounts.

    Attributes:
        catalogue: What is listed.
        faults: The faults to show.
        requests: The requests so far.
    """

    def __init__(
        self,
        catalogue: Catalogue,
        credentials: Credentials | None,
        limiter: Limiter,
        shared: Shared,
    ) -> None:
        for name, value, kind in (
            ("catalogue", catalogue, Catalogue),
            ("behavior", shared.behavior, Behavior),
        ):
            if not isinstance(value, kind):  # pyright: ignore[reportUnnecessaryIsInstance] - callers without a type checker
                raise TypeError(f"{name} must be a {kind.__name__}, not {type(value).__name__}")
        self.catalogue: Catalogue = catalogue
        self.faults: FaultSchedule = FaultSchedule()
        self.requests: RequestLog = RequestLog(shared.numbers)
        service = Service(self.catalogue, self.faults, shared.behavior, shared.cache)
        self._account = Account(service, self.requests, limiter, credentials)

    @property
    def served(self) -> Account:
        """What the server knows of it; not for programs."""
        return self._account

    @property
    def api_key(self) -> str:
        """The API key that is accepted. A new one counts from the next request on."""
        return self._credentials.api_key

    @api_key.setter
    def api_key(self, api_key: str) -> None:
        self._account.credentials = replace(self._credentials, api_key=api_key)

    @property
    def api_secret(self) -> str:
        """The API secret that is accepted. A new one counts from the next request on."""
        return self._credentials.api_secret

    @api_secret.setter
    def api_secret(self, api_secret: str) -> None:
        self._account.credentials = replace(self._credentials, api_secret=api_secret)

    @property
    def bearer_auth(self) -> str:
        """The JWT that is accepted. A new one counts from the next request on."""
        return self._credentials.bearer_auth

    @bearer_auth.setter
    def bearer_auth(self, bearer_auth: str) -> None:
        self._account.credentials = replace(self._credentials, bearer_auth=bearer_auth)

    @property
    def key_refused(self) -> bool:
        """Whether key and JWT are refused with 401, as if somebody had revoked them."""
        return self._account.refused

    @key_refused.setter
    def key_refused(self, refused: bool) -> None:
        self._account.refused = refused

    @property
    def rate_limit(self) -> RateLimit | None:
        """How many requests are taken, ``None`` for all. A new limit counts from then on."""
        return self._account.limiter.limit

    @rate_limit.setter
    def rate_limit(self, limit: RateLimit | None) -> None:
        self._account.limiter.limit = limit

    @property
    def _credentials(self) -> Credentials:
        credentials = self._account.credentials
        if credentials is None:
            raise AttributeError("access without an account has no key")
        return credentials

    def begin(self, origin: str) -> None:
        """Be served at this address, with no requests counted yet; not for programs."""
        self._account.limiter.clear()
        self._account.service.serve_at(origin)

    def record(self, model_id: str) -> bytes:
        """Return the record of a model as listings carry it: JSON, with URLs of this sandbox.

        Raises:
            KeyError: There is no such model.
        """
        return self._account.service.record(self.catalogue.get(model_id))

    def records(self, privacy: Privacy = "private") -> dict[str, bytes]:
        """Return the records of all models of that privacy by their ids, in the order of a listing.

        It is what a complete copy of the account has, when nothing changes meanwhile.
        """
        return {model_id: self.record(model_id) for model_id in self.catalogue.ids(privacy)}

    def reset(self) -> None:
        """Forget the faults and the logged requests; the catalogue stays as it is."""
        self.faults.clear()
        self.requests.clear()


class SandboxAccount(BaseAccount):
    """An account of a sandbox that has many; ``SandboxAccounts`` makes them.

    Key, secret, JWT and limit can be changed while the sandbox runs. A request with a key that the
    account had before is refused, and is one of the account's.

    Attributes:
        name: Its name.
        limit_group: The name of the accounts that it shares its rate limit with; its own name
            where it has one for itself.
        catalogue: Its private and unlisted models and its collections. The public models are those
            of all accounts: whoever changes one changes it for all.
        faults: The faults to show to this account alone. Requests for pictures show no account:
            faults for them are those of ``SandboxAccounts.public``.
        requests: Its requests so far.
        api_key: The API key that is accepted.
        api_secret: The API secret that is accepted.
        bearer_auth: The JWT that is accepted.
        key_refused: Whether these are refused, as if somebody had revoked them.
        rate_limit: How many requests are taken of its limit group.
    """

    def __init__(
        self,
        name: str,
        catalogue: Catalogue,
        credentials: Credentials | None,
        limiter: Limiter,
        shared: Shared,
        *,
        limit_group: str,
    ) -> None:
        super().__init__(catalogue, credentials, limiter, shared)
        self.name: str = name
        self.limit_group: str = limit_group

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}, {self.catalogue!r}>"

    def replace_key(self, api_key: str, api_secret: str) -> None:
        """Accept another key and secret from the next request on, and the present ones no more."""
        self._account.credentials = replace(
            self._credentials, api_key=api_key, api_secret=api_secret
        )
