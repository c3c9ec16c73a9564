"""Plans, as met outside: the operator's file on the disk."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from shutil import copyfile

from portal.kit.errors import Invalid
from portal.plans.catalogue import Catalogue
from portal.plans.queries import SHIPPED
from portal.plans.reading import read


@dataclass(frozen=True)
class File:
    """The text of a file. `is_there` is False when it was never made and the shipped one stands in."""

    path: Path
    text: str
    is_there: bool = True

    @property
    def digest(self) -> str:
        """What tells this text from any other."""
        return hashlib.sha256(self.text.encode()).hexdigest()

    def catalogue(self) -> Catalogue:
        """What it offers; CatalogueError, with the line, when it makes no sense."""
        return read(self.text)

    def around(self, line: int, beside: int = 2) -> list[tuple[int, str]]:
        """The lines about a line, with their numbers."""
        numbered = list(enumerate(self.text.splitlines(), start=1))
        return numbered[max(0, line - 1 - beside) : line + beside]


def open_file(path: Path, *, shipped: bool) -> File:
    """The operator's file; where it may be the shipped one, that is read in place of a missing file.

    Invalid, with a sentence, when it cannot be read.
    """
    there = path.exists()
    try:
        text = (path if there or not shipped else SHIPPED).read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise Invalid(f"{path} cannot be read: it is not UTF-8 text.") from None
    except OSError as problem:
        raise Invalid(f"{path} cannot be read: {problem.strerror}.") from None
    return File(path, text, there or not shipped)


def make_file(path: Path) -> None:
    """Make the operator's file from the shipped one, unless there is one."""
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        copyfile(SHIPPED, path)
