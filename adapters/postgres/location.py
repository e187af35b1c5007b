"""Where a workspace's database is: the embedded server, or the external one that a setting names."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from adapters.postgres.connect import DatabaseError, Location
from adapters.postgres.embedded import EmbeddedServer

URL_SETTING = "TWOKEY_DATABASE_URL"
DATABASE = "twokey"
DEFAULT_PORT = 5432


@dataclass(frozen=True)
class Administrator:
    """Who may make the database and its roles."""

    user: str
    password: str


class Server:
    """The server of a workspace, held for as long as it is needed."""

    def __init__(
        self, postgres_dir: Path, secrets_dir: Path, *, marker: Path | None = None, may_make: bool = False
    ) -> None:
        """Take the server; `marker` is the file that says where else the database is, if it is.

        Where `may_make`, an embedded server without a database makes one.
        """
        self._url = os.environ.get(URL_SETTING)
        self._postgres_dir, self._secrets_dir = postgres_dir, secrets_dir
        self._marker, self._may_make = marker, may_make
        self._embedded = None if self._url else EmbeddedServer(postgres_dir, secrets_dir / "db" / "postgres")

    @property
    def is_embedded(self) -> bool:
        """Say whether the server is the workspace's own."""
        return self._embedded is not None

    def start(self) -> Location:
        """Start the embedded server if it is not running, or take the external one as it is."""
        if self._embedded is not None:
            self.need_own()
            address = self._embedded.start()
            return Location(address.host, address.port, DATABASE)
        return external_location(self._url or "")

    def need_own(self) -> None:
        """Hold that an embedded server's database is there or may be made; raises DatabaseError saying where it may be."""
        if self._url:
            return
        if self._marker is not None and self._marker.exists():
            place = self._marker.read_text(encoding="utf-8").strip()
            raise DatabaseError(
                f"this workspace's database is elsewhere ({place}): set {URL_SETTING}"
                f" (where that is over, remove {self._marker} and restore a backup)"
            )
        folder = self._postgres_dir
        if not self._may_make and not any((folder / name).exists() for name in ("data", "location")):
            raise DatabaseError(
                f"{folder} holds no database: `twokey restore --latest` puts a backup there, `twokey init {folder.parent}`"
                f" makes an empty one; if it is elsewhere, set {URL_SETTING}"
            )

    def elsewhere(self) -> str | None:
        """Say where a database is that is not the workspace's own, without any secret; None where it is."""
        if not self._url:
            return None
        place = external_location(self._url)
        return f"{place.host}:{place.port}/{place.database}"

    def make_anew(self) -> None:
        """Let a database be made where the one that the workspace had is gone."""
        self._may_make = True
        self.need_own()
        pointer = self._postgres_dir / "location"
        if self._embedded is not None and pointer.exists():
            data = Path(os.fsdecode(pointer.read_bytes().partition(b"\0")[0]))
            if not data.is_dir():
                pointer.unlink()

    def administrator(self) -> Administrator:
        """Give who may make roles and tables; asked for by `init` only."""
        if self._embedded is not None:
            self.need_own()
            address = self._embedded.start()
            return Administrator(address.user, address.password)
        parts = urlsplit(self._url or "")
        return Administrator(unquote(parts.username or ""), unquote(parts.password or ""))

    def release(self) -> None:
        """Let go of the embedded server; the last holder stops it."""
        if self._embedded is not None:
            self._embedded.release()


def external_location(url: str) -> Location:
    """Read host, port and database from a URL; raises DatabaseError when one is missing. The password is never shown."""
    form = f"{URL_SETTING} must read postgresql://USER:PASSWORD@HOST:PORT/DATABASE"
    parts = urlsplit(url)
    database = unquote(parts.path.removeprefix("/"))
    if parts.scheme not in ("postgres", "postgresql") or not parts.hostname or not database:
        raise DatabaseError(form)
    if parts.query or parts.fragment:
        # Passed over in silence, a demand such as sslmode=verify-full would seem to be met.
        raise DatabaseError(f"{form}; options such as sslmode are set by libpq's variables, as PGSSLMODE")
    try:
        return Location(parts.hostname, parts.port or DEFAULT_PORT, database)
    except ValueError as error:
        raise DatabaseError(f"{form}; the port was none") from error
