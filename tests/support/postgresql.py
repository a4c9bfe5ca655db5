"""A PostgreSQL server of one's own, from the system's package, for as long as it is wanted."""

from __future__ import annotations

import itertools
import os
import secrets
import shutil
import socket
import subprocess
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

USER = "postgres"
_PATIENCE = 300  # seconds; it starts in a tenth of one
_TRIES = 5  # ports that somebody else may take in the same moment
# What is lost with the machine is of no interest here.
_SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "60",
}


def binaries() -> Path | None:
    """The folder with ``initdb`` and the rest, if PostgreSQL is installed; the newest one."""
    # Debian has it beside the path, a folder for each version.
    folders = sorted(
        Path("/usr/lib/postgresql").glob("*/bin"), key=lambda one: float(one.parent.name)
    )
    found = [folder for folder in folders if (folder / "initdb").exists()]
    if found:
        return found[-1]
    initdb = shutil.which("initdb")
    return None if initdb is None else Path(initdb).resolve().parent


def free_port() -> int:
    """A port of the loopback interface that nobody has now, and nobody gets who asks for any.

    What is free for a moment may be the end of somebody's connection in the next one: connections
    begin at ports above these.
    """
    while True:
        port = 15_000 + secrets.randbelow(15_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


class PostgreSQL:
    """A server that listens on a free port of the loopback interface.

    Made by root it runs as the user ``postgres``, because it refuses to run as root.

    Args:
        folder: Where its programs are.
        settings: Of its configuration, beside those of tests.
    """

    def __init__(self, folder: Path, **settings: str) -> None:
        self._binaries = folder
        self._numbers = itertools.count(1)
        # Not one of pytest's: the other user could not reach into those.
        self._home = Path(tempfile.mkdtemp(prefix="scenario-postgresql-"))
        self._data = self._home / "data"
        self._account = USER if os.geteuid() == 0 else None
        if self._account is not None:
            shutil.chown(self._home, USER, USER)
        self._port = 0
        self._run(
            "initdb",
            f"--pgdata={self._data}",
            f"--username={USER}",
            "--auth=trust",
            "--encoding=UTF8",
            "--locale=C",
            "--no-sync",
        )
        self._configure({**_SETTINGS, **settings, "unix_socket_directories": str(self._home)})

    @property
    def port(self) -> int:
        """Where it listens."""
        return self._port

    def start(self) -> None:
        """Start the server and wait until it answers; again on the port that it had."""
        known = self._port
        for left in reversed(range(_TRIES)):
            if not known:
                # Only now: others look for free ports as well.
                self._port = free_port()
                self._configure({"port": self._port})
            try:
                self._start()
            except RuntimeError:
                if not left:
                    raise
                # Somebody may have the port for a moment.
                time.sleep(1 if known else 0)
            else:
                return

    def stop(self, mode: str = "fast") -> None:
        """Stop the server; ``immediate`` leaves like a crash."""
        self._control("stop", f"--mode={mode}", "--wait")

    def remove(self) -> None:
        """Stop the server and delete all that it has written."""
        if (self._data / "postmaster.pid").exists():
            self.stop("immediate")
        shutil.rmtree(self._home)

    def create(self, *, icu_locale: str | None = None, like: str = "template1") -> str:
        """A new database, empty or like another one; gives its name.

        Texts are in the order of bytes, or of a language.
        """
        name = f"store_{next(self._numbers)}"
        order = f" TEMPLATE {like}"
        if icu_locale is not None:
            order = f" TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE '{icu_locale}'"
        self.query(f"CREATE DATABASE {name}{order}")
        return name

    def drop(self, name: str) -> None:
        """Delete a database, whoever is connected."""
        self.query(f"DROP DATABASE {name} WITH (FORCE)")

    def url(self, name: str, *, password: str | None = None) -> str:
        """The URL of a database. The server accepts any password."""
        user = USER if password is None else f"{USER}:{password}"
        return f"postgresql://{user}@127.0.0.1:{self._port}/{name}"

    def require_password(self, user: str, password: str) -> None:
        """Make a user whom the server lets in with this password only."""
        self.query(f"CREATE ROLE {user} SUPERUSER LOGIN PASSWORD '{password}'")
        rules = self._data / "pg_hba.conf"
        rule = f"host all {user} 127.0.0.1/32 scram-sha-256\n"
        # The first rule that fits counts.
        rules.write_text(rule + rules.read_text())
        self._control("reload")

    def query(self, statement: str, database: str = "postgres") -> list[str]:
        """Execute statements, and give the lines of their answer."""
        return self._ask(
            "psql",
            database,
            "--no-psqlrc",
            "--quiet",
            "--tuples-only",
            "--no-align",
            "--set=ON_ERROR_STOP=1",
            f"--command={statement}",
        ).splitlines()

    def dump(self, name: str) -> str:
        """A database as SQL."""
        lines = self._ask("pg_dump", name, "--inserts", "--no-owner").splitlines()
        # Settings and marks of the program are of its version.
        kept = [
            one
            for one in lines
            if one and not one.startswith(("--", "\\", "SET ", "SELECT pg_catalog.set_config"))
        ]
        return "\n".join(kept) + "\n"

    def _ask(self, program: str, database: str, *arguments: str) -> str:
        where = f"--host=127.0.0.1 --port={self._port} --username={USER} --dbname={database}"
        return self._run(program, *where.split(), *arguments)

    def _start(self) -> None:
        self._control("start", f"--log={self._home / 'log'}", "--wait")

    def _configure(self, settings: Mapping[str, object]) -> None:
        # Of settings that are there twice the last one counts.
        with (self._data / "postgresql.conf").open("a") as file:
            file.writelines(f"{name} = '{value}'\n" for name, value in settings.items())

    def _control(self, *arguments: str) -> None:
        self._run("pg_ctl", f"--pgdata={self._data}", f"--timeout={_PATIENCE}", *arguments)

    def _run(self, program: str, *arguments: str) -> str:
        command: Sequence[str] = (str(self._binaries / program), *arguments)
        # Not through pipes: the server inherits them, and they would never end.
        with tempfile.TemporaryFile() as output:
            ended = subprocess.run(  # noqa: S603 - the server's own programs
                command,
                check=False,
                cwd=self._home,
                env={"PATH": os.defpath, "LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                timeout=_PATIENCE,
                user=self._account,
                group=self._account,
                extra_groups=None if self._account is None else [],
            )
            output.seek(0)
            text = output.read().decode()
        if ended.returncode:
            raise RuntimeError(f"{program} ended with {ended.returncode}: {text}")
        return text
