"""Several records at once: ``POST /models/get-bulk`` and ``POST /assets/get-bulk``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from scenario_async.sandbox._catalogue import (
    ID_LENGTH,
    MOST_EXAMPLES,
    SIDE,
    Row,
    asset_id,
    encode_summary,
    iso,
    picture_size,
    position,
    signed_url,
    training_images_number,
)

from .parameters import RefusedError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scenario_async.sandbox._catalogue import Contents

MOST_ASSETS: Final = 200
"""The documented limit of one request."""

_PREVIEWED: Final = 3
_PREFIX: Final = "asset_"
_Body = TypeVar("_Body")


class ModelsWanted(msgspec.Struct, rename="camel"):
    """The body of a bulk read of models.

    Attributes:
        model_ids: The ids.
        minimal: Whether to give id, name and type only; the rest is ignored then.
        thumbnail: Whether to give the thumbnail, and the first training image where there is none;
            as in a listing if left out, which is a choice.
        settings: Whether to give the embeddings.
        all_training_images: Whether to give the training images; none are given if left out.
        training_images_preview: Whether to give the first three of them.
    """

    model_ids: list[str]
    minimal: bool = False
    thumbnail: bool | None = None
    settings: bool = False
    all_training_images: bool = False
    training_images_preview: bool = False


class AssetsWanted(msgspec.Struct, rename="camel"):
    """The body of a bulk read of assets.

    Attributes:
        asset_ids: The ids, at most 200.
    """

    asset_ids: list[str]


_models_decoder: Final = msgspec.json.Decoder(ModelsWanted)
_assets_decoder: Final = msgspec.json.Decoder(AssetsWanted)


def read_models_wanted(body: bytes) -> ModelsWanted:
    """Read the body of a bulk read of models.

    Raises:
        RefusedError: It is not what the reference says.
    """
    return _read(_models_decoder, body, "modelIds")


def read_assets_wanted(body: bytes) -> AssetsWanted:
    """Read the body of a bulk read of assets.

    Raises:
        RefusedError: It is not what the reference says, or names more than 200 assets.
    """
    wanted = _read(_assets_decoder, body, "assetIds")
    if len(wanted.asset_ids) > MOST_ASSETS:
        raise RefusedError(f"assetIds has more than {MOST_ASSETS} ids")
    return wanted


def _read(decoder: msgspec.json.Decoder[_Body], body: bytes, name: str) -> _Body:
    try:
        return decoder.decode(body)
    except msgspec.DecodeError as error:
        raise RefusedError(f"The body must be JSON with {name}, a list of ids: {error}") from None


def write_models(wanted: ModelsWanted, catalogue: Contents, *, public_only: bool) -> bytes:
    """Write the models that can be read, in the order asked for."""
    rows = [
        catalogue.get(model_id)
        for model_id in dict.fromkeys(wanted.model_ids)
        if model_id in catalogue
    ]
    return msgspec.json.encode(
        {
            "models": [
                msgspec.Raw(_model(row, wanted, catalogue))
                for row in rows
                if row.privacy == "public" or not public_only
            ]
        }
    )


def _model(row: Row, wanted: ModelsWanted, catalogue: Contents) -> bytes:
    if wanted.minimal:
        return encode_summary(row)
    encoded = catalogue.encoded(row)
    more = _more(row, wanted)
    if not more and wanted.thumbnail is None:
        return encoded
    record: dict[str, Any] = {**msgspec.json.decode(encoded), **more}
    if wanted.thumbnail is False:
        record.pop("thumbnail", None)
    elif wanted.thumbnail and not record.get("thumbnail") and training_images_number(row):
        first = asset_id(row.content)
        record["thumbnail"] = {"assetId": first, "url": _url(first, row)}
    return msgspec.json.encode(record)


def _more(row: Row, wanted: ModelsWanted) -> Mapping[str, Any]:
    """Return the fields that are given when asked for."""
    more: dict[str, Any] = {}
    if row.type != "custom" and wanted.settings:
        more["promptEmbedding"] = more["negativePromptEmbedding"] = ""
    if wanted.all_training_images or wanted.training_images_preview:
        count = training_images_number(row)
        # The reference has each of the two ignored if the other one is set.
        most = _PREVIEWED if wanted.training_images_preview else count
        more["trainingImages"] = [
            _training_image(row, number) for number in range(min(most, count))
        ]
    return more


def _training_image(row: Row, number: int) -> dict[str, str]:
    image = asset_id(row.content, number)
    return {
        "id": image,
        "name": f"{number + 1:03}.png",
        "description": "",
        "automaticCaptioning": "",
        "createdAt": iso(row.created),
        "downloadUrl": _url(image, row),
    }


def write_assets(wanted: AssetsWanted, catalogue: Contents, *, public_only: bool) -> bytes:
    """Write the assets that can be read, in the order asked for; the others are left out."""
    owners = catalogue.cuts()
    assets: list[dict[str, Any]] = []
    for one in dict.fromkeys(wanted.asset_ids):
        row = _model_of(one, owners)
        if row is not None and (row.privacy == "public" or not public_only):
            assets.append(_asset(one, row))
    return msgspec.json.encode({"assets": assets})


def _model_of(wanted: str, owners: Mapping[int, Row]) -> Row | None:
    """Return the model that an asset belongs to, by where in the pool its id is."""
    text = wanted.removeprefix(_PREFIX)
    if len(text) != ID_LENGTH or text == wanted:
        return None
    start = position(text)
    if start < 0:
        return None
    for number in range(MOST_EXAMPLES):
        row = owners.get(start - number * ID_LENGTH)
        if row is not None:
            return row
    return None


def _asset(asset: str, row: Row) -> dict[str, Any]:
    return {
        "id": asset,
        "url": _url(asset, row),
        "mimeType": "image/png",
        "kind": "image",
        "metadata": {"kind": "image", "type": "inference-txt2img", "modelId": row.id},
        "properties": {"size": picture_size(), "width": SIDE, "height": SIDE},
        "authorId": row.author,
        "ownerId": row.owner,
        "privacy": row.privacy,
        "source": "txt2img",
        "status": "success",
        "tags": (),
        "collectionIds": (),
        "editCapabilities": ("UPSCALE", "REMOVE_BACKGROUND"),
        "createdAt": iso(row.created),
        "updatedAt": iso(row.created),
    }


def _url(asset: str, row: Row) -> str:
    return signed_url(asset, row.content, renewals=row.signature)
