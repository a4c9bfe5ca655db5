"""Many accounts on one server: what is an account's own, and what is the same for all."""

from __future__ import annotations

import json
import threading
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import anyio
import pytest
from support.wire import Reply, Wire, authorization_of, wired

from scenario_async import AsyncScenario, AuthenticationError
from scenario_async.sandbox import (
    BadRow,
    Catalogue,
    Delayed,
    RateLimit,
    Sandbox,
    SandboxAccounts,
    ServerError,
    seeded_accounts,
)

if TYPE_CHECKING:
    from collections.abc import Generator

    from scenario_async.sandbox import Privacy

LISTED: tuple[Privacy, ...] = ("private", "unlisted", "public")


@dataclass(frozen=True)
class Service:
    """A running sandbox with accounts, and a connection to it that shows whatever key is wanted."""

    accounts: SandboxAccounts
    wire: Wire

    def get(self, name: str, path: str = "/models", **parameters: object) -> Reply:
        shown = authorization_of(self.accounts[name])
        return self.wire.get(path, parameters, headers={"Authorization": shown})

    def ids(self, name: str, privacy: Privacy = "private") -> list[str]:
        with wired(self.accounts, authorization_of(self.accounts[name])) as wire:
            return wire.walk_ids(privacy=privacy, pageSize=50)

    def statuses(self, name: str) -> list[int | None]:
        return [request.status for request in self.accounts[name].requests]


def started(stack: ExitStack, **options: Any) -> Service:
    catalogues = seeded_accounts(4, private=(10, 30), unlisted=4)
    public = Catalogue.seeded(public=30, private=0)
    accounts = SandboxAccounts(catalogues, public=public, **options)
    stack.enter_context(accounts.in_thread())
    return Service(accounts, stack.enter_context(wired(accounts, "public-auth-token")))


@pytest.fixture(scope="module")
def running() -> Generator[Service]:
    with ExitStack() as stack:
        yield started(stack)


@pytest.fixture
def service(running: Service) -> Service:
    running.accounts.reset()
    return running


@pytest.fixture
def changing() -> Generator[Service]:
    """One of its own, for a test that changes models."""
    with ExitStack() as stack:
        yield started(stack)


def test_each_account_lists_its_own_models_and_the_public_ones(service: Service) -> None:
    private: set[str] = set()
    for name, account in service.accounts.items():
        for privacy in LISTED:
            assert service.ids(name, privacy) == account.catalogue.ids(privacy)
        counts = [len(account.catalogue.ids(privacy)) for privacy in LISTED]
        assert counts[1:] == [4, 30]
        assert len(account.catalogue) == sum(counts)
        private.update(account.catalogue.ids())
    assert len(private) == sum(len(one.catalogue.ids()) for one in service.accounts.values())


def test_an_account_reads_no_model_and_no_collection_of_another(service: Service) -> None:
    others = service.accounts["account-002"].catalogue
    model_id = others.ids()[0]
    assert service.get("account-002", f"/models/{model_id}").status == 200
    assert service.get("account-001", f"/models/{model_id}").status == 404
    assert service.get("account-001", f"/models/{others.ids('public')[0]}").status == 200
    shown = [one["id"] for one in service.get("account-001", "/collections").json["collections"]]
    assert shown == list(service.accounts["account-001"].catalogue.collection_ids)
    assert set(shown).isdisjoint(others.collection_ids)


def test_bulk_reads_find_models_and_pictures_of_the_account_and_public_ones(
    service: Service,
) -> None:
    account = service.accounts["account-001"]
    own, public = account.catalogue.ids()[0], account.catalogue.ids("public")[0]
    foreign = service.accounts["account-002"].catalogue.ids()[0]
    with wired(service.accounts, authorization_of(account)) as wire:
        found = wire.post("/models/get-bulk", {"modelIds": [own, foreign, public]})
        assert found.ids == [own, public]
        asset_ids = [row["exampleAssetIds"][0] for row in found.json["models"]]
        assets = wire.post("/assets/get-bulk", {"assetIds": asset_ids}).json["assets"]
    assert [one["metadata"]["modelId"] for one in assets] == [own, public]


def test_a_public_model_that_one_account_adds_or_publishes_is_everybodys(
    changing: Service,
) -> None:
    service = changing
    first, second = (service.accounts[name].catalogue for name in ("account-003", "account-004"))
    ids = [first.add(privacy="public", score=10**6), second.add(privacy="public", score=10**6)]
    assert set(service.ids("account-001", "public")[:2]) == set(ids)
    private = first.ids()[0]
    assert private in service.ids("account-003")
    first.update(private, privacy="public")
    assert private in service.ids("account-004", "public")
    assert service.ids("account-003") == first.ids()
    assert private not in first.ids()
    second.update(private, privacy="private")
    assert service.ids("account-004") == second.ids()
    assert private in second.ids()
    for model_id in ids:
        second.delete(model_id)
    assert set(service.ids("account-001", "public")).isdisjoint([*ids, private])
    first.restore(ids[0])
    assert ids[0] in service.accounts.public.catalogue


def test_faults_and_requests_are_those_of_one_account(service: Service) -> None:
    down = service.accounts["account-001"]
    down.faults.add(ServerError(503), times=None)
    service.accounts["account-002"].faults.add(BadRow("wrong-type"), times=None)
    for name in ("account-001", "account-002", "account-003"):
        service.get(name)
    assert [service.statuses(f"account-{number:03}") for number in range(1, 5)] == [
        [503],
        [200],
        [200],
        [],
    ]
    assert BadRow("wrong-type").id in service.get("account-002").ids
    assert BadRow("wrong-type").id not in service.get("account-003").ids
    down.reset()
    assert service.get("account-001").status == 200
    assert len(down.requests) == 1


def test_a_key_can_be_refused_and_accepted_again(service: Service) -> None:
    account = service.accounts["account-001"]
    account.key_refused = True
    assert service.get("account-001").status == 401
    assert service.get("account-002").status == 200
    account.key_refused = False
    assert service.get("account-001").status == 200
    assert service.statuses("account-001") == [401, 200]


def test_a_replaced_key_is_refused_and_known_as_the_accounts(service: Service) -> None:
    account = service.accounts["account-002"]
    before = authorization_of(account)
    account.replace_key("new-key", "new-secret")
    assert service.wire.get(headers={"Authorization": before}).status == 401
    assert service.get("account-002").status == 200
    account.api_secret = "newer-secret"
    assert service.get("account-002").status == 200
    account.bearer_auth = "new-jwt"
    assert service.wire.get(headers={"Authorization": "Bearer new-jwt"}).ids
    assert service.statuses("account-002") == [401, 200, 200, 200]
    # A key that one account has given up may be another's.
    service.accounts["account-003"].api_key = "new-key"
    account.api_key = "newest-key"
    assert service.get("account-003").status == 200
    assert service.statuses("account-003") == [200]


@pytest.mark.parametrize(
    "header",
    [
        "",
        "Basic ?",
        "Basic /w==",
        "Basic bm9ib2R5OnNlY3JldA==",
        "Basic \xff",
        "Bearer nobody",
        "Digest x",
    ],
)
def test_who_shows_no_key_of_an_account_is_refused(service: Service, header: str) -> None:
    assert service.wire.get(headers={"Authorization": header}).status == 401
    assert [request.status for request in service.accounts.public.requests] == [401]


def test_public_access_and_pictures_belong_to_no_account(service: Service) -> None:
    shown = service.wire.get("/models", {"privacy": "public", "pageSize": 5})
    assert shown.ids == service.accounts.public.catalogue.ids("public")[:5]
    assert service.wire.get("/models").status == 403
    url = next(row["thumbnail"]["url"] for row in shown.json["models"] if row.get("thumbnail"))
    assert url.startswith(service.accounts.base_url.removesuffix("/v1"))
    service.wire.connection.request("GET", url)
    assert service.wire.receive().body.startswith(b"\x89PNG")
    assert len(service.accounts.public.requests) == 3
    with pytest.raises(AttributeError, match="no key"):
        _ = service.accounts.public.api_key


def test_requests_are_numbered_over_all_accounts(service: Service) -> None:
    names = ["account-001", "account-003", "account-001"]
    sent = [service.get(name).headers["x-request-id"] for name in names]
    numbers = [int(request_id.removeprefix("sandbox-")) for request_id in sent]
    assert all(later == earlier + 1 for earlier, later in pairwise(numbers))
    assert [one.number for one in service.accounts["account-001"].requests] == numbers[::2]


def test_accounts_of_a_limit_group_share_its_limit() -> None:
    groups = {"account-001": "project", "account-003": "project"}
    limit = RateLimit(requests=2, seconds=1000, window="sliding")
    with ExitStack() as stack:
        service = started(stack, limit_groups=groups, rate_limit=limit)
        for name in (
            "account-001",
            "account-003",
            "account-001",
            "account-002",
            "account-003",
            "account-002",
        ):
            service.get(name)
        accounts = service.accounts
        assert service.statuses("account-001") == [200, 429]
        assert service.statuses("account-002") == [200, 200]
        assert service.statuses("account-003") == [200, 429]
        group = accounts.limit_groups["project"]
        assert group.accounts == (accounts["account-001"], accounts["account-003"])
        assert [one.status for one in group.requests] == [200, 200, 429, 429]
        assert group.most_within(600) == 4
        assert group.most_within(1e-9) == 1
        assert accounts["account-002"].requests.most_within(600) == 2
        assert {name: one.name for name, one in accounts.limit_groups.items()} == {
            name: name for name in ("project", "account-002", "account-004")
        }
        group.rate_limit = RateLimit(requests=5, seconds=1000, window="sliding")
        assert accounts["account-003"].rate_limit == group.rate_limit
        assert service.get("account-003").status == 200
        accounts["account-002"].rate_limit = None
        assert service.get("account-002").status == 200
        assert "'project' of 2 accounts" in repr(group)


def test_two_clients_at_once_are_seen_on_one_account_and_on_a_limit_group() -> None:
    with ExitStack() as stack:
        groups = {"account-001": "project", "account-002": "project"}
        service = started(stack, limit_groups=groups)
        first, second, third = (service.accounts[f"account-{number:03}"] for number in (1, 2, 3))
        first.faults.add(Delayed(60))
        clients = {
            client: stack.enter_context(wired(service.accounts, authorization_of(account)))
            for client, account in (("a", first), ("b", first), ("c", second), ("d", third))
        }
        clients["a"].send("/models", headers={"User-Agent": "a"})
        while not first.requests.unanswered:
            threading.Event().wait(0.001)
        for client in "bcd":
            assert clients[client].get(headers={"User-Agent": client}).status == 200
        shown = first.requests.overlaps()
        assert [(one.user_agent, other.user_agent) for one, other in shown] == [("a", "b")]
        assert second.requests.overlaps() == third.requests.overlaps() == []
        shown = service.accounts.limit_groups["project"].overlaps()
        assert [other.user_agent for _, other in shown] == ["b", "c"]


def test_random_changes_are_the_same_for_a_seed_and_are_served_at_once() -> None:
    with ExitStack() as stack:
        one, two = (
            started(stack),
            SandboxAccounts(
                seeded_accounts(4, private=(10, 30), unlisted=4),
                public=Catalogue.seeded(public=30, private=0),
            ),
        )
        kinds: set[str] = set()
        names: set[str] = set()
        for seed in range(6):
            changes = one.accounts.change(40, seed=seed)
            assert two.change(40, seed=seed) == changes
            kinds.update(change.kind for change in changes)
            names.update(change.account for change in changes)
            for name in one.accounts:
                assert one.ids(name) == one.accounts[name].catalogue.ids()
        assert kinds == {"added", "changed", "moved", "deleted", "restored"}
        assert names == set(one.accounts)
        for name, account in two.items():
            assert set(account.catalogue) == set(one.accounts[name].catalogue)


def test_the_records_of_an_account_are_those_that_it_lists(service: Service) -> None:
    account = service.accounts["account-001"]
    for privacy in LISTED:
        listed = service.get("account-001", privacy=privacy, pageSize=500).json["models"]
        records = account.records(privacy)
        assert [json.loads(record) for record in records.values()] == listed
        assert list(records) == [record["id"] for record in listed]


def test_accounts_that_run_dry_are_given_models() -> None:
    accounts = SandboxAccounts({"a": Catalogue(), "b": Catalogue()}, public=Catalogue())
    changes = accounts.change(30, seed=2)
    assert changes[0].kind == "added"
    assert len(accounts["a"].catalogue) > 0


def test_seeded_accounts_differ_from_each_other_and_not_between_runs() -> None:
    few, many = seeded_accounts(3, private=(5, 9)), seeded_accounts(12, private=(5, 9))
    assert list(many)[:2] == ["account-001", "account-002"]
    assert all(5 <= len(one) <= 9 for one in many.values())
    assert len({len(one) for one in many.values()}) > 1
    rows = [row for one in many.values() for row in one]
    assert len({row.id for row in rows}) == len(rows)
    assert len({row.owner for row in rows}) == 12
    assert all(set(one) == set(many[name]) for name, one in few.items())
    assert set(seeded_accounts(1, seed=1)["account-001"]).isdisjoint(few["account-001"])
    assert seeded_accounts(0) == {}


def test_what_cannot_be_is_refused() -> None:
    with pytest.raises(ValueError, match="make it with public=0"):
        SandboxAccounts({"a": Catalogue.seeded(public=1)}, public=Catalogue())
    with pytest.raises(ValueError, match="accounts that do not exist: b, c"):
        SandboxAccounts({"a": Catalogue()}, public=Catalogue(), limit_groups={"c": "x", "b": "x"})
    catalogue = Catalogue()
    SandboxAccounts({"a": catalogue, "b": catalogue}, public=Catalogue())
    with pytest.raises(ValueError, match="of another one already"):
        SandboxAccounts({"a": catalogue}, public=Catalogue())
    for count, private in ((-1, (1, 2)), (3, (5, 4))):
        with pytest.raises(ValueError, match="FEWEST, MOST"):
            seeded_accounts(count, private=private)


def test_accounts_are_a_mapping_that_shows_no_secret() -> None:
    accounts = SandboxAccounts(seeded_accounts(2, private=(1, 1)), public=Catalogue())
    assert "account-001" in accounts
    with pytest.raises(KeyError):
        _ = accounts["account-003"]
    for shown in (repr(accounts), repr(accounts["account-001"]), repr(accounts.limit_groups)):
        assert "secret" not in shown
        assert accounts["account-001"].api_key not in shown


def test_the_key_of_a_sandbox_with_one_account_can_change_too() -> None:
    sandbox = Sandbox(Catalogue.seeded(public=1, private=1))
    with sandbox.in_thread(), wired(sandbox) as wire:
        sandbox.api_key = "other"
        assert wire.get().status == 401
        assert wire.get(headers={"Authorization": authorization_of(sandbox)}).status == 200
        sandbox.key_refused = True
        assert wire.get(headers={"Authorization": authorization_of(sandbox)}).status == 401
        assert [one.status for one in sandbox.requests] == [401, 200, 401]


@pytest.mark.anyio
async def test_clients_of_many_accounts_get_each_their_own_at_once() -> None:
    async with SandboxAccounts(
        seeded_accounts(20, private=(1, 30)), public=Catalogue.seeded(public=5, private=0)
    ) as accounts:
        accounts["account-007"].key_refused = True
        found: dict[str, list[str]] = {}

        async def collect(name: str) -> None:
            async with AsyncScenario(
                base_url=accounts.base_url,
                api_key=accounts[name].api_key,
                api_secret=accounts[name].api_secret,
            ) as scenario:
                if accounts[name].key_refused:
                    with pytest.raises(AuthenticationError):
                        await scenario.models.private().collect()
                else:
                    found[name] = [one.id for one in await scenario.models.private().collect()]

        async with anyio.create_task_group() as tasks:
            for name in accounts:
                tasks.start_soon(collect, name)
        for name, ids in found.items():
            assert sorted(ids) == sorted(accounts[name].catalogue.ids())
        assert len(found) == 19
