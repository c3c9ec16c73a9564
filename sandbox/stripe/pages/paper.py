"""Paper: an invoice as a PDF of one page, plain text in Helvetica."""

from datetime import UTC, datetime
from decimal import Decimal

from sandbox.stripe.billing.drafting import money
from sandbox.stripe.store import Obj

LEFT, TOP, LEADING = 60, 780, 16


def invoice(found: Obj) -> bytes:
    """The bytes of a PDF."""
    currency = found["currency"]

    def shown(amount: int) -> str:
        return money(Decimal(amount), currency)

    lines = [
        "SIMULATED: no money moves",
        "",
        f"Invoice {found['number']}",
        f"Date {datetime.fromtimestamp(found['effective_at'], UTC):%Y-%m-%d}",
        f"To {found['customer_name'] or found['customer_email'] or found['customer']}",
        "",
        *(f"{one['description'] or 'Item'}: {shown(one['amount'])}" for one in found["lines"]["data"]),
        "",
        f"Total {shown(found['total'])}",
        f"Paid {shown(found['amount_paid'])}",
        f"Due {shown(found['amount_remaining'])}",
    ]
    return _pdf(lines)


def _pdf(lines: list[str]) -> bytes:
    text = "\n".join(f"({_escaped(line)}) Tj T*" for line in lines)
    stream = f"BT /F1 11 Tf {LEADING} TL {LEFT} {TOP} Td\n{text}\nET".encode("cp1252", "replace")
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        b"/Resources << /Font << /F1 5 0 R >> >> >>",
        b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
    ]
    body, places = b"%PDF-1.4\n", []
    for number, content in enumerate(objects, 1):
        places.append(len(body))
        body += b"%d 0 obj\n%s\nendobj\n" % (number, content)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    size = len(objects) + 1
    trailer = (
        b"xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n"
    )
    return body + trailer % (size, table, size, len(body))


def _escaped(line: str) -> str:
    return line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
