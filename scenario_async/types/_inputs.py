"""What a custom model takes: one record for each input of its generation endpoint."""

from typing import Any

from ._base import Number, Record


class InputRequiredConditional(Record, frozen=True, kw_only=True):
    """Makes an input required when others have certain values.

    Fields as documented in the API reference.
    """

    operator: str | None = None
    """How the conditions combine. Known values: :type:`ConditionOperator`."""

    values: Any = None
    """The conditions: an object from the name of an input to the values that fulfil it."""


class InputRequired(Record, frozen=True, kw_only=True):
    """When an input must be given; an input without any of these rules is optional.

    Fields as documented in the API reference unless a docstring says otherwise.
    """

    always: bool | None = None
    """Whether it must be given in any case; seen in live records."""

    conditional: InputRequiredConditional | None = None
    """It must be given when other inputs have certain values."""

    if_defined: Any = None
    """It must be given when others are: an object from their names to the message to show."""

    if_not_defined: Any = None
    """It must be given when others are not: an object from their names to the message to show."""


class Input(Record, frozen=True, kw_only=True):
    """One parameter of a custom model's generation endpoint.

    Fields as documented in the API reference; many say something for some types of input only.
    """

    allowed_values: tuple[Any, ...] | None = None
    """The values to choose from: one of them, or any number for a ``string_array``.

    A null among them is kept, as it may be a choice.
    """

    background_behavior: str | None = None
    """What becomes of an image's background. Known values: :type:`BackgroundBehavior`."""

    color: bool | None = None
    """Whether the string is a color."""

    cost_impact: bool | None = None
    """Whether the price of a generation depends on this input."""

    default: Any = None
    """The value used when none is given; its type follows that of the input."""

    description: str | None = None
    """What the input is for, as text below it."""

    group: str | None = None
    """Heading under which neighbouring inputs of the same group are shown together."""

    hint: str | None = None
    """Advice shown as a tooltip."""

    inputs: "tuple[Input, ...] | None" = None
    """The inputs that make up one object of the array, for type ``inputs_array``."""

    kind: str | None = None
    """What sort of file is taken, for files only. Known values: :type:`InputKind`."""

    label: str | None = None
    """Name of the input as people read it."""

    mask_from: str | None = None
    """Name of the file input that the mask is drawn on."""

    max: Number | None = None
    """Largest value, for numbers and arrays."""

    max_duration: Number | None = None
    """Longest audio or video, in seconds."""

    max_length: Number | None = None
    """Most characters of a string or model id; for arrays of them, most items."""

    max_size: Number | None = None
    """Largest file, in bytes."""

    min: Number | None = None
    """Smallest value, for numbers and arrays."""

    min_duration: Number | None = None
    """Shortest audio or video, in seconds."""

    min_length: Number | None = None
    """Fewest characters of a string or model id; for arrays of them, fewest items."""

    model_types: tuple[str, ...] | None = None
    """The types of model that may be given. Known values: :type:`ModelType`."""

    name: str | None = None
    """The name to send the value under."""

    parent: bool | None = None
    """Whether the file (the first of an array) becomes the parent of the assets produced."""

    placeholder: str | None = None
    """Text shown while a string is empty."""

    prompt: bool | None = None
    """Whether the string is a prompt."""

    prompt_spark: bool | None = None
    """Whether the string can be written with Scenario's prompt assistant."""

    required: InputRequired | None = None
    """When a value must be given."""

    step: Number | None = None
    """Distance between neighbouring values of a number."""

    type: str | None = None
    """What sort of value is taken. Known values: :type:`InputType`."""
