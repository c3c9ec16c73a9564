"""The site's shared parts."""

from portal.gate import Unavailable
from portal.kit.errors import Invalid, Missing
from portal.web import create_app, site


class BadFile(Invalid):
    """A refusal of a kind of its own."""


def blind(tag):
    raise Unavailable("Redis does not answer.")


def test_what_is_committed_stays_so_while_the_gate_cannot_be_told(settings):
    app = create_app(settings, push=blind)
    with app.test_request_context():
        assert site.push("abcdefgh") is None


def test_a_refusal_of_a_narrower_kind_has_the_status_of_its_kind(settings, client):
    app = create_app(settings, TESTING=True)

    def refuse():
        raise BadFile("The file cannot be read.")

    def lose():
        raise Missing("There is no such thing.")

    refuse.guard = lose.guard = app.view_functions["home.index"].guard
    app.add_url_rule("/refuse", view_func=refuse)
    app.add_url_rule("/lose", view_func=lose)
    assert app.test_client().get("/refuse").status_code == 422
    assert app.test_client().get("/lose").status_code == 404
