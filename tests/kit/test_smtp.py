import ssl
from datetime import UTC, datetime

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from portal.kit import smtp
from portal.kit.mail import Letter
from portal.kit.smtp import Fate
from tests.kit.post_office import Opening

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def letter(**changes):
    plain = {
        "id": "ltr_1",
        "to": "ada@example.com",
        "subject": "Zwölf Schlüssel",
        "text": "Grüße\n.a line that begins with a dot\n",
        "html": "<p>Grüße</p>",
        "unsubscribe_url": None,
    }
    return Letter(**(plain | changes))


def message(**changes):
    return smtp.compose(letter(**changes), sender="noreply@upkeep.test", sender_name="Acme & Söhne")


@pytest.fixture
def office():
    with Opening() as office:
        yield office


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """Two contexts: a server's with its own certificate, and a client's that believes it."""
    folder = tmp_path_factory.mktemp("certificate")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2099, 1, 1, tzinfo=UTC))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "cert.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return server, ssl.create_default_context(cafile=folder / "cert.pem")


def test_a_letter_arrives_with_its_words_in_text_and_html(office):
    assert smtp.deliver(office.url, message()).fate is Fate.SENT
    [(recipients, taken)] = office.taken
    assert recipients == ["ada@example.com"]
    assert taken["Subject"] == "Zwölf Schlüssel"
    assert taken["From"] == "Acme & Söhne <noreply@upkeep.test>"
    assert taken["Auto-Submitted"] == "auto-generated"
    assert taken["X-Auto-Response-Suppress"] == "OOF, AutoReply", "Exchange heeds no other header"
    plain, rich = taken.get_body(("plain",)), taken.get_body(("html",))
    assert plain.get_content().replace("\r\n", "\n") == "Grüße\n.a line that begins with a dot\n"
    assert rich.get_content().strip() == "<p>Grüße</p>"


def test_a_letter_has_the_same_message_id_however_often_it_is_sent(office):
    smtp.deliver(office.url, message())
    smtp.deliver(office.url, message())
    assert {taken["Message-ID"] for _, taken in office.taken} == {"<ltr_1@upkeep.test>"}


def test_a_letter_that_can_be_turned_off_says_how_in_its_headers():
    composed = message(unsubscribe_url="https://upkeep.test/letters/unsubscribe/abc")
    assert composed["List-Unsubscribe"] == "<https://upkeep.test/letters/unsubscribe/abc>"
    assert composed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert message()["List-Unsubscribe"] is None


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "END"])
def test_a_letter_refused_for_good_has_failed_and_says_why(office, command):
    office.answers[command] = "550 5.1.1 nobody of that name"
    outcome = smtp.deliver(office.url, message())
    assert outcome.fate is Fate.FAILED
    assert "550 5.1.1 nobody of that name" in outcome.reason
    assert office.taken == []


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA", "END"])
def test_a_letter_refused_for_now_is_for_later(office, command):
    office.answers[command] = "451 4.7.1 greylisted"
    outcome = smtp.deliver(office.url, message())
    assert (outcome.fate, outcome.reached) == (Fate.LATER, True)
    assert "451 4.7.1 greylisted" in outcome.reason
    assert office.taken == []


@pytest.mark.parametrize("command", ["MAIL", "RCPT", "DATA"])
def test_a_connection_cut_before_the_letter_leaves_no_doubt(office, command):
    office.answers[command] = None
    assert smtp.deliver(office.url, message()).fate is Fate.LATER
    assert office.taken == []


def test_a_connection_cut_in_the_middle_of_the_letter_leaves_no_doubt(office):
    office.answers["BODY"] = None
    longer_than_any_buffer = message(text="All work and no play.\n" * 300_000)
    assert smtp.deliver(office.url, longer_than_any_buffer).fate is Fate.LATER
    assert office.taken == []


def test_a_connection_cut_after_the_letter_leaves_it_in_doubt(office):
    office.answers["END"] = None
    outcome = smtp.deliver(office.url, message())
    assert outcome.fate is Fate.DOUBTFUL
    assert len(office.taken) == 1


def test_a_server_that_is_not_there_is_for_later():
    with Opening() as office:
        url = office.url
    outcome = smtp.deliver(url, message())
    assert (outcome.fate, outcome.reached) == (Fate.LATER, False)


def test_a_server_that_turns_everybody_away_is_for_later(office):
    office.answers["EHLO"] = None
    assert smtp.deliver(office.url, message()).fate is Fate.LATER


def test_credentials_are_shown():
    with Opening(user=("up@keep", "p@ss/word")) as office:
        url = f"smtp://up%40keep:p%40ss%2Fword@127.0.0.1:{office.port}"
        assert smtp.deliver(url, message()).fate is Fate.SENT
        assert office.sign_ins[-1] == ("up@keep", "p@ss/word")


def test_wrong_credentials_say_nothing_about_the_letter():
    with Opening(user=("upkeep", "right")) as office:
        outcome = smtp.deliver(f"smtp://upkeep:wrong@127.0.0.1:{office.port}", message())
        assert (outcome.fate, outcome.reached) == (Fate.LATER, False)
        assert "535" in outcome.reason


def test_smtps_speaks_tls_from_the_start(certificate):
    server, client = certificate
    with Opening(tls=server, implicit_tls=True) as office:
        assert smtp.deliver(f"smtps://localhost:{office.port}", message(), trust=client).fate is Fate.SENT
        assert len(office.taken) == 1


def test_starttls_speaks_tls_before_the_letter_and_the_password(certificate):
    server, client = certificate
    with Opening(tls=server, user=("upkeep", "right")) as office:
        url = f"smtp+starttls://upkeep:right@localhost:{office.port}"
        assert smtp.deliver(url, message(), trust=client).fate is Fate.SENT
        assert len(office.taken) == 1


def test_a_certificate_that_is_not_believed_gets_no_letter(certificate):
    server, _ = certificate
    with Opening(tls=server) as office:
        outcome = smtp.deliver(f"smtp+starttls://localhost:{office.port}", message())
        assert (outcome.fate, outcome.reached) == (Fate.LATER, False)
        assert office.taken == []


def test_starttls_is_never_given_up_for_a_server_without_it(office):
    outcome = smtp.deliver(office.url.replace("smtp:", "smtp+starttls:"), message())
    assert (outcome.fate, outcome.reached) == (Fate.LATER, False)
    assert office.taken == []


def test_addresses_of_all_alphabets_can_be_written_to(office):
    assert smtp.deliver(office.url, message(to="ada@bücher.example")).fate is Fate.SENT
    assert smtp.deliver(office.url, message(to="jörg@bücher.example")).fate is Fate.SENT
    assert [recipients for recipients, _ in office.taken] == [
        ["ada@xn--bcher-kva.example"],
        ["jörg@xn--bcher-kva.example"],
    ]
