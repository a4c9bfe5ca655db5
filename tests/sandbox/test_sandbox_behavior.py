"""Each switch of ``Behavior``, and what is played where none is given."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.wire import serving

from scenario_async.sandbox import Behavior, Catalogue, EmptyPage

LARGE = 500
MEASURED = Behavior()
ALL_TAGS = Behavior(several_tags="all")
OFFICIAL = "sc:scenario"
NOTHING: set[str] = set()


def catalogue() -> Catalogue:
    """Return 40 public models, of which 20 are official, 10 have ``Video`` and 5 have ``video``."""
    made = Catalogue()
    for number in range(40):
        tags = {
            "sc:scenario": number % 2 == 0,
            "Video": number % 4 == 0,
            "video": number % 8 == 1,
            "Kling": number % 4 == 1,
        }
        made.add(
            f"model_{number:02}",
            privacy="public",
            type="custom" if number < 20 else "flux.1-lora",
            score=number,
            tags=[tag for tag, carried in tags.items() if carried],
        )
    return made


def carrying(*tags: str) -> set[str]:
    return {row.id for row in catalogue() if set(tags) & set(row.tags)}


@pytest.mark.parametrize(
    ("path", "behavior", "tags", "selected"),
    [
        ("/models", MEASURED, "Video", carrying("Video")),
        ("/models", MEASURED, "Video,Kling", carrying("Video", "Kling")),
        ("/models", MEASURED, "VIDEO", NOTHING),
        ("/models", MEASURED, "sc:scenario", NOTHING),
        ("/models", MEASURED, "sc:scenario,Kling", carrying("Kling")),
        ("/models/public", MEASURED, "sc:scenario", carrying("sc:scenario")),
        ("/models", Behavior(models_tags="all"), "sc:scenario", carrying("sc:scenario")),
        ("/models", Behavior(models_tags="none"), "Video", NOTHING),
        ("/models/public", Behavior(models_tags="none"), "Video", carrying("Video")),
        ("/models/public", Behavior(public_route_tags="ordinary"), "sc:scenario,Video", None),
        ("/models/public", Behavior(public_route_tags="none"), "sc:scenario,Video", NOTHING),
        (
            "/models",
            Behavior(unindexed_tags=frozenset({"Video"})),
            "Video,Kling",
            carrying("Kling"),
        ),
        ("/models/public", Behavior(unindexed_tags=frozenset({"Video"})), "Video", NOTHING),
        ("/models/public", ALL_TAGS, "Video,sc:scenario", carrying("Video") & carrying(OFFICIAL)),
        ("/models", ALL_TAGS, "Video,sc:scenario", NOTHING),
    ],
)
def test_a_tag_selects_where_the_route_has_an_index_of_it(
    path: str, behavior: Behavior, tags: str, selected: set[str] | None
) -> None:
    with serving(catalogue(), behavior) as (_, wire):
        listed = wire.walk_ids(path, privacy="public", tags=tags, pageSize=7)

    assert set(listed) == (carrying("Video") if selected is None else selected)
    assert listed == sorted(listed, reverse=True)


def test_a_direction_with_score_is_refused_in_the_words_that_were_measured() -> None:
    query = {"privacy": "public", "sortBy": "score", "sortDirection": "asc", "pageSize": LARGE}
    with serving(catalogue()) as (_, wire):
        refused = wire.get("/models", query)
    with serving(catalogue(), Behavior(score_direction="ignored")) as (_, wire):
        ignored = wire.get("/models", query)

    assert refused.status == 400
    assert "must be used together with sortBy to createdAt or updatedAt" in refused.reason
    assert ignored.ids == sorted(ignored.ids, reverse=True)


def test_a_direction_counts_for_private_models_by_score_where_it_is_not_refused() -> None:
    made = Catalogue()
    ids = [made.add(score=number) for number in range(3)]
    query = "privacy=private&status=trained&sortBy=score&sortDirection=asc"
    with serving(made, Behavior(score_direction="ignored")) as (_, wire):
        assert wire.get("/models", query).ids == ids


@pytest.mark.parametrize(
    ("behavior", "ending"),
    [
        (Behavior(), {"nextPaginationToken": ""}),
        (Behavior(end="null"), {"nextPaginationToken": None}),
        (Behavior(end="absent"), {}),
    ],
)
@pytest.mark.parametrize("path", ["/models", "/models/public", "/collections"])
def test_the_last_page_says_so_in_one_of_three_ways(
    behavior: Behavior, ending: dict[str, object], path: str
) -> None:
    with serving(Catalogue.seeded(public=2, private=2), behavior) as (_, wire):
        content = wire.get(path).json

    rows = content.pop("collections" if path == "/collections" else "models")
    assert rows
    assert content == ending


def test_an_unknown_status_lists_everything_deleted_models_too() -> None:
    made = Catalogue.seeded(public=0, private=12)
    gone = made.ids()[3]
    made.delete(gone)
    with serving(made) as (_, wire):
        rows = wire.get("/models", {"status": "draft", "pageSize": LARGE}).json["models"]
    with serving(made, Behavior(unknown_status="refused")) as (_, wire):
        refused = wire.get("/models", {"status": "draft"})

    assert {row["id"] for row in rows} == {*made.ids(), gone}
    assert [row["id"] for row in rows if "deletedAt" in row] == [gone]
    assert refused.status == 400
    assert "status" in refused.reason


OFFSETS = Behavior(public_route_paging="offsets")
BOTH = Behavior(public_route_paging="both")


def test_the_public_route_pages_by_tokens() -> None:
    expected = catalogue().ids("public")
    with serving(catalogue(), Behavior(public_route_page=30)) as (_, wire):
        assert wire.get("/models/public").ids == expected[:30]
        assert wire.get("/models/public", {"limit": 2, "offset": 9}).ids == expected[:30]
        assert wire.walk_ids("/models/public", pageSize=7) == expected


def test_the_public_route_may_page_by_offsets_without_a_token() -> None:
    expected = catalogue().ids("public")
    with serving(catalogue(), OFFSETS) as (_, wire):
        first = wire.get("/models/public", {"limit": 25, "offset": 0})
        assert first.ids == expected[:25]
        assert set(first.json) == {"models"}
        assert wire.get("/models/public", {"limit": 25, "offset": 25}).ids == expected[25:]
        assert wire.get("/models/public", {"limit": 25, "offset": 50}).ids == []
        assert wire.get("/models/public", {"offset": 38}).ids == expected[38:]
        assert wire.get("/models/public", {"pageSize": 3, "paginationToken": "x"}).ids == expected


def test_an_offset_counts_models_that_match_and_pages_are_full() -> None:
    listed = [row for row in catalogue().ids("public") if row in carrying("Kling")]
    with serving(catalogue(), OFFSETS) as (_, wire):
        pages = [
            wire.get("/models/public", {"tags": "Kling", "limit": 4, "offset": offset}).ids
            for offset in (0, 4, 8, 12)
        ]

    assert pages == [listed[:4], listed[4:8], listed[8:], []]


def test_the_public_route_may_page_by_either() -> None:
    expected = catalogue().ids("public")
    with serving(catalogue(), BOTH) as (_, wire):
        first = wire.get("/models/public", {"limit": 20, "offset": 10})
        second = wire.get("/models/public", {"paginationToken": first.token, "pageSize": 20})
        mixed = wire.get("/models/public", {"limit": 3, "pageSize": 5, "offset": 1})
        by_date = wire.get("/models/public", {"sortBy": "createdAt", "limit": 9, "offset": 20})
        more = wire.get("/models/public", {"sortBy": "createdAt", "paginationToken": by_date.token})

    assert first.ids + second.ids == expected[10:]
    assert mixed.ids == expected[1:6]
    assert by_date.ids + more.ids == expected[20:38]


def test_a_token_behind_an_offset_leads_on_under_filters() -> None:
    listed = [row for row in catalogue().ids("public") if row in carrying("Kling")]
    with serving(catalogue(), BOTH) as (_, wire):
        first = wire.get("/models/public", {"tags": "Kling", "limit": 4, "offset": 2})
        rest = wire.walk_ids(
            "/models/public", tags="Kling", pageSize=4, paginationToken=first.token
        )

    assert first.ids == listed[2:6]
    assert rest == listed[6:]


def test_the_last_page_by_offset_has_no_token_whatever_else_is_listed() -> None:
    count = len(carrying("Kling"))
    with serving(catalogue(), BOTH) as (_, wire):
        last = wire.get("/models/public", {"tags": "Kling", "limit": 4, "offset": count - 4})
        before = wire.get("/models/public", {"tags": "Kling", "limit": 4, "offset": count - 5})

    assert (len(last.ids), last.token) == (4, None)
    assert before.token is not None


def test_no_page_is_withheld_where_no_token_could_lead_back_to_it() -> None:
    expected = catalogue().ids("public")
    with serving(catalogue(), OFFSETS) as (sandbox, wire):
        sandbox.faults.add(EmptyPage())
        reply = wire.get("/models/public", {"limit": 25, "offset": 0})

        assert reply.json.keys() == {"models"}
        assert reply.ids == expected[:25]
        assert len(sandbox.faults) == 1


@pytest.mark.parametrize(
    ("paging", "query", "named"),
    [
        ("tokens", "limit=5", "limit"),
        ("tokens", "pageSize=5&offset=0", "offset"),
        ("offsets", "pageSize=5", "pageSize"),
        ("offsets", "limit=5&paginationToken=x", "paginationToken"),
        ("both", "limit=5&pageSize=5", "limit"),
        ("both", "offset=5&paginationToken=x", "offset"),
    ],
)
def test_the_public_route_may_refuse_paging_that_it_does_not_know(
    paging: Any, query: str, named: str
) -> None:
    behavior = Behavior(public_route_paging=paging, public_route_unknown="refused")
    with serving(catalogue(), behavior) as (_, wire):
        refused = wire.get("/models/public", query)
        assert wire.get("/models", {"privacy": "public", "limit": 1}).status == 200

    assert refused.status == 400
    assert named in refused.reason


@pytest.mark.parametrize("name", ["limit=0", "limit=501", "offset=-1", "limit=ten"])
def test_a_wrong_offset_is_refused(name: str) -> None:
    with serving(catalogue(), OFFSETS) as (_, wire):
        assert wire.get("/models/public", name).status == 400


@pytest.mark.parametrize("path", ["/models", "/models/public"])
def test_a_page_under_filters_may_be_empty_and_have_a_token(path: str) -> None:
    query = {"privacy": "public", "type": "custom", "pageSize": 3}
    with serving(catalogue()) as (_, wire):
        pages = wire.walk(path, **query)
    with serving(catalogue(), Behavior(short_pages=False)) as (_, wire):
        full = wire.walk(path, **query)

    assert pages[0].ids == []
    assert pages[0].token is not None
    assert len(pages) <= 40 // 12 + 20 // 3 + 2
    ids = [model_id for page in pages for model_id in page.ids]
    assert ids == [model_id for page in full for model_id in page.ids]
    assert [len(page.ids) for page in full] == [3] * 6 + [2]


def test_a_plain_token_under_filters_counts_the_rows_looked_at() -> None:
    with serving(catalogue()) as (_, wire):
        token = wire.get("/models/public", {"type": "custom", "pageSize": 3}).token

    assert token is not None
    assert base64.b64decode(token) == b'{"offset":12,"limit":3}'


def test_every_fourth_page_between_dates_is_a_tenth_short() -> None:
    query = {"sortBy": "createdAt", "createdAfter": "2000-01-01", "pageSize": 20}
    made = Catalogue.seeded(public=0, private=200)
    with serving(made) as (_, wire):
        lengths = [len(page.ids) for page in wire.walk("/models", **query)]
        without = [len(page.ids) for page in wire.walk("/models", pageSize=20)]
    with serving(made, Behavior(short_pages=False)) as (_, wire):
        full = [len(page.ids) for page in wire.walk("/models", **query)]

    assert lengths == [20, 20, 20, 18, 20, 20, 20, 18, 20, 20, 4]
    assert without == full == [20] * 10


def test_bulk_reads_may_be_refused() -> None:
    with serving(catalogue(), Behavior(bulk="refused")) as (_, wire):
        reply = wire.post("/models/get-bulk", {"modelIds": ["model_00"]})

    assert reply.status == 403
    assert reply.reason


@pytest.mark.parametrize(
    "name",
    [
        "models_tags", "public_route_tags", "several_tags", "score_direction", "end",
        "unknown_status", "public_route_paging", "public_route_unknown", "bulk", "assets",
    ],
)  # fmt: skip
def test_a_value_that_no_switch_has_is_refused(name: str) -> None:
    values: dict[str, Any] = {name: "sometimes"}
    with pytest.raises(ValueError, match=f"{name} must be one of"):
        Behavior(**values)


def test_a_page_of_no_rows_is_refused() -> None:
    with pytest.raises(ValueError, match="public_route_page"):
        Behavior(public_route_page=0)


@given(tags=st.lists(st.sampled_from(["a", "sc:a", "B"]), unique=True))
def test_every_route_has_an_index_of_what_it_is_said_to(tags: list[str]) -> None:
    behavior = Behavior(unindexed_tags=frozenset({"B"}))

    assert set(behavior.indexed(tags, public_route=True)) == set(tags) - {"B"}
    assert set(behavior.indexed(tags, public_route=False)) == set(tags) & {"a"}


def test_a_behavior_can_be_written_as_text() -> None:
    settings = ["models-tags=all", "short_pages=false", "public_route_page = 7", "end=null"]

    assert Behavior.from_text([]) == Behavior()
    assert Behavior.from_text(settings) == Behavior(
        models_tags="all", short_pages=False, public_route_page=7, end="null"
    )
    assert Behavior.from_text(["unindexed_tags=a, b,"]).unindexed_tags == {"a", "b"}


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (["tags=all"], "models_tags"),
        (["end"], "end"),
        (["end=never"], "end"),
        (["end=null", "end=null"], "end"),
        (["short_pages=no"], "short_pages"),
        (["public_route_page=-1"], "public_route_page"),
        ([""], "NAME=VALUE"),
    ],
)
def test_a_setting_that_there_is_not_is_refused(settings: list[str], named: str) -> None:
    with pytest.raises(ValueError, match=named):
        Behavior.from_text(settings)
