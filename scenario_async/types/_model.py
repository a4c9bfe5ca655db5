"""A model of the catalogue."""

from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from ._base import Number, Record, Timestamp
from ._inputs import Input
from ._model_parts import Class, ComplianceMetadata, Concept, Thumbnail
from ._parameters import Parameters
from ._performance import PerformanceStats
from ._plain import attributes
from ._training import Epoch, TrainingImage, TrainingImagePair, TrainingProgress, TrainingStats
from ._ui_config import UiConfig

_SHOWN: Final = ("id", "name", "type", "status", "privacy")


class _WithRaw(Record, frozen=True, kw_only=True, gc=True, dict=True):
    """Has room for the raw record beside the fields.

    That is a ``__dict__``, which msgspec allows only for structs that the garbage collector knows.
    """


# Under its own name Python's descriptor would show the raw record to encoders, debuggers and
# whoever else looks for what an object has. Those find the fields there, and this the record.
_beside_fields = vars(_WithRaw)["__dict__"].__get__


class Model(_WithRaw, frozen=True, kw_only=True):
    """A model of the catalogue.

    Fields are as documented in the API reference unless a docstring says otherwise. Only ``id`` is
    always there: any other may be missing or null, and is None then. Listings leave out ``inputs``
    and ``ui_config``, which a model has that was retrieved by itself.

    Two models are equal when their fields are, ``raw`` aside. URLs are signed anew with each
    answer, so the same model listed twice need not be equal; its ``id`` is the same.
    """

    access_restrictions: Number | None = None
    """The plan from which the model is usable. Known values: :type:`AccessRestriction`."""

    author_id: str | None = None
    """Id of the user who made the model."""

    capabilities: tuple[str, ...] | None = None
    """What the model can do. Known values: :type:`Capability`."""

    class_: Class | None = msgspec.field(default=None, name="class")
    """What the model depicts; ``class`` on the wire."""

    collection_ids: tuple[str, ...] | None = None
    """Ids of the collections that the model is in."""

    compliance_metadata: ComplianceMetadata | None = None
    """Who makes and runs the model; seen in live records, in no published type."""

    compliant_model_ids: tuple[str, ...] | None = None
    """Ids of the base models that this one works with, mainly for Flux LoRAs."""

    concepts: tuple[Concept, ...] | None = None
    """The models that a composition is made of."""

    created_at: Timestamp | None = None
    """When the model was made."""

    custom: bool | None = None
    """Whether the model works only through ``POST /generate/custom/{modelId}``."""

    deleted_at: Timestamp | None = None
    """When the model was deleted; only in listings of ``status="deleted"``."""

    disable_refund: bool | None = None
    """Whether credits for a failed generation are kept; None and False: they are given back."""

    epoch: str | None = None
    """The epoch in use, for trained Flux LoRAs; None: the last one."""

    epochs: tuple[Epoch, ...] | None = None
    """The epochs that were kept, for trained Flux LoRAs."""

    example_asset_ids: tuple[str, ...] | None = None
    """Ids of the examples that the owner chose; live records have up to 130."""

    id: str
    """Id of the model, as ``model_…``; the one field that is always there."""

    inputs: tuple[Input, ...] | None = None
    """What a custom model takes; only when the model was retrieved by itself."""

    job_id: str | None = None
    """Id of the job that trained the model, for its owner only."""

    model_keyword: str | None = None
    """Legacy name for ``concept_prompt`` of ``parameters``."""

    name: str | None = None
    """Name of the model, as people read it."""

    negative_prompt_embedding: str | None = None
    """Text added to every negative prompt."""

    owner_id: str | None = None
    """Id of the team or project that the model belongs to."""

    parameters: Parameters | None = None
    """The settings of the training; empty in live records of models not trained here."""

    parent_model_id: str | None = None
    """Id of the model that this one comes from."""

    performance_stats: PerformanceStats | None = None
    """Cost, speed and rating."""

    privacy: str | None = None
    """Who can see the model. Known values: :type:`Privacy`."""

    prompt_embedding: str | None = None
    """Text added to every prompt."""

    short_description: str | None = None
    """One sentence about the model."""

    soft_deletion_on: Timestamp | None = None
    """When the model will be deleted, on the free plan only."""

    source: str | None = None
    """Where the model was made. Known values: :type:`Source`."""

    status: str | None = None
    """Where the model is in its life. Known values: :type:`ModelStatus`."""

    tags: tuple[str, ...] | None = None
    """Tags, those of the service (``sc:…``, ``deprecated:<id of the successor>``) among them."""

    thumbnail: Thumbnail | None = None
    """The picture the model is shown with."""

    thumbnail_url: str | None = None
    """URL of that picture in the help article's sample rows, which have no ``thumbnail``.

    It may be signed, and then expires as that of a :class:`Thumbnail`.
    """

    training_image_pairs: tuple[TrainingImagePair, ...] | None = None
    """The pairs of images that an editing model learns from."""

    training_images: tuple[TrainingImage, ...] | None = None
    """The images the model learns from; in listings only the first three."""

    training_images_number: Number | None = None
    """How many images the model learns from."""

    training_progress: TrainingProgress | None = None
    """How far the training has come; empty in live records of models not in training."""

    training_stats: TrainingStats | None = None
    """How long the training took."""

    type: str | None = None
    """What sort of model it is. Known values: :type:`ModelType`."""

    ui_config: UiConfig | None = None
    """How its inputs are laid out; only when the model was retrieved by itself."""

    updated_at: Timestamp | None = None
    """When the model last changed."""

    user_id: str | None = None
    """Deprecated name for ``author_id``."""

    if not TYPE_CHECKING:
        __dict__ = property(attributes)

    @property
    def raw(self) -> bytes:
        """The record exactly as the service sent it, as JSON.

        It has what the fields do not show: new fields, and whether a value was null or missing. It
        is empty for a model that was made by hand or with ``msgspec.structs.replace``. ``copy`` and
        ``pickle`` keep it, ``==`` ignores it, and it is never part of an encoded model, of ``vars``
        or of ``dir``. It may contain signed URLs: think twice before logging it.
        """
        raw: bytes = _beside_fields(self).get("raw", b"")
        return raw

    @property
    def model(self) -> Self:
        """This model.

        The official SDK answers a retrieval with an object that has the record as its ``model``;
        a program written for that can go on saying ``answer.model.name``.
        """
        return self

    def __rich_repr__(self) -> list[tuple[str, Any]]:
        return self._presentable_fields(_SHOWN)

    def __hash__(self) -> int:
        # Equal models have equal ids. The fields themselves may hold dicts, which have no hash.
        return hash(self.id)

    def __dir__(self) -> list[str]:
        # Inspectors and debuggers show the value of each of these names.
        return [name for name in super().__dir__() if name != "raw"]

    def __copy__(self) -> Self:
        duplicate = msgspec.structs.replace(self)
        attach_raw(duplicate, self.raw)
        return duplicate

    def __reduce__(self) -> tuple[Any, ...]:
        # msgspec's own version leaves the raw record behind.
        return _rebuild, (type(self), attributes(self), self.raw)


def _rebuild(kind: type[Model], fields: dict[str, Any], raw: bytes) -> Model:
    model = kind(**fields)
    attach_raw(model, raw)
    return model


def attach_raw(model: Model, raw: bytes) -> None:
    """Keep the bytes that a model was decoded from, for ``Model.raw``.

    Args:
        model: The model, just decoded and not handed out yet.
        raw: Its record alone. A copy and no view of a page, or the model holds all of the page.
    """
    _beside_fields(model)["raw"] = raw
