"""Compressed files: they are read up to a size, whatever they unpack into."""

from __future__ import annotations

import gzip
from collections.abc import Callable

import pytest

from adapters.sources.formats.opened import only_member, plain, tar_member
from flows.ports import SourceError
from tests.contract.test_formats import evening, zipped
from tests.unit.market_data.files import record


def test_a_compressed_file_is_read_up_to_a_size():
    """The limit itself is read; a byte more is refused with the file, its size and the limit, in every form."""
    content = b"x" * 1000
    packed = gzip.compress(content)
    zipped_up, tarred = zipped("a.csv", "x" * 999), evening(content)
    one = record("a.gz", "asof_evening")
    openings: list[tuple[Callable[[int], bytes], int, int]] = [
        (lambda most: plain(one, packed, most), 1000, len(packed)),
        (lambda most: only_member(one, zipped_up, most=most), 1000, len(zipped_up)),
        # A tar is read whole: its members, their headers, and the zeros that fill it.
        (lambda most: tar_member(one, tarred, "prices.csv", most=most), len(gzip.decompress(tarred)), len(tarred)),
    ]

    for opened, most, size in openings:
        assert len(opened(most)) == 1000
        with pytest.raises(SourceError) as caught:
            opened(most - 1)
        assert str(caught.value).startswith(f"{one.name} ({size} bytes): ")
        assert f"it unpacks into more than {most - 1} bytes" in str(caught.value)
