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
        self._marker, self._may_make, self._may_move = marker, may_make, False
        self._embedded = None if self._url else EmbeddedServer(postgres_dir, secrets_dir / "db" / "postgres")

    @property
    def is_embedded(self) -> bool:
        """Say whether the server is the workspace's own."""
        return self._embedded is not None

    def start(self) -> Location:
        """Start the embedded server if it is not running, or take the external one as it is."""
        self.need_own()
        if self._embedded is not None:
            address = self._embedded.start()
            return Location(address.host, address.port, DATABASE)
        return external_location(self._url or "")

    def need_own(self) -> None:
        """Hold that the database is the workspace's: the one elsewhere that was kept, or its own, there or to be made.

        Raises DatabaseError saying where it may be.
        """
        kept, named, folder = self._kept(), self.elsewhere(), self._postgres_dir
        if named is not None:
            if kept not in (None, named) and not self._may_move:
                raise DatabaseError(
                    f"this workspace's database is {kept}, and {URL_SETTING} names {named}: set it to the one,"
                    f" or `twokey restore --latest` puts a backup into the other (where {named} is the same database under"
                    f" another address, write that into {self._marker})"
                )
            return
        if kept is not None:
            back = "unset the marker by removing" if self._has_own() else "restore a backup after removing"
            raise DatabaseError(
                f"this workspace's database is elsewhere ({kept}): set {URL_SETTING}"
                f" (where that is over, {back} {self._marker})"
            )
        if not self._may_make and not self._has_own():
            raise DatabaseError(
                f"{folder} holds no database: `twokey restore --latest` puts a backup there, `twokey init {folder.parent}`"
                f" makes an empty one; if it is elsewhere, set {URL_SETTING}"
            )

    def left_behind(self) -> str | None:
        """Say which database of the workspace's own would be left behind for the one of the setting; None where none would."""
        if not self._url or self._kept() is not None or not self._has_own():
            return None
        return (
            f"{self._postgres_dir} holds this workspace's database, and {URL_SETTING} names {self.elsewhere()}: unset it, or"
            " make another workspace; to move this one there, `twokey backup` without the setting, then"
            " `twokey restore --latest` with it"
        )

    def elsewhere(self) -> str | None:
        """Say where a database is that is not the workspace's own, without any secret; None where it is."""
        if not self._url:
            return None
        place = external_location(self._url)
        return f"{place.host}:{place.port}/{place.database}"

    def make_anew(self) -> None:
        """Let a database be made where the one that the workspace had is gone, or elsewhere if the setting names another."""
        self._may_make = self._may_move = True
        self.need_own()
        pointer = self._postgres_dir / "location"
        if self._embedded is not None and pointer.exists():
            data = Path(os.fsdecode(pointer.read_bytes().partition(b"\0")[0]))
            if not data.is_dir():
                pointer.unlink()

    def administrator(self) -> Administrator:
        """Give who may make roles and tables; asked for by `init` only."""
        self.need_own()
        if self._embedded is not None:
            address = self._embedded.start()
            return Administrator(address.user, address.password)
        parts = urlsplit(self._url or "")
        return Administrator(unquote(parts.username or ""), unquote(parts.password or ""))

    def release(self) -> None:
        """Let go of the embedded server; the last holder stops it."""
        if self._embedded is not None:
            self._embedded.release()

    def _kept(self) -> str | None:
        """Give where the workspace keeps that its database is, when it is elsewhere."""
        if self._marker is None or not self._marker.exists():
            return None
        return self._marker.read_text(encoding="utf-8").strip()

    def _has_own(self) -> bool:
        return any((self._postgres_dir / name).exists() for name in ("data", "location"))


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
