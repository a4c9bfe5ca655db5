"""The live catalogue, as users see it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeVar, get_args, overload

from scenario_async import AsyncScenario, Model, TrainingTimeoutError, UsageError
from scenario_async._argument_errors import check_count
from scenario_async._iteration import Iteration
from scenario_async._options import seconds_of
from scenario_async._query import given_choice
from scenario_async._retrieval import given_id
from scenario_async.sync._runs import FULL_EVERY, MAX_DELETIONS
from scenario_async.sync._scopes import parse_scopes

from ._arguments import Role, Settings, Start
from ._errors import NotLoadedError
from ._parts import Parts
from ._previews import pictured
from ._status import LiveStatus, check_age, status_of
from ._training import trained

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Sequence
    from datetime import timedelta
    from typing import Self, Unpack

    from scenario_async.sync import CatalogStore

    from ._arguments import LiveOptions
    from ._deltas import Delta, Resync
    from ._snapshot import Snapshot

__all__ = ["LiveCatalog"]

ModelT = TypeVar("ModelT")
OtherT = TypeVar("OtherT")
_KEPT = 100


class LiveCatalog(Generic[ModelT]):
    """The models of some scopes in memory, kept fresh by a task of its own.

    Used with ``async with``. What is looked up, found and counted takes no request and no waiting.
    It is loaded from a store that :func:`sync` keeps up to date, and shows what that learns of.
    Several of the same scopes on one store, as in the workers
    of a web server, send no more requests than one: one of them refreshes the store, and the others
    follow. Where that one ends, however it ends, or its credentials are refused, another one takes
    over.

    A refresh that fails leaves what there is as it is, and says so in :attr:`status`. The next one
    comes later each time, and after refused credentials in five minutes to an hour.

    Models are rows of listings: without ``inputs`` and ``ui_config``, and without ``raw``. URLs in
    them are signed, and expire while the model stays: see :meth:`preview_url`.

    Args:
        scenario: Who is asked; ``None`` for ``role="reader"``.
        store: An open store, which is borrowed; without one, it has a store in memory.
        scopes: As for :func:`sync`. Those who share a store give the same ones in the same order.
        every: How long after a refresh the next one begins, give or take a tenth: a ``timedelta``
            or seconds.
        as_type: What the models become, such as a ``msgspec.Struct`` with fewer fields; as for
            :meth:`Listing.as_type`. Those that do not fit are left out, and counted.
        start: What entering waits for. ``"wait"``: for a copy of the scopes that is complete, which
            the store has, or else the first refresh brings. ``"stored"``: for the one that the
            store has, which it must have. ``"background"``: for nothing.
        role: ``"auto"``, or ``"reader"``, which never sends any request.
        full_every: As for :func:`sync`.
        max_deletions: As for :func:`sync`.

    Raises:
        TypeError: An argument is of the wrong type.
        ValueError: An argument fits nothing: a string that is not a scope, an interval that is not
            above zero, a reader without a store, or anybody else without a client.
    """

    @overload
    def __init__(
        self: LiveCatalog[Model],
        scenario: AsyncScenario | None,
        *,
        as_type: None = None,
        **options: Unpack[LiveOptions],
    ) -> None: ...
    @overload
    def __init__(
        self,
        scenario: AsyncScenario | None,
        *,
        as_type: type[ModelT],
        **options: Unpack[LiveOptions],
    ) -> None: ...
    def __init__(
        self,
        scenario: AsyncScenario | None,
        *,
        store: CatalogStore | None = None,
        scopes: Sequence[str] = ("private",),
        every: timedelta | float = 60.0,
        as_type: type[Any] | None = None,
        start: Start = "wait",
        role: Role = "auto",
        full_every: timedelta = FULL_EVERY,
        max_deletions: float | None = MAX_DELETIONS,
    ) -> None:
        self._settings = Settings(
            scenario=scenario,
            store=store,
            scopes=[str(scope) for scope in parse_scopes(scopes)],
            every=seconds_of("every", every),
            start=given_choice("start", start, get_args(Start)),
            role=given_choice("role", role, get_args(Role)),
            full_every=full_every,
            max_deletions=max_deletions,
        )
        type_: type[Any] = Model if as_type is None else as_type
        self._parts: Parts[ModelT] = Parts(self._settings, type_)

    def __repr__(self) -> str:
        return f"<LiveCatalog of {', '.join(self._settings.scopes)}, {self.status.state}>"

    async def __aenter__(self) -> Self:
        """Begin.

        Raises:
            UsageError: It was entered before, or the store is not open.
            NotLoadedError: With ``start="stored"``: the store has no complete copy. With
                ``"wait"``: it has none, and another one, which refreshes it, failed.
            ScenarioError: With ``"wait"``: the first refresh failed.
        """
        await self._parts.begin()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._parts.end()

    @property
    def now(self) -> Snapshot[ModelT]:
        """The models at this moment, which stay as they are.

        Raises:
            NotLoadedError: There are none yet.
        """
        reader = self._parts.reader
        if reader is None:
            raise NotLoadedError("nothing is loaded before it is entered, with 'async with'")
        if reader.as_of is None:
            error = self._parts.error
            because = "" if error is None else f": {error}"
            raise NotLoadedError(f"nothing was loaded yet{because}") from error
        return reader.snapshot

    def __getitem__(self, model_id: str) -> ModelT:
        return self.now[model_id]

    @overload
    def get(self, model_id: str) -> ModelT | None: ...
    @overload
    def get(self, model_id: str, default: OtherT) -> ModelT | OtherT: ...
    def get(self, model_id: str, default: Any = None) -> Any:
        """The model of this id, or the default.

        Raises:
            NotLoadedError: There are none yet.
        """
        return self.now.get(model_id, default)

    def __contains__(self, model_id: object) -> bool:
        return model_id in self.now

    def __len__(self) -> int:
        return len(self.now)

    # Python would ask for the model 0 else. What is gone through is a snapshot, which stays.
    __iter__: ClassVar[None] = None

    @property
    def status(self) -> LiveStatus:
        """How it is."""
        parts = self._parts
        return status_of(parts.reader, parts.refresher, self._settings.role, closed=parts.closed)

    def check(self, *, max_age: timedelta | float) -> None:
        """See that the models are not older than this: for a page that says whether all is well.

        Args:
            max_age: A ``timedelta`` or seconds; several times the interval, as refreshes may fail.

        Raises:
            StaleError: It is older.
            NotLoadedError: There is nothing yet.
        """
        _ = self.now
        check_age(self.status, seconds_of("max_age", max_age))

    async def refresh(self) -> Snapshot[ModelT]:
        """Refresh now; where a refresh is under way, wait for that one.

        Where another one refreshes the store, look at that. A cancellation ends the waiting, and
        not the refresh.

        Raises:
            UsageError: It is not entered, or was left meanwhile.
            NotLoadedError: There is nothing yet.
            ScenarioError: The refresh failed.
        """
        refresher = self._parts.refresher
        if refresher is None or self._parts.closed:
            raise UsageError("a live catalogue is refreshed inside of its 'async with'")
        refresher.want()
        await refresher.joined()
        return self.now

    def changes(
        self, *, max_buffered: int = _KEPT
    ) -> AsyncGenerator[Delta[ModelT] | Resync[ModelT], None]:
        """The changes from this moment on: with the models of now they give those of later.

        There is a :class:`Delta` for each refresh that found something, and it waits until it is
        asked for. Where more than ``max_buffered`` of them wait, they are forgotten, and a
        :class:`Resync` comes in their place. Where nothing was loaded yet, the first delta adds
        everything. It ends when the catalogue is left.

        Args:
            max_buffered: How many may wait.

        Raises:
            TypeError: ``max_buffered`` is not a whole number.
            ValueError: It is below 1.
        """
        check_count("max_buffered", max_buffered, least=1)
        return Iteration(self._parts.feed.consume(max_buffered), "feed of changes")

    async def wait_until_trained(self, model_id: str, *, max_wait: timedelta | float) -> ModelT:
        """One model, once it is trained. It takes no request beside the refreshes.

        A model that is not there yet is waited for as well.

        Args:
            model_id: Its id.
            max_wait: How long to wait: a ``timedelta`` or seconds.

        Raises:
            TrainingError: Its training failed or was canceled, or it is not there any more.
            TrainingTimeoutError: It was not trained in time, as far as is known here; from the
                error of the last refresh, where that failed. Also a ``TimeoutError``.
            UsageError: It is not entered, or was left meanwhile.
        """
        seconds, reader = seconds_of("max_wait", max_wait), self._parts.reader
        if reader is None:
            raise UsageError("a live catalogue is entered, with 'async with', before it is used")
        given_id("model_id", model_id)
        try:
            return await trained(model_id, seconds, self._parts.feed, lambda: reader.snapshot)
        except TrainingTimeoutError as error:
            raise error from self._parts.error

    async def preview_url(self, model: Model | str) -> str | None:
        """A URL of a picture of a model, ``None`` where it has none.

        As :meth:`Models.previews` finds it. It is signed, and can be loaded for ten minutes at
        least. All that are asked for in one pass of the loop take one request for each 200, and
        those that were fetched are kept until shortly before they expire.

        Args:
            model: The model or its id.

        Raises:
            TypeError: It is neither.
            ValueError: The id is empty, or has white space around it.
            UsageError: It is a reader, is not entered, or was left meanwhile.
            APIError: A request failed.
        """
        urls = await self.preview_urls([model])
        return next(iter(urls.values()))

    async def preview_urls(self, models: Iterable[Model | str]) -> dict[str, str | None]:
        """The same for several models, by their ids.

        Raises:
            TypeError: As for :meth:`preview_url`, or it is one in place of several.
            ValueError: As for :meth:`preview_url`; so are the others.
            UsageError: See there.
            APIError: See there.
        """
        reader, previews = self._parts.reader, self._parts.previews
        if reader is None or previews is None or self._parts.closed:
            raise UsageError("previews take requests: use a catalogue with a client, and enter it")
        # Before any is asked for: what cannot be must not fail for others who ask at the same time.
        return await previews.urls(pictured(models, reader.snapshot))
