"""Workspaces: one folder with everything a desk keeps, and what `twokey init` puts there."""

from __future__ import annotations

import os
import re
import shutil
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

from adapters.files.atomic import READ_WRITE, write_whole

FOLDERS = (
    "config",
    "data/raw",
    "data/clean",
    "signals",
    "trades",
    "tickets",
    "reports",
    "runs",
    "backups",
    "logs",
    "secrets",
)
SHIPPED = ("policy.yml", "policy.schema.json", "desk.yml", "universe.csv", "archives.yml", "sources.yml")


class WorkspaceError(RuntimeError):
    """A workspace is missing something; says what, and which command makes it."""


@dataclass(frozen=True)
class Workspace:
    """The paths of a workspace."""

    root: Path

    @property
    def config(self) -> Path:
        """Give the folder of the configuration."""
        return self.root / "config"

    @property
    def secrets(self) -> Path:
        """Give the folder of the secrets."""
        return self.root / "secrets"

    @property
    def postgres(self) -> Path:
        """Give the folder of the embedded server."""
        return self.root / "pg"

    @property
    def database_marker(self) -> Path:
        """Give the file that says where the database is when it is not in the workspace."""
        return self.config / "database.txt"

    @property
    def private_key(self) -> Path:
        """Give the riskguard's private key."""
        return self.secrets / "riskguard" / "ed25519.pem"

    @property
    def public_keys(self) -> Path:
        """Give the folder of the public keys."""
        return self.config / "keys"

    @property
    def heads(self) -> Path:
        """Give the file of the audit heads kept outside the database."""
        return self.root / "logs" / "audit_heads.jsonl"

    def policy_path(self, book: str) -> Path:
        """Give the policy file of a book."""
        return self.config / "policy.yml" if book == "main" else self.config / "books" / f"{book}.yml"

    def books(self) -> list[str]:
        """Name the books that have a policy, `main` first."""
        return ["main", *sorted(path.stem for path in (self.config / "books").glob("*.yml"))]

    def text(self, path: Path) -> str:
        """Read a configuration file; raises WorkspaceError naming it when it cannot be read."""
        try:
            return path.read_text(encoding="utf-8")
        except FileNotFoundError as error:
            name = path.relative_to(self.root)
            is_book = path.parent.name == "books"
            hint = (
                "another book is a file like config/policy.yml"
                if is_book
                else f"`twokey init {self.root}` puts it there"
            )
            raise WorkspaceError(f"{name} is missing in {self.root}; {hint}") from error
        except (OSError, UnicodeDecodeError) as error:
            raise WorkspaceError(f"{path} could not be read: {error}") from error


def remember_database(workspace: Workspace, elsewhere: str | None) -> None:
    """Keep where the database is when it is elsewhere, so that a forgotten setting makes none in the workspace."""
    if elsewhere is not None:
        write_whole(workspace.database_marker, f"{elsewhere}\n".encode(), mode=READ_WRITE)


def check_folder(root: Path) -> None:
    """Hold that a workspace can be made in a folder; raises WorkspaceError naming what stands in the way."""
    there = next(one for one in (root, *root.parents) if os.path.lexists(one))
    if not there.is_dir():
        raise WorkspaceError(f"{there} is not a folder; give a folder")
    if not os.access(there, os.W_OK | os.X_OK, effective_ids=True):
        raise WorkspaceError(f"{there} may not be written by this account; give a folder that may")


def need_workspace(root: Path) -> None:
    """Hold that a folder is a workspace; raises WorkspaceError with what makes one, and what may have been meant."""
    if _is_folder(root / "config"):
        return
    if os.path.lexists(root) and not _is_folder(root):
        raise WorkspaceError(f"{root} is not a folder; give the folder of a workspace")
    raise WorkspaceError(
        f"{root} is no workspace; `twokey init {root}` makes one; another is named with -w FOLDER or in TWOKEY_WORKSPACE"
    )


def make_workspace(root: Path, *, is_synthetic: bool = False) -> list[str]:
    """Make the folders and put the shipped configuration there; what exists is kept. Gives what was made.

    A synthetic workspace takes its bars from the synthetic market alone: no other ever does, so the two never mix.
    """
    made = []
    for name in FOLDERS:
        folder = root / name
        if not folder.exists():
            folder.mkdir(parents=True, mode=0o700 if name == "secrets" else 0o755)
            made.append(name)
    shipped = resources.files("config")
    for name in SHIPPED:
        target = root / "config" / name
        if not target.exists():
            with resources.as_file(shipped / name) as source:
                shutil.copyfile(source, target)
            made.append(f"config/{name}")
            if is_synthetic and name == "policy.yml":
                target.write_text(_synthetic(target.read_text(encoding="utf-8")), encoding="utf-8")
    return made


def _synthetic(policy: str) -> str:
    changed, count = re.subn(r"(?m)^( *source_order:).*$", r"\1 [synthetic]", policy)
    assert count == 1, "the shipped policy names its sources once"
    return changed


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except PermissionError:
        # Within a folder that may not be entered.
        return False
