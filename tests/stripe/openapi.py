"""Stripe's OpenAPI description, asked whether a request or an answer fits it."""

import gzip
import json
import re
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import parse_qsl

from tests.stripe.differences import DIFFERENCES, GONE


@dataclass(frozen=True)
class Problem:
    """What does not fit; `place` is like "POST /v1/customers: tax[ip_address]" or "customer: tax.country"."""

    place: str
    what: str

    def __str__(self):
        return f"{self.place}: {self.what}"


@dataclass(frozen=True)
class Operation:
    name: str
    form: dict
    query: dict
    answers: dict


class Description:
    """Requests and objects, as Stripe describes them."""

    def __init__(self, file, *, older=()):
        with gzip.open(file) as opened:
            self._raw = json.load(opened)
        self.version = self._raw["info"]["version"]
        self.schemas = self._raw["components"]["schemas"]
        self.differences = (*DIFFERENCES, *older)

    @cached_property
    def _operations(self):
        table = []
        for path, methods in self._raw["paths"].items():
            pattern = re.compile(re.sub(r"\\\{\w+\\\}", "[^/]+", re.escape(path)))
            for method, raw in methods.items():
                content = raw.get("requestBody", {}).get("content", {})
                known = [one for one in raw.get("parameters", []) if one["in"] == "query"]
                query = {
                    "type": "object",
                    "properties": {one["name"]: one["schema"] for one in known},
                    "required": [one["name"] for one in known if one.get("required")],
                }
                answers = raw["responses"]["200"]["content"].get("application/json", {}).get("schema", {})
                form = next(iter(content.values()))["schema"] if content else {"type": "object"}
                operation = Operation(f"{method.upper()} {path}", form, query, answers)
                table.append((path.count("{"), method.upper(), pattern, operation))
        return sorted(table, key=lambda row: row[0])

    def operation(self, method, path):
        """The described operation of an address, or None."""
        found = (
            op for _, verb, pattern, op in self._operations if verb == method and pattern.fullmatch(path)
        )
        return next(found, None)

    def request_problems(self, method, path, query="", form=""):
        """What Stripe would not understand: unknown parameters, types, enums, what is missing."""
        operation = self.operation(method, path)
        if operation is None:
            return [Problem(f"{method} {path}", "no such operation")]
        schema = operation.form if method == "POST" else operation.query
        if method == "DELETE":  # described with a body, sent by Stripe's libraries in the address
            schema = {**schema, "properties": schema["properties"] | operation.form.get("properties", {})}
        sent = nested(form or query)
        gone = [
            (name, why)
            for name in sent
            for place, why in GONE
            if re.search(place, f"{operation.name}: {name}")
        ]
        return self._unexplained("request", operation.name, [*gone, *self._form(schema, sent, "")])

    def answer_problems(self, method, path, body, *, expand=(), status=200):
        """What does not look like Stripe in the answer to a request that expanded `expand`."""
        operation = self.operation(method, path)
        if operation is None:
            return [Problem(f"{method} {path}", "no such operation")]
        if status >= 400:
            return self._unexplained("answer", "error", list(self._value({"$ref": "error"}, body, "", ())))
        found = list(self._value(operation.answers, body, "", tuple(expand)))
        kind = str(body.get("object", operation.name))
        if kind == "list" and body.get("data"):
            kind = str(body["data"][0].get("object"))
            found = [(where.removeprefix("data."), what) for where, what in found]
        return self._unexplained("answer", kind, found)

    def object_problems(self, body, *, expand=()):
        """What does not look like Stripe in an object that came by itself, such as in an event."""
        kind = body.get("object", "?")
        if kind not in self.schemas:
            return [Problem(kind, "no such object")]
        return self._unexplained("answer", kind, list(self._value({"$ref": kind}, body, "", tuple(expand))))

    def _unexplained(self, side, place, found):
        problems = [Problem(f"{place}: {where}".rstrip(": "), what) for where, what in found]
        return [one for one in problems if not any(known.explains(side, one) for known in self.differences)]

    # ---- requests -------------------------------------------------------------------------------

    def _form(self, schema, value, where):
        if "anyOf" in schema:
            yield from _least(list(self._form(one, value, where)) for one in schema["anyOf"])
        elif schema.get("type") == "object":
            yield from self._form_object(schema, value, where)
        elif schema.get("type") == "array":
            if value == "":
                yield where, "an empty array"
            elif not isinstance(value, dict) or not all(key.isdecimal() for key in value):
                yield where, "not an array"
            else:
                for key, inner in value.items():
                    yield from self._form(schema["items"], inner, f"{where}[{key}]")
        elif isinstance(value, dict):
            yield where, f"not of type {schema.get('type', 'string')}"
        elif "enum" in schema and value not in map(str, schema["enum"]):
            yield where, f"{value!r} is not one of its values"
        elif not re.fullmatch(_WRITTEN.get(schema.get("type"), "(?s).*"), value):
            yield where, f"{value!r} is not of type {schema['type']}"
        elif len(value) > schema.get("maxLength", len(value)):
            yield where, f"longer than {schema['maxLength']}"

    def _form_object(self, schema, value, where):
        if not isinstance(value, dict):
            yield where, "not a hash"
            return
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        for name, inner in value.items():
            inside = f"{where}[{name}]" if where else name
            if name in known:
                yield from self._form(known[name], inner, inside)
            elif isinstance(others, dict):
                yield from self._form(others, inner, inside)
            else:
                yield inside, "unknown parameter"
        for name in schema.get("required", ()):
            if name not in value:
                yield (f"{where}[{name}]" if where else name), "missing"

    # ---- answers --------------------------------------------------------------------------------

    def _value(self, schema, value, where, expand):
        if value is None:
            if not schema.get("nullable"):
                yield where, "null"
        elif "$ref" in schema:
            yield from self._value(self.schemas[schema["$ref"].rpartition("/")[2]], value, where, expand)
        elif "anyOf" in schema:
            yield from self._one_of(schema, value, where, expand)
        elif schema.get("type") == "object":
            yield from self._object(schema, value, where, expand)
        elif schema.get("type") == "array":
            if not isinstance(value, list):
                yield where, "not an array"
                return
            for inner in value:
                yield from self._value(schema["items"], inner, where, expand)
        elif not _is(schema.get("type"), value):
            yield where, f"{json.dumps(value)[:40]} is not of type {schema['type']}"
        elif "enum" in schema and value not in schema["enum"]:
            yield where, f"{value!r} is not one of its values"

    def _one_of(self, schema, value, where, expand):
        if "x-expansionResources" in schema:
            asked = any(path == where or path.startswith(where + ".") for path in expand)
            if isinstance(value, dict) and not asked:
                yield where, "whole without being asked for"
                return
            if isinstance(value, str) and asked:
                yield where, "not expanded"
                return
        options = [one for one in schema["anyOf"] if ("type" in one) != isinstance(value, dict)]
        yield from _least(list(self._value(one, value, where, expand)) for one in options or schema["anyOf"])

    def _object(self, schema, value, where, expand):
        if not isinstance(value, dict):
            yield where, f"{json.dumps(value)[:40]} is not a hash"
            return
        known, others = schema.get("properties", {}), schema.get("additionalProperties")
        kinds = known.get("object", {}).get("enum")
        if kinds and value.get("object") not in kinds:
            yield where, f"object {value.get('object')!r} is not {kinds[0]!r}"
            return
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{where}.{name}".lstrip("."), "missing"
        for name, inner in value.items():
            inside = f"{where}.{name}".lstrip(".")
            if name in known:
                yield from self._value(known[name], inner, inside, expand)
            elif isinstance(others, dict):
                yield from self._value(others, inner, inside, expand)
            elif known and others is not True:
                yield inside, "additional field"


def nested(form):
    """A bracketed form as nested hashes; arrays are hashes whose names are numbers."""
    tree = {}
    for name, value in parse_qsl(form, keep_blank_values=True):
        head, *steps = re.findall(r"[^\[\]]+|(?<=\[)(?=\])", name)
        inner, key = tree, head
        for step in steps:
            inner = inner.setdefault(key, {})
            key = step or str(len(inner))
        inner[key] = value
    return tree


def expanded(query, form=""):
    """The paths that a request expands."""
    return tuple(dict(nested(form or query).get("expand", {})).values())


def _least(options):
    """The problems of the option that was meant: the fewest unknown names, then the fewest of any kind."""
    return min(options, key=lambda found: (sum(what.startswith("unknown") for _, what in found), len(found)))


def _is(kind, value):
    if isinstance(value, bool):
        return kind in ("boolean", None)
    return kind is None or isinstance(value, _TYPES[kind])


_TYPES = {"string": str, "integer": int, "number": int | float, "boolean": bool}
_WRITTEN = {"integer": r"[+-]?\d+", "number": r"[+-]?\d+(\.\d+)?", "boolean": "true|false"}
