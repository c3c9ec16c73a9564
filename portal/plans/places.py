"""Places in the operator's file: which line a table or a key stands on, and how a wrong value is refused."""

import re
from collections.abc import Mapping
from typing import Any, NoReturn, TypeVar

from portal.kit.errors import Invalid

Path = tuple[str | int, ...]
Default = TypeVar("Default")

SLUG = re.compile(r"[a-z0-9][a-z0-9_-]{0,61}")
HEADER = re.compile(r"\s*(\[\[?)\s*([\w.\-\"' ]+?)\s*\]\]?\s*(?:#.*)?$")
ASSIGNMENT = re.compile(r"\s*([\w.\-\"']+)\s*=")


class CatalogueError(Invalid):
    """The file cannot be used; the sentence begins with the line."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(f"Line {line}: {reason.rstrip('.')}.")
        self.line = line


class Places:
    """Where the tables and keys of a TOML text stand. What a line scan cannot see falls back to its table."""

    def __init__(self, text: str) -> None:
        self.lines: dict[Path, int] = {(): 1}
        counts: dict[Path, int] = {}
        table: Path = ()
        inside: str | None = None
        for number, line in enumerate(text.splitlines(), start=1):
            if inside is None and (header := HEADER.match(line)):
                table = _parts(header[2])
                if header[1] == "[[":
                    counts[table] = counts.get(table, -1) + 1
                    table = (*table, counts[table])
                elif table[:1] in counts:
                    table = (*table[:1], counts[table[:1]], *table[1:])
                self.lines.setdefault(table, number)
            elif inside is None and (assignment := ASSIGNMENT.match(line)):
                self.lines.setdefault((*table, *_parts(assignment[1])), number)
            for quotes in re.findall(r'"""|\'\'\'', line):
                inside = None if inside == quotes else inside or quotes

    def line(self, path: Path) -> int:
        """The line of a path, else of the nearest thing around it."""
        while path not in self.lines and path:
            path = path[:-1]
        return self.lines[path]


class Place:
    """One table of the file: values are taken out of it by name, and what is left over is refused."""

    def __init__(self, places: Places, path: Path, data: Mapping[str, Any], name: str) -> None:
        self.places, self.path, self.data, self.name = places, path, data, name
        self.taken: set[str] = set()

    def refuse(self, reason: str, key: str = "") -> NoReturn:
        """Refuse the file, at this table or at one of its keys."""
        raise CatalogueError(self.places.line((*self.path, *_parts(key))), f"{self.name}: {reason}")

    def has(self, key: str) -> bool:
        return key in self.data

    def take(self, key: str, kind: type, called: str, default: Any = ...) -> Any:
        """The value of `key`, which must be of a kind; refused when it is missing and there is no default."""
        self.taken.add(key)
        if key not in self.data:
            if default is ...:
                self.refuse(f"{key} is missing")
            return default
        value = self.data[key]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self.refuse(f"{key} must be {called}", key)
        return value

    def text(self, key: str, most: int, default: Any = ...) -> str:
        value: str = self.take(key, str, "a text in quotes", default)
        if (not value.strip() and default is ...) or len(value) > most:
            self.refuse(f"{key} must have 1 to {most} characters", key)
        return value.strip()

    def texts(self, key: str, most: int) -> tuple[str, ...]:
        values = self.take(key, list, "a list of texts", [])
        if not all(isinstance(value, str) and 0 < len(value) <= most for value in values):
            self.refuse(f"{key} must be a list of texts of 1 to {most} characters", key)
        return tuple(values)

    def number(self, key: str, low: int, high: int) -> int:
        value: int = self.take(key, int, "a whole number")
        if not low <= value <= high:
            self.refuse(f"{key} must be a whole number from {low} to {high}", key)
        return value

    def flag(self, key: str) -> bool:
        value: bool = self.take(key, bool, "true or false", False)
        return value

    def choice(self, key: str, choices: tuple[str, ...], default: Any = ...) -> str:
        value: str = self.take(key, str, "a text in quotes", default)
        if value not in choices:
            self.refuse(f"{key} must be {' or '.join(choices)}", key)
        return value

    def slug(self, key: str) -> str:
        value: str = self.take(key, str, "a text in quotes")
        if not SLUG.fullmatch(value):
            self.refuse(f"{key} must be small letters, digits and dashes, up to 62 of them", key)
        return value

    def own_slug(self) -> str:
        """The table's own name, as a slug."""
        value = str(self.path[-1])
        if not SLUG.fullmatch(value):
            self.refuse("its name must be small letters, digits and dashes, up to 62 of them")
        return value

    def table(self, key: str, *, required: bool = True) -> "Place":
        value = self.take(key, dict, "a table", ... if required else {})
        return Place(self.places, (*self.path, key), value, f"{self.name}, {key}")

    def tables(self, key: str) -> list["Place"]:
        """The tables inside a table, such as every [meters.NAME]."""
        inner = self.take(key, dict, "a table of tables", {})
        for name, value in inner.items():
            if not isinstance(value, dict):
                self.refuse(f"{key}.{name} must be a table", f"{key}.{name}")
        return [
            Place(self.places, (*self.path, key, name), value, f"{key}.{name}")
            for name, value in inner.items()
        ]

    def array(self, key: str, *, required: bool = True) -> list["Place"]:
        """The tables of a list, such as every [[plans]]."""
        values = self.take(key, list, f"a list of tables: [[{key}]]", ... if required else [])
        if not all(isinstance(value, dict) for value in values):
            self.refuse(f"{key} must be a list of tables: [[{key}]]", key)
        return [
            Place(self.places, (*self.path, key, number), value, f"{key} number {number + 1}")
            for number, value in enumerate(values)
        ]

    def done(self) -> None:
        """Refuse what nothing asked for: a misspelt name must not be silently ignored."""
        for key in self.data:
            if key not in self.taken:
                self.refuse(f"{key} means nothing here", key)


def _parts(name: str) -> Path:
    return tuple(part.strip().strip("\"'") for part in name.split(".")) if name else ()
