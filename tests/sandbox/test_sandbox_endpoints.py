"""What each endpoint answers, and to whom."""

from __future__ import annotations

import base64

import pytest
from support.wire import Wire, authorization_of, serving

from scenario_async.sandbox import Catalogue, Sandbox

PUBLIC = {"Authorization": "public-auth-token"}


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return Catalogue.seeded(public=60, private=40, unlisted=5, collections=2, odd=False)


def test_a_page_has_models_and_a_token_and_nothing_else(wire: Wire) -> None:
    assert set(wire.get("/models", {"pageSize": 3}).json) == {"models", "nextPaginationToken"}
    assert set(wire.get("/collections").json) == {"collections", "nextPaginationToken"}


def test_both_routes_list_the_same_public_models(sandbox: Sandbox, wire: Wire) -> None:
    expected = sandbox.catalogue.ids("public")

    assert wire.walk_ids("/models", privacy="public", pageSize=7) == expected
    assert wire.walk_ids("/models/public", pageSize=7) == expected


def test_a_collection_holds_private_and_unlisted_models_apart(sandbox: Sandbox, wire: Wire) -> None:
    collection_id = sandbox.catalogue.collection_ids[0]
    for privacy in ("private", "unlisted"):
        expected = {
            row.id
            for row in sandbox.catalogue
            if row.privacy == privacy and collection_id in row.collections
        }
        listed = wire.walk_ids(privacy=privacy, collectionId=collection_id, pageSize=3)
        assert set(listed) == expected
    assert wire.get("/models", {"collectionId": "collection_unknown"}).ids == []


def test_public_models_are_listed_by_any_of_several_collections() -> None:
    catalogue = Catalogue.seeded(public=10, private=0, collections=3)
    one, two, three = catalogue.collection_ids
    ids = catalogue.ids("public")
    catalogue.move(ids[0], one)
    catalogue.move(ids[1], two)
    catalogue.move(ids[2], three)
    catalogue.move(ids[3], one, two)
    with serving(catalogue) as (_, wire):
        reply = wire.get("/models", {"privacy": "public", "collectionIds": f"{one},{two}"})

    assert set(reply.ids) == {ids[0], ids[1], ids[3]}


def test_only_single_records_carry_inputs(sandbox: Sandbox, wire: Wire) -> None:
    model_id = sandbox.catalogue.ids()[0]
    row = wire.get("/models", {"pageSize": 1}).json["models"][0]

    record = wire.get(f"/models/{model_id}").json["model"]

    assert {name: record.pop(name) for name in ("inputs", "uiConfig")}.keys()
    assert record == row


def test_custom_models_take_other_models_as_input(sandbox: Sandbox, wire: Wire) -> None:
    rows = {row.type: row.id for row in sandbox.catalogue if row.privacy == "public"}

    custom = wire.get(f"/models/{rows['custom']}").json["model"]
    trained = wire.get(f"/models/{rows['flux.1-lora']}").json["model"]

    assert "model_array" in {one["type"] for one in custom["inputs"]}
    assert "model_array" not in {one["type"] for one in trained["inputs"]}


def test_bulk_reads_give_what_can_be_read_in_the_order_asked_for(
    sandbox: Sandbox, wire: Wire
) -> None:
    public, private = sandbox.catalogue.ids("public")[0], sandbox.catalogue.ids()[0]
    (foreign, *_) = sandbox.catalogue.foreign_ids

    reply = wire.post(
        "/models/get-bulk",
        {"modelIds": [private, "model_unknown", public, foreign, private]},
    )

    assert reply.status == 200
    assert reply.ids == [private, public]
    assert all("inputs" not in row for row in reply.json["models"])


def test_bulk_reads_can_be_minimal(sandbox: Sandbox, wire: Wire) -> None:
    model_id = sandbox.catalogue.ids()[0]

    reply = wire.post("/models/get-bulk", {"modelIds": [model_id], "minimal": True})

    assert [set(row) for row in reply.json["models"]] == [{"id", "name", "type"}]


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"modelIds": "model_1"},
        {"modelIds": [1]},
        [],
        b"{",
        b"",
        {"modelIds": [], "minimal": 1},
    ],
)
def test_a_bulk_read_needs_a_list_of_ids(wire: Wire, body: object) -> None:
    reply = wire.post("/models/get-bulk", body)

    assert reply.status == 400
    assert "modelIds" in reply.reason


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/models/model_unknown", 404),
        ("/models/", 404),
        ("/models/a/b", 404),
        ("/nothing", 404),
        ("/", 404),
    ],
)
def test_what_is_not_there_is_not_found(wire: Wire, path: str, status: int) -> None:
    reply = wire.get(path)

    assert reply.status == status
    assert reply.reason


def test_paths_outside_the_base_are_not_found(sandbox: Sandbox) -> None:
    wire = Wire(sandbox.base_url, authorization_of(sandbox))
    wire.prefix = ""
    assert wire.get("/models").status == 404
    wire.connection.close()


def test_other_methods_are_refused(wire: Wire) -> None:
    for method, path in (("POST", "/models"), ("DELETE", "/collections")):
        wire.send(path, method=method, body={})
        assert wire.receive().status == 405
    assert wire.get("/models/get-bulk").status == 405
    wire.send("/models", method="HEAD")
    assert wire.receive().status == 405


def test_a_model_of_another_project_is_forbidden() -> None:
    catalogue = Catalogue.seeded(public=1, private=1, foreign=2)
    catalogue.add_foreign("model_elsewhere")
    with serving(catalogue) as (_, wire):
        for model_id in ("model_elsewhere", *catalogue.foreign_ids):
            reply = wire.get(f"/models/{model_id}")
            assert reply.status == 403
            assert reply.reason
    assert len(catalogue.foreign_ids) == 3


def authorization(scheme: str, text: str) -> dict[str, str]:
    return {"Authorization": f"{scheme} {base64.b64encode(text.encode()).decode()}"}


def test_both_kinds_of_credentials_are_accepted(sandbox: Sandbox, wire: Wire) -> None:
    sandbox.requests.clear()

    basic = authorization("Basic", "sandbox-key:sandbox-secret")
    bearer = {"Authorization": f"Bearer {sandbox.bearer_auth}"}

    assert wire.get("/models", headers=basic).status == 200
    assert wire.get("/models", headers=bearer).status == 200
    assert [one.authorization_kind for one in sandbox.requests] == ["basic", "bearer"]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic",
        "Basic !!!",
        "Bearer",
        "Bearer wrong-jwt",
        "Bearer \xff",
        "Bearer sandbox-key",
        "sandbox-jwt",
        "Public-Auth-Token",
        "Bearer public-auth-token",
        "Digest sandbox-jwt",
        authorization("Basic", "sandbox-key:wrong")["Authorization"],
        authorization("Basic", "wrong:sandbox-secret")["Authorization"],
        authorization("Bearer", "sandbox-key:sandbox-secret")["Authorization"],
    ],
)
@pytest.mark.parametrize("path", ["/models", "/models/public", "/collections", "/models/x"])
def test_wrong_credentials_are_refused_and_not_repeated(wire: Wire, header: str, path: str) -> None:
    reply = wire.get(path, headers={"Authorization": header})

    assert reply.status == 401
    assert set(reply.json) == {"reason"}
    for word in header.split()[1:]:
        assert word.encode() not in reply.body


def test_missing_credentials_are_refused(wire: Wire) -> None:
    wire.connection.request("GET", wire.prefix + "/models")

    assert wire.receive().status == 401


def test_access_without_an_account_covers_public_models_only(sandbox: Sandbox, wire: Wire) -> None:
    public, private = sandbox.catalogue.ids("public"), sandbox.catalogue.ids()

    assert wire.get("/models/public", "pageSize=500", headers=PUBLIC).ids == public
    assert wire.get("/models", "privacy=public&pageSize=500", headers=PUBLIC).ids == public
    assert wire.get(f"/models/{public[0]}", headers=PUBLIC).status == 200
    wire.send(
        "/models/get-bulk",
        method="POST",
        body={"modelIds": [private[0], public[0]]},
        headers=PUBLIC,
    )
    assert wire.receive().ids == [public[0]]
    for path in ("/models", f"/models/{private[0]}", "/collections"):
        assert wire.get(path, headers=PUBLIC).status == 403
    assert wire.get("/models", "privacy=public&blacklisted=true", headers=PUBLIC).status == 403


def test_a_kept_answer_is_not_given_to_whom_it_is_not_for(wire: Wire) -> None:
    assert wire.get("/models", {"pageSize": 9}).status == 200
    assert wire.get("/models", {"pageSize": 9}, headers=PUBLIC).status == 403
    assert wire.get("/models", {"pageSize": 9}, headers={"Authorization": "x"}).status == 401


def test_no_repr_shows_credentials(sandbox: Sandbox, wire: Wire) -> None:
    wire.get("/models", headers=authorization("Basic", "sandbox-key:sandbox-secret"))

    shown = f"{sandbox!r} {sandbox.requests!r} {list(sandbox.requests)!r} {sandbox.faults!r}"

    for secret in (sandbox.api_key, sandbox.api_secret, sandbox.bearer_auth):
        assert secret not in shown
    assert wire.authorization not in shown
