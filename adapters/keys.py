"""Keys: the riskguard's Ed25519 key, and the public keys that everybody else verifies with."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from core.canonical import canonical_json, sha256_text

KEY_ID_LENGTH = 16
# The kind under which a rotation's text stands among what the chain of events keeps.
ROTATION = "key_rotation"


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
        kept = Rotation(len(done) + 1, old_id, _key_id(public), public.hex(), by, reason, at)
        content = canonical_json(kept).encode()
        signatures = {kept.old: old.sign(content).hex(), kept.new: new.sign(content).hex()}
        _write_whole(public_dir / f"{kept.new}.pub", public.hex() + "\n")
        _write_whole(_rotation_path(public_dir, kept.number), canonical_json({"told": kept, "signatures": signatures}))
    fresh_path.replace(private_path)
    return kept


def rotations(public_dir: Path) -> tuple[Rotation, ...]:
    """Give every rotation of a folder, oldest first; raises KeyProblem for one that is missing or changed."""
    paths = sorted(public_dir.glob("rotation-*.json"))
    found = tuple(_rotation(path, public_dir) for path in paths)
    if [one.number for one in found] != list(range(1, len(found) + 1)):
        raise KeyProblem(f"{public_dir.name} holds the rotations {[one.number for one in found]}; one is missing")
    return found


def rotation_texts(public_dir: Path) -> tuple[str, ...]:
    """Give the kept text of each rotation of a folder, oldest first."""
    return tuple(path.read_text(encoding="utf-8") for path in sorted(public_dir.glob("rotation-*.json")))


def rotation_problem(public_dir: Path, chained: Collection[str]) -> str | None:
    """Say in what a folder's rotations are not those that the chain of events keeps, given by hash, and what heals it."""
    try:
        done = rotations(public_dir)
    except KeyProblem as error:
        return str(error)
    told = {sha256_text(text): one for text, one in zip(rotation_texts(public_dir), done, strict=True)}
    lacking, unknown = set(chained) - told.keys(), [one for digest, one in told.items() if digest not in set(chained)]
    if not lacking and not unknown:
        return None
    what = []
    if lacking:
        what.append("put back the files rotation-NNNN.json and *.pub from a copy of config/keys")
    if unknown:
        names = ", ".join(_rotation_path(public_dir, one.number).name for one in unknown)
        what.append(f"{names} is not in the chain: find out whether a person of the desk rotated (`twokey keys list`)")
    return (
        f"config/keys holds {len(told)} rotations and the chain of events {len(set(chained))}, of which"
        f" {len(told) - len(unknown)} are the same: {'; '.join(what)}; `twokey keys rotate --by NAME` makes them the same again"
    )


def put_back(public_dir: Path, texts: Sequence[str]) -> tuple[Rotation, ...]:
    """Write the rotations that the chain of events keeps and the folder lacks, each with its new public key; gives them.

    Raises KeyProblem where the folder keeps another one in its place, or a text is not signed by a key of the folder.
    """
    lacking = [text for text in texts if text not in rotation_texts(public_dir)]
    # The oldest first: the next one's old key comes back with it.
    return tuple(_put_back(text, public_dir) for text in sorted(lacking, key=_number))


def _number(text: str) -> int:
    try:
        return int(json.loads(text)["told"]["number"])
    except (ValueError, TypeError, KeyError) as error:
        raise KeyProblem(f"a rotation that the chain of events keeps could not be read: {error}") from error


def _put_back(text: str, public_dir: Path) -> Rotation:
    path = _rotation_path(public_dir, _number(text))
    if path.exists():
        raise KeyProblem(
            f"{path.name} is not the one that the chain of events keeps; a person must find out who changed it"
        )
    # Nothing is written before both signatures hold: whoever adds to the chain alone must bring in no key.
    rotation = _proven(text, f"{path.name} that the chain of events keeps", public_dir)
    _write_whole(public_dir / f"{rotation.new}.pub", rotation.public + "\n")
    _write_whole(path, text)
    return rotation


def _rotation(path: Path, public_dir: Path) -> Rotation:
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise KeyProblem(f"the rotation {path.name} could not be read: {error}") from error
    rotation = _proven(text, path.name, public_dir)
    if not (public_dir / f"{rotation.new}.pub").exists():
        raise KeyProblem(f"the key {rotation.new}.pub of the rotation {path.name} is gone; restore it from a copy")
    return rotation


def _proven(text: str, name: str, public_dir: Path) -> Rotation:
    """Read a rotation that the old key, as it stands in the folder, and the new one, as it is told, both signed."""
    try:
        kept = json.loads(text)
        told, signatures = kept["told"], kept["signatures"]
        rotation = Rotation(**{**told, "at": datetime.fromisoformat(told["at"])})
        content, public = canonical_json(rotation).encode(), bytes.fromhex(rotation.public)
        is_whole = (
            rotation.new == _key_id(public)
            and _verifies(public_dir, rotation.old, content, bytes.fromhex(signatures[rotation.old]))
            and _is_signed(public, content, bytes.fromhex(signatures[rotation.new]))
        )
    except (ValueError, TypeError, KeyError) as error:
        raise KeyProblem(f"the rotation {name} could not be read: {error}") from error
    if not is_whole:
        raise KeyProblem(f"the rotation {name} is not signed by both its keys; restore it from a copy")
    return rotation


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


def _rotation_path(public_dir: Path, number: int) -> Path:
    return public_dir / f"rotation-{number:04d}.json"


def _public_bytes(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _key_id(public: bytes) -> str:
    return sha256(public).hexdigest()[:KEY_ID_LENGTH]
