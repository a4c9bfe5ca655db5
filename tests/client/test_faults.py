"""Each fault of the service: nothing is lost, or there is a clear error."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from scenario_async import (
    APIError,
    APIResponseValidationError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BadRequestError,
    EventHooks,
    PaginationError,
    PermissionDeniedError,
    RateLimitError,
    RetryEvent,
    Timeout,
)
from scenario_async.sandbox import (
    BadRow,
    Dropped,
    EmptyPage,
    ExpiredToken,
    NotJSON,
    RateLimited,
    Redirect,
    RepeatedToken,
    ServerError,
    Stalled,
    Truncated,
)

if TYPE_CHECKING:
    from support.client import Connect
    from support.clocks import FakeClock

    from scenario_async import AsyncScenario
    from scenario_async.sandbox import Sandbox

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("hint", ["seconds", "date", "body"])
async def test_the_hint_of_the_service_is_a_floor(
    hint: Any, connect: Connect, sandbox: Sandbox, clock: FakeClock
) -> None:
    sandbox.faults.add(RateLimited(retry_after=20, hint=hint))
    retries: list[RetryEvent] = []
    async with connect(event_hooks=EventHooks(on_retry=retries.append)) as scenario:
        await scenario.models.private()

    (event,) = retries
    assert isinstance(event.error, RateLimitError)
    # A date has whole seconds, and some of them pass on the way.
    assert (18 if hint == "date" else 20) <= event.wait <= 22
    assert sum(clock.slept) >= event.wait - 0.001


async def test_a_hint_beyond_the_deadline_raises_at_once(
    connect: Connect, sandbox: Sandbox, clock: FakeClock
) -> None:
    sandbox.faults.add(RateLimited(retry_after=3600))
    async with connect(timeout=Timeout(total=60)) as scenario:
        with pytest.raises(RateLimitError) as caught:
            await scenario.models.private()
        # The service's wish holds for the client, not for the one call.
        with pytest.raises(RateLimitError) as second:
            await scenario.models.public()

    assert caught.value.retry_after == 3600
    assert second.value.retry_after is not None
    assert second.value.retry_after > 3000
    assert len(sandbox.requests) == 1
    assert sum(clock.slept) == 0


async def test_an_empty_page_still_has_a_next_page(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    sandbox.faults.add(EmptyPage(0))

    page = await scenario.models.private()

    assert page.models == []
    assert page.has_next_page()
    assert (await page.get_next_page()).models


async def test_a_repeated_token_ends_manual_paging_too(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    sandbox.faults.add(RepeatedToken(), times=None)
    page = await scenario.models.private(page_size=20)
    page = await page.get_next_page()

    assert page.has_next_page()
    with pytest.raises(PaginationError):
        await page.get_next_page()


async def test_an_expired_token_is_a_clear_error_where_one_page_is_asked_for(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    sandbox.faults.add(ExpiredToken())
    page = await scenario.models.private(page_size=20)

    with pytest.raises(BadRequestError, match="expired"):
        await page.get_next_page()


async def test_awaiting_a_page_with_a_bad_row_is_loud(
    scenario: AsyncScenario, sandbox: Sandbox
) -> None:
    sandbox.faults.add(BadRow("missing-id"))

    with pytest.raises(APIResponseValidationError):
        await scenario.models.private()


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_another_host_never_carries_the_credentials(
    status: int, connect: Connect, sandbox: Sandbox, scenario_sandbox: Sandbox
) -> None:
    other = scenario_sandbox
    sandbox.faults.add(Redirect(f"{other.base_url}/models", status=status))
    async with connect() as scenario:
        with pytest.raises(APIStatusError, match="another origin") as caught:
            await scenario.models.private()

    assert caught.value.status_code == status
    assert len(other.requests) == 0
    assert len(sandbox.requests) == 1


async def test_a_redirect_inside_the_origin_is_followed(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.faults.add(Redirect("/v1/models?pageSize=7"))
    async with connect() as scenario:
        page = await scenario.models.private(page_size=20)

    assert len(page.models) == 7
    assert [r.authorization_kind for r in sandbox.requests] == ["basic", "basic"]


async def test_a_circle_of_redirects_ends(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.faults.add(Redirect("/v1/models"), times=None)
    async with connect() as scenario:
        with pytest.raises(APIStatusError):
            await scenario.models.private()

    assert len(sandbox.requests) == 6


async def test_a_silent_service_runs_into_the_read_limit(
    connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Stalled())
    async with connect(timeout=Timeout(read=0.05), max_retries=0) as scenario:
        with pytest.raises(APITimeoutError) as caught:
            await scenario.models.private()

    assert isinstance(caught.value, TimeoutError)
    assert caught.value.__cause__ is not None


async def test_a_call_as_a_whole_has_a_limit(connect: Connect, sandbox: Sandbox) -> None:
    sandbox.faults.add(Stalled(), times=None)
    async with connect(timeout=Timeout(total=0.5), max_retries=9) as scenario:
        with pytest.raises(APITimeoutError):
            await scenario.models.private()

    # On a machine that stops for so long, not even one.
    assert len(sandbox.requests) <= 1


async def test_a_timeout_is_tried_again(
    connect: Connect, sandbox: Sandbox, clock: FakeClock
) -> None:
    sandbox.faults.add(Stalled())
    # As often as a busy machine takes longer for an answer.
    async with connect(timeout=Timeout(read=0.05), max_retries=100) as scenario:
        assert len((await scenario.models.private(page_size=20)).models) == 20


async def test_a_limit_of_one_call_replaces_that_of_the_client(
    connect: Connect, sandbox: Sandbox
) -> None:
    sandbox.faults.add(Stalled())
    async with connect(max_retries=0) as scenario:
        with pytest.raises(APITimeoutError):
            await scenario.models.private(timeout=0.05)


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"api_key": "wrong-key-0123", "api_secret": "wrong-secret-0123"}, AuthenticationError),
        ({"bearer_auth": "wrong.token.0123"}, AuthenticationError),
        ({"public": True}, (AuthenticationError, PermissionDeniedError)),
    ],
    ids=repr,
)
async def test_refused_credentials_are_an_error_without_a_retry(
    options: dict[str, Any],
    error: type[APIError] | tuple[type[APIError], ...],
    connect: Connect,
    sandbox: Sandbox,
) -> None:
    async with connect(**options) as scenario:
        with pytest.raises(error) as caught:
            await scenario.models.private()

    assert caught.value.reason
    assert caught.value.request_id
    assert len(sandbox.requests) == 1


async def test_no_secret_is_in_any_log_error_or_repr(
    connect: Connect, sandbox: Sandbox, clock: FakeClock, caplog: pytest.LogCaptureFixture
) -> None:
    secret = "a-very-secret-secret"
    caplog.set_level(logging.DEBUG)
    texts: list[str] = []
    for fault in (
        ServerError(500),
        ServerError(401),
        Dropped(),
        Truncated(),
        NotJSON(),
        Redirect("http://u:p@127.0.0.1:9/x?Signature=abc"),
    ):
        sandbox.faults.add(fault, times=None)
        async with connect(api_key="some-api-key", api_secret=secret, max_retries=1) as scenario:
            with pytest.raises(APIError) as caught:
                await scenario.models.private()
            error: BaseException | None = caught.value
            while error is not None:
                texts += [str(error), repr(error), json.dumps(str(vars(error)))]
                error = error.__cause__
            texts += [repr(scenario), repr(scenario.models.private())]
        sandbox.reset()
    texts += [record.getMessage() for record in caplog.records]

    everything = "\n".join(texts)
    assert "GET /models" in everything
    for hidden in (secret, "c29tZS1hcGkta2V5", "Signature", "u:p@", "Basic "):
        assert hidden not in everything


async def test_an_answer_of_another_shape_is_not_tried_again(
    connect: Connect, sandbox: Sandbox
) -> None:
    async with connect() as scenario:
        with pytest.raises(APIResponseValidationError) as caught:
            await scenario.models.list().as_type(Unfitting)

    assert caught.value.malformed is False
    assert len(sandbox.requests) == 1


class Unfitting(msgspec.Struct):
    id: int
