"""Keys: the riskguard's Ed25519 key, and the public keys that everybody else verifies with."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import count
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from core.canonical import canonical_json, sha256_text

KEY_ID_LENGTH = 16
# The kind under which a rotation's text stands among what the chain of events keeps.
ROTATION = "key_rotation"
# A copy that a person made beside a rotation, or a note, is none.
ROTATION_FILE = re.compile(r"rotation-([0-9]{4})(-[0-9a-f]{8})?\.json")
DIGEST_SHOWN = 8
HEALS = (
    "`twokey keys rotate --by NAME` puts back what the chain of events keeps and records what it lacks; where the *.pub of the"
    " first key is gone or changed it cannot, and that file must come from a copy of config/keys first"
)


class KeyProblem(RuntimeError):
    """A key could not be used; says which file and what was wrong."""


def make_key(private_path: Path, public_dir: Path) -> str:
    """Make the riskguard's key unless it is there, and give its id; the private file is 0600."""
    if private_path.exists():
        return FileSigner(private_path).key_id
    key = Ed25519PrivateKey.generate()
    private_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    public = _public_bytes(key.public_key())
    public_dir.mkdir(parents=True, exist_ok=True)
    # The public half first: a private key that nobody can verify with would sign approvals that are all void.
    _write_whole(public_dir / f"{_key_id(public)}.pub", public.hex() + "\n")
    _write_private(private_path, key)
    return _key_id(public)


class FileSigner:
    """Signs with the private key in a file; raises KeyProblem when it cannot be read, or others than its owner could."""

    def __init__(self, path: Path) -> None:
        self._key = _private_key(path)

    @property
    def key_id(self) -> str:
        """Name the key: the first half of the SHA-256 of its public half is enough to tell keys apart."""
        return _key_id(_public_bytes(self._key.public_key()))

    def sign(self, content: bytes) -> bytes:
        """Give the 64 bytes of the signature."""
        return self._key.sign(content)


class FileVerifier:
    """Verifies with the public keys of a folder, one file a key.

    A key that was rotated away still verifies what it signed. Given `chained`, the hashes of the rotations that the chain of
    events keeps, it does not: nothing new may rest on it, and on no key at all while the folder keeps other rotations.
    A key file or a rotation that cannot be read, or that is not what its signatures say, verifies nothing.
    """

    def __init__(self, public_dir: Path, *, chained: Callable[[], Collection[str]] | None = None) -> None:
        self._dir = public_dir
        self._chained = chained

    def verify(self, key_id: str, content: bytes, signature: bytes) -> bool:
        """Say whether a signature is that key's over these bytes; an unknown key verifies nothing."""
        try:
            if self._chained is not None and not self._is_in_use(key_id, self._chained()):
                return False
            return _verifies(self._dir, key_id, content, signature)
        except KeyProblem:
            return False

    def _is_in_use(self, key_id: str, chained: Collection[str]) -> bool:
        is_retired = key_id in {rotation.old for rotation in rotations(self._dir)}
        return not is_retired and rotation_problem(self._dir, chained) is None


@dataclass(frozen=True)
class Rotation:
    """A person's word that one key takes another's place; both keys sign its canonical bytes."""

    number: int
    old: str
    new: str
    public: str
    by: str
    reason: str
    at: datetime


def rotate_key(private_path: Path, public_dir: Path, *, by: str, reason: str, at: datetime) -> Rotation:
    """Make a new key in the place of the riskguard's, signed for by both, and give the rotation.

    The old public key stays, so that what it signed verifies. A rotation that was cut short is gone on with: the new key
    is kept before anything names it, and takes the old one's place last. One at a time: the caller holds a lock.
    """
    old, fresh_path = _private_key(private_path), private_path.with_suffix(".new")
    if not fresh_path.exists():
        _write_private(fresh_path, Ed25519PrivateKey.generate())
    new = _private_key(fresh_path)
    public = _public_bytes(new.public_key())
    done = rotations(public_dir)
    kept = next((one for one in done if one.new == _key_id(public)), None)
    if kept is None:
        old_id = _key_id(_public_bytes(old.public_key()))
        number = max((one.number for one in done), default=0) + 1
        kept = Rotation(number, old_id, _key_id(public), public.hex(), by, reason, at)
        content = canonical_json(kept).encode()
        signatures = {kept.old: old.sign(content).hex(), kept.new: new.sign(content).hex()}
        _write_whole(public_dir / f"{kept.new}.pub", public.hex() + "\n")
        text = canonical_json({"told": kept, "signatures": signatures})
        _write_whole(_free_path(public_dir, kept.number, text), text)
    fresh_path.replace(private_path)
    return kept


def rotations(public_dir: Path) -> tuple[Rotation, ...]:
    """Give every rotation of a folder, by number; raises KeyProblem for one that is missing or changed.

    Two may have one number: one was made while the file of the other was away, and both keys signed for each.
    """
    found = tuple(_rotation(path, public_dir) for path in _paths(public_dir))
    numbers = {one.number for one in found}
    missing = sorted(set(range(1, max(numbers, default=0))) - numbers)
    if missing:
        raise KeyProblem(f"{public_dir.name} holds the rotations {sorted(numbers)} and lacks {missing}")
    return found


def rotation_texts(public_dir: Path) -> tuple[str, ...]:
    """Give the kept text of each rotation of a folder, in their order; raises KeyProblem for one that cannot be read."""
    return tuple(_text(path) for path in _paths(public_dir))


def rotation_problem(public_dir: Path, chained: Collection[str]) -> str | None:
    """Say in what a folder's rotations are not those that the chain of events keeps, given by hash, and what heals it."""
    try:
        rotations(public_dir)
        told = {sha256_text(_text(path)): path.name for path in _paths(public_dir)}
    except KeyProblem as error:
        return f"{error}; {HEALS}"
    lacking, unknown = set(chained) - told.keys(), [name for digest, name in told.items() if digest not in set(chained)]
    if not lacking and not unknown:
        return None
    what = []
    if lacking:
        what.append("put back the files rotation-NNNN.json and *.pub from a copy of config/keys")
    if unknown:
        names = ", ".join(unknown)
        what.append(f"{names} is not in the chain: find out whether a person of the desk rotated (`twokey keys list`)")
    return (
        f"config/keys holds {len(told)} rotations and the chain of events {len(set(chained))}, of which"
        f" {len(told) - len(unknown)} are the same: {'; '.join(what)}; {HEALS}"
    )


def unchained(public_dir: Path, texts: Collection[str]) -> tuple[Rotation, ...]:
    """Give the rotations of a folder that both keys signed and no text of the chain of events tells."""
    found = (_if_proven(path, public_dir) for path in _paths(public_dir))
    told = [_read(text, "that the chain of events keeps")[0] for text in texts]
    return tuple(one for one in found if one is not None and one not in told)


@dataclass(frozen=True)
class PutBack:
    """What came back into a folder of keys from the chain, and where the files went that stood in its place."""

    rotations: tuple[Rotation, ...] = ()
    aside: tuple[str, ...] = ()


def put_back(public_dir: Path, texts: Sequence[str]) -> PutBack:
    """Make a folder keep each rotation that the chain of events keeps, byte for byte, with its new public key.

    A file under a number of the chain that is not signed by both keys, or tells a rotation of the chain in other bytes, is
    moved to `aside`. One that both signed and the chain lacks stays. Raises KeyProblem, before any file of a rotation moves,
    where a text of the chain is not signed by a key that is of the folder or comes back into it.
    """
    chain = {text: _read(text, "that the chain of events keeps")[0] for text in texts}
    ordered = _in_order(chain)
    healed, aside = set(), []
    for text in ordered:
        # Nothing is written before both signatures hold: whoever adds to the chain alone must bring in no key.
        _proven(text, f"{chain[text].number} that the chain of events keeps", public_dir)
        if not _is_key(public_dir, chain[text]):
            aside += _moved_aside(public_dir / f"{chain[text].new}.pub")
            _write_whole(public_dir / f"{chain[text].new}.pub", chain[text].public + "\n")
            healed.add(text)
    for path in _paths(public_dir):
        if _is_spoiled(path, chain, public_dir):
            aside += _moved_aside(path)
    held = rotation_texts(public_dir)
    for text in (one for one in ordered if one not in held):
        _write_whole(_free_path(public_dir, chain[text].number, text), text)
        healed.add(text)
    return PutBack(tuple(chain[text] for text in ordered if text in healed), tuple(aside))


def _in_order(chain: Mapping[str, Rotation]) -> list[str]:
    """Give the texts by number, each after the one that made its old key: that key comes back first."""
    rest, ordered = sorted(chain, key=lambda text: chain[text].number), []
    while rest:
        made = {chain[text].new for text in rest}
        ordered.append(next((text for text in rest if chain[text].old not in made), rest[0]))
        rest.remove(ordered[-1])
    return ordered


def _is_key(public_dir: Path, rotation: Rotation) -> bool:
    try:
        return (public_dir / f"{rotation.new}.pub").read_text(encoding="ascii").strip() == rotation.public
    except (OSError, ValueError):
        return False


def _is_spoiled(path: Path, chain: Mapping[str, Rotation], public_dir: Path) -> bool:
    """Say whether a file has a number that the chain keeps, and is neither what it keeps nor another whole rotation."""
    rotation = _if_proven(path, public_dir)
    if rotation is None:
        return int(path.stem.split("-")[1]) in {one.number for one in chain.values()}
    return _text(path) not in chain and rotation in chain.values()


def _moved_aside(path: Path) -> list[str]:
    """Move a file to the folder beside it where nothing is overwritten, and give its name there, if there is such a file."""
    if not path.exists():
        return []
    folder = path.parent / "aside"
    folder.mkdir(exist_ok=True)
    names = (path.name if number == 0 else f"{path.name}.{number}" for number in count())
    target = next(folder / name for name in names if not (folder / name).exists())
    path.rename(target)
    return [f"{folder.name}/{target.name}"]


def _if_proven(path: Path, public_dir: Path) -> Rotation | None:
    try:
        return _proven(_text(path), path.name, public_dir)
    except KeyProblem:
        return None


def _paths(public_dir: Path) -> list[Path]:
    return sorted(
        (path for path in public_dir.glob("rotation-*.json") if ROTATION_FILE.fullmatch(path.name)),
        key=lambda path: path.stem,
    )


def _text(path: Path) -> str:
    """Read a rotation byte for byte: the ends of its lines are not translated."""
    try:
        return path.read_bytes().decode("utf-8")
    except (OSError, ValueError) as error:
        raise KeyProblem(f"the rotation {path.name} could not be read: {error}") from error


def _rotation(path: Path, public_dir: Path) -> Rotation:
    rotation = _proven(_text(path), path.name, public_dir)
    if not (public_dir / f"{rotation.new}.pub").exists():
        raise KeyProblem(f"the key {rotation.new}.pub of the rotation {path.name} is gone; restore it from a copy")
    return rotation


def _proven(text: str, name: str, public_dir: Path) -> Rotation:
    """Read a rotation that the old key, as it stands in the folder, and the new one, as it is told, both signed."""
    rotation, signatures = _read(text, name)
    try:
        content, public = canonical_json(rotation).encode(), bytes.fromhex(rotation.public)
        by_old, by_new = (bytes.fromhex(signatures[key]) for key in (rotation.old, rotation.new))
        is_new_whole = rotation.new == _key_id(public) and _is_signed(public, content, by_new)
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise KeyProblem(f"the rotation {name} could not be read: {error}") from error
    if is_new_whole and rotation.old not in {path.stem for path in public_dir.glob("*.pub")}:
        raise KeyProblem(
            f"the key {rotation.old}.pub, which signed the rotation {name}, is gone; restore it from a copy"
        )
    if not is_new_whole or not _verifies(public_dir, rotation.old, content, by_old):
        raise KeyProblem(f"the rotation {name} is not signed by both its keys; restore it from a copy")
    return rotation


def _read(text: str, name: str) -> tuple[Rotation, dict[str, str]]:
    """Read what a text tells, whoever signed it, and its signatures."""
    try:
        kept = json.loads(text)
        told = kept["told"]
        rotation = Rotation(**{**told, "number": int(told["number"]), "at": datetime.fromisoformat(told["at"])})
        signatures = {str(key): str(kept["signatures"][key]) for key in (rotation.old, rotation.new)}
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError) as error:
        raise KeyProblem(f"the rotation {name} could not be read: {error}") from error
    return rotation, signatures


def _verifies(public_dir: Path, key_id: str, content: bytes, signature: bytes) -> bool:
    known = {path.stem: path for path in public_dir.glob("*.pub")}
    if key_id not in known:
        return False
    try:
        public = bytes.fromhex(known[key_id].read_text(encoding="ascii").strip())
        return _key_id(public) == key_id and _is_signed(public, content, signature)
    except (OSError, ValueError) as error:
        raise KeyProblem(f"the public key {key_id}.pub could not be read: {error}") from error


def _is_signed(public: bytes, content: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, content)
    except InvalidSignature:
        return False
    return True


def _private_key(path: Path) -> Ed25519PrivateKey:
    try:
        mode = path.stat().st_mode & 0o777
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise KeyProblem(f"the riskguard's key {path.name} could not be read: {error}") from error
    if mode & 0o077:
        raise KeyProblem(
            f"the riskguard's key {path} has mode {mode:04o}: others can read it; `chmod 600` it, and if anybody may have,"
            " `twokey keys rotate --by NAME`"
        )
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyProblem(f"{path.name} holds a {type(key).__name__}; an Ed25519 private key is needed")
    return key


def _write_private(path: Path, key: Ed25519PrivateKey) -> None:
    """Write a private key whole, its owner's alone; a torn one would end the desk."""
    content = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    writing = path.with_suffix(".writing")
    writing.unlink(missing_ok=True)
    descriptor = os.open(writing, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    writing.replace(path)


def _write_whole(path: Path, text: str) -> None:
    writing = path.with_name(f".writing-{path.name}")
    with writing.open("w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    writing.replace(path)


def _free_path(public_dir: Path, number: int, text: str) -> Path:
    """Name the file of a rotation by its number, and by its text too where another one has that name."""
    path = public_dir / f"rotation-{number:04d}.json"
    return path if not path.exists() else path.with_stem(f"{path.stem}-{sha256_text(text)[:DIGEST_SHOWN]}")


def _public_bytes(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _key_id(public: bytes) -> str:
    return sha256(public).hexdigest()[:KEY_ID_LENGTH]
