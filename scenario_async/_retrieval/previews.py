"""Pictures of models: from their thumbnails, else from their first examples."""

from __future__ import annotations

from collections.abc import AsyncIterable
from contextlib import aclosing
from dataclasses import replace
from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from scenario_async._context import PAGES_AT_ONCE
from scenario_async._decoding import PageReader, RowDecoder
from scenario_async._query import given_flag
from scenario_async.types import Model
from scenario_async.types._preview import Asset, PicturedModel, Preview

from .bulk import ASSETS, fetch_bulk
from .ids import check_collection, given_id
from .planner import Known, Missing, RecordPlanner
from .retrieval import models_of, records_of

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterable, Mapping

    from scenario_async._context import Context
    from scenario_async._decoding import InvalidRow

    from .planner import Outcome, RecordRequest
    from .retrieval import Retrieval

__all__ = ["previews_of"]

_NO_PICTURE = "the model has no thumbnail and no example"
_LEFT_OUT = "the service left the asset {!r} out of its answer, or has no URL of it"

_asset_decoder = RowDecoder(Asset)


def previews_of(
    context: Context,
    given: Iterable[Model | str] | AsyncIterable[Model | str],
    retrieval: Retrieval[PicturedModel],
    *,
    ordered: bool,
) -> AsyncGenerator[Preview | Missing, None]:
    """A preview of each model, or of the model of each id.

    Raises:
        TypeError: At once, for what is neither; of an iterator, when it comes to them.
        ValueError: As above.
    """
    given_flag("ordered", ordered)
    check_collection("models", given, _pictured)
    return _previews(context, given, retrieval, ordered=ordered)


async def _previews(
    context: Context,
    given: Iterable[Model | str] | AsyncIterable[Model | str],
    retrieval: Retrieval[PicturedModel],
    *,
    ordered: bool,
) -> AsyncGenerator[Preview | Missing, None]:
    planner: RecordPlanner[str, Preview | Asset] = RecordPlanner(
        most=context.at_once(retrieval.max_concurrency or PAGES_AT_ONCE),
        ordered=ordered,
        batch=ASSETS.most,
        singly=False,
        patient=not isinstance(given, AsyncIterable),
    )
    answers = _Answers()
    request = replace(retrieval.request, extra_body=None)

    with context.stepwise("retrieval", ASSETS.path) as retrieving:

        async def fetch(wanted: RecordRequest[str]) -> Mapping[str, Outcome[Preview | Asset]]:
            parameters = retrieval.parameters
            rows = await fetch_bulk(
                retrieving, ASSETS, wanted.ids, parameters=parameters, request=request
            )
            # An asset that does not fit is one without a picture.
            reader = PageReader(_asset_decoder, rows, on_invalid=lambda _: None)
            return answers.take(wanted.ids, await retrieving.read(reader))

        models = models_of(retrieving, given, answers.model, retrieval, ordered=ordered)
        found = records_of(retrieving, planner, models, answers.picture, fetch)
        async with aclosing(models), aclosing(retrieving.steps(found)) as pictures:
            async for index, picture in pictures:
                yield answers.preview(index, picture)


class _Answers:
    """What came of models and assets so far, so that nothing is asked for twice. No I/O."""

    def __init__(self) -> None:
        # Of the ids that were given; ``None`` until the model is known.
        self._models: dict[str, PicturedModel | Missing | None] = {}
        self._assets: dict[str, Asset] = {}
        # The model of each index whose picture is an asset, until it is given.
        self._ids: dict[int, str] = {}

    def model(self, index: int, given: object) -> str | Known[PicturedModel | InvalidRow]:
        """What is known of what was given, or the id to ask for."""
        pictured = _pictured(index, given)
        if isinstance(pictured, PicturedModel):
            return Known(pictured)
        self._models.setdefault(pictured, None)
        model = self._models[pictured]
        return pictured if model is None else Known(model)

    def picture(self, index: int, model: PicturedModel | Missing) -> str | Known[Preview | Asset]:
        """The preview of a model, or the id of the asset to ask for."""
        if model.id in self._models:
            self._models[model.id] = model if isinstance(model, Missing) else model.short()
        if isinstance(model, Missing):
            return Known(model)
        preview = model.preview(_now())
        if preview is not None:
            return Known(preview)
        asset_id = model.asset_id
        if asset_id is None:
            return Known(Missing(model.id, HTTPStatus.NOT_FOUND.value, _NO_PICTURE))
        self._ids[index] = model.id
        asset = self._assets.get(asset_id)
        return asset_id if asset is None else Known(asset)

    def take(self, asset_ids: Iterable[str], came: Mapping[str, Asset]) -> Mapping[str, Asset]:
        """Keep what came of these assets; one that did not come has no URL."""
        found = {asset_id: came.get(asset_id) or Asset(id=asset_id) for asset_id in asset_ids}
        self._assets |= found
        return found

    def preview(self, index: int, picture: Preview | Asset | Missing) -> Preview | Missing:
        """What is given for a model."""
        if not isinstance(picture, Asset):
            return picture
        model_id = self._ids.pop(index)
        reason = _LEFT_OUT.format(picture.id)
        return picture.preview_of(model_id) or Missing(model_id, HTTPStatus.NOT_FOUND.value, reason)


def _pictured(index: int, given: object) -> str | PicturedModel:
    """What is given, without what no preview needs: models may be many."""
    if isinstance(given, str):
        return given_id(f"models[{index}]", given)
    if not isinstance(given, Model):
        raise TypeError(f"models[{index}] must be a Model or a str, not {type(given).__name__}")
    return PicturedModel(
        example_asset_ids=given.example_asset_ids,
        id=given.id,
        thumbnail=given.thumbnail,
        thumbnail_url=given.thumbnail_url,
    )


def _now() -> datetime:
    """The time of day, by which URLs expire. The clock of the client tells only what passes."""
    return datetime.now(UTC)
