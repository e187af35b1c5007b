"""Lost files: which files of tickets are no word of the database, and what is written on them."""

from __future__ import annotations

import json

import pytest

from flows.books import KeptTicket
from flows.lost import Lost, lost_files, marked

ID, OLD, NEW = "TICKET-20240612", "a" * 64, "b" * 64
LIVE = KeptTicket(ID, 1, OLD, is_void=False)


def text(digest: str, *, void: bool = False, book: str = "main") -> str:
    """Give a ticket's JSON."""
    facts = {
        "hash": digest,
        "seal": {"run_id": "RUN-1"},
        "ticket": {"ticket_id": ID, "day": "2024-06-12", "book": book},
    }
    return json.dumps(facts | ({"void": {"by": "ann"}} if void else {}))


def files(**texts: str) -> dict[str, str]:
    """Give the Markdown and the JSON file of each stem, with `_` for `-`."""
    stems = {ID + stem.removeprefix("x").replace("_", "-"): told for stem, told in texts.items()}
    return {f"tickets/{stem}.{form}": told for stem, told in stems.items() for form in ("json", "md")}


def names(*stems: str, day: str = "2024-06-12") -> tuple[str, ...]:
    """Give the names of all files of lost tickets."""
    own = [f"tickets/{ID}{stem}.{form}" for stem in stems for form in ("json", "md")]
    trades = [f"trades/{kind}_{day}.json" for kind in ("approved", "proposed")]
    return tuple(sorted([*own, *trades, f"signals/{day}.csv", "runs/RUN-1/manifest.json"]))


def test_a_ticket_as_it_is_kept_is_not_lost():
    """Live, void with its number beside the revision in its place, void alone."""
    void = KeptTicket(ID, 1, OLD, is_void=True)
    revised = files(x=text(NEW), x_r1=text(OLD, void=True))

    assert lost_files(files(x=text(OLD)), [LIVE]) == Lost((), ())
    assert lost_files(revised, [KeptTicket(ID, 2, NEW, is_void=False), void]) == Lost((), ())
    assert lost_files(files(x=text(OLD, void=True)), [void]) == Lost((), ())


@pytest.mark.parametrize("kept", [[], [LIVE]])
def test_a_ticket_that_is_not_kept_takes_its_trades_and_signals_along(kept):
    """None of its id, or another of its id: a hash alone tells."""
    assert lost_files(files(x=text(NEW)), kept) == Lost((ID,), names(""))


def test_the_revision_and_the_void_ticket_beside_it_are_both_lost():
    """The revision is given up: what it voided is live again, and its file must not say otherwise."""
    assert lost_files(files(x=text(NEW), x_r1=text(OLD, void=True)), [LIVE]) == Lost((ID,), names("", "-r1"))
    assert lost_files(files(x=text(OLD, void=True)), [LIVE]) == Lost((ID,), names(""))


def test_another_books_files_have_its_name():
    """Trades and signals of a book that is not main."""
    assert lost_files(files(x=text(NEW, book="two")), []) == Lost((ID,), names("", day="2024-06-12-two"))


def test_pages_are_known_by_their_hash_and_markdown_alone_by_its_name():
    """What no JSON file stands beside."""
    pages = {f"tickets/{ID}-{digest[:8]}.{form}": "" for digest in (OLD, NEW) for form in ("html", "pdf")}
    alone = {f"tickets/{ID}.md": "", "tickets/TICKET-20240613.md": "", f"tickets/{ID}.json": "no JSON"}
    page = f"{ID}-{NEW[:8]}"

    assert lost_files(pages, [LIVE]) == Lost((ID,), (f"tickets/{page}.html", f"tickets/{page}.pdf"))
    assert lost_files(alone, [LIVE]) == Lost(("TICKET-20240613",), ("tickets/TICKET-20240613.md",))


def test_what_is_no_file_of_the_desk_is_left_alone():
    """A copy of a ticket that is kept, whatever it is called, and a person's notes; nobody is told that it is lost."""
    copy, notes = f"tickets/{ID}-mine.json", {"tickets/TICKET-notes.md": "", f"tickets/{ID} copy.json": text(NEW)}

    assert lost_files({copy: text(OLD), f"tickets/{ID}-mine.md": "", **notes}, [LIVE]) == Lost((), ())
    # A copy of what is not kept is lost, and takes nothing along that the ticket's own file would.
    assert lost_files({"tickets/TICKET-20240613-mine.json": text(NEW)}, [LIVE]) == Lost(
        (ID,), ("tickets/TICKET-20240613-mine.json",)
    )


@pytest.mark.parametrize(
    "change", [{"day": "../data/keep"}, {"book": "../../config"}, {"run": "../../config"}, {"run": "RUN-1/../.."}]
)
def test_a_file_leads_to_no_file_outside_of_its_own(change):
    """What it says of its day, book and run goes into names; a path among them makes it a text that says nothing."""
    facts = json.loads(text(NEW, book=change.get("book", "main")))
    facts["ticket"]["day"] = change.get("day", "2024-06-12")
    facts["seal"]["run_id"] = change.get("run", "RUN-1")

    assert lost_files({f"tickets/{ID}.json": json.dumps(facts)}, []) == Lost((ID,), (f"tickets/{ID}.json",))


def test_a_text_that_nests_without_end_says_nothing():
    """It is judged by its name, and moved as it was."""
    deep = "[" * 100_000

    assert lost_files({f"tickets/{ID}.json": deep}, []) == Lost((ID,), (f"tickets/{ID}.json",))
    assert marked("x.json", deep, "Gone.") == deep


def test_what_is_lost_says_so():
    """Above Markdown and in JSON; a text that is neither stays as it was."""
    assert marked("tickets/x.md", "# A\n", "Gone.") == "> **LOST.** Gone. Do not execute anything of it.\n\n# A\n"
    assert marked("trades/x.json", '{"b":1}\n', "Gone.") == '{"b":1,"lost":"Gone."}\n'
    assert marked("x.json", "[1]", "Gone.") == "[1]"
    assert marked("x.json", "{", "Gone.") == "{"
    assert marked("signals/x.csv", "a,b\n", "Gone.") == "a,b\n"
