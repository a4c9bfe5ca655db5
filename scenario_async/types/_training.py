"""How a model's training goes, what it was fed and what came out."""

from ._base import Number, Record, Timestamp


class TrainingImage(Record, frozen=True, kw_only=True):
    """One of the images that a model learns from.

    Fields as documented in the API reference.
    """

    automatic_captioning: str | None = None
    """Caption written by the service."""

    created_at: Timestamp | None = None
    """When the image was uploaded."""

    description: str | None = None
    """Caption that is trained with."""

    download_url: str | None = None
    """Signed URL of the image. It expires as that of a :class:`Thumbnail`; ``repr`` cuts it."""

    id: str | None = None
    """Asset id of the image."""

    name: str | None = None
    """Name of the uploaded file."""


class TrainingImagePair(Record, frozen=True, kw_only=True):
    """An image before and after an edit, for models that learn to edit.

    Fields as documented in the API reference.
    """

    instruction: str | None = None
    """What turns the source into the target."""

    source_id: str | None = None
    """Asset id of the training image before the edit."""

    target_id: str | None = None
    """Asset id of the training image after the edit."""


class TrainingProgress(Record, frozen=True, kw_only=True):
    """How far a training has come; empty in live records of models that are not in training.

    Fields as documented in the API reference. "PVC" is professional voice cloning.
    """

    captcha_image_url: str | None = None
    """Signed URL of the text that the speaker has to read, in stage ``pending-captcha`` (PVC).

    It expires; how soon is not documented.
    """

    position: Number | None = None
    """Jobs ahead in the queue."""

    progress: Number | None = None
    """Part that is done; the scale is not documented."""

    remaining_time_ms: Number | None = None
    """Time that is left, in milliseconds."""

    retry_count: Number | None = None
    """Failures in a row; the model fails for good at the service's limit (PVC)."""

    retryable_error: str | None = None
    """Why the last attempt failed, when another one may follow (PVC)."""

    stage: str | None = None
    """How far the request has come. Known values: :type:`TrainingStage`."""

    started_at: Number | None = None
    """When the process began, in milliseconds since the epoch."""

    updated_at: Number | None = None
    """When this progress was last written, in milliseconds since the epoch."""


class TrainingStats(Record, frozen=True, kw_only=True):
    """How long a training took.

    Fields as documented in the API reference.
    """

    ended_at: Timestamp | None = None
    """When the training ended."""

    queue_duration: Number | None = None
    """Time in the queue, in seconds."""

    started_at: Timestamp | None = None
    """When the training began."""

    train_duration: Number | None = None
    """Time in training, in seconds."""


class EpochAsset(Record, frozen=True, kw_only=True):
    """An image made from a sample prompt after an epoch.

    Fields as documented in the API reference.
    """

    asset_id: str | None = None
    """Id of the image."""

    url: str | None = None
    """Signed URL of the image. It expires as that of a :class:`Thumbnail`; ``repr`` cuts it."""


class Epoch(Record, frozen=True, kw_only=True):
    """A state of the model that was kept during its training.

    Fields as documented in the API reference.
    """

    assets: tuple[EpochAsset, ...] | None = None
    """The images made from the sample prompts, if the training had any."""

    epoch: str | None = None
    """Hash that names the epoch."""
