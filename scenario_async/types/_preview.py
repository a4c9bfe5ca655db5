"""What a model can be shown with, and what that is found by. No I/O, no clock."""

from datetime import datetime

from msgspec.structs import replace

from ._base import Record, Timestamp
from ._model_parts import Thumbnail
from ._signed_urls import expiry


class Preview(Record, frozen=True, kw_only=True):
    """A picture that a model can be shown with.

    The service has no such record: it is made of the model's thumbnail, or of its first example.
    """

    asset_id: str | None = None
    """Id of the picture; unlike the URL it stays. ``None`` where the model has a URL alone."""

    expires_at: Timestamp | None = None
    """When ``url`` expires, where that can be read from it.

    URLs of one span of days expire together: see :class:`Thumbnail`.
    """

    kind: str | None = None
    """What ``url`` leads to: ``image``, or what the example is and has no picture of.

    Such as ``video``, ``audio`` or ``3d``. ``None`` where the service does not say.
    """

    model_id: str
    """Id of the model."""

    url: str
    """Signed URL of the picture; it changes and expires, and ``repr`` cuts it."""


class PicturedModel(Record, frozen=True, kw_only=True):
    """What of a model its preview is found by. ``None`` among the ids is what the service sent."""

    example_asset_ids: tuple[str | None, ...] | None = None
    id: str
    thumbnail: Thumbnail | None = None
    thumbnail_url: str | None = None

    def preview(self, now: datetime) -> Preview | None:
        """The thumbnail, unless its URL has expired, or there is none."""
        thumbnail = self.thumbnail or Thumbnail()
        url = thumbnail.url or self.thumbnail_url
        expires_at = expiry(url) if url else None
        if not url or (expires_at is not None and expires_at <= now):
            return None
        return Preview(
            asset_id=thumbnail.asset_id or None,
            expires_at=expires_at,
            kind="image",
            model_id=self.id,
            url=url,
        )

    @property
    def asset_id(self) -> str | None:
        """The asset to ask for in its place: the picture of the thumbnail, or the first example."""
        examples = self.example_asset_ids or ()
        thumbnail = self.thumbnail and self.thumbnail.asset_id
        return thumbnail or next((one for one in examples if one), None)

    def short(self) -> "PicturedModel":
        """The same with no more examples than are needed: models have up to 130."""
        return replace(self, example_asset_ids=(self.asset_id,))


class Asset(Record, frozen=True, kw_only=True):
    """What of an asset a preview is made of. Fields as the official SDK has them."""

    id: str
    kind: str | None = None
    preview: Thumbnail | None = None
    thumbnail: Thumbnail | None = None
    url: str | None = None

    def preview_of(self, model_id: str) -> Preview | None:
        """This asset as the preview of a model: the picture of it, where it is not one itself."""
        url, kind = self.url, self.kind
        if kind not in (None, "image"):
            shown = (self.thumbnail, self.preview)
            picture = next((one.url for one in shown if one is not None and one.url), None)
            url, kind = (url, kind) if picture is None else (picture, "image")
        if not url:
            return None
        return Preview(
            asset_id=self.id, expires_at=expiry(url), kind=kind, model_id=model_id, url=url
        )
