"""The settings that a model was trained with."""

from ._base import Number, Record


class Parameters(Record, frozen=True, kw_only=True):
    """The settings of a training; empty for a model that was not trained here.

    Fields as documented in the API reference. Which of them apply depends on the trainer: "Flux"
    and "voice" below name those for Flux LoRAs and ElevenLabs voices, "legacy" marks those that
    the reference calls deprecated.
    """

    age: str | None = None
    """Age group of the speaker (voice)."""

    batch_size: Number | None = None
    """Images looked at in one step; more means fewer steps and a higher learning rate (Flux)."""

    class_prompt: str | None = None
    """Prompt for images of the same class as the trained subject (legacy)."""

    clone_type: str | None = None
    """How the voice is cloned (voice). Known values: :type:`CloneType`."""

    concept_prompt: str | None = None
    """Prompt that calls up the trained subject; empty by default for Flux."""

    gender: str | None = None
    """Gender of the speaker (voice)."""

    language: str | None = None
    """Language of the samples, as an ISO 639-1 code (voice)."""

    learning_rate: Number | None = None
    """Learning rate after any warm-up; 0.0001 by default for Flux."""

    learning_rate_text_encoder: Number | None = None
    """The same for the text encoder: from 1e-6 to 1e-3, by default 1e-5 (Flux)."""

    learning_rate_unet: Number | None = None
    """The same for the UNet (legacy)."""

    lr_scheduler: str | None = None
    """How the learning rate moves (legacy). Known values: :type:`LearningRateScheduler`."""

    max_train_steps: Number | None = None
    """Most steps; for Flux at most 10000, and by default 100 for each training image."""

    nb_epochs: Number | None = None
    """Epochs to train for (Flux)."""

    nb_repeats: Number | None = None
    """How often the training is repeated (Flux)."""

    num_text_train_steps: Number | None = None
    """Steps for the text encoder (legacy)."""

    num_u_net_train_steps: Number | None = None
    """Steps for the UNet (legacy); ``numUNetTrainSteps`` on the wire."""

    optimize_for: str | None = None
    """Which blocks are trained (Flux). Known values: :type:`OptimizeFor`."""

    prior_loss_weight: Number | None = None
    """Weight of the loss that preserves what the model knew before (legacy)."""

    random_crop: bool | None = None
    """Whether images are cropped at random instead of at their center (legacy)."""

    random_crop_ratio: Number | None = None
    """Share of random crops (legacy)."""

    random_crop_scale: Number | None = None
    """Scale of random crops (legacy)."""

    rank: Number | None = None
    """Rank of the LoRA's matrices: 2 to 64 for Flux (16 by default), 2 to 128 for Musubi (64)."""

    remove_background_noise: bool | None = None
    """Whether noise is taken out of the samples, which then last 5 seconds at least (voice)."""

    sample_prompts: tuple[str | None, ...] | None = None
    """Prompts tried out after each epoch (Flux).

    A null keeps its place: ``sample_source_images`` pairs with this by position.
    """

    sample_source_images: tuple[str | None, ...] | None = None
    """Ids of the assets that ``sample_prompts`` start from, position by position (Flux)."""

    scale_lr: bool | None = None
    """Whether the learning rate is scaled; the service ignores it (legacy)."""

    seed: Number | None = None
    """Start of the random numbers, to repeat a training (legacy)."""

    text_encoder_training_ratio: Number | None = None
    """Share of the steps, 0 to 1, that train the text encoder before the UNet (legacy)."""

    validation_frequency: Number | None = None
    """Steps between validations, ``max_train_steps`` at most (legacy)."""

    validation_prompt: str | None = None
    """Prompt used to validate (legacy)."""

    voice_description: str | None = None
    """What the voice sounds like (voice)."""

    wandb_key: str | None = None
    """Weights & Biases key that the training logs with, 40 characters at most.

    A credential: ``repr`` masks it.
    """
