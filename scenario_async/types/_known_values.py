"""The values known so far of fields whose set of values is open.

At run time such a field is a plain ``str``: each release of the service may bring a new value,
and a new value must not cost a record. These aliases are for documentation, for completion in an
editor and for annotations of a program's own.
"""

from typing import Literal, TypeAlias

AccessRestriction: TypeAlias = Literal[0, 25, 50, 75, 100]
"""The plan from which a model is usable: 0 free, 25 starter, 50 pro, 75 max, 100 enterprise."""

BackgroundBehavior: TypeAlias = Literal["opaque", "transparent"]
"""What becomes of the background of an image input."""

Capability: TypeAlias = Literal[
    "3d23d",
    "audio2audio",
    "audio2txt",
    "audio2video",
    "controlnet",
    "controlnet_img2img",
    "controlnet_inpaint",
    "controlnet_inpaint_ip_adapter",
    "controlnet_ip_adapter",
    "controlnet_reference",
    "controlnet_texture",
    "img23d",
    "img2img",
    "img2img_ip_adapter",
    "img2img_texture",
    "img2txt",
    "img2video",
    "inpaint",
    "inpaint_ip_adapter",
    "outpaint",
    "reference",
    "reference_texture",
    "txt23d",
    "txt2audio",
    "txt2img",
    "txt2img_ip_adapter",
    "txt2img_texture",
    "txt2txt",
    "txt2video",
    "video23d",
    "video2audio",
    "video2img",
    "video2txt",
    "video2video",
]
"""What a model can do, as "from what to what"."""

ClassStatus: TypeAlias = Literal["published", "unpublished"]
"""Whether a class is still offered for new models."""

CloneType: TypeAlias = Literal["instant", "professional"]
"""How a voice is cloned; the professional way asks the speaker for a captcha."""

ConditionOperator: TypeAlias = Literal["and", "or"]
"""Whether all conditions have to hold, or any of them."""

InputKind: TypeAlias = Literal[
    "3d",
    "audio",
    "document",
    "image",
    "image-hdr",
    "json",
    "text",
    "video",
]
"""What sort of file an input takes."""

InputType: TypeAlias = Literal[
    "boolean",
    "file",
    "file_array",
    "inputs_array",
    "model",
    "model_array",
    "number",
    "number_array",
    "string",
    "string_array",
]
"""What sort of value an input takes."""

LearningRateScheduler: TypeAlias = Literal[
    "constant",
    "constant-with-warmup",
    "cosine",
    "cosine-with-restarts",
    "linear",
    "polynomial",
]
"""How the learning rate moves during a training."""

ModelStatus: TypeAlias = Literal[
    "copying",
    "deleted",
    "draft",
    "failed",
    "new",
    "trained",
    "training",
    "training-canceled",
]
"""Where a model is in its life.

``draft`` occurs in the documentation only; ``deleted`` is a filter of the listing, and listed in
case such rows carry it.
"""

ModelType: TypeAlias = Literal[
    "checkpoint",
    "custom",
    "elevenlabs-voice",
    "flux.1",
    "flux.1-composition",
    "flux.1-kontext-dev",
    "flux.1-kontext-lora",
    "flux.1-krea-dev",
    "flux.1-krea-lora",
    "flux.1-lora",
    "flux.1-pro",
    "flux.1.1-pro-ultra",
    "flux.2-dev-edit-lora",
    "flux.2-dev-lora",
    "flux.2-klein-4b-edit-lora",
    "flux.2-klein-4b-lora",
    "flux.2-klein-9b-edit-lora",
    "flux.2-klein-9b-lora",
    "flux.2-klein-base-4b-edit-lora",
    "flux.2-klein-base-4b-lora",
    "flux.2-klein-base-9b-edit-lora",
    "flux.2-klein-base-9b-lora",
    "flux1.1-pro",
    "gpt-image-1",
    "lora",
    "qwen-image-2512-lora",
    "qwen-image-edit-2509-lora",
    "qwen-image-edit-2511-lora",
    "qwen-image-edit-lora",
    "qwen-image-lora",
    "zimage-de-turbo-lora",
    "zimage-lora",
    "zimage-turbo-lora",
]
"""What sort of model it is; ``checkpoint`` and ``lora`` are from the help article's sample rows."""

OptimizeFor: TypeAlias = Literal["all", "likeness", "none"]
"""Which blocks of the network a training touches."""

Privacy: TypeAlias = Literal["private", "public", "unlisted"]
"""Who can see a model."""

Source: TypeAlias = Literal["civitai", "huggingface", "other", "scenario"]
"""Where a model was made."""

TrainingStage: TypeAlias = Literal[
    "pending",
    "pending-captcha",
    "queued-for-train",
    "ready-for-captcha",
    "running-train",
    "starting-train",
]
"""How far a training request has come."""

TriggerGeneratePosition: TypeAlias = Literal["bottom", "top"]
"""Where the button that starts a generation stands."""
