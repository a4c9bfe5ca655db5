"""PgBouncer in front of a server, from the system's package, for as long as it is wanted."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from support.postgresql import USER, free_port

if TYPE_CHECKING:
    from collections.abc import Generator

_PATIENCE = 60  # seconds; it starts in a tenth of one


def binary() -> str | None:
    """The program, if it is installed."""
    # Debian has it where only root looks.
    return shutil.which("pgbouncer", path=f"{os.environ.get('PATH', os.defpath)}:/usr/sbin")


@contextmanager
def pooled(url: str, **settings: object) -> Generator[str]:
    """The URL of the same database through a pooler with these settings."""
    program = binary()
    assert program is not None
    place = urlsplit(url)
    port = free_port()
    # Not one of pytest's: the other user could not reach into those.
    home = Path(tempfile.mkdtemp(prefix="scenario-pgbouncer-"))
    lines = [
        "[databases]",
        f"* = host={place.hostname} port={place.port} user={place.username}",
        "[pgbouncer]",
        "listen_addr = 127.0.0.1",
        f"listen_port = {port}",
        "unix_socket_dir =",
        "auth_type = any",
        *(f"{name} = {value}" for name, value in settings.items()),
    ]
    (home / "pgbouncer.ini").write_text("\n".join(lines) + "\n")
    account = USER if os.geteuid() == 0 else None
    if account is not None:
        home.chmod(0o755)
    process = subprocess.Popen(  # noqa: S603 - the system's own program
        [program, "--quiet", str(home / "pgbouncer.ini")],
        cwd=home,
        user=account,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(process, port)
        yield place._replace(netloc=f"{place.username}@127.0.0.1:{port}").geturl()
    finally:
        process.terminate()
        process.wait(_PATIENCE)
        shutil.rmtree(home)


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    end = time.monotonic() + _PATIENCE
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            assert process.poll() is None, "PgBouncer has ended"
            assert time.monotonic() < end, "PgBouncer does not listen"
            time.sleep(0.01)
        else:
            return
