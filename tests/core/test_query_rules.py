from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from typing import Any, TypeAlias

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from scenario_async._query.arguments import listing_query as asked
from scenario_async._query.query import LARGEST_PAGE, ListingQuery, wire_value
from scenario_async._query.rules import broken_rule

Arguments: TypeAlias = dict[str, Any]

MILLISECOND = timedelta(milliseconds=1)
NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)

TIMES = ("created_after", "created_before", "updated_after", "updated_before")
LISTS = ("collection_ids", "tags", "types")
TEXTS = ("collection_id", "pagination_token", "project_id", "type")
FLAGS = ("blacklisted", "loaded_only", "original_assets")
COUNTS = ("limit", "offset", "page_size")
CLOSED_SETS: dict[str, tuple[str, ...]] = {
    "privacy": ("private", "public", "unlisted"),
    "route": ("filter", "public"),
    "sort_by": ("createdAt", "updatedAt", "score"),
    "sort_direction": ("asc", "desc"),
    "status": ("new", "training", "trained", "failed", "deleted"),
}
WIRE_NAMES = {
    name: re.sub(r"_(\w)", lambda match: match[1].upper(), name)
    for name in (*TIMES, *LISTS, *TEXTS, *FLAGS, *COUNTS, *(CLOSED_SETS.keys() - {"route"}))
}

zones: st.SearchStrategy[tzinfo] = st.integers(-14 * 60, 14 * 60).map(
    lambda minutes: timezone(timedelta(minutes=minutes))
)
moments = st.datetimes(datetime(1970, 1, 2), datetime(2200, 1, 1), timezones=zones)  # noqa: DTZ001 - hypothesis adds the zone


def given_value(name: str) -> st.SearchStrategy[object]:
    """What a user may well give for a parameter."""
    if name in CLOSED_SETS:
        return st.sampled_from(CLOSED_SETS[name])
    if name in TIMES:
        return moments | moments.map(datetime.isoformat)
    if name in LISTS:
        words = st.sampled_from(["a", "sc:scenario", "flux.1-lora"])
        return words | st.lists(words, min_size=1, max_size=3)
    if name in COUNTS:
        return st.integers(-1, 2) | st.integers(498, 502)
    if name in FLAGS:
        return st.booleans()
    return st.sampled_from(["a", "custom", "collection_1"])


def some_of(names: list[str]) -> st.SearchStrategy[Arguments]:
    chosen = st.lists(st.sampled_from(names), max_size=6, unique=True)
    return chosen.flatmap(lambda keys: st.fixed_dictionaries({k: given_value(k) for k in keys}))


def scoped(scope: Arguments, names: str) -> st.SearchStrategy[Arguments]:
    anywhere = ["blacklisted", "loaded_only", "original_assets", "page_size", "pagination_token"]
    dates = ["created_after", "created_before", "project_id", "sort_by", "sort_direction"]
    return some_of([*anywhere, *dates, *names.split()]).map(lambda given: {**scope, **given})


PUBLIC_ONLY = "collection_ids tags type types updated_after updated_before"
good_scopes = (
    scoped({"privacy": "private"}, "collection_id status")
    | scoped({"privacy": "public"}, PUBLIC_ONLY)
    | scoped({"route": "public"}, f"limit offset {PUBLIC_ONLY}")
)
sensible_arguments = good_scopes | some_of(["route", *WIRE_NAMES])
accepted_arguments = good_scopes.filter(lambda arguments: not broken_by(arguments))
oddities = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
any_arguments = st.dictionaries(
    st.sampled_from(["route", *WIRE_NAMES]),
    oddities | st.lists(oddities, max_size=2) | st.binary(max_size=3) | moments,
    max_size=4,
)


def broken_by(arguments: Arguments) -> list[str]:
    """The rules of the API reference, stated once more, by what a user gave."""
    gave = {name: value for name, value in arguments.items() if value is not None}
    on_public_route = gave.get("route") == "public"
    public = on_public_route or gave.get("privacy") == "public"
    created = {"created_after", "created_before"} & gave.keys()
    updated = {"updated_after", "updated_before"} & gave.keys()
    sort = gave.get("sort_by") or (
        "createdAt" if created else "updatedAt" if updated else None  # what the API demands
    )
    checks = {
        "pages have 1 to 500 rows": all(
            1 <= gave[name] <= 500 for name in ("page_size", "limit") if name in gave
        ),
        "no negative offset": gave.get("offset", 0) >= 0,
        "one beginning": not {"offset", "pagination_token"} <= gave.keys(),
        "one page size": not {"page_size", "limit"} <= gave.keys(),
        "limit and offset on the public route": on_public_route
        or not {"limit", "offset"} & gave.keys(),
        "creation bounds by creation": not created or sort == "createdAt",
        "update bounds by update": not updated or sort == "updatedAt",
        "updates are public": public or (not updated and sort != "updatedAt"),
        "status is not public": not (public and "status" in gave),
        "collectionId is not public": not (public and "collection_id" in gave),
        "collectionIds is public": public or "collection_ids" not in gave,
        "tags are public": public or "tags" not in gave,
        "types are public": public or not {"type", "types"} & gave.keys(),
        "type or types": not {"type", "types"} <= gave.keys(),
        "private score needs more": public
        or sort != "score"
        or {"privacy", "status"} <= gave.keys(),
        "a direction needs a sort": "sort_direction" not in gave or sort is not None,
        "a score has no direction": "sort_direction" not in gave or sort != "score",
    }
    return [rule for rule, kept in checks.items() if not kept]


BAD: list[tuple[Arguments, tuple[str, ...]]] = [
    ({"page_size": 0}, ("page_size", "500")),
    ({"page_size": 501}, ("page_size", "500")),
    ({"page_size": -1}, ("page_size", "500")),
    ({"route": "public", "limit": 501}, ("limit", "500")),
    ({"route": "public", "limit": 0}, ("limit", "500")),
    ({"route": "public", "offset": -1}, ("offset", "0 or more")),
    ({"route": "public", "offset": 0, "pagination_token": "t"}, ("offset", "pagination_token")),
    ({"route": "public", "limit": 5, "page_size": 5}, ("limit", "page_size")),
    ({"limit": 5}, ("limit", "route='public'")),
    ({"offset": 0}, ("offset", "route='public'")),
    ({"privacy": "public", "limit": 5}, ("limit", "route='public'")),
    ({"privacy": "secret"}, ("privacy", "'secret'", "'unlisted'")),
    ({"route": "elsewhere"}, ("route", "'elsewhere'", "'filter'")),
    ({"sort_by": "name"}, ("sort_by", "'name'", "'score'")),
    ({"sort_by": "createdAt", "sort_direction": "up"}, ("sort_direction", "'up'", "'asc'")),
    ({"status": "draft"}, ("status", "'draft'", "'trained'")),
    (
        {"created_after": NOON, "sort_by": "score"},
        ("created_after needs sort_by='createdAt', not sort_by='score'",),
    ),
    ({"created_before": NOON, "sort_by": "updatedAt"}, ("created_before", "createdAt")),
    (
        {"privacy": "public", "updated_after": NOON, "sort_by": "createdAt"},
        ("updated_after", "sort_by", "updatedAt"),
    ),
    (
        {"privacy": "public", "updated_before": NOON, "sort_by": "score"},
        ("updated_before", "sort_by", "updatedAt"),
    ),
    (
        {"privacy": "public", "created_after": NOON, "updated_before": NOON},
        ("created_after", "updated_before"),
    ),
    ({"updated_after": NOON}, ("updated_after", "privacy='public'")),
    ({"privacy": "private", "updated_before": NOON}, ("updated_before", "privacy='public'")),
    ({"sort_by": "updatedAt"}, ("sort_by='updatedAt'", "privacy='public'")),
    ({"privacy": "unlisted", "sort_by": "updatedAt"}, ("sort_by", "privacy='public'")),
    ({"sort_by": "score"}, ("sort_by='score'", "needs privacy and status")),
    ({"privacy": "private", "sort_by": "score"}, ("sort_by='score'", "status")),
    ({"status": "trained", "sort_by": "score"}, ("sort_by='score'", "privacy")),
    ({"sort_direction": "asc"}, ("sort_direction", "sort_by")),
    (
        {"privacy": "public", "sort_by": "score", "sort_direction": "asc"},
        ("sort_direction", "sort_by='score'"),
    ),
    (
        {"status": "trained", "privacy": "private", "sort_by": "score", "sort_direction": "desc"},
        ("sort_direction", "sort_by='score'"),
    ),
    ({"privacy": "public", "status": "trained"}, ("status", "privacy='public'")),
    ({"route": "public", "status": "trained"}, ("status", "public")),
    (
        {"privacy": "public", "collection_id": "c"},
        ("collection_id", "privacy='public'", "collection_ids"),
    ),
    ({"collection_id": "a,b"}, ("collection_id is one id, not 'a,b'",)),
    ({"collection_ids": ["c"]}, ("collection_ids", "privacy='public'")),
    ({"privacy": "unlisted", "collection_ids": "c"}, ("collection_ids", "privacy='public'")),
    ({"tags": ["a"]}, ("tags", "privacy='public'")),
    ({"privacy": "private", "type": "custom"}, ("type", "privacy='public'")),
    ({"types": ["custom"]}, ("types", "privacy='public'")),
    ({"privacy": "public", "type": "custom", "types": ["custom"]}, ("type and types",)),
]


@pytest.mark.parametrize(("arguments", "words"), BAD, ids=str)
def test_a_combination_that_the_api_refuses_is_an_error_that_names_the_parameters(
    arguments: Arguments, words: tuple[str, ...]
) -> None:
    with pytest.raises(ValueError, match=r"\w") as caught:
        asked(**arguments)
    assert [word for word in words if word not in str(caught.value)] == []


def test_a_misspelled_value_is_answered_with_the_one_that_was_meant() -> None:
    with pytest.raises(ValueError, match="not 'Traned'; did you mean 'trained'\\?;"):
        asked(status="Traned")
    with pytest.raises(ValueError, match="not 'lost'; extra_query"):
        asked(status="lost")


@given(sensible_arguments)
def test_exactly_what_the_api_refuses_is_refused(arguments: Arguments) -> None:
    problems = broken_by(arguments)
    try:
        asked(**arguments)
    except ValueError as error:
        assert problems, f"refused without need: {error}"  # noqa: PT017 - most calls do not raise
    else:
        assert problems == []


@given(any_arguments)
def test_whatever_is_given_the_result_is_a_query_that_keeps_the_rules_or_an_error(
    arguments: Arguments,
) -> None:
    try:
        query = asked(**arguments)
    except (ValueError, TypeError):
        return
    assert broken_by(arguments) == []
    assert broken_rule(query) is None


@given(accepted_arguments)
def test_a_query_survives_json(arguments: Arguments) -> None:
    query = asked(**arguments)
    again = msgspec.json.decode(msgspec.json.encode(query), type=ListingQuery)
    assert again == query
    assert again.parameters() == query.parameters()


@given(accepted_arguments)
def test_the_wire_has_what_was_given_under_the_names_of_the_api_and_no_more(
    arguments: Arguments,
) -> None:
    parameters = asked(**arguments).parameters()
    expected = {WIRE_NAMES[name] for name in arguments if name != "route"}
    if {"limit", "page_size"} & arguments.keys():
        # Two names for the rows of a page: the one that fits is sent.
        by_offset = "offset" in arguments
        expected = expected - {"limit", "pageSize"} | {"limit" if by_offset else "pageSize"}
    if {"created_after", "created_before", "updated_after", "updated_before"} & arguments.keys():
        expected.add("sortBy")
    assert set(parameters) == expected
    for name in ("privacy", "sort_by", "sort_direction", "status", "project_id", "type"):
        if name in arguments:
            assert parameters[WIRE_NAMES[name]] == arguments[name]
    for name in FLAGS:
        if name in arguments:
            assert parameters[WIRE_NAMES[name]] == str(arguments[name]).lower()


def test_a_query_for_private_models_is_sent_as_the_api_takes_it() -> None:
    query = asked(
        privacy="private",
        status="trained",
        created_after=NOON,
        created_before="2026-02-01",
        sort_direction="asc",
        page_size=50,
        project_id="project_1",
        blacklisted=False,
        loaded_only=True,
        collection_id="collection_1",
        pagination_token="a/b+c==",
    )
    assert query.path == "/models"
    assert query.parameters() == {
        "privacy": "private",
        "status": "trained",
        "createdAfter": "2026-01-31T12:00:00.000Z",
        "createdBefore": "2026-02-01T00:00:00.000Z",
        "sortBy": "createdAt",
        "sortDirection": "asc",
        "pageSize": "50",
        "projectId": "project_1",
        "blacklisted": "false",
        "loadedOnly": "true",
        "collectionId": "collection_1",
        "paginationToken": "a/b+c==",
    }


def test_a_query_on_the_public_route_is_sent_as_the_article_shows_it() -> None:
    query = asked(route="public", tags=["sc:scenario", "b"], limit=20, offset=0)
    assert query.path == "/models/public"
    assert query.parameters() == {"tags": "sc:scenario,b", "limit": "20", "offset": "0"}


def test_a_query_without_arguments_sends_nothing() -> None:
    assert asked().parameters() == {}
    assert asked().path == "/models"


@given(moments, st.integers(-3, 3))
def test_a_rounded_lower_bound_keeps_the_rows_of_the_exact_one(
    bound: datetime, milliseconds: int
) -> None:
    row = _whole_milliseconds(bound) + milliseconds * MILLISECOND
    sent = asked(created_after=bound).created_after
    assert sent is not None
    assert (row > datetime.fromisoformat(sent)) == (row > bound)


@given(moments, st.integers(-3, 3))
def test_a_rounded_upper_bound_keeps_the_rows_of_the_exact_one(
    bound: datetime, milliseconds: int
) -> None:
    row = _whole_milliseconds(bound) + milliseconds * MILLISECOND
    sent = asked(privacy="public", updated_before=bound).updated_before
    assert sent is not None
    assert (row < datetime.fromisoformat(sent)) == (row < bound)


@given(moments, st.text("0123456789", min_size=1, max_size=4), st.integers(-2, 2))
def test_digits_beyond_microseconds_keep_the_rows_of_the_exact_bound(
    bound: datetime, digits: str, milliseconds: int
) -> None:
    row = _whole_milliseconds(bound) + milliseconds * MILLISECOND
    exact = bound.astimezone(UTC).isoformat(timespec="microseconds").replace("+", f"{digits}+")
    is_before = row <= bound if int(digits) else row < bound
    after = asked(created_after=exact).created_after
    before = asked(created_before=exact).created_before
    assert after is not None
    assert before is not None
    assert (row > datetime.fromisoformat(after)) == (row > bound)
    assert (row < datetime.fromisoformat(before)) == is_before


@given(moments, st.sampled_from(TIMES))
def test_a_string_means_what_its_datetime_means(moment: datetime, name: str) -> None:
    by_value = asked(**_bound(name, moment))
    assert asked(**_bound(name, moment.isoformat())) == by_value
    assert asked(**_bound(name, moment.astimezone(UTC))) == by_value
    without_zone = moment.astimezone(UTC).replace(tzinfo=None).isoformat()
    assert asked(**_bound(name, without_zone)) == by_value


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.000Z"),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00.000Z"),
        ("2026-01-31 12:00:00", "2026-01-31T12:00:00.000Z"),
        ("2026-01-31", "2026-01-31T00:00:00.000Z"),
        ("2026-01-31T12:00:00+05:30", "2026-01-31T06:30:00.000Z"),
        ("2026-01-31T12:00:00.125-01:00", "2026-01-31T13:00:00.125Z"),
        ("2026-01-31T12:00:00.1259Z", "2026-01-31T12:00:00.125Z"),
        (
            datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=2))),
            "2026-01-31T10:00:00.000Z",
        ),
        (datetime(2026, 1, 31, 12, microsecond=1, tzinfo=UTC), "2026-01-31T12:00:00.000Z"),
        (datetime(1, 1, 1, tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
    ],
)
def test_a_time_is_sent_in_utc_with_milliseconds(value: datetime | str, sent: str) -> None:
    assert asked(created_after=value).created_after == sent


def test_an_upper_bound_between_two_milliseconds_is_rounded_up() -> None:
    bound = datetime(2025, 12, 31, 23, 59, 59, 999_001, tzinfo=UTC)
    assert asked(created_before=bound).created_before == "2026-01-01T00:00:00.000Z"


@given(st.datetimes(timezones=st.sampled_from([UTC, timezone(timedelta(hours=14))])))
@example(datetime.max.replace(tzinfo=UTC))
@example(datetime.min.replace(tzinfo=timezone(timedelta(hours=14))))
def test_a_time_at_the_end_of_the_calendar_is_a_query_or_a_value_error(moment: datetime) -> None:
    try:
        asked(created_before=moment)
    except ValueError as error:
        problem = str(error)
    else:
        return
    assert problem == f"created_before is beyond the calendar: {moment}"


def test_an_upper_bound_with_more_than_microseconds_keeps_the_rows_before_it() -> None:
    # The row of 12:00:00.000 is before it, and "before" is exclusive.
    sent = asked(created_before="2026-01-31T12:00:00.0000001Z").created_before
    assert sent == "2026-01-31T12:00:00.001Z"


@pytest.mark.parametrize("name", TIMES)
def test_a_datetime_without_zone_is_refused_by_name(name: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} is a datetime without time zone"):
        asked(**_bound(name, NOON.replace(tzinfo=None)))


def test_a_datetime_whose_zone_does_not_tell_its_offset_is_refused() -> None:
    class Nowhere(tzinfo):
        def utcoffset(self, _moment: datetime | None) -> timedelta | None:
            return None

        def dst(self, _moment: datetime | None) -> timedelta | None:
            return None

        def tzname(self, _moment: datetime | None) -> str | None:
            return None

    with pytest.raises(ValueError, match="created_after is a datetime without time zone"):
        asked(created_after=NOON.replace(tzinfo=Nowhere()))


@pytest.mark.parametrize(
    "value", ["", "yesterday", "2026-13-01", "12:00", " 2026-01-31", "1769860800"]
)
@pytest.mark.parametrize("name", TIMES)
def test_a_string_that_is_no_time_is_refused_by_name(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"^{name} "):
        asked(**_bound(name, value))


@pytest.mark.parametrize("name", TIMES)
def test_a_bound_sets_the_sort_that_the_api_demands(name: str) -> None:
    sort_by = "createdAt" if name.startswith("created") else "updatedAt"
    assert asked(**_bound(name, NOON)).sort_by == sort_by


def test_no_sort_is_set_where_nothing_demands_one() -> None:
    assert asked(privacy="public").sort_by is None


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("value", "sent"),
    [
        ("a", "a"),
        ("a,b", "a,b"),
        (["a"], "a"),
        (["a", "b"], "a,b"),
        (("a", "b", "a"), "a,b,a"),
        (["two words", "ü"], "two words,ü"),
    ],
)
def test_a_list_is_sent_comma_separated(name: str, value: object, sent: str) -> None:
    query = asked(privacy="public", **{name: value})
    assert query.parameters()[WIRE_NAMES[name]] == sent


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize(
    ("value", "said"),
    [
        ([], " is an empty list"),
        ((), " is an empty list"),
        ([""], r"\[0\] is empty"),
        (["a", " "], r"\[1\] is empty"),
        ("", " is empty"),
        ("  ", " is empty"),
        (["a,b"], " has 'a,b': the API sep"),
        (["a", ","], " has ',': the API sep"),
    ],
)
def test_a_list_that_cannot_be_sent_is_refused_by_name(name: str, value: object, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{name}{said}"):
        asked(privacy="public", **{name: value})


@pytest.mark.parametrize(
    ("names", "values", "said"),
    [
        (LISTS, [5, {"a"}, {"a": 1}, b"a", iter(["a"])], "must be a list of str"),
        (TEXTS, [5, True, ["a"], b"a"], "must be a str"),
        (FLAGS, [0, 1, "true", "", ["true"]], "must be True or False"),
        (COUNTS, [True, False, 5.0, "5", [5]], "must be an int"),
        (TIMES, [5, 5.0, True, NOON.date(), NOON.time(), b"2026"], "must be a datetime or an ISO"),
    ],
)
def test_a_value_of_another_type_is_refused_by_name(
    names: tuple[str, ...], values: list[object], said: str
) -> None:
    for name in names:
        for value in values:
            with pytest.raises(TypeError, match=f"^{name} {said}.*, not {type(value).__name__}$"):
                asked(route="public", **{name: value})


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("value", [None, 5, b"a", ["a"]])
def test_a_list_with_something_else_in_it_is_refused_by_its_index(name: str, value: object) -> None:
    kind = type(value).__name__
    with pytest.raises(TypeError, match=rf"^{name}\[1\] must be a str, not {kind}$"):
        asked(privacy="public", **{name: ["a", value]})


@pytest.mark.parametrize("name", TEXTS)
def test_an_empty_text_is_refused_by_name(name: str) -> None:
    for value in ("", " ", "\t\n"):
        with pytest.raises(ValueError, match=f"^{name} is empty"):
            asked(**{name: value})


@pytest.mark.parametrize("name", FLAGS)
def test_a_flag_is_sent_as_a_word(name: str) -> None:
    yes, no = (asked(**{name: value}) for value in (True, False))
    assert yes.parameters() == {WIRE_NAMES[name]: "true"}
    assert no.parameters() == {WIRE_NAMES[name]: "false"}


@pytest.mark.parametrize("name", sorted(CLOSED_SETS))
def test_a_value_outside_a_closed_set_is_refused_whatever_its_type(name: str) -> None:
    for value in ("", "PUBLIC", 5, True, ["public"], b"public"):
        with pytest.raises(ValueError, match=f"^{name} must be one of"):
            asked(**{name: value})


def test_going_on_from_a_token_keeps_the_listing_and_drops_the_offset() -> None:
    query = asked(route="public", tags="a", limit=20, offset=40)
    following = query.after("t")
    assert following.parameters() == {"tags": "a", "pageSize": "20", "paginationToken": "t"}
    assert following.path == query.path
    assert following.after("u").pagination_token == "u"
    by_filter = asked(privacy="private", page_size=20)
    assert by_filter.after("t").parameters() == {
        "privacy": "private",
        "pageSize": "20",
        "paginationToken": "t",
    }


def test_going_on_from_an_offset_keeps_the_listing() -> None:
    query = asked(route="public", tags="a", limit=20)
    assert query.at(60).parameters() == {"tags": "a", "limit": "20", "offset": "60"}
    assert query.at(0).parameters() == {"tags": "a", "limit": "20", "offset": "0"}


def test_a_listing_is_the_same_whichever_of_its_pages_is_asked_for() -> None:
    whole = asked(route="public", tags="a")
    assert whole.whole() == whole
    for query in (whole.after("t"), whole.at(20), whole.with_rows_per_page(5)):
        assert query.whole() == query.at(20).with_rows_per_page(5).whole() == whole


def test_only_a_page_of_the_public_route_from_a_row_on_is_asked_for_by_offset() -> None:
    assert asked(route="public", offset=0).by_offset
    assert asked(route="public").at(20).by_offset
    assert not asked(route="public", limit=20).by_offset
    assert not asked(route="public", offset=40).after("t").by_offset
    assert not asked(privacy="public").by_offset


@pytest.mark.parametrize("name", ["page_size", "limit"])
def test_the_size_of_a_page_has_two_names_on_the_public_route(name: str) -> None:
    by_offset = asked(route="public", offset=40, **{name: 20})
    assert by_offset.parameters() == {"limit": "20", "offset": "40"}
    assert by_offset.rows_per_page == 20
    assert asked(route="public", **{name: 20}).parameters() == {"pageSize": "20"}
    by_token = asked(route="public", pagination_token="t", **{name: 20})
    assert by_token.parameters() == {"pageSize": "20", "paginationToken": "t"}
    assert by_token.rows_per_page == 20


def test_the_size_of_a_page_is_sent_under_the_name_that_goes_with_the_rest() -> None:
    by_filter = asked(privacy="public").with_rows_per_page(LARGEST_PAGE)
    assert by_filter.parameters() == {"privacy": "public", "pageSize": "500"}
    assert by_filter.rows_per_page == 500
    by_route = asked(route="public", offset=0).with_rows_per_page(LARGEST_PAGE)
    assert by_route.parameters() == {"limit": "500", "offset": "0"}
    assert by_route.rows_per_page == 500


def test_a_query_is_a_value() -> None:
    query = asked(privacy="public", tags=["a"])
    assert query == asked(privacy="public", tags="a")
    assert hash(query) == hash(asked(privacy="public", tags="a"))
    with pytest.raises(AttributeError):
        setattr(query, "tags", "b")  # noqa: B010 - no type checker asked


class Moment(datetime):
    """As pandas and pendulum have them."""


@pytest.mark.parametrize(
    ("value", "sent"),
    [
        (True, "true"),
        (False, "false"),
        (5, "5"),
        ("a b", "a b"),
        (["a", True, 1], "a,true,1"),
        (datetime(2026, 1, 2, 4, tzinfo=timezone(timedelta(hours=3))), "2026-01-02T01:00:00.000Z"),
        (Moment(2026, 1, 2, 4, tzinfo=UTC), "2026-01-02T04:00:00.000Z"),
    ],
)
def test_a_value_outside_the_table_is_sent_in_the_same_way(value: object, sent: str) -> None:
    assert wire_value(value) == sent


def _whole_milliseconds(moment: datetime) -> datetime:
    return moment - timedelta(microseconds=moment.microsecond % 1000)


def _bound(name: str, value: object) -> Arguments:
    privacy = "public" if name.startswith("updated") else "private"
    return {"privacy": privacy, name: value}
