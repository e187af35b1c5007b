"""Keys: who may read them, what a rotation keeps, and what nothing new may rest on."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from adapters.keys import (
    FileSigner,
    FileVerifier,
    KeyProblem,
    PutBack,
    Rotation,
    make_key,
    put_back,
    rotate_key,
    rotation_problem,
    rotation_texts,
    rotations,
    unchained,
)
from core.canonical import sha256_text

AT = datetime(2024, 6, 10, 7, tzinfo=UTC)
CONTENT = b"what is signed"


@pytest.fixture
def private(tmp_path: Path) -> Path:
    """Give the path of a private key that was made, its public half beside it."""
    make_key(tmp_path / "secrets/key.pem", tmp_path / "keys")
    return tmp_path / "secrets/key.pem"


@pytest.fixture
def public(private: Path) -> Path:
    """Give the folder of the public keys."""
    return private.parent.parent / "keys"


def rotated(private: Path, public: Path, reason: str = "a laptop was lost") -> Rotation:
    """Rotate the key."""
    return rotate_key(private, public, by="ann", reason=reason, at=AT)


def chained(public: Path) -> frozenset[str]:
    """Give what the chain of events keeps where it keeps every rotation of a folder."""
    return frozenset(sha256_text(text) for text in rotation_texts(public))


def verdicts(public: Path, key_id: str, signature: bytes, chain: frozenset[str] | None = None) -> tuple[bool, bool]:
    """Say whether a signature verifies, and whether something new may rest on it."""
    kept = chained(public) if chain is None else chain
    verifiers = FileVerifier(public), FileVerifier(public, chained=lambda: kept)
    told = [verifier.verify(key_id, CONTENT, signature) for verifier in verifiers]
    return told[0], told[1]


def test_a_key_is_its_owners_alone_and_made_once(private, public):
    """0600, in a folder of 0700; making it again gives the same one."""
    assert (private.stat().st_mode & 0o777, private.parent.stat().st_mode & 0o777) == (0o600, 0o700)
    assert make_key(private, public) == FileSigner(private).key_id
    assert [path.stem for path in public.iterdir()] == [FileSigner(private).key_id]


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o610, 0o601, 0o644])
def test_a_key_that_others_can_read_signs_nothing(private, mode):
    """Any bit of group or world: it may be known to somebody already. The words name file, mode and remedy."""
    private.chmod(mode)

    with pytest.raises(KeyProblem, match=rf"key\.pem has mode {mode:04o}: others can read it; `chmod 600` it"):
        FileSigner(private)


@pytest.mark.parametrize("mode", [0o600, 0o400])
def test_a_key_that_its_owner_alone_can_read_signs(private, public, mode):
    """Read-only is as good."""
    private.chmod(mode)
    signer = FileSigner(private)

    assert verdicts(public, signer.key_id, signer.sign(CONTENT)) == (True, True)


def test_a_rotation_puts_a_new_key_in_place_and_the_old_one_verifies_what_it_signed(private, public):
    """Nothing new may rest on the old one; the new one is its owner's alone, and nothing of the old private key is left."""
    old = FileSigner(private)
    before = private.read_bytes()

    done = rotated(private, public)

    new = FileSigner(private)
    assert (done.number, done.old, done.new, done.by, done.reason, done.at) == (
        *(1, old.key_id, new.key_id),
        *("ann", "a laptop was lost", AT),
    )
    assert verdicts(public, old.key_id, old.sign(CONTENT)) == (True, False)
    assert verdicts(public, new.key_id, new.sign(CONTENT)) == (True, True)
    assert (private.stat().st_mode & 0o777, [path.name for path in private.parent.iterdir()]) == (0o600, ["key.pem"])
    assert private.read_bytes() != before


def test_rotations_follow_each_other(private, public):
    """Each names the one before; all but the last key are out of use."""
    first, second = rotated(private, public), rotated(private, public, "again")

    assert (second.number, second.old) == (2, first.new)
    assert rotations(public) == (first, second)
    assert len(rotation_texts(public)) == 2


def _cut(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8")[:-9], encoding="utf-8")


def _forge(path: Path) -> None:
    kept = json.loads(path.read_text(encoding="utf-8"))
    kept["told"]["by"] = "eve"
    path.write_text(json.dumps(kept), encoding="utf-8")


def _unsign(path: Path) -> None:
    kept = json.loads(path.read_text(encoding="utf-8"))
    kept["signatures"].pop(kept["told"]["new"])
    path.write_text(json.dumps(kept), encoding="utf-8")


def _borrow(path: Path) -> None:
    kept = json.loads(path.read_text(encoding="utf-8"))
    kept["signatures"][kept["told"]["old"]] = kept["signatures"][kept["told"]["new"]]
    path.write_text(json.dumps(kept), encoding="utf-8")


@pytest.mark.parametrize("harm", [_cut, _forge, _unsign, _borrow, Path.unlink])
def test_a_rotation_that_is_not_signed_by_both_keys_lets_nothing_new_pass(private, public, harm):
    """Changed, signed by one, or gone while a later one stands: until a person looked, nothing is issued."""
    rotated(private, public)
    rotated(private, public)
    harm(public / "rotation-0001.json")
    signer = FileSigner(private)

    assert verdicts(public, signer.key_id, signer.sign(CONTENT)) == (True, False)
    with pytest.raises(KeyProblem, match="rotation"):
        rotations(public)


def test_nothing_new_rests_on_a_key_while_folder_and_chain_keep_other_rotations(private, public):
    """The last one removed, which numbers alone do not tell, or one that the chain does not keep: said, and nothing passes."""
    old = FileSigner(private)
    rotated(private, public)
    kept, signer = chained(public), FileSigner(private)
    at_rest = verdicts(public, signer.key_id, signer.sign(CONTENT), kept), rotation_problem(public, kept)
    unknown = verdicts(public, signer.key_id, signer.sign(CONTENT), frozenset()), rotation_problem(public, ())
    (public / "rotation-0001.json").unlink()
    removed = [verdicts(public, one.key_id, one.sign(CONTENT), kept) for one in (old, signer)]

    assert at_rest == ((True, True), None)
    assert (unknown[0], removed) == ((True, False), [(True, False)] * 2)
    assert "holds 1 rotations and the chain of events 0, of which 0 are the same: " in str(unknown[1])
    assert "rotation-0001.json is not in the chain" in str(unknown[1])
    assert "holds 0 rotations and the chain of events 1, of which 0 are the same: put back" in str(
        rotation_problem(public, kept)
    )


def test_a_rotation_that_the_chain_keeps_is_put_back_with_its_key(private, public):
    """Of an older copy of the folder, the text in the chain is enough; what is there already stays."""
    old = FileSigner(private)
    done = rotated(private, public)
    texts, kept = rotation_texts(public), chained(public)
    (public / "rotation-0001.json").unlink()
    (public / f"{done.new}.pub").unlink()

    assert put_back(public, texts) == PutBack((done,), ())
    assert put_back(public, texts) == PutBack()
    assert (rotation_problem(public, kept), rotations(public)) == (None, (done,))
    assert verdicts(public, old.key_id, old.sign(CONTENT), kept) == (True, False)


def test_no_key_is_put_back_that_a_known_one_did_not_sign_for(private, public, tmp_path):
    """Whoever may write to the chain alone brings in no key of his, and moves nothing."""
    make_key(tmp_path / "eve/key.pem", tmp_path / "evekeys")
    rotated(tmp_path / "eve/key.pem", tmp_path / "evekeys")
    rotated(private, public)
    before = {path.name for path in public.iterdir()}
    for text in (rotation_texts(tmp_path / "evekeys")[0], "{}", "no JSON", "[" * 100_000):
        with pytest.raises(KeyProblem, match="that the chain of events keeps"):
            put_back(public, (text,))
    assert {path.name for path in public.iterdir()} == before


def twins(private: Path, public: Path) -> tuple[tuple[Rotation, Rotation], tuple[str, str]]:
    """Give two rotations of number 1, the second made while the file of the first was away; the folder keeps the second."""
    first = rotated(private, public)
    (text,) = rotation_texts(public)
    (public / "rotation-0001.json").unlink()
    second = rotated(private, public, "again")
    return (first, second), (text, rotation_texts(public)[0])


def test_two_rotations_of_one_number_stand_beside_each_other(private, public):
    """The chain forgets neither: the one that was away comes back under its number and its text, and the next is number 2."""
    (first, second), texts = twins(private, public)
    kept = frozenset(sha256_text(text) for text in texts)
    closed = rotation_problem(public, kept)
    for done in (first, second):
        (public / f"{done.new}.pub").unlink()

    healed = put_back(public, texts)

    assert ((first.number, second.number), second.old) == ((1, 1), first.new)
    assert "holds 1 rotations and the chain of events 2, of which 1 are the same" in str(closed)
    assert healed == PutBack((first, second), ())
    named = f"rotation-0001-{sha256_text(texts[0])[:8]}.json"
    assert [path.name for path in sorted(public.glob("*.json"))] == [named, "rotation-0001.json"]
    assert (public / named).read_text(encoding="utf-8") == texts[0]
    assert (rotation_problem(public, kept), put_back(public, texts)) == (None, PutBack())
    assert rotated(private, public).number == 2
    signer = FileSigner(private)
    assert verdicts(public, signer.key_id, signer.sign(CONTENT)) == (True, True)


def test_an_empty_folder_gets_both_rotations_of_one_number(private, public):
    """Of an older copy of the folder: the first needs the first key alone, the second what the first brings."""
    (first, second), texts = twins(private, public)
    (public / "rotation-0001.json").unlink()
    for done in (first, second):
        (public / f"{done.new}.pub").unlink()

    assert put_back(public, texts[::-1]) == PutBack((first, second), ())
    assert rotation_problem(public, [sha256_text(text) for text in texts]) is None


def test_a_whole_rotation_that_the_chain_lacks_stays_where_another_of_its_number_is_put_back(private, public):
    """Both keys signed for it: it is no spoiled file, it is told as one that the chain must be told of."""
    (first, second), texts = twins(private, public)

    assert unchained(public, texts[:1]) == (second,)
    assert put_back(public, texts[:1]) == PutBack((first,), ())
    assert set(rotation_texts(public)) == set(texts)
    assert (unchained(public, texts[:1]), unchained(public, texts)) == ((second,), ())


def test_a_rotation_overwrites_no_other_under_its_name(private, public):
    """A file that a person named after another number keeps what it says."""
    rotated(private, public)
    (public / "rotation-0001.json").rename(public / "rotation-0002.json")
    before = rotation_texts(public)

    assert rotated(private, public).number == 2
    assert len(rotation_texts(public)) == 2
    assert set(before) < set(rotation_texts(public))


def _lengthen(path: Path) -> None:
    path.write_text(path.read_text(encoding="utf-8") + "\n", encoding="utf-8")


def _nest(path: Path) -> None:
    path.write_text("[" * 100_000, encoding="utf-8")


def _blur(path: Path) -> None:
    path.write_bytes(b"\xff\xfe")


@pytest.mark.parametrize("harm", [_lengthen, _cut, _forge, _unsign, _borrow, _nest, _blur])
def test_a_spoiled_file_of_a_rotation_is_moved_aside_and_put_back(private, public, harm):
    """Changed, torn, or not signed by both: the chain holds the whole text; what stood there is kept for whoever asks."""
    first, _ = rotated(private, public), rotated(private, public)
    texts, kept, path = rotation_texts(public), chained(public), public / "rotation-0001.json"
    harm(path)
    spoiled, closed = path.read_bytes(), rotation_problem(public, kept)

    healed = put_back(public, texts)

    assert "`twokey keys rotate --by NAME` puts back" in str(closed)
    assert healed == PutBack((first,), ("aside/rotation-0001.json",))
    assert (public / "aside/rotation-0001.json").read_bytes() == spoiled
    assert (rotation_problem(public, kept), rotation_texts(public)) == (None, texts)
    harm(path)
    assert put_back(public, texts).aside == ("aside/rotation-0001.json.1",)
    assert (public / "aside/rotation-0001.json").read_bytes() == spoiled


@pytest.mark.parametrize(("text", "aside"), [(None, 0), ("", 1), ("00" * 32, 1)])
def test_the_lost_public_key_of_a_rotation_is_put_back(private, public, text, aside):
    """Gone, torn or another's: each rotation tells its new key, and the next one is proven by it again."""
    first, _ = rotated(private, public), rotated(private, public)
    texts, kept, path = rotation_texts(public), chained(public), public / f"{first.new}.pub"
    before = path.read_bytes()
    if text is None:
        path.unlink()
    else:
        path.write_text(text, encoding="ascii")
    closed = rotation_problem(public, kept)

    healed = put_back(public, texts)

    assert closed is not None
    assert healed == PutBack((first,), (f"aside/{path.name}",) * aside)
    assert (path.read_bytes(), rotation_problem(public, kept)) == (before, None)


def test_a_lost_first_key_is_told_as_what_rotating_cannot_heal(private, public):
    """No rotation tells it: the words of the gate name the file and promise nothing, and nothing moves."""
    done = rotated(private, public)
    (public / f"{done.old}.pub").unlink()
    before = {path.name for path in public.iterdir()}

    words = str(rotation_problem(public, chained(public)))

    assert (
        f"the key {done.old}.pub, which signed the rotation rotation-0001.json, is gone; restore it from a copy"
        in words
    )
    assert "where the *.pub of the first key is gone or changed it cannot" in words
    with pytest.raises(
        KeyProblem, match=rf"{done.old}\.pub, which signed the rotation 1 that the chain of events keeps, is"
    ):
        put_back(public, rotation_texts(public))
    assert {path.name for path in public.iterdir()} == before


@pytest.mark.parametrize(
    "name",
    [
        "rotation-0001 (copy).json",
        "rotation-notes.json",
        "rotation-1.json",
        "rotation-0001-notahash.json",
        "rotation-0001.json~",
    ],
)
def test_a_file_that_is_no_rotation_closes_nothing(private, public, name):
    """A person's copy or note beside them is left where it is."""
    rotated(private, public)
    texts = rotation_texts(public)
    (public / name).write_text("a note", encoding="utf-8")

    assert (rotation_texts(public), rotation_problem(public, chained(public))) == (texts, None)
    assert put_back(public, texts) == PutBack()
    assert (public / name).exists()


def test_a_rotation_cut_short_is_gone_on_with(private, public):
    """Killed before the new key took its place: the old one may not sign anything new, and the next rotation ends the first."""
    old = private.read_bytes()
    signer = FileSigner(private)
    done = rotated(private, public)
    private.rename(private.with_suffix(".new"))
    private.write_bytes(old)
    private.chmod(0o600)

    assert verdicts(public, signer.key_id, signer.sign(CONTENT)) == (True, False)
    assert rotated(private, public, "once more") == done
    assert (FileSigner(private).key_id, len(rotations(public))) == (done.new, 1)


@pytest.mark.parametrize("text", ["", "zz", "00", "00" * 32])
def test_a_public_key_that_cannot_be_read_verifies_nothing(private, public, text):
    """It voids the approval, and does not stop the ticket that would say so."""
    signer = FileSigner(private)
    (public / f"{signer.key_id}.pub").write_text(text, encoding="ascii")

    assert verdicts(public, signer.key_id, signer.sign(CONTENT)) == (False, False)
