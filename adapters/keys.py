"""Keys: the riskguard's Ed25519 key, and the public keys that everybody else verifies with."""

from __future__ import annotations

import os
from hashlib import sha256
from pathlib import Path

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

KEY_ID_LENGTH = 16


class KeyProblem(RuntimeError):
    """A key could not be used; says which file and what was wrong."""


def make_key(private_path: Path, public_dir: Path) -> str:
    """Make the riskguard's key unless it is there, and give its id; the private file is 0600."""
    if private_path.exists():
        return FileSigner(private_path).key_id
    key = Ed25519PrivateKey.generate()
    private_path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(private_path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
        )
    public = _public_bytes(key.public_key())
    public_dir.mkdir(parents=True, exist_ok=True)
    (public_dir / f"{_key_id(public)}.pub").write_text(public.hex() + "\n", encoding="ascii")
    return _key_id(public)


class FileSigner:
    """Signs with the private key in a file; raises KeyProblem when it cannot be read."""

    def __init__(self, path: Path) -> None:
        try:
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except (OSError, ValueError) as error:
            raise KeyProblem(f"the riskguard's key {path.name} could not be read: {error}") from error
        if not isinstance(key, Ed25519PrivateKey):
            raise KeyProblem(f"{path.name} holds a {type(key).__name__}; an Ed25519 private key is needed")
        self._key = key

    @property
    def key_id(self) -> str:
        """Name the key: the first half of the SHA-256 of its public half is enough to tell keys apart."""
        return _key_id(_public_bytes(self._key.public_key()))

    def sign(self, content: bytes) -> bytes:
        """Give the 64 bytes of the signature."""
        return self._key.sign(content)


class FileVerifier:
    """Verifies with the public keys of a folder, one file a key."""

    def __init__(self, public_dir: Path) -> None:
        self._dir = public_dir

    def verify(self, key_id: str, content: bytes, signature: bytes) -> bool:
        """Say whether a signature is that key's over these bytes; an unknown key verifies nothing."""
        known = {path.stem: path for path in self._dir.glob("*.pub")}
        if key_id not in known:
            return False
        public = bytes.fromhex(known[key_id].read_text(encoding="ascii").strip())
        if _key_id(public) != key_id:
            return False
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, content)
        except InvalidSignature:
            return False
        return True


def _public_bytes(key: Ed25519PublicKey) -> bytes:
    return key.public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw)


def _key_id(public: bytes) -> str:
    return sha256(public).hexdigest()[:KEY_ID_LENGTH]
