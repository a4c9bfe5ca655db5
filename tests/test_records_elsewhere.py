"""Records in the hands of others: encoders, frameworks, data frames, debuggers."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from datetime import UTC, datetime
from io import StringIO
from typing import TYPE_CHECKING, Any

import httpx
import msgspec
import orjson
import pytest
import rich
from fastapi import FastAPI
from fastapi.encoders import jsonable_encoder
from pydantic import BaseModel, TypeAdapter, ValidationError
from rich.console import Console
from scenario_sdk.types.model_retrieve_response import Model as OfficialModel

from scenario_async import InvalidRow
from scenario_async._decoding import RowDecoder
from scenario_async.types import Input, Model, Thumbnail
from scenario_async.types._decoding import decode_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

SECRET = "Signature=s3cr3t"
URL = f"https://cdn.example/a.png?{SECRET}"
CREATED = datetime(2025, 3, 4, 5, 6, 7, 125_000, tzinfo=UTC)
WIRE: dict[str, Any] = {
    "class": {"name": "Ships", "thumbnails": []},
    "createdAt": "2025-03-04T05:06:07.125000Z",
    "id": "model_1",
    "inputs": [
        {"default": {"aKey": None}, "inputs": [{"name": "inner"}], "name": "outer"},
    ],
    "name": "Harbour",
    "tags": ["sea", "sky"],
    "thumbnail": {"assetId": "asset_1", "url": URL},
    "uiConfig": {"inputProperties": {"outer": {"collapsed": True}}},
}
RAW = json.dumps({**WIRE, "brandNew": 1, "status": None}).encode()


@pytest.fixture
def model() -> Model:
    return decode_model(RAW)


class OwnModel(Model, frozen=True, kw_only=True, dict=True):
    """A caller's own."""

    brand_new: int | None = None


class Shelf(BaseModel):
    models: list[Model]
    first: Thumbnail | None = None


@pytest.mark.parametrize("kind", [Model, OwnModel])
def test_vars_has_the_fields_and_not_the_bytes(kind: type[Model]) -> None:
    model = decode_model(RAW, kind)

    assert list(vars(model)) == list(kind.__struct_fields__)
    assert vars(model) == msgspec.structs.asdict(model)
    assert vars(model.thumbnail) == {"asset_id": "asset_1", "url": URL}
    assert model.raw == RAW


def test_what_is_changed_in_vars_does_not_change_the_record(model: Model) -> None:
    vars(model)["name"] = "Lighthouse"

    assert model.name == "Harbour"


def test_whoever_asks_for_all_names_does_not_come_upon_the_bytes(model: Model) -> None:
    shown = StringIO()
    rich.inspect(model, console=Console(file=shown, width=200), private=True)

    assert "raw" not in dir(model)
    assert "created_at" in dir(model)
    assert "Harbour" in shown.getvalue()
    assert SECRET not in shown.getvalue()


def test_a_debugger_that_knows_dataclasses_shows_what_repr_shows(model: Model) -> None:
    # As devtools calls it.
    parts = model.__pretty__(repr)

    assert "".join(part for part in parts if isinstance(part, str)) == (
        "Model(id='model_1',name='Harbour',)"
    )
    assert SECRET not in str(Thumbnail(url=URL).__pretty__(repr))


@pytest.mark.parametrize("kind", [Model, OwnModel])
def test_dataclasses_know_the_fields(kind: type[Model]) -> None:
    model = decode_model(RAW, kind)
    found = dataclasses.asdict(model)

    assert [field.name for field in dataclasses.fields(kind)] == list(kind.__struct_fields__)
    assert list(found) == list(kind.__struct_fields__)
    assert found["created_at"] == CREATED
    assert found["thumbnail"] == {"asset_id": "asset_1", "url": URL}
    assert found["inputs"][0]["inputs"][0]["name"] == "inner"
    assert dataclasses.replace(model, name="Lighthouse").name == "Lighthouse"


def test_a_failed_assertion_shows_no_signed_url(tmp_path: Path) -> None:
    test = tmp_path / "test_models.py"
    test.write_text(f"""
from scenario_async.types import Model, Thumbnail

ONE = Model(id="a", thumbnail_url="{URL}", thumbnail=Thumbnail(url="{URL}"))

def test_equal():
    assert ONE == Model(id="a", name="b")

def test_equal_thumbnails():
    assert ONE.thumbnail == Thumbnail()
""")
    command = [sys.executable, "-m", "pytest", "-vv", "--tb=short", "-p", "no:cacheprovider"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)  # noqa: S603

    assert "2 failed" in ended.stdout
    assert SECRET not in ended.stdout


def test_orjson_writes_the_fields(model: Model) -> None:
    found = orjson.loads(orjson.dumps([model]))

    assert list(found[0]) == list(Model.__struct_fields__)
    assert found[0]["thumbnail"] == {"asset_id": "asset_1", "url": URL}
    assert orjson.loads(orjson.dumps(OwnModel(id="a", brand_new=5)))["brand_new"] == 5


def test_json_with_vars_writes_the_fields(model: Model) -> None:
    fields = dataclasses.replace(model, created_at=None)

    found = json.loads(json.dumps(fields, default=vars))

    assert list(found) == list(Model.__struct_fields__)
    assert found["inputs"][0]["default"] == {"aKey": None}


def test_json_alone_refuses(model: Model) -> None:
    with pytest.raises(TypeError, match="not JSON serializable"):
        json.dumps(model)


# As plain values


def test_to_dict_is_what_the_service_sent_of_the_fields(model: Model) -> None:
    assert model.to_dict(mode="json") == WIRE
    assert model.to_dict() == {**WIRE, "createdAt": CREATED}


def test_to_json_is_the_same_as_text(model: Model) -> None:
    assert json.loads(model.to_json()) == WIRE
    assert model.to_json().startswith('{\n  "class": {\n    "name": "Ships"')
    assert model.to_json(indent=None) == json.dumps(WIRE, separators=(",", ":"))


def test_attribute_names_are_those_of_the_fields_and_of_nothing_else(model: Model) -> None:
    found = model.to_dict(use_api_names=False)

    assert found["class_"] == {"name": "Ships", "thumbnails": []}
    assert found["ui_config"] == {"input_properties": {"outer": {"collapsed": True}}}
    assert found["inputs"][0]["default"] == {"aKey": None}


def test_fields_that_are_none_can_be_had(model: Model) -> None:
    found = model.to_dict(exclude_unset=False)

    assert list(found) == list(Model.__struct_encode_fields__)
    assert found["thumbnail"] == WIRE["thumbnail"]
    assert found["class"]["slug"] is None
    assert model.to_dict(exclude_unset=False, exclude_none=True) == model.to_dict()


@pytest.mark.parametrize("options", [{}, {"exclude_none": True}])
def test_to_dict_gives_what_the_official_sdk_gives(options: dict[str, Any], model: Model) -> None:
    official = OfficialModel.construct(**WIRE).to_dict(mode="json", **options, warnings=False)

    assert model.to_dict(mode="json", **options) == official


def test_model_dump_has_the_names_and_defaults_of_pydantic(model: Model) -> None:
    everything = model.model_dump()

    assert list(everything) == list(Model.__struct_fields__)
    assert everything["created_at"] == CREATED
    assert model.model_dump(by_alias=True, exclude_unset=True) == model.to_dict()
    assert json.loads(model.model_dump_json(by_alias=True, exclude_none=True)) == WIRE
    assert list(json.loads(model.model_dump_json())) == list(Model.__struct_fields__)


def test_changing_what_was_given_does_not_change_the_record(model: Model) -> None:
    found = model.to_dict()
    found["inputs"][0]["default"]["aKey"] = 1
    found["tags"].clear()

    assert model == decode_model(RAW)


# In pydantic


def test_a_record_is_a_field_of_a_pydantic_model(model: Model) -> None:
    shelf = Shelf(models=[model], first=model.thumbnail)

    assert shelf.models[0] is model
    assert shelf.model_dump(mode="json") == {"models": [WIRE], "first": WIRE["thumbnail"]}
    assert shelf.model_dump()["models"][0]["createdAt"] == CREATED
    assert SECRET not in repr(shelf)


def test_pydantic_reads_what_it_wrote(model: Model) -> None:
    shelf = Shelf(models=[model], first=Thumbnail(asset_id="asset_2"))

    assert Shelf.model_validate_json(shelf.model_dump_json()) == shelf
    assert Shelf.model_validate(shelf.model_dump()) == shelf


@pytest.mark.parametrize("wrong", [{"name": "no id"}, {"id": 5}, "model_1", None, b"{}", [1]])
def test_pydantic_refuses_what_is_no_record(wrong: object) -> None:
    with pytest.raises(ValidationError, match=r"models\.0\n  Value error, (Expected|Object)"):
        Shelf.model_validate({"models": [wrong]})


def test_the_json_schema_names_every_record_and_fits_what_is_written(model: Model) -> None:
    schema = TypeAdapter(list[Model]).json_schema(mode="serialization")
    definitions = schema["$defs"]

    assert schema["items"] == {"$ref": "#/$defs/Model"}
    assert definitions["Model"]["required"] == ["id"]
    assert set(definitions["Model"]["properties"]) == set(Model.__struct_encode_fields__)
    assert definitions["Model"]["properties"]["createdAt"]["format"] == "date-time"
    assert definitions["Model"]["properties"]["trainingImagesNumber"]["type"] == "number"
    assert definitions["Input"]["properties"]["inputs"]["items"] == {"$ref": "#/$defs/Input"}
    assert "default" not in definitions["Input"].get("required", [])
    assert set(model.to_dict()) <= set(definitions["Model"]["properties"])


def test_the_json_schema_of_what_is_read_has_nulls() -> None:
    name = TypeAdapter(Input).json_schema()["$defs"]["InputRequired"]["properties"]["always"]

    assert {"type": "null"} in name["anyOf"]


def test_pydantic_and_opentelemetry_are_imported_by_those_who_have_them() -> None:
    code = (
        "import scenario_async, sys; assert 'pydantic_core' not in sys.modules\n"
        "import scenario_async.cli, scenario_async.live; assert 'opentelemetry' not in sys.modules"
    )

    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0  # noqa: S603


# In FastAPI

app = FastAPI()


@app.get("/untyped")
async def untyped():  # type: ignore[no-untyped-def]  # noqa: ANN201 - the point of it
    return [decode_model(RAW)]


@app.get("/typed")
async def typed() -> list[Model]:
    return [decode_model(RAW)]


@app.get("/shelf")
async def shelf() -> Shelf:
    return Shelf(models=[decode_model(RAW)])


@app.post("/name")
async def name(model: Model) -> str | None:
    return model.name


async def asked(path: str, body: object = None) -> Any:
    transport = httpx.ASGITransport(app=app)
    async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
        method = "GET" if body is None else "POST"
        return (await client.request(method, path, json=body)).json()


@pytest.mark.anyio
async def test_a_handler_with_a_type_answers_with_the_record_of_the_api() -> None:
    assert await asked("/typed") == [WIRE]
    assert await asked("/shelf") == {"models": [WIRE], "first": None}


@pytest.mark.anyio
async def test_a_handler_without_a_type_answers_with_the_fields_and_not_the_bytes() -> None:
    (found,) = await asked("/untyped")

    assert list(found) == list(Model.__struct_fields__)
    assert found["thumbnail"] == {"asset_id": "asset_1", "url": URL}
    assert jsonable_encoder(decode_model(RAW)) == found


@pytest.mark.anyio
async def test_a_record_is_the_body_of_a_request() -> None:
    assert await asked("/name", WIRE) == "Harbour"
    assert "Expected `str`" in (await asked("/name", {"id": 5}))["detail"][0]["msg"]


@pytest.mark.anyio
async def test_the_openapi_document_has_the_records() -> None:
    document = await asked("/openapi.json")
    schema = document["paths"]["/typed"]["get"]["responses"]["200"]["content"]
    reference: str = schema["application/json"]["schema"]["items"]["$ref"]
    named = document["components"]["schemas"][reference.rpartition("/")[2]]

    assert set(named["properties"]) == set(Model.__struct_encode_fields__)


# Copies


UNFIT = json.dumps({"id": "model_1", "createdAt": 17, "thumbnail": {"url": URL}}).encode()


@pytest.fixture
def row() -> InvalidRow:
    row = RowDecoder(Model).decode(UNFIT)
    assert isinstance(row, InvalidRow)
    return row


def all_names(row: object) -> object:
    return {name: getattr(row, name) for name in dir(row) if not name.startswith("__")}


def with_str(encode: Callable[..., object], **options: Any) -> Callable[[object], object]:
    """For what knows no exceptions, such as that of a row, unless it is told how to write one."""
    return lambda row: encode(row, **options)


ENCODERS: dict[str, Callable[[Any], object]] = {
    "dataclasses.asdict": dataclasses.asdict,
    "dataclasses.astuple": dataclasses.astuple,
    "FastAPI": jsonable_encoder,
    "pydantic": with_str(TypeAdapter[Any](Any).dump_json, fallback=str),
    "orjson": with_str(orjson.dumps, default=str),
    "msgspec": with_str(msgspec.json.encode, enc_hook=str),
    "msgspec.to_builtins": with_str(msgspec.to_builtins, enc_hook=str),
    "repr": repr,
    "dir": all_names,
}


@pytest.mark.parametrize("encode", ENCODERS.values(), ids=ENCODERS)
def test_whatever_encodes_a_row_that_does_not_fit_writes_its_id_and_not_its_bytes(
    encode: Callable[[Any], object], row: InvalidRow
) -> None:
    encoded = str(encode(row))

    assert "model_1" in encoded
    assert "Signature" not in encoded
    assert row.raw == UNFIT


def test_a_row_that_does_not_fit_has_no_vars_and_shows_no_bytes(row: InvalidRow) -> None:
    shown = StringIO()
    rich.inspect(row, console=Console(file=shown, width=200), private=True)

    with pytest.raises(TypeError):
        vars(row)
    assert SECRET not in shown.getvalue()
