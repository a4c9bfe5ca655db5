from __future__ import annotations

import copy
import json
import pickle
import re
from datetime import UTC, datetime
from typing import (
    TYPE_CHECKING,
    Any,
    TypeAlias,
    cast,
    get_args,
)

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scenario_async import types
from scenario_async.types._base import Record
from scenario_async.types._decoding import decode_model
from scenario_async.types._model import attach_raw

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

Json: TypeAlias = "dict[str, Json] | list[Json] | str | float | bool | None"
Place: TypeAlias = tuple[str | int, ...]

LIST_ROW: dict[str, Json] = {
    "id": "model_harbour",
    "accessRestrictions": 50,
    "authorId": "user_1",
    "capabilities": ["txt2img", "img2img"],
    "class": {
        "category": "art-style",
        "conceptPrompt": "a hrbr painting",
        "modelId": "model_class",
        "name": "Painting",
        "prompt": "a painting",
        "slug": "art-style-painting",
        "status": "published",
        "thumbnails": ["https://cdn.example/class.png?Signature=abc"],
    },
    "collectionIds": ["collection_1"],
    "complianceMetadata": {
        "dataProcessingComment": "none",
        "enterpriseStatus": "Ready",
        "licenseTerms": "https://license.example/terms",
        "maintainer": "Nobody",
        "modelProvider": "Somebody",
        "subProcessor": "Provider",
    },
    "compliantModelIds": ["base_1", "base_2"],
    "concepts": [{"modelEpoch": "000002", "modelId": "model_part", "scale": 0.75}],
    "createdAt": "2025-03-04T05:06:07.125Z",
    "custom": False,
    "deletedAt": "2025-09-04T05:06:07.125Z",
    "disableRefund": True,
    "epoch": "000003",
    "epochs": [
        {
            "assets": [{"assetId": "asset_9", "url": "https://cdn.example/9.png?Policy=p"}],
            "epoch": "000003",
        },
    ],
    "exampleAssetIds": ["asset_1", "asset_2", "asset_3"],
    "jobId": "job_1",
    "modelKeyword": "hrbr",
    "name": "Harbour at dusk",
    "negativePromptEmbedding": "blurry",
    "ownerId": "team_1",
    "parameters": {
        "age": "young",
        "batchSize": 2,
        "classPrompt": "a painting",
        "cloneType": "instant",
        "conceptPrompt": "a hrbr painting",
        "gender": "female",
        "language": "de",
        "learningRate": 0.0001,
        "learningRateTextEncoder": 0.00001,
        "learningRateUnet": 0.5,
        "lrScheduler": "cosine",
        "maxTrainSteps": 900,
        "nbEpochs": 10,
        "nbRepeats": 20,
        "numTextTrainSteps": 100,
        "numUNetTrainSteps": 800,
        "optimizeFor": "likeness",
        "priorLossWeight": 1.5,
        "randomCrop": True,
        "randomCropRatio": 0.25,
        "randomCropScale": 0.5,
        "rank": 16,
        "removeBackgroundNoise": False,
        "samplePrompts": ["a boat", "a crane"],
        "sampleSourceImages": ["asset_4", "asset_5"],
        "scaleLr": False,
        "seed": 42,
        "textEncoderTrainingRatio": 0.2,
        "validationFrequency": 90,
        "validationPrompt": "a boat",
        "voiceDescription": "hoarse",
        "wandbKey": "0123456789abcdef",
    },
    "parentModelId": "model_parent",
    "performanceStats": {
        "default": "txt2img:1K",
        "variants": [
            {
                "arenaScore": {
                    "arenaCategory": "text_to_image",
                    "arenaModelName": "harbour-1",
                    "fetchedAt": "2025-05-04T05:06:07.125Z",
                    "rank": 3,
                    "rating": 1201.5,
                    "ratingLower": 1190.25,
                    "ratingUpper": 1212.75,
                    "votes": 4321,
                },
                "capability": "txt2img",
                "computedAt": "2025-06-04T05:06:07.125Z",
                "costPerAssetMaxCU": 12,
                "costPerAssetMinCU": 4,
                "costPerAssetP50CU": 5.5,
                "inferenceLatencyP50Sec": 3.25,
                "inferenceLatencyP75Sec": 4.5,
                "resolution": "1K",
                "totalLatencyP50Sec": 5,
                "totalLatencyP75Sec": 6.5,
                "variantKey": "txt2img:1K",
            },
        ],
    },
    "privacy": "private",
    "promptEmbedding": "oil on canvas",
    "shortDescription": "Boats, cranes and a low sun.",
    "softDeletionOn": "2026-03-04T05:06:07.125Z",
    "source": "scenario",
    "status": "trained",
    "tags": ["sea", "sc:scenario"],
    "thumbnail": {"assetId": "asset_1", "url": "https://cdn.example/1.png?Key-Pair-Id=K"},
    "thumbnailUrl": "https://cdn.example/1.png",
    "trainingImagePairs": [
        {"instruction": "make it night", "sourceId": "asset_6", "targetId": "asset_7"},
    ],
    "trainingImages": [
        {
            "automaticCaptioning": "a boat",
            "createdAt": "2025-02-04T05:06:07.125Z",
            "description": "a red boat",
            "downloadUrl": "https://cdn.example/boat.png?Signature=def",
            "id": "asset_8",
            "name": "boat.png",
        },
    ],
    "trainingImagesNumber": 9,
    "trainingProgress": {
        "captchaImageUrl": "https://cdn.example/captcha.png?Signature=ghi",
        "position": 2,
        "progress": 0.5,
        "remainingTimeMs": 60000,
        "retryCount": 1,
        "retryableError": "too quiet",
        "stage": "running-train",
        "startedAt": 1741064767125,
        "updatedAt": 1741064768125,
    },
    "trainingStats": {
        "endedAt": "2025-03-04T07:06:07.125Z",
        "queueDuration": 12.5,
        "startedAt": "2025-03-04T06:06:07.125Z",
        "trainDuration": 3600,
    },
    "type": "flux.1-lora",
    "updatedAt": "2025-04-04T05:06:07.125Z",
    "userId": "user_1",
}

DETAIL_ROW: dict[str, Json] = {
    **LIST_ROW,
    "inputs": [
        {
            "allowedValues": ["wide", 3, None, {"ratio": [16, 9]}],
            "backgroundBehavior": "opaque",
            "color": False,
            "costImpact": True,
            "default": {"nested": [1, None, "two"]},
            "description": "Everything that an input can say.",
            "group": "Settings",
            "hint": "Leave it alone.",
            "inputs": [{"name": "part", "type": "number", "inputs": [{"name": "deeper"}]}],
            "kind": "image",
            "label": "All of it",
            "maskFrom": "picture",
            "max": 10,
            "maxDuration": 30,
            "maxLength": 2048,
            "maxSize": 5000000,
            "min": -1.5,
            "minDuration": 0.5,
            "minLength": 1,
            "modelTypes": ["flux.1-lora"],
            "name": "everything",
            "parent": True,
            "placeholder": "Nothing yet",
            "prompt": False,
            "promptSpark": False,
            "required": {
                "always": False,
                "conditional": {"operator": "or", "values": {"mode": ["fast", "slow"]}},
                "ifDefined": {"mask": "A mask needs a picture"},
                "ifNotDefined": {"prompt": "Say something"},
            },
            "step": 0.5,
            "type": "string_array",
        },
        {"name": "prompt", "required": {"always": True}, "type": "string"},
    ],
    "uiConfig": {
        "inputProperties": {"prompt": {"collapsed": False}},
        "lorasComponent": {
            "label": "LoRA",
            "modelIdInput": "modelId",
            "modelInput": "loras",
            "scaleInput": "lorasScale",
        },
        "outputProperties": {"video": {"label": "Video"}},
        "presets": [{"fields": ["width", "height"], "presets": {"small": [{"width": 512}]}}],
        "resolutionComponent": {
            "heightInput": "height",
            "label": "Size",
            "presets": [{"height": 768, "label": "Wide", "width": 1344}],
            "widthInput": "width",
        },
        "selects": {"mode": {"fast": "Fast", "slow": "Slow"}},
        "triggerGenerate": {"after": "prompt", "label": "Go", "position": "bottom"},
    },
}

# Where a value has no declared shape, so that whatever is in there is kept as it is.
FREE_FORM: tuple[Place, ...] = (
    ("allowedValues",),
    ("inputs", 0, "default"),
    ("values",),
    ("ifDefined",),
    ("ifNotDefined",),
    ("selects",),
    ("presets", 0, "presets"),
    ("samplePrompts",),
    ("sampleSourceImages",),
)

RECORDS: dict[str, type[Record]] = {
    name: kind
    for name, kind in vars(types).items()
    if isinstance(kind, type) and issubclass(kind, Record) and kind is not Record
}


class AnnotatedModel(types.Model, frozen=True, kw_only=True):
    """A caller's own model."""

    note: str | None = None


def decode(row: object) -> types.Model:
    return decode_model(json.dumps(row).encode())


def as_sent(model: types.Model) -> Json:
    """What the fields of a model hold, written as the service writes it."""
    builtins = msgspec.to_builtins(model, builtin_types=(datetime,))
    return cast("Json", json.loads(json.dumps(builtins, default=_service_date)))


def _service_date(value: datetime) -> str:
    return value.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def is_free_form(place: Place) -> bool:
    return any(place[-len(end) :] == end for end in FREE_FORM)


def without_nulls(value: Json, place: Place = ()) -> Json:
    if is_free_form(place):
        return value
    if isinstance(value, dict):
        return {
            key: without_nulls(item, (*place, key))
            for key, item in value.items()
            if item is not None
        }
    if isinstance(value, list):
        return [
            without_nulls(item, (*place, index))
            for index, item in enumerate(value)
            if item is not None
        ]
    return value


def places_in(value: Json, place: Place = ()) -> Iterator[Place]:
    if place:
        yield place
    if is_free_form(place):
        return
    if isinstance(value, dict):
        for key, item in value.items():
            yield from places_in(item, (*place, key))
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from places_in(item, (*place, index))


def container_of(row: Json, place: Place) -> dict[str | int, Json]:
    """The object or array that holds a place."""
    holder = cast("dict[str | int, Json]", row)
    for key in place[:-1]:
        holder = cast("dict[str | int, Json]", holder[key])
    return holder


def changed(row: dict[str, Json], place: Place, value: Json) -> dict[str, Json]:
    twin = copy.deepcopy(row)
    container_of(twin, place)[place[-1]] = value
    return twin


def records_in(value: object) -> Iterator[Record]:
    if isinstance(value, Record):
        yield value
        for name in value.__struct_fields__:
            yield from records_in(getattr(value, name))
    elif isinstance(value, tuple):
        for item in cast("tuple[object, ...]", value):
            yield from records_in(item)
    elif isinstance(value, dict):
        for item in cast("dict[object, object]", value).values():
            yield from records_in(item)


def shown_by(record: Record) -> Iterator[str]:
    yield repr(record)
    yield str(record)
    yield f"{record}"
    yield repr([record])
    yield repr(list(record.__rich_repr__()))


PLACES = [place for place in places_in(DETAIL_ROW) if place != ("id",)]
ARRAYS = [place for place in PLACES if isinstance(container_of(DETAIL_ROW, place)[place[-1]], list)]


@pytest.mark.parametrize("kind", RECORDS.values(), ids=RECORDS)
def test_attributes_are_called_as_the_service_calls_them(kind: type[Record]) -> None:
    wire_names = [name.lower() for name in kind.__struct_encode_fields__]
    assert [name.replace("_", "") for name in kind.__struct_fields__] == wire_names


@pytest.mark.parametrize("name", RECORDS)
def test_every_field_but_the_id_of_a_model_may_be_missing(name: str) -> None:
    needed = [field.name for field in msgspec.structs.fields(RECORDS[name]) if field.required]
    assert needed == (["id"] if name == "Model" else [])
    record = RECORDS[name](**dict.fromkeys(needed, "model_1"))
    for field in msgspec.structs.fields(RECORDS[name]):
        if not field.required:
            assert getattr(record, field.name) is None


@pytest.mark.parametrize("kind", [*RECORDS.values(), AnnotatedModel])
def test_records_are_immutable_by_keyword_and_cheap_to_collect(kind: type[Record]) -> None:
    assert kind.__struct_config__.gc is issubclass(kind, types.Model)
    make: Any = kind
    with pytest.raises(TypeError, match="positional"):
        make("model_1")
    record = make(**({"id": "model_1"} if issubclass(kind, types.Model) else {}))
    with pytest.raises(AttributeError, match="immutable"):
        setattr(record, kind.__struct_fields__[0], None)


# What decodes


@pytest.mark.parametrize("row", [LIST_ROW, DETAIL_ROW], ids=["list", "detail"])
def test_a_full_row_keeps_every_value(row: dict[str, Json]) -> None:
    assert as_sent(decode(row)) == row


def test_the_full_row_of_these_tests_has_every_documented_field() -> None:
    seen: dict[str, set[str]] = {name: set() for name in RECORDS}
    for record in records_in(decode(DETAIL_ROW)):
        sent = {name for name in record.__struct_fields__ if getattr(record, name) is not None}
        seen[type(record).__name__] |= sent
    assert seen == {name: set(kind.__struct_fields__) for name, kind in RECORDS.items()}


def test_dates_are_aware_and_exact_to_the_millisecond() -> None:
    assert decode(LIST_ROW).created_at == datetime(2025, 3, 4, 5, 6, 7, 125_000, tzinfo=UTC)


def test_numbers_keep_their_kind() -> None:
    parameters = msgspec.json.decode(b'{"rank": 16, "seed": 16.0}', type=types.Parameters)
    assert isinstance(parameters.rank, int)
    assert isinstance(parameters.seed, float)


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(PLACES), st.sampled_from(["missing", "null"])))
def test_whatever_is_missing_or_null_the_rest_of_a_row_decodes(
    losses: dict[Place, str],
) -> None:
    row = copy.deepcopy(DETAIL_ROW)
    # Backwards, so that a value is lost before what it is in, and later items before earlier ones.
    for place in sorted(losses, reverse=True):
        if losses[place] == "null":
            container_of(row, place)[place[-1]] = None
        else:
            del container_of(row, place)[place[-1]]
    assert as_sent(decode(row)) == without_nulls(row)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: ".".join(map(str, place)))
def test_a_single_null_costs_only_itself(place: Place) -> None:
    row = changed(DETAIL_ROW, place, None)
    assert as_sent(decode(row)) == without_nulls(row)


@pytest.mark.parametrize("place", ARRAYS, ids=lambda place: ".".join(map(str, place)))
def test_an_array_of_nulls_is_empty_unless_their_places_matter(place: Place) -> None:
    row = changed(DETAIL_ROW, place, [None, None])
    kept = place[-1] in {"allowedValues", "samplePrompts", "sampleSourceImages"}
    assert as_sent(decode(row)) == (row if kept else changed(DETAIL_ROW, place, []))


def test_without_its_nulls_a_row_is_read_as_if_it_had_none() -> None:
    row = changed(DETAIL_ROW, ("parameters", "seed"), 42.0)
    row["accessRestrictions"] = 2**70
    with_null = {**row, "capabilities": ["txt2img", None, "img2img"]}
    # As JSON, so that 42 and 42.0 differ.
    assert msgspec.json.encode(decode(with_null)) == msgspec.json.encode(decode(row))
    assert decode(with_null).created_at == datetime(2025, 3, 4, 5, 6, 7, 125_000, tzinfo=UTC)


def test_nulls_are_dropped_from_inputs_that_are_nested_deeply() -> None:
    inputs: Json = [{"name": "bottom", "modelTypes": ["lora", None]}]
    for _ in range(40):
        inputs = [None, {"name": "between", "inputs": inputs}]
    level = decode({"id": "model_1", "inputs": inputs}).inputs
    for _ in range(40):
        assert level is not None
        assert len(level) == 1
        level = level[0].inputs
    assert level == (types.Input(name="bottom", model_types=("lora",)),)


def test_a_model_of_the_callers_own_does_not_lose_its_row_to_a_null_either() -> None:
    raw = b'{"id": "model_1", "tags": [null], "note": "mine"}'
    model = decode_model(raw, AnnotatedModel)
    assert model == AnnotatedModel(id="model_1", tags=(), note="mine")
    assert model.raw == raw


def test_empty_objects_decode_where_the_schema_demands_fields() -> None:
    model = decode({"id": "model_1", "trainingProgress": {}, "parameters": {}})
    assert model.training_progress == types.TrainingProgress()
    assert model.parameters == types.Parameters()


def test_unknown_fields_are_ignored_at_every_level() -> None:
    row = copy.deepcopy(DETAIL_ROW)
    objects = 0
    for place in PLACES:
        holder = container_of(row, place)
        # In an object by name, as inputProperties, a new key is a new entry and no unknown field.
        by_name = place[-2:-1] in {("inputProperties",), ("outputProperties",)}
        if isinstance(place[-1], str) and not by_name:
            holder["brandNew"] = {"deep": [1, None]}
            objects += 1
    assert objects > len(RECORDS)
    assert decode(row) == decode(DETAIL_ROW)


@pytest.mark.parametrize(
    "place",
    [
        ("type",),
        ("status",),
        ("privacy",),
        ("source",),
        ("capabilities", 0),
        ("class", "status"),
        ("complianceMetadata", "enterpriseStatus"),
        ("inputs", 0, "type"),
        ("inputs", 0, "kind"),
        ("inputs", 0, "backgroundBehavior"),
        ("inputs", 0, "modelTypes", 0),
        ("inputs", 0, "required", "conditional", "operator"),
        ("parameters", "lrScheduler"),
        ("parameters", "optimizeFor"),
        ("trainingProgress", "stage"),
        ("uiConfig", "triggerGenerate", "position"),
    ],
    ids=lambda place: ".".join(map(str, place)),
)
def test_a_new_value_of_an_open_set_decodes(place: Place) -> None:
    row = changed(DETAIL_ROW, place, "brand-new")
    assert as_sent(decode(row)) == row


@pytest.mark.parametrize(
    "place",
    [
        ("inputs", 0, "default"),
        ("inputs", 0, "required", "ifDefined"),
        ("inputs", 0, "required", "ifNotDefined"),
        ("inputs", 0, "required", "conditional", "values"),
        ("uiConfig", "presets", 0, "presets"),
    ],
    ids=lambda place: ".".join(map(str, place)),
)
@pytest.mark.parametrize("value", ["text", 1.5, True, ["list", None], {"object": None}])
def test_a_value_without_a_documented_shape_may_have_any(place: Place, value: Json) -> None:
    row = changed(DETAIL_ROW, place, value)
    assert as_sent(decode(row)) == row


@pytest.mark.parametrize("capabilities", [["txt2img"], [None, "txt2img"]], ids=["", "beside null"])
@pytest.mark.parametrize(
    ("place", "value", "where"),
    [
        (("id",), 5, "$.id"),
        (("id",), None, "$.id"),
        (("createdAt",), "2025-03-04T05:06:07.125", "$.createdAt"),
        (("createdAt",), "yesterday", "$.createdAt"),
        (("createdAt",), 1741064767125, "$.createdAt"),
        (("trainingStats", "endedAt"), "2025-03-04T05:06:07", "$.trainingStats.endedAt"),
        (("tags",), "sea", "$.tags"),
        (("tags", 1), 7, "$.tags[1]"),
        (("custom",), "yes", "$.custom"),
        (("trainingImagesNumber",), "9", "$.trainingImagesNumber"),
        (("class",), ["art-style"], "$.class"),
        (("inputs", 0, "max"), "10", "$.inputs[0].max"),
        (("inputs", 0, "inputs", 0, "name"), 1, "$.inputs[0].inputs[0].name"),
        (("uiConfig", "resolutionComponent", "presets", 0, "width"), {}, "presets[0].width"),
    ],
)
def test_a_wrong_type_is_refused_with_its_place(
    place: Place, value: Json, where: str, capabilities: list[Json]
) -> None:
    row = {**changed(DETAIL_ROW, place, value), "capabilities": capabilities}
    with pytest.raises(msgspec.ValidationError, match=re.escape(where)):
        decode(row)


@pytest.mark.parametrize("tags", [["sea"], [None, "sea"]])
def test_a_row_without_an_id_is_refused(tags: list[Json]) -> None:
    with pytest.raises(msgspec.ValidationError, match="missing required field `id`"):
        decode({"name": "Nobody", "tags": tags})


def test_the_error_of_a_row_is_not_about_a_null_that_would_have_been_dropped() -> None:
    wrong = {"id": "model_1", "createdAt": 5}
    with pytest.raises(msgspec.ValidationError) as without_null:
        decode(wrong)
    with pytest.raises(msgspec.ValidationError) as beside_null:
        decode({"tags": [None], **wrong})
    assert str(beside_null.value) == str(without_null.value)
    assert beside_null.value.__context__ is None
    # In the same array, the nulls before the place do not count.
    with pytest.raises(msgspec.ValidationError, match=re.escape("got `int` - at `$.tags[1]`")):
        decode({"id": "model_1", "tags": ["sea", None, 5]})


@pytest.mark.parametrize("end", [b"", b"}}", b', "brandNew": "\xff"}', b', "brandNew": NaN}'])
def test_what_is_no_json_beyond_a_wrong_value_is_refused_for_that_value(end: bytes) -> None:
    with pytest.raises(msgspec.ValidationError, match=re.escape("$.name")):
        decode_model(b'{"id": "model_1", "name": 5' + end)


@pytest.mark.parametrize("raw", [b"null", b"[null]", b'[{"id": "model_1"}]', b'"model_1"', b"5"])
def test_json_that_is_no_object_is_refused(raw: bytes) -> None:
    with pytest.raises(msgspec.ValidationError, match="Expected `object`"):
        decode_model(raw)


def test_a_null_entry_of_an_object_by_name_is_dropped() -> None:
    entries: Json = {"a": None, "b": {}}
    config = decode(
        {"id": "model_1", "uiConfig": {"inputProperties": entries, "outputProperties": entries}}
    ).ui_config
    assert config == types.UiConfig(
        input_properties={"b": types.UiConfigInputProperties()},
        output_properties={"b": types.UiConfigOutputProperties()},
    )


# The official SDK


def _official() -> ModuleType:
    module: ModuleType = pytest.importorskip("scenario_sdk.types.model_retrieve_response")
    return module


def test_every_field_of_the_official_sdk_is_here() -> None:
    official = _official()
    for official_name in official.__all__:
        if official_name == "ModelRetrieveResponse":
            continue
        name = official_name.removeprefix("Model") or "Model"
        fields = getattr(official, official_name).model_fields
        wire_names = {field.alias or key for key, field in fields.items()}
        assert wire_names <= set(RECORDS[name].__struct_encode_fields__), name


@pytest.mark.parametrize(
    ("official_name", "field", "alias"),
    [
        ("Model", "access_restrictions", types.AccessRestriction),
        ("Model", "capabilities", types.Capability),
        ("Model", "privacy", types.Privacy),
        ("Model", "source", types.Source),
        ("Model", "status", types.ModelStatus),
        ("Model", "type", types.ModelType),
        ("ModelClass", "status", types.ClassStatus),
        ("ModelInput", "api_model_types", types.ModelType),
        ("ModelInput", "background_behavior", types.BackgroundBehavior),
        ("ModelInput", "kind", types.InputKind),
        ("ModelInput", "type", types.InputType),
        ("ModelInputRequiredConditional", "operator", types.ConditionOperator),
        ("ModelParameters", "lr_scheduler", types.LearningRateScheduler),
        ("ModelParameters", "optimize_for", types.OptimizeFor),
        ("ModelTrainingProgress", "stage", types.TrainingStage),
        ("ModelUiConfigTriggerGenerate", "position", types.TriggerGeneratePosition),
    ],
)
def test_the_known_values_have_those_of_the_official_sdk(
    official_name: str, field: str, alias: object
) -> None:
    def literals(hint: object) -> set[object]:
        if not get_args(hint):
            return set() if isinstance(hint, type) else {hint}
        return {value for part in get_args(hint) for value in literals(part)}

    annotation = getattr(_official(), official_name).model_fields[field].annotation
    assert literals(annotation) - {None} <= set(get_args(alias))


# The raw record


def test_a_decoded_model_has_its_raw_record() -> None:
    raw = b' {"id": "model_1", "brandNew": null} '
    assert decode_model(raw).raw == raw
    assert decode_model(msgspec.Raw(raw)).raw == raw


def test_the_raw_record_cannot_be_set() -> None:
    model = types.Model(id="model_1")
    with pytest.raises(AttributeError):
        setattr(model, "raw", b"{}")  # noqa: B010 - a type checker would refuse the assignment


def _model_with_raw(kind: type[types.Model] = types.Model) -> types.Model:
    return decode_model(json.dumps(DETAIL_ROW).encode(), kind)


@pytest.mark.parametrize("kind", [types.Model, AnnotatedModel])
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickling_keeps_the_model_and_its_raw_record(
    kind: type[types.Model], protocol: int
) -> None:
    model = _model_with_raw(kind)
    thawed = pickle.loads(pickle.dumps(model, protocol))  # noqa: S301 - pickled a moment ago
    assert type(thawed) is kind
    assert thawed == model
    assert thawed.raw == model.raw


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_copying_keeps_the_model_and_its_raw_record(
    duplicate: Callable[[types.Model], types.Model],
) -> None:
    model = _model_with_raw()
    twin = duplicate(model)
    assert twin is not model
    assert twin == model
    assert twin.raw == model.raw
    attach_raw(twin, b"{}")
    assert model.raw != b"{}"


def test_a_deep_copy_shares_nothing_mutable() -> None:
    model = _model_with_raw()
    twin = copy.deepcopy(model)
    assert twin.ui_config is not None
    assert twin.ui_config.selects is not None
    twin.ui_config.selects.clear()
    assert twin != model


def test_pickling_a_model_made_by_hand_gives_an_equal_one() -> None:
    model = types.Model(id="model_1")
    thawed = pickle.loads(pickle.dumps(model))  # noqa: S301 - pickled a moment ago
    assert thawed == model
    assert thawed.raw == b""


def test_a_replaced_model_has_no_raw_record() -> None:
    changed = msgspec.structs.replace(_model_with_raw(), name="Renamed")
    assert changed.name == "Renamed"
    assert changed.raw == b""


def test_equality_and_hash_ignore_the_raw_record() -> None:
    model = _model_with_raw()
    twin = msgspec.structs.replace(model)
    assert model.raw != twin.raw
    assert model == twin
    assert hash(model) == hash(twin)
    assert len({model, twin, types.Model(id="model_2")}) == 2


def test_an_encoded_model_has_no_raw_record() -> None:
    model = _model_with_raw()
    assert "raw" not in msgspec.json.decode(msgspec.json.encode(model))
    assert "raw" not in msgspec.to_builtins(model)
    assert "raw" not in msgspec.structs.asdict(model)
    assert decode(msgspec.to_builtins(model)) == model


def test_a_model_is_its_own_answer_to_a_retrieval() -> None:
    model = types.Model(id="model_1", name="Harbour")
    assert model.model is model
    assert model.model.name == "Harbour"


# What is shown


def test_the_repr_of_a_model_is_short() -> None:
    assert repr(decode(DETAIL_ROW)) == (
        "Model(id='model_harbour', name='Harbour at dusk', type='flux.1-lora', status='trained',"
        " privacy='private')"
    )
    assert repr(types.Model(id="model_1")) == "Model(id='model_1')"


def test_rich_shows_what_repr_shows() -> None:
    for record in records_in(decode(DETAIL_ROW)):
        fields = ", ".join(f"{name}={value!r}" for name, value in record.__rich_repr__())
        assert repr(record) == f"{type(record).__name__}({fields})"


def test_a_repr_leaves_out_what_is_not_set() -> None:
    assert repr(types.Concept(scale=1)) == "Concept(scale=1)"
    assert repr(types.Concept()) == "Concept()"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://cdn.example/a.png", "https://cdn.example/a.png"),
        ("https://cdn.example/a.png?Signature=s", "https://cdn.example/a.png?…"),
        ("https://cdn.example/a b.png?Signature=s", "https://cdn.example/a b.png?…"),
        ("https://cdn.example/a.png?a=b c&Signature=s", "https://cdn.example/a.png?…"),
        ("https://cdn.example/a.png#top", "https://cdn.example/a.png?…"),
        ("https://cdn.example?Signature=s", "https://cdn.example?…"),
        ("HTTPS://name:word@cdn.example:8443/a", "HTTPS://cdn.example:8443/a"),
        ("https://name:word@cdn.example?a#b", "https://cdn.example?…"),
        ("see https://a.example/x?k=1 or http://b.example/y?k=2.", None),
        ("what? nothing: 1/2 #3, a@b.example", "what? nothing: 1/2 #3, a@b.example"),
        ("https://hub.example/@name", "https://hub.example/@name"),
    ],
)
def test_a_url_is_shown_without_query_fragment_and_userinfo(url: str, shown: str | None) -> None:
    expected = shown or "see https://a.example/x?… or http://b.example/y?…"
    assert repr(types.Thumbnail(url=url)) == f"Thumbnail(url={expected!r})"


SIGNATURE = "Q9vZ7secretX3"
URL_TEXT = st.text(st.characters(codec="utf-8", exclude_characters=" \t\r\n"), max_size=20)


@settings(deadline=None)
@given(
    before=st.sampled_from(["", "see ", '{"url": "', "(", "data and more:\n"]),
    scheme=st.sampled_from(["https", "http", "HTTPS", "wss", "s3"]),
    userinfo=st.sampled_from(["", f"{SIGNATURE}@", f"name:{SIGNATURE}@"]),
    path=st.text(st.sampled_from("abc/._-%~"), max_size=20),
    mark=st.sampled_from("?#"),
    lead=URL_TEXT,
    trail=URL_TEXT,
)
def test_no_repr_shows_the_signature_of_a_url(  # noqa: PLR0917 - hypothesis passes by keyword
    before: str, scheme: str, userinfo: str, path: str, mark: str, lead: str, trail: str
) -> None:
    url = f"{before}{scheme}://{userinfo}cdn.example/{path}{mark}{lead}{SIGNATURE}{trail}"

    def signed(value: Json) -> Json:
        if isinstance(value, dict):
            return {**{key: signed(item) for key, item in value.items()}, url: url}
        if isinstance(value, list):
            return [signed(item) for item in value]
        # Dates stay dates; whatever else is text becomes the URL.
        return url if isinstance(value, str) and not value.endswith("125Z") else value

    row = signed(DETAIL_ROW)
    for by_name in ("inputProperties", "outputProperties"):
        container_of(row, ("uiConfig", by_name))[by_name] = {url: {}}
    model = decode(row)
    assert model.thumbnail is not None
    assert model.thumbnail.url == url
    for record in records_in(model):
        for text in shown_by(record):
            assert SIGNATURE not in text


def test_a_repr_masks_credentials() -> None:
    parameters = types.Parameters(rank=16, wandb_key="0123456789")
    assert repr(parameters) == "Parameters(rank=16, wandb_key='***')"
    assert parameters.wandb_key == "0123456789"
    keys = ["apiKey", "api_key", "clientSecret", "accessToken", "password", "Authorization"]
    free = types.Input(default={"nested": [dict.fromkeys(keys, "0123456789")]})
    assert "0123456789" not in repr(free)
    harmless = {"maxTokens": "512", "keyword": "sea", "variantKey": "txt2img"}
    assert repr(types.Input(default=harmless)) == f"Input(default={harmless!r})"


def test_a_repr_stops_at_a_depth_that_stays_readable() -> None:
    deep: object = "bottom"
    for _ in range(200):
        deep = [deep]
    shown = repr(types.Input(default=deep))
    assert "…" in shown
    assert "bottom" not in shown


def test_rich_itself_shows_no_signature() -> None:
    pretty = pytest.importorskip("rich.pretty")
    shown = pretty.pretty_repr([decode(DETAIL_ROW), decode(DETAIL_ROW).thumbnail])
    assert "https://cdn.example/1.png?…" in shown
    assert "Key-Pair-Id" not in shown
