"""How Scenario's own pages lay out the inputs of a model."""

from typing import Any

from ._base import Number, Record


class UiConfigInputProperties(Record, frozen=True, kw_only=True):
    """How one input is shown.

    Fields as documented in the API reference.
    """

    collapsed: bool | None = None
    """Whether the input starts folded away."""


class UiConfigLorasComponent(Record, frozen=True, kw_only=True):
    """Which inputs together choose the LoRAs of a generation.

    Fields as documented in the API reference, and seen in live records.
    """

    label: str | None = None
    """Heading of the component."""

    model_id_input: str | None = None
    """Name of the input that takes one LoRA or composition.

    Its model id is noted on the assets produced; the other two inputs can be filled from it.
    """

    model_input: str | None = None
    """Name of the input that takes the LoRAs, of type ``model_array``."""

    scale_input: str | None = None
    """Name of the input that takes their weights, of type ``number_array``."""


class UiConfigOutputProperties(Record, frozen=True, kw_only=True):
    """How one output of the provider is shown.

    Fields as documented in the API reference.
    """

    label: str | None = None
    """Heading of the output."""


class UiConfigPreset(Record, frozen=True, kw_only=True):
    """Values that fill several inputs in one go.

    Fields as documented in the API reference, which says no more than their types.
    """

    fields: tuple[str, ...] | None = None
    """The inputs that a preset fills."""

    presets: Any = None
    """The presets; their shape is not documented."""


class UiConfigResolutionComponentPreset(Record, frozen=True, kw_only=True):
    """One size on offer.

    Fields as documented in the API reference, and seen in live records. Lengths are pixels, to
    judge by the labels.
    """

    height: Number | None = None
    """Height of the output."""

    label: str | None = None
    """What the size is called, as ``16:9 (1344x768)``."""

    width: Number | None = None
    """Width of the output."""


class UiConfigResolutionComponent(Record, frozen=True, kw_only=True):
    """Which inputs together choose the size of the output.

    Fields as documented in the API reference, and seen in live records.
    """

    height_input: str | None = None
    """Name of the input that takes the height."""

    label: str | None = None
    """Heading of the component."""

    presets: tuple[UiConfigResolutionComponentPreset, ...] | None = None
    """The sizes on offer."""

    width_input: str | None = None
    """Name of the input that takes the width."""


class UiConfigTriggerGenerate(Record, frozen=True, kw_only=True):
    """The button that starts a generation.

    Fields as documented in the API reference. ``after`` and ``position`` exclude each other.
    """

    after: str | None = None
    """Name of the input that the button follows."""

    label: str | None = None
    """What the button says."""

    position: str | None = None
    """End of the form where the button stands. Known values: :type:`TriggerGeneratePosition`."""


class UiConfig(Record, frozen=True, kw_only=True):
    """How the inputs of a model are laid out.

    Fields as documented in the API reference unless a docstring says otherwise.
    """

    input_properties: dict[str, UiConfigInputProperties] | None = None
    """How single inputs are shown, by the name of the input."""

    loras_component: UiConfigLorasComponent | None = None
    """The component that chooses LoRAs; seen in live records."""

    output_properties: dict[str, UiConfigOutputProperties] | None = None
    """How outputs of the provider are shown, by name."""

    presets: tuple[UiConfigPreset, ...] | None = None
    """Values that fill several inputs in one go."""

    resolution_component: UiConfigResolutionComponent | None = None
    """The component that chooses the size of the output; seen in live records."""

    selects: dict[str, Any] | None = None
    """Settings of drop-down lists, by the name of the input.

    The shape is not documented. Live records have one object for each input, from each allowed
    value to the text it is shown as.
    """

    trigger_generate: UiConfigTriggerGenerate | None = None
    """The button that starts a generation."""
