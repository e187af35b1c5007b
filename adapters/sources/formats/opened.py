"""What is inside: the text of compressed files and archives, whole or as far as a file's first bytes reach."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
import zlib
from typing import IO

from flows.ports import RawRecord, SourceError

GZIP_MAGIC, ZIP_MAGIC = b"\x1f\x8b", b"PK\x03\x04"
# A zip's local header: 30 bytes, then the member's name and an extra field, whose lengths stand at 26 and 28.
_ZIP_HEADER = 30
# A file of a few kilobytes can be made to unpack into more than a machine holds; no file that is read here comes near.
UNPACKED_MAX = 256_000_000


def header(head: bytes) -> list[str]:
    """Give the cells of the first line of comma-separated text, compressed by gzip or not."""
    first = head_text(head).partition("\n")[0]
    return [name.strip() for name in first.strip().split(",")]


def head_text(head: bytes) -> str:
    """Give the beginning of a text, compressed by gzip or not."""
    inside = _inflated(head, zlib.MAX_WBITS | 16) if head.startswith(GZIP_MAGIC) else head
    return inside.decode("utf-8-sig", errors="replace")


def zip_head(head: bytes) -> tuple[str, str]:
    """Give the name and the beginning of a zip's first member, both empty where it is no zip."""
    if not head.startswith(ZIP_MAGIC) or len(head) < _ZIP_HEADER:
        return "", ""
    length = int.from_bytes(head[26:28], "little")
    start = _ZIP_HEADER + length + int.from_bytes(head[28:30], "little")
    is_deflated = int.from_bytes(head[8:10], "little") == zipfile.ZIP_DEFLATED
    content = _inflated(head[start:], -zlib.MAX_WBITS) if is_deflated else head[start:]
    return head[_ZIP_HEADER : _ZIP_HEADER + length].decode(errors="replace"), content.decode(errors="replace")


def _inflated(content: bytes, window: int) -> bytes:
    """Inflate as much as is there; nothing where it cannot be inflated."""
    try:
        return zlib.decompressobj(window).decompress(content)
    except zlib.error:
        return b""


def whole(file: IO[bytes] | gzip.GzipFile, most: int = UNPACKED_MAX) -> bytes:
    """Read all of a file that is unpacked while it is read; raises ValueError where it is larger than `most` bytes."""
    content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"it unpacks into more than {most} bytes, which is the most that is read")
    return content


def plain(record: RawRecord, content: bytes, most: int = UNPACKED_MAX) -> bytes:
    """Give a file's bytes, decompressed where it is a gzip; raises SourceError where that cannot be read."""
    if not content.startswith(GZIP_MAGIC):
        return content
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
            return whole(file, most)
    except (OSError, EOFError, zlib.error, ValueError) as error:
        raise SourceError(f"{record.name} ({len(content)} bytes): not a readable gzip: {error}") from error


def only_member(record: RawRecord, content: bytes, end: str = ".csv", *, most: int = UNPACKED_MAX) -> bytes:
    """Give the one member of a zip whose name has this end; raises SourceError where there is not exactly one."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            names = [name for name in archive.namelist() if name.endswith(end)]
            if len(names) != 1:
                raise SourceError(f"{record.name}: it holds {archive.namelist()}; it must hold one {end} file")
            with archive.open(names[0]) as file:
                return whole(file, most)
    # RuntimeError: encrypted, or compressed in a way that nobody here can undo.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, OSError, ValueError) as error:
        raise SourceError(f"{record.name} ({len(content)} bytes): not a readable zip: {error}") from error


def tar_member(record: RawRecord, content: bytes, wanted: str, *, most: int = UNPACKED_MAX) -> bytes:
    """Give a member of a gzipped tar; raises SourceError where it is not there."""
    unpacked = plain(record, content, most)
    try:
        with tarfile.open(fileobj=io.BytesIO(unpacked), mode="r:") as archive:
            members = {member.name.rpartition("/")[2]: member for member in archive if member.isfile()}
            inside = archive.extractfile(members[wanted]) if wanted in members else None
            if inside is None:
                raise SourceError(f"{record.name}: it holds {sorted(members)}; it must hold {wanted}")
            return inside.read()
    except (tarfile.TarError, OSError, EOFError) as error:
        raise SourceError(f"{record.name}: not a readable tar.gz: {error}") from error
