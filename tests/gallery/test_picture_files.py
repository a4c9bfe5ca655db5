"""Pictures on disk: bounded, the least recently used out first, whole or not at all."""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from scenario_async.gallery._pictures.content import claims_picture, content_type, is_asset_id
from scenario_async.gallery._pictures.disk_cache import DiskCache, KeptFile, file_name, to_remove
from scenario_async.gallery._pictures.folders import cache_folder

if TYPE_CHECKING:
    from collections.abc import Mapping

MOST = 1_000
SECOND = 10**9

keys = st.sampled_from("abcdefgh")
steps = st.lists(
    st.one_of(
        st.tuples(st.just("put"), keys, st.integers(0, MOST + 10)),
        st.tuples(st.just("get"), keys, st.just(0)),
        st.tuples(st.just("remove"), keys, st.just(0)),
        st.tuples(st.just("restart"), keys, st.just(0)),
    ),
    max_size=30,
)


class Ticks:
    """Nanoseconds of which each is later than the one before."""

    def __init__(self) -> None:
        self.time = 1_000 * SECOND

    def __call__(self) -> int:
        self.time += 1_000
        return self.time


def sizes(folder: Path) -> dict[str, int]:
    return {path.name: path.stat().st_size for path in folder.iterdir()}


@given(steps)
def test_what_is_kept_is_bounded_and_is_what_was_used_last(
    steps: list[tuple[str, str, int]],
) -> None:
    clock = Ticks()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        cache = DiskCache(folder, MOST, clock=clock)
        used: dict[str, bytes] = {}  # the last one used is the last one in it
        for number, (what, key, size) in enumerate(steps):
            if what == "put":
                content = bytes([number]) * size
                assert cache.put(key, content) == (size <= MOST)
                if size <= MOST:
                    used.pop(key, None)
                    used[key] = content
            elif what == "get":
                found = cache.get(key)
                assert found is None or found == used[key]
                if found is not None:
                    used[key] = used.pop(key)
            elif what == "remove":
                cache.remove(key)
                used.pop(key, None)
            else:
                cache = DiskCache(folder, MOST, clock=clock)
                cache.clean()
            kept = sizes(folder)
            assert sum(kept.values()) <= MOST
            # Of all that were ever kept the last are, without a gap.
            still = [file_name(one) in kept for one in used]
            assert still == sorted(still)
            used = {one: content for one, content in used.items() if file_name(one) in kept}
            assert len(kept) == len(used)


@given(
    st.lists(st.builds(KeptFile, st.uuids().map(str), st.integers(0, 99), st.integers(0, 9))),
    st.integers(0, 2_000),
)
def test_no_more_is_removed_than_has_to_be(files: list[KeptFile], most: int) -> None:
    removed = to_remove(files, most)
    left = [one for one in files if one.name not in removed]
    assert sum(one.size for one in left) <= most
    if removed:
        last = next(one for one in files if one.name == removed[-1])
        assert sum(one.size for one in left) + last.size > most
        assert all(one.used >= last.used for one in left)


def test_a_small_picture_does_not_empty_a_folder_that_is_full(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, MOST, clock=Ticks())
    for number in range(100):
        assert cache.put(f"asset_{number}", bytes(10))
    assert cache.put("asset_new", bytes(10))
    assert MOST * 0.9 <= sum(sizes(tmp_path).values()) <= MOST
    assert not cache.put("asset_large", bytes(MOST + 1))


def test_what_is_looked_at_stays(tmp_path: Path) -> None:
    cache = DiskCache(tmp_path, MOST, clock=Ticks())
    for key in "abc":
        assert cache.put(key, bytes(300))
    assert cache.get("a") is not None
    assert cache.put("d", bytes(300))
    assert set(sizes(tmp_path)) == {file_name("a"), file_name("c"), file_name("d")}


def test_two_on_one_folder_see_what_the_other_keeps(tmp_path: Path) -> None:
    clock = Ticks()
    first, second = (DiskCache(tmp_path, MOST, clock=clock) for _ in range(2))
    first.clean()
    second.clean()
    for number in range(200):
        cache = (first, second)[number % 2]
        assert cache.put(f"asset_{number}", bytes(20))
        assert sum(sizes(tmp_path).values()) <= MOST + 2 * MOST // 16
    assert first.get("asset_199") == second.get("asset_198") == bytes(20)
    first.remove("asset_199")
    assert second.get("asset_199") is None


def test_many_at_once_on_one_folder_see_whole_pictures_alone(tmp_path: Path) -> None:
    caches = [DiskCache(tmp_path, MOST) for _ in range(2)]

    def work(number: int) -> bool:
        cache, key = caches[number % 2], f"asset_{number % 7}"
        assert cache.put(key, bytes([number]) * 100)
        found = cache.get(key)
        return found is None or (len(found) == 100 and len(set(found)) == 1)

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(work, range(200)))
    assert all(len(name) == 64 for name in sizes(tmp_path))


def test_what_a_killed_process_left_is_removed_and_what_is_written_now_is_not(
    tmp_path: Path,
) -> None:
    clock = Ticks()
    ages = {"1" * 16: 61 * SECOND, "2" * 16: SECOND}
    for token, age in ages.items():
        part = tmp_path / f"{file_name('a')}.{token}.part"
        part.write_bytes(b"half")
        os.utime(part, ns=(clock.time - age, clock.time - age))
    others = tmp_path / "notes.txt"
    others.write_text("of somebody else")
    os.utime(others, ns=(0, 0))

    DiskCache(tmp_path, 1, clock=clock).clean()

    assert set(sizes(tmp_path)) == {f"{file_name('a')}.{'2' * 16}.part", "notes.txt"}


def test_a_folder_that_cannot_be_written_keeps_nothing_more(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"")
    cache = DiskCache(file / "folder", MOST)
    cache.clean()
    assert not cache.put("a", b"content")
    assert cache.get("a") is None
    cache.remove("a")


def test_a_picture_that_cannot_be_put_in_its_place_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / file_name("a")).mkdir()
    assert not DiskCache(tmp_path, MOST).put("a", b"content")
    assert set(sizes(tmp_path)) == {file_name("a")}


@given(st.text())
def test_the_name_of_a_file_shows_no_id_and_fits_every_file_system(key: str) -> None:
    assert set(file_name(key)) <= set("0123456789abcdef")
    assert len(file_name(key)) == 64


@pytest.mark.parametrize(
    ("platform", "environment", "expected"),
    [
        ("linux", {}, "/home/u/.cache/scenario-async/pictures"),
        ("linux", {"XDG_CACHE_HOME": "/var/caches"}, "/var/caches/scenario-async/pictures"),
        ("linux", {"XDG_CACHE_HOME": "caches"}, "/home/u/.cache/scenario-async/pictures"),
        ("darwin", {"XDG_CACHE_HOME": "/x"}, "/home/u/Library/Caches/scenario-async/pictures"),
        ("win32", {"LOCALAPPDATA": "/local"}, "/local/scenario-async/pictures"),
        ("win32", {}, "/home/u/AppData/Local/scenario-async/pictures"),
    ],
)
def test_pictures_are_kept_where_the_platform_has_caches(
    platform: str, environment: Mapping[str, str], expected: str
) -> None:
    assert cache_folder(platform, environment, Path("/home/u")) == Path(expected)


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\x89PNG\r\n\x1a\n...", "image/png"),
        (b"\xff\xd8\xff\xe0...", "image/jpeg"),
        (b"GIF89a...", "image/gif"),
        (b"RIFF\x00\x00\n\x00WEBPVP8 ", "image/webp"),
        (b"\x00\x00\x00\x20ftypavif....", "image/avif"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'>", None),
        (b"<!doctype html><script>", None),
        (b"", None),
    ],
)
def test_the_first_bytes_say_what_a_picture_is(content: bytes, expected: str | None) -> None:
    assert content_type(content) == expected


@given(st.binary(max_size=64))
def test_what_begins_like_a_text_is_never_a_picture(content: bytes) -> None:
    assert content_type(b"<" + content) is None


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        ("image/png", True),
        ("IMAGE/WebP; q=1", True),
        ("image/svg+xml", False),
        ("image/SVG+xml;charset=utf-8", False),
        ("text/html", False),
        ("", False),
    ],
)
def test_a_header_promises_a_picture_or_does_not(header: str, expected: bool) -> None:
    assert claims_picture(header) is expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [("asset_aB3-x", True), ("", False), ("a/b", False), ("a\nb", False), ("x" * 201, False)],
)
def test_only_what_can_be_an_id_is_looked_up(text: str, expected: bool) -> None:
    assert is_asset_id(text) is expected
