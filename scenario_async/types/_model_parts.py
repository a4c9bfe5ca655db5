"""The smaller records inside a model: what it is of, made of, shown as and allowed for."""

from ._base import Number, Record


class Class(Record, frozen=True, kw_only=True):
    """What a model depicts: a character, a style and the like.

    Fields as documented in the API reference.
    """

    category: str | None = None
    """Slug of the category, as ``art-style``."""

    concept_prompt: str | None = None
    """Prompt for the trained subject within the class."""

    model_id: str | None = None
    """Model that stands for the class, for legacy models only."""

    name: str | None = None
    """Name of the class, as people read it."""

    prompt: str | None = None
    """Prompt for the class in general."""

    slug: str | None = None
    """Name of the class within URLs."""

    status: str | None = None
    """Whether the class is offered. Known values: :type:`ClassStatus`."""

    thumbnails: tuple[str, ...] | None = None
    """URLs of example images; where they are signed they expire as that of a :class:`Thumbnail`."""


class Concept(Record, frozen=True, kw_only=True):
    """One ingredient of a composition: another model, and how strongly it counts.

    Fields as documented in the API reference.
    """

    model_epoch: str | None = None
    """Epoch of that model, as ``000001``, for Flux LoRAs only."""

    model_id: str | None = None
    """Id of that model."""

    scale: Number | None = None
    """Its weight; from 0 to 2 for editing with Flux Kontext."""


class Thumbnail(Record, frozen=True, kw_only=True):
    """The picture a model is shown with.

    Fields as documented in the API reference. Signed URLs, of thumbnails as of anything else, all
    expire on the same few dates, as the service's documentation says: made on day 1 to 7 of a month
    they last to the 14th, made on day 8 to 14 to the 21st, made on day 15 to 21 to the end of the
    month, and made later to the 7th of the next one. So they last for a week at least, and may
    change with any answer while the picture does not: keep ``asset_id``, and ask for a URL when it
    is needed (:meth:`Models.previews`).
    """

    asset_id: str | None = None
    """Id of the picture; unlike the URL it stays."""

    url: str | None = None
    """Signed URL of the picture. It expires (see above), and ``repr`` cuts it."""


class ComplianceMetadata(Record, frozen=True, kw_only=True):
    """Who makes and runs a model, and on what terms.

    No published type has this: fields, and the values named here, as seen in live records.
    """

    data_processing_comment: str | None = None
    """What happens to the data that is sent, as ``temporaryRetention``."""

    enterprise_status: str | None = None
    """Whether the model is cleared for enterprise customers, as ``Ready``."""

    license_terms: str | None = None
    """URL of the terms of use."""

    maintainer: str | None = None
    """Who looks after the model on Scenario."""

    model_provider: str | None = None
    """Who made the model."""

    sub_processor: str | None = None
    """Who runs it: the name of a company, or ``Provider`` for its maker."""
