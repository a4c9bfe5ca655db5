"""The service itself, without a network: a request and its body become an answer."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, cast

from scenario_async.sandbox import _answers
from scenario_async.sandbox._answers import TEXT, Answer, Encoding, reason
from scenario_async.sandbox._catalogue import ORIGIN, is_asset_id, picture, write_detail
from scenario_async.sandbox._faults import (
    BASE_PATH,
    AnswerFault,
    Delayed,
    Dropped,
    Fault,
    FaultSchedule,
    IgnoredBounds,
    PageFault,
    Stalled,
    Truncated,
)

from .bulk import read_assets_wanted, read_models_wanted, write_assets, write_models
from .pages import Page, turn_to, write_collections, write_page
from .parameters import RefusedError
from .rules import Listing, read_collection_listing, read_listing
from .tokens import Tokens

if TYPE_CHECKING:
    from collections.abc import Hashable

    from scenario_async.sandbox._catalogue import Contents, Row, Store
    from scenario_async.sandbox._requests import Request

    from .behavior import Behavior
    from .page_cache import PageCache
    from .paging import Route

# The same secret everywhere: answers are to be the same in every process, and a client that reads
# this file to predict tokens deceives nobody but itself.
_TOKEN_SECRET: Final = b"sandbox tokens"
_ORIGIN: Final = ORIGIN.encode()


@dataclass(frozen=True, slots=True)
class Effects:
    """What faults do to one request before the service sees it.

    Attributes:
        seconds: How long the answer is held back.
        answer: The fault that answers in the place of the service.
        cut: The fault that cuts the body.
    """

    seconds: float = 0.0
    answer: AnswerFault | Dropped | None = None
    cut: Truncated | Stalled | None = None


class Service:
    """Answers requests out of a catalogue. Safe from any thread.

    Args:
        catalogue: What is listed.
        faults: The faults to show.
        behavior: How the service behaves where it is not known.
        cache: Where answers are kept to be given again; services may share it.
    """

    def __init__(
        self, catalogue: Contents, faults: FaultSchedule, behavior: Behavior, cache: PageCache
    ) -> None:
        self._catalogue = catalogue
        self._faults = faults
        self._behavior = behavior
        self._tokens = Tokens(_TOKEN_SECRET)
        self._cache = cache
        self._origin = _ORIGIN

    def serve_at(self, origin: str) -> None:
        """Let signed URLs begin with ``origin`` from now on."""
        self._origin = origin.encode()
        self._cache.clear()

    def record(self, row: Row) -> bytes:
        """Return the record of ``row`` as listings carry it."""
        return self._here(self._catalogue.encoded(row))

    def effects(self, request: Request) -> Effects:
        """Take the faults that act on a request whatever it asks for."""
        taken = self._faults.take({"delay", "answer", "body"}, request)
        return Effects(
            seconds=sum(fault.seconds for fault in taken if isinstance(fault, Delayed)),
            answer=next(
                (fault for fault in taken if isinstance(fault, AnswerFault | Dropped)), None
            ),
            cut=next((fault for fault in taken if isinstance(fault, Truncated | Stalled)), None),
        )

    def kept_answer(self, request: Request, encoding: Encoding | None) -> Answer | None:
        """Give an answer that needs no work, if there is one and no fault may change it."""
        if len(self._faults) or request.method != "GET":
            return None
        # Which of the stores it is out of depends on the query, which is not read here.
        for store in self._catalogue.stores:
            kept = self._cache.get(_cache_key(request, encoding, store), store.version)
            if kept is not None:
                return kept
        return None

    def answer(self, request: Request, body: bytes, encoding: Encoding | None) -> Answer:
        """Answer a request whose credentials were found right."""
        try:
            return self._route(request, body, encoding)
        except RefusedError as refusal:
            return reason(refusal.status, refusal.reason)

    def picture(self, request: Request) -> Answer:
        """Answer with the picture that a signed URL leads to, whatever its signature."""
        asset_id = request.path.rpartition("/")[2]
        if request.method != "GET" or not is_asset_id(asset_id):
            return Answer(status=404, body=b"There is no such picture", content_type=TEXT)
        return Answer(body=picture(asset_id), content_type="image/png")

    def _route(self, request: Request, body: bytes, encoding: Encoding | None) -> Answer:
        public = request.authorization_kind == "public"
        path = request.path.removeprefix(BASE_PATH)
        if not request.path.startswith(BASE_PATH + "/"):
            return reason(404, "There is nothing on this path")
        if path in {"/models/get-bulk", "/assets/get-bulk"}:
            _allow(request, "POST")
            return self._bulk(path, body, public=public)
        _allow(request, "GET")
        if path in {"/models", "/models/public"}:
            return self._list(request, cast("Route", path[1:]), encoding)
        if path == "/collections":
            if public:
                raise RefusedError("Collections need an API key", status=403)
            listing = read_collection_listing(request.parameters)
            end = self._behavior.end
            return Answer(body=write_collections(listing, self._catalogue, self._tokens, end))
        model_id = path.removeprefix("/models/")
        if model_id == path or "/" in model_id or not model_id:
            return reason(404, "There is nothing on this path")
        return self._retrieve(model_id, public=public)

    def _list(self, request: Request, route: Route, encoding: Encoding | None) -> Answer:
        listing = read_listing(request.parameters, route, self._behavior)
        if request.authorization_kind == "public":
            _check_public(listing)
        store = self._catalogue.store_of(listing.filters.privacy)
        key, version = _cache_key(request, encoding, store), store.version
        bounds = self._faults.take({"bounds"}, request)
        bounded = not any(isinstance(fault, IgnoredBounds) for fault in bounds)
        page = turn_to(listing, self._catalogue, self._tokens, self._behavior, bounded=bounded)
        faults = self._faults.take({"page"}, request, page)
        usual = not bounds and not faults
        kept = self._cache.get(key, version) if usual else None
        if kept is not None:
            return kept
        for fault in faults:
            page = _changed(page, fault)
        answer = Answer(body=self._here(write_page(page, self._catalogue, self._tokens)))
        answer = _answers.compress(answer, encoding)
        # Where the catalogue changed meanwhile, the version is that from before: never asked for.
        if usual:
            self._cache.put(key, version, answer)
        return answer

    def _retrieve(self, model_id: str, *, public: bool) -> Answer:
        if model_id in self._catalogue.foreign_ids:
            raise RefusedError(f"Model {model_id} belongs to another project", status=403)
        if model_id not in self._catalogue:
            raise RefusedError(f"Model {model_id} does not exist", status=404)
        row = self._catalogue.get(model_id)
        if public and row.privacy != "public":
            raise RefusedError(f"Model {model_id} is not public", status=403)
        return Answer(body=write_detail(row, self.record(row)))

    def _bulk(self, path: str, body: bytes, *, public: bool) -> Answer:
        models = path == "/models/get-bulk"
        allowed = self._behavior.bulk if models else self._behavior.assets
        if allowed == "refused":
            raise RefusedError(f"{path} is not allowed with these credentials", status=403)
        if models:
            wanted = read_models_wanted(body)
            written = write_models(wanted, self._catalogue, public_only=public)
        else:
            asked = read_assets_wanted(body)
            written = write_assets(asked, self._catalogue, public_only=public)
        return Answer(body=self._here(written))

    def _here(self, written: bytes) -> bytes:
        """Let signed URLs lead to this sandbox."""
        return written.replace(_ORIGIN, self._origin)


def _cache_key(request: Request, encoding: Encoding | None, store: Store) -> Hashable:
    public = request.authorization_kind == "public"
    return (store, public, request.path, request.parameters, encoding)


def _allow(request: Request, method: str) -> None:
    if request.method != method:
        raise RefusedError(f"Method {request.method} is not allowed here", status=405)


def _check_public(listing: Listing) -> None:
    """Refuse what access without an account does not cover.

    The reference says only that it is for public models; 403 for the rest is the choice here.
    """
    if listing.filters.privacy != "public":
        raise RefusedError("privacy must be public without an account", status=403)
    if listing.blacklisted:
        raise RefusedError("blacklisted is only available for team admins", status=403)


def _changed(page: Page, fault: Fault) -> Page:
    return fault.change(page) if isinstance(fault, PageFault) else page
