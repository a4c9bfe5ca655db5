"""Snapshots: what is found in them, and that each is made of the one before."""

from __future__ import annotations

import gc
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.client import Passes

from scenario_async._http import LoopBudget
from scenario_async.live import Snapshot
from scenario_async.live._deltas import change
from scenario_async.live._entries import Entry, kept
from scenario_async.live._index import Index
from scenario_async.live._snapshot import Contents, changed_to, contents_of, replaced
from scenario_async.types._decoding import decode_model

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Sequence

    from hypothesis.strategies import SearchStrategy

ResultT = TypeVar("ResultT")
DAY_ONE = datetime(2026, 1, 1, tzinfo=UTC)
TAGS = ("a", "b", "c")


def done(steps: Generator[None, None, ResultT]) -> ResultT:
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: ResultT = end.value
            return result


def empty() -> Snapshot[str]:
    return Snapshot(Contents({}, Index.empty(), 0, LoopBudget()))


def changed(
    snapshot: Snapshot[str], removed: Sequence[str], entries: Sequence[Entry[str]]
) -> Snapshot[str]:
    return Snapshot(done(changed_to(contents_of(snapshot), removed, entries)))


def snapshot_of(*entries: Entry[str]) -> Snapshot[str]:
    return changed(empty(), [], entries)


def entry(model_id: str, **fields: Any) -> Entry[str]:
    """A model that stands for itself by its id and its hash."""
    content_hash = fields.pop("content_hash", "0")
    model = fields.pop("model", f"{model_id}/{content_hash}")
    defaults: dict[str, Any] = {
        "name": None,
        "type": None,
        "status": None,
        "privacy": None,
        "tags": (),
        "capabilities": (),
        "collections": (),
        "created_at": None,
        "updated_at": None,
        "text": "",
    }
    return Entry(
        id=model_id,
        content_hash=content_hash,
        model=model,
        **{**defaults, **fields},
    )


def several(values: Sequence[str]) -> SearchStrategy[tuple[str, ...]]:
    return st.lists(st.sampled_from(values), unique=True).map(tuple)


def dates() -> SearchStrategy[datetime | None]:
    days = st.integers(0, 4).map(lambda days: DAY_ONE + timedelta(days))
    return st.none() | days


def entries() -> SearchStrategy[Entry[str]]:
    return st.builds(
        entry,
        st.sampled_from([f"model_{number}" for number in range(12)]),
        content_hash=st.sampled_from("123"),
        name=st.sampled_from([None, "Pixel", "pixel art", "Ärt"]),
        type=st.sampled_from([None, "lora", "custom"]),
        tags=several(TAGS),
        capabilities=several(("txt2img", "img2img")),
        collections=several(("one", "two")),
        created_at=dates(),
        updated_at=dates(),
        text=st.sampled_from(["", "pixel\nart", "art\npixel"]),
    )


@st.composite
def changes(draw: st.DrawFn) -> tuple[frozenset[str], dict[str, Entry[str]]]:
    """Ids that may go, if they are there, and entries that come."""
    come = {one.id: one for one in draw(st.lists(entries(), max_size=6))}
    go = draw(st.frozensets(st.sampled_from([f"model_{number}" for number in range(12)])))
    return go - come.keys(), come


histories = st.lists(changes(), max_size=5)


def after(history: Sequence[tuple[frozenset[str], dict[str, Entry[str]]]]) -> dict[str, Entry[str]]:
    known: dict[str, Entry[str]] = {}
    for gone, come in history:
        known = {key: one for key, one in known.items() if key not in gone} | come
    return known


def played(history: Sequence[tuple[frozenset[str], dict[str, Entry[str]]]]) -> Snapshot[str]:
    snapshot = empty()
    for gone, come in history:
        there = [model_id for model_id in gone if model_id in snapshot]
        snapshot = changed(snapshot, there, list(come.values()))
    return snapshot


@given(histories)
def test_a_snapshot_has_what_its_history_leaves(history: Any) -> None:
    snapshot, known = played(history), after(history)

    assert dict(snapshot) == {one.id: one.model for one in known.values()}
    assert len(snapshot) == len(known)
    for model_id, one in known.items():
        assert snapshot[model_id] == snapshot.get(model_id) == one.model
        assert model_id in snapshot
    assert snapshot.get("nobody") is None
    assert snapshot.get("nobody", default="else") == "else"


@given(histories, histories)
def test_versions_are_equal_exactly_where_contents_are(one: Any, other: Any) -> None:
    same = dict(played(one)) == dict(played(other))

    assert (played(one).version == played(other).version) is same
    assert played([*one, *one[-1:]]).version == played(one).version


@given(
    histories,
    st.sampled_from([None, "lora"]),
    several(TAGS),
    several(("txt2img", "img2img")),
    st.sampled_from([None, "one", "three"]),
)
def test_what_is_found_is_what_fits_by_all_of_it(
    history: Any,
    type_: str | None,
    tags: tuple[str, ...],
    capabilities: tuple[str, ...],
    collection: str | None,
) -> None:
    snapshot = played(history)
    fitting = [
        one
        for one in after(history).values()
        if (type_ is None or one.type == type_)
        and (not tags or set(tags) & set(one.tags))
        and set(capabilities) <= set(one.capabilities)
        and (collection is None or collection in one.collections)
    ]
    filters: dict[str, Any] = {
        "type": type_,
        "tags": tags,
        "capabilities": list(capabilities),
        "collection": collection,
    }

    assert snapshot.find(**filters) == sorted(one.model for one in fitting)
    expected = Counter(tag for one in fitting for tag in one.tags)
    assert snapshot.counts("tags", **filters) == expected


@given(
    histories,
    st.sampled_from(["id", "name", "created_at", "updated_at"]),
    st.booleans(),
    st.none() | st.integers(0, 5),
    st.integers(0, 5),
    st.sampled_from([None, "lora"]),
)
def test_what_is_found_comes_in_the_order_that_was_asked_for(  # noqa: PLR0917 - all is drawn
    history: Any, key: str, backwards: bool, limit: int | None, offset: int, type_: str | None
) -> None:
    def value(one: Entry[str]) -> Any:
        given = getattr(one, key)
        return given.casefold() if key == "name" and given is not None else given

    fitting = [one for one in after(history).values() if type_ in (None, one.type)]
    dated = [one for one in fitting if value(one) is not None]
    dated.sort(key=lambda one: (value(one), one.id), reverse=backwards)
    dated += sorted((one for one in fitting if value(one) is None), key=lambda one: one.id)
    end = None if limit is None else offset + limit
    sort: Any = f"-{key}" if backwards else key

    found = played(history).find(sort=sort, limit=limit, offset=offset, type=type_)

    assert found == [one.model for one in dated][offset:end]


@given(histories)
def test_deltas_lead_from_each_snapshot_to_the_next(history: Any) -> None:
    snapshot = empty()
    replayed: dict[str, str] = {}
    for gone, come in history:
        there = sorted(model_id for model_id in gone if model_id in snapshot)
        before = dict(snapshot)
        delta = done(change(snapshot, there, list(come.values())))
        assert not delta.added.keys() & before.keys()
        assert delta.changed.keys() <= before.keys()
        assert delta.removed == {model_id: before[model_id] for model_id in there}
        replayed = {key: one for key, one in replayed.items() if key not in delta.removed}
        replayed |= {**delta.added, **delta.changed}
        assert dict(snapshot) == before
        snapshot = delta.snapshot
        assert replayed == dict(snapshot)


def test_many_changes_and_few_come_to_the_same_order() -> None:
    many = [
        entry(f"model_{number:03}", created_at=DAY_ONE + timedelta(number * 37 % 101))
        for number in range(300)
    ]
    at_once = snapshot_of(*many)
    one_by_one = snapshot_of(*many[:290])
    for one in many[290:]:
        one_by_one = changed(one_by_one, [], [one])
    other = changed(at_once, ["model_007"], [entry("model_008", content_hash="1")])

    assert one_by_one.find(sort="-created_at") == at_once.find(sort="-created_at")
    assert one_by_one.version == at_once.version
    dates = {one.model: one.created_at for one in many if one.id not in ("model_007", "model_008")}
    ranked = sorted(dates, key=lambda model: (cast("datetime", dates[model]), model))
    assert other.find(sort="created_at") == [*ranked, "model_008/1"]


def test_what_did_not_change_is_the_same_object_in_all_snapshots() -> None:
    models = [entry(f"model_{number}", type="lora", tags=("a",)) for number in range(9)]
    before = snapshot_of(*models)
    after = changed(before, [], [entry("model_3", type="lora", tags=("b",), content_hash="1")])

    one, other = contents_of(before).index.facets, contents_of(after).index.facets
    assert other["type"]["lora"] is one["type"]["lora"]
    assert other["tags"]["a"] == one["tags"]["a"] - {"model_3"}


def test_each_step_is_about_one_model_whatever_changes() -> None:
    models = [entry(f"model_{number:03}", name="a", tags=("a",)) for number in range(300)]
    before = snapshot_of(*models)
    other = [entry(one.id, name="b", tags=("b",), content_hash="1") for one in models[:200]]
    gone = [one.id for one in models[200:]]

    assert sum(1 for _ in change(before, gone, other)) > 2 * len(models)
    assert sum(1 for _ in replaced(contents_of(before), gone)) == len(gone)


def test_the_garbage_collector_passes_over_models_that_are_kept() -> None:
    model = decode_model(b'{"id": "model_1", "tags": ["a"], "concepts": [{"modelId": "b"}]}')
    gc.collect(0)
    one: Entry[Any] = kept(entry("model_1", model=model))

    assert one.model == model
    assert not gc.is_tracked(one.model)


def test_counts_begin_with_the_most_frequent_value() -> None:
    snapshot = snapshot_of(
        entry("1", type="a", status="new"), entry("2", type="b"), entry("3", type="b")
    )

    assert list(snapshot.counts("type").items()) == [("b", 2), ("a", 1)]
    assert snapshot.counts("type", status="new") == {"a": 1}
    assert snapshot.counts("collection") == {}


@pytest.mark.anyio
@pytest.mark.parametrize("options", [{}, {"type": "lora"}])
async def test_numbers_beyond_all_models_find_what_there_is(options: Any) -> None:
    snapshot = snapshot_of(*(entry(str(number), type="lora") for number in range(9)))
    many = 10**400  # more than a machine counts, as a query string may have it

    assert snapshot.find(offset=many, limit=many, **options) == []
    assert len(snapshot.find(limit=many, **options)) == 9
    assert snapshot.find(offset=8, limit=many, **options) == ["8/0"]
    assert await snapshot.search("", offset=many, limit=many, **options) == []


@pytest.mark.anyio
async def test_a_search_finds_all_words_in_any_case_and_names_first() -> None:
    snapshot = snapshot_of(
        entry("1", text="brush\npixel\nart for all"),
        entry("2", text="pixel art"),
        entry("3", text="pixel"),
        entry("4", text="strasse", type="lora"),
    )

    assert await snapshot.search("ART  Pixel") == ["2/0", "1/0"]
    assert await snapshot.search("pixel", sort="id", offset=1, limit=1) == ["3/0"]
    assert await snapshot.search("Straße", type="lora") == ["4/0"] == snapshot.find(type="lora")
    assert await snapshot.search("Straße", type="custom") == []
    assert len(await snapshot.search("")) == 4


@pytest.mark.anyio
async def test_a_search_gives_the_loop_back() -> None:
    snapshot = snapshot_of(*(entry(str(number), text="x" * 2000) for number in range(3000)))
    passes = Passes()

    assert await snapshot.search("xy") == []
    assert passes.count > 1


WRONG: dict[str, tuple[Callable[[Snapshot[str]], object], type[Exception], str]] = {
    "sort": (lambda now: now.find(sort=cast("Any", "created")), ValueError, "did you mean"),
    "facet": (lambda now: now.counts(cast("Any", "typo")), ValueError, "facet must be one of"),
    "limit": (lambda now: now.find(limit=-1), ValueError, "limit must be 0 or more"),
    "offset": (lambda now: now.find(offset=cast("Any", "1")), TypeError, "offset must be an int"),
    "tags": (lambda now: now.find(tags="a"), TypeError, "tags must be several"),
    "name": (lambda now: now.find(**cast("Any", {"typ": "a"})), TypeError, "did you mean 'type'"),
    "type": (lambda now: now.find(type=""), ValueError, "type is empty"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_fits_nothing_is_an_error_that_says_so(name: str) -> None:
    ask, error, message = WRONG[name]

    with pytest.raises(error, match=message):
        ask(empty())


@pytest.mark.anyio
async def test_words_are_a_text() -> None:
    with pytest.raises(TypeError, match="words must be a str, not list"):
        await empty().search(cast("Any", ["pixel"]))


def test_a_snapshot_shows_no_records() -> None:
    assert repr(snapshot_of(entry("model_1"))).startswith("<Snapshot of 1 models, version ")
