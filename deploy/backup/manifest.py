"""What a backup says about itself: what was in it, and which secrets belong to it."""

import hashlib
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from deploy.backup.programs import BackupError
from portal.kit.settings import Settings

DUMP, NAME = "database.dump", "manifest.json"
FORMAT = 1


@dataclass(frozen=True)
class Manifest:
    """A backup in words. `rows` counts every table in the same moment as the dump.

    `marks` recognises each secret without holding it: a salted scrypt of its value, by name.
    """

    taken_at: str
    migration: str
    server: int
    sha256: str
    rows: dict[str, int]
    salt: str
    marks: dict[str, str]
    format: int = FORMAT

    def strangers(self, settings: Settings) -> list[str]:
        """The secrets of the backup that these settings do not have."""
        present = marks(settings, self.salt)
        return sorted(name for name, mark in self.marks.items() if present.get(name) != mark)


def write(folder: Path, manifest: Manifest) -> None:
    """Write it, and be sure that it is on the disk."""
    with (folder / NAME).open("w") as file:
        json.dump(asdict(manifest), file, indent=1)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def read(folder: Path) -> Manifest:
    """The manifest of a backup whose dump is whole. Raises BackupError."""
    try:
        said = json.loads((folder / NAME).read_text())
    except (OSError, ValueError):
        raise BackupError(f"{folder} is no backup: its {NAME} cannot be read.") from None
    if said.get("format") != FORMAT:
        raise BackupError(f"{folder} was written by another version of Upkeep: restore it with that one.")
    manifest = Manifest(**said)
    try:
        whole = digest(folder / DUMP) == manifest.sha256
    except OSError:
        whole = False
    if not whole:
        raise BackupError(f"{folder / DUMP} is damaged: it is not what was written. Take another backup.")
    return manifest


def digest(path: Path) -> str:
    """The SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def new_salt() -> str:
    """What makes the marks of two backups differ."""
    return secrets.token_hex(16)


def marks(settings: Settings, salt: str) -> dict[str, str]:
    """How each secret that the database cannot do without is recognised."""
    found = {"SECRET_KEY": settings.secret_key.encode()}
    found |= {f"KEY_PEPPERS {pepper.id}": pepper.secret for pepper in settings.key_peppers}
    return {
        name: hashlib.scrypt(value, salt=bytes.fromhex(salt), n=2**14, r=8, p=1, dklen=16).hex()
        for name, value in found.items()
    }
