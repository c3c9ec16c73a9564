"""The site's map, as the laws about routes read it: built without a server, nothing is asked of one."""

from dataclasses import dataclass

from portal.kit.settings import load
from portal.web import create_app

NOWHERE = {
    "DATABASE_URL": "postgresql://nobody@127.0.0.1:1/nothing",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "a secret of the tests, long enough",
    "KEY_PEPPERS": "p1:" + "11" * 32,
}


@dataclass(frozen=True)
class Route:
    """One method of one address: who may reach it, and the names of the ids in it."""

    method: str
    path: str
    guard: str
    arguments: frozenset[str]

    def __str__(self):
        return f"{self.method} {self.path}"

    def fill(self, values):
        """The address with an id for each name."""
        path = self.path
        for name in self.arguments:
            start = path[: path.index(f"{name}>")].rindex("<")
            path = path[:start] + values[name] + path[path.index(">", start) + 1 :]
        return path


def routes():
    """Every route but the files that everyone may read, sorted."""
    app = create_app(load(NOWHERE))
    found = [
        Route(method, rule.rule, _guard(app.view_functions[rule.endpoint].guard), frozenset(rule.arguments))
        for rule in app.url_map.iter_rules()
        if rule.endpoint != "static"
        for method in sorted(rule.methods - {"HEAD", "OPTIONS"})
    ]
    return sorted(found, key=lambda route: (route.path, route.method))


def _guard(guard):
    return f"{guard.kind}:{guard.deed}" if guard.deed else guard.kind
