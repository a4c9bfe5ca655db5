from __future__ import annotations

import pytest


@pytest.fixture(
    params=[
        pytest.param(("asyncio", {"debug": True, "use_uvloop": False}), id="asyncio-debug"),
        pytest.param(("asyncio", {"debug": True, "use_uvloop": True}), id="uvloop-debug"),
    ],
)
def anyio_backend(request: pytest.FixtureRequest) -> tuple[str, dict[str, bool]]:
    backend: tuple[str, dict[str, bool]] = request.param
    return backend
