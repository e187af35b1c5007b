"""Audit heads outside the database: what is kept is read back, also after others wrote to the file or tore it."""

import re
from dataclasses import replace

import pytest

from adapters.files.heads import FileHeads
from core.domain.backup import AcknowledgedLoss
from core.domain.facts import AuditHead, LossHead
from flows.books import StoreError

FIRST, SECOND, THIRD = (AuditHead(number, str(number) * 64) for number in (1, 2, 3))


@pytest.fixture
def path(tmp_path):
    """Give where the heads go; the folder is not there yet."""
    return tmp_path / "logs" / "heads.jsonl"


def test_what_another_process_adds_is_read_by_one_that_had_read_before(path):
    mine, other = FileHeads(path), FileHeads(path)
    mine.keep(FIRST)
    assert mine.kept() == (FIRST,)
    other.keep(SECOND)
    assert mine.kept() == other.kept() == (FIRST, SECOND)


def test_a_head_that_is_not_newer_adds_nothing(path):
    heads = FileHeads(path)
    heads.keep(SECOND)
    heads.keep(FIRST)
    assert heads.kept() == FileHeads(path).kept() == (SECOND,)


@pytest.mark.parametrize("torn", [1, 20, 70])
def test_a_torn_last_line_is_passed_over_and_counts_once_it_is_whole(path, torn):
    heads = FileHeads(path)
    heads.keep(FIRST)
    whole = path.read_text()
    heads.keep(SECOND)
    line = path.read_text()[len(whole) :]
    path.write_text(whole + line[:torn])
    assert heads.kept() == (FIRST,)
    path.write_text(whole + line)
    assert heads.kept() == (FIRST, SECOND)
    path.write_text(whole + line[:torn])
    heads.keep(THIRD)
    assert heads.kept() == FileHeads(path).kept() == (FIRST, THIRD)


def test_a_file_that_is_no_text_is_told_by_name_and_takes_a_head_all_the_same(path):
    heads = FileHeads(path)
    heads.keep(FIRST)
    whole = path.read_bytes()
    path.write_bytes(b"\xff\xfe" + whole)
    with pytest.raises(StoreError, match=re.escape(f"{path} cannot be read as lines of audit heads")):
        heads.kept()
    heads.keep(SECOND)
    path.write_bytes(path.read_bytes().removeprefix(b"\xff\xfe"))
    assert heads.kept() == FileHeads(path).kept() == (FIRST, SECOND)


def test_a_folder_in_the_place_of_the_file_is_told_by_name(path):
    path.mkdir(parents=True)
    with pytest.raises(StoreError, match=f"{path.name} cannot be read"):
        FileHeads(path).kept()
    with pytest.raises(StoreError, match=f"{path.name} cannot be written"):
        FileHeads(path).keep(FIRST)


def test_a_file_that_was_rewritten_is_read_anew(path):
    heads = FileHeads(path)
    heads.keep(FIRST)
    heads.keep(SECOND)
    changed = path.read_text().replace(FIRST.hash, THIRD.hash)
    path.write_text(changed)
    assert heads.kept() == (AuditHead(1, THIRD.hash), SECOND)
    path.write_text("")
    assert heads.kept() == ()


def test_a_loss_that_a_person_gave_up_makes_earlier_heads_of_it_count_no_more(path):
    """Heads kept later count again, though they are older by number; the lines stay."""
    heads, other = FileHeads(path), FileHeads(path)
    heads.keep(FIRST)
    heads.keep(THIRD)
    loss = LossHead(2, "f" * 64, after=1)
    assert other.kept() == (FIRST, THIRD)

    said = AcknowledgedLoss("backup-1", AuditHead(1, "1" * 64), 4, "ann", "the disk died")
    heads.give_up(loss, said)
    heads.give_up(loss, said)

    assert heads.kept() == other.kept() == FileHeads(path).kept() == (FIRST, loss)
    anew = AuditHead(3, "e" * 64)
    other.keep(anew)
    assert heads.kept() == (FIRST, loss, anew)
    assert heads.losses() == FileHeads(path).losses() == (said,)
    later = LossHead(2, "d" * 64, after=1)
    other.give_up(later, replace(said, reason="again"))
    assert heads.kept() == (FIRST, later)
    assert [one.reason for one in heads.losses()] == ["the disk died", "again"]
    assert len(path.read_text().splitlines()) == 5


def test_a_pinned_head_is_kept_behind_a_newer_one_once(path):
    """The last event of a backup is known later, whatever was kept meanwhile."""
    heads = FileHeads(path)
    heads.keep(THIRD)

    heads.pin(SECOND)
    heads.pin(SECOND)
    heads.pin(THIRD)

    assert FileHeads(path).kept() == (SECOND, THIRD)
    assert len(path.read_text().splitlines()) == 2
