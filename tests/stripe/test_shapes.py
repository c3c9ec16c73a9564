"""What the sandbox takes, Stripe takes: no address, parameter or word is made up."""

import re
from urllib.parse import urlencode

from sandbox.stripe import objects, shapes
from sandbox.stripe.routes import ROUTES
from tests.stripe import data

FREE = "free text"


def test_every_address_and_parameter_of_the_sandbox_is_stripes():
    data.needed()
    assert objects.__all__ and len(ROUTES) > 50
    described, found = data.description(), []
    for route in ROUTES:
        path = re.sub(r"\{\w+\}", "it_1", route.path)
        for name, value in sent(route.shape):
            form = urlencode([(name, value)])
            query, body = ("", form) if route.method == "POST" else (form, "")
            problems = described.request_problems(route.method, path, query, body)
            found += [
                f"{route.method} {route.path} {name}={value}: {problem.what}"
                for problem in problems
                if problem.what.startswith(("unknown", "no such"))
                or (value != FREE and "is not one of" in problem.what)
            ]
    assert not found, "\n".join(dict.fromkeys(found))


def sent(shape, inside=""):
    """A name and a value for everything that a shape knows, in bracketed form."""
    for name, kind in shape.items():
        if name == "expand":  # described for some addresses only, taken at all
            continue
        if not isinstance(kind, shapes.Gone):
            yield from _sent(kind, f"{inside}[{name}]" if inside else name)


def _sent(kind, name):
    match kind:
        case shapes.Hash():
            yield from sent(kind.shape, name)
        case shapes.Many():
            yield from _sent(kind.kind, f"{name}[0]")
        case shapes.Choice():
            yield from ((name, choice) for choice in kind.choices)
        case shapes.Metadata():
            yield f"{name}[note]", FREE
        case shapes.Boolean():
            yield name, "true"
        case shapes.Text():
            yield name, FREE
        case _:
            yield name, "1"
