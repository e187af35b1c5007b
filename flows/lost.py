"""Files of tickets that a restore gave up: which they are, so that nobody takes one for a ticket of the desk."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from core.canonical import canonical_json
from core.domain.slot import MAIN_BOOK
from core.domain.ticket import SHORT_HASH_LENGTH
from flows.books import KeptTicket

LATEST = "signals/latest.csv"
# A page has the short hash of its ticket in its name, after the id.
PAGES = (".html", ".pdf")
# What the desk calls files of tickets; whatever else lies beside them is a person's, and none of its business.
STEM = re.compile(r"TICKET-[0-9]{8}[A-Za-z0-9_-]*", re.ASCII)
# What a file says is put into names of other files: a path must not come in with it.
PLAIN = re.compile(r"[A-Za-z0-9_-]{1,100}", re.ASCII)


@dataclass(frozen=True)
class Told:
    """What a ticket's JSON file says of it: its hash, whether it is void, and the files that were written with it."""

    ticket_id: str
    hash: str
    is_void: bool
    beside: tuple[str, ...]


@dataclass(frozen=True)
class Lost:
    """Files that are no word of the database, by their names below the workspace, and the ids that stand on the tickets."""

    tickets: tuple[str, ...]
    files: tuple[str, ...]


def lost_files(texts: Mapping[str, str], kept: Sequence[KeptTicket]) -> Lost:
    """Find, among the files of `tickets/` with the text of each JSON one, those of tickets that are not kept as they say.

    A page is judged by its name, a Markdown file as the JSON file beside it where there is one. With a lost ticket go the
    trades, signals and manifest that were written with it. What says of a kept ticket what is kept is a copy, and stays.
    """
    copies = {(one.ticket_id, one.hash, one.is_void) for one in kept}
    stems, pages = _wanted(kept), {f"{one.ticket_id}-{one.hash[:SHORT_HASH_LENGTH]}" for one in kept}
    told = {PurePath(name).stem: _told(text) for name, text in texts.items() if name.endswith(".json")}
    ids: set[str] = set()
    files: set[str] = set()
    for name in texts:
        path = PurePath(name)
        says, is_page = told.get(path.stem), path.suffix in PAGES
        is_copy = path.stem not in stems and says and (says.ticket_id, says.hash, says.is_void) in copies
        if is_copy or not STEM.fullmatch(path.stem):
            continue
        if path.stem in pages if is_page else _is_kept(path.stem, says, stems):
            continue
        by_name = path.stem.rpartition("-")[0] if is_page else path.stem
        ids.add(says.ticket_id if says else by_name)
        files.update((name, *(says.beside if says and path.stem.startswith(says.ticket_id) else ())))
    return Lost(tuple(sorted(ids)), tuple(sorted(files)))


def lost_banner(words: str) -> str:
    """Give what stands above a lost ticket's Markdown."""
    return f"> **LOST.** {words} Do not execute anything of it.\n\n"


def marked(name: str, text: str, words: str) -> str:
    """Give the text of a lost file with what became of it: above Markdown, as a field of JSON, else as it was."""
    if name.endswith(".md"):
        return lost_banner(words) + text
    if name.endswith(".json"):
        try:
            facts = json.loads(text)
        except (ValueError, RecursionError):
            return text
        return canonical_json(facts | {"lost": words}) + "\n" if isinstance(facts, dict) else text
    return text


def _wanted(kept: Sequence[KeptTicket]) -> dict[str, KeptTicket]:
    """Give each ticket by the stem that its files have: a newest revision by its id, an older one with its number."""
    newest: dict[str, KeptTicket] = {}
    for one in sorted(kept, key=lambda one: one.revision):
        newest[one.ticket_id] = one
    older = {f"{one.ticket_id}-r{one.revision}": one for one in kept if newest[one.ticket_id] != one}
    return older | newest


def _is_kept(stem: str, says: Told | None, stems: Mapping[str, KeptTicket]) -> bool:
    one = stems.get(stem)
    if one is None or says is None:
        return one is not None
    return (says.hash, says.is_void) == (one.hash, one.is_void)


def _told(text: str) -> Told | None:
    try:
        facts = json.loads(text)
        ticket, run_id = facts["ticket"], str(facts["seal"]["run_id"])
        day = str(ticket["day"]) if ticket["book"] == MAIN_BOOK else f"{ticket['day']}-{ticket['book']}"
        if not PLAIN.fullmatch(day) or not PLAIN.fullmatch(run_id):
            return None
        names = [f"trades/{kind}_{day}.json" for kind in ("approved", "proposed")]
        beside = (*names, f"signals/{day}.csv", f"runs/{run_id}/manifest.json")
        return Told(str(ticket["ticket_id"]), str(facts["hash"]), "void" in facts, beside)
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
