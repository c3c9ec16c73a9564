"""The story: who has a part of their own, and what happens to whom, so many days ago.

Read it from the top; `history` plays it. The crowd around it is drawn in `cast`.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from demo import cast, keys, money, people, usage
from demo.cast import Part
from demo.people import Act, Staff
from portal.kit.period import add_months

NURSES: Final = "Nordlicht Pflege-Assistenz GmbH"
LONG: Final = "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft"
CUSTOMER: Final = "nordlicht"
"""Whose sign-in link is printed: the customer whom the tour looks at."""


@dataclass(frozen=True)
class Scene:
    """Something that a customer does, or that is done to them, so many days ago."""

    days_ago: int
    slug: str
    act: Act


def leads(today: datetime) -> tuple[Part, ...]:
    """Customers whom the pages of staff and operator have to show, whoever else comes."""
    unpaid, overdue, busy = renewed(today, 1), renewed(today, 6), renewed(today, 22, (2,))
    return (
        # slug, account, owner, e-mail, joined days ago, habit, calls a day, pays from days ago
        _pays("nordlicht", NURSES, "Dr. Annegret Weiß-Lindemann", busy + 2, 2000, busy, habit="wards"),
        _pays("donau", LONG[:79], "Karl-Friedrich Freiherr von Stadion", 80, 1900, 77, "year"),
        _pays("brotzeit", "Bäckerei Brotzeit & Söhne", "Gerlinde Brotzeit", unpaid + 2, 420, unpaid),
        _pays("lumen", "Lumen Archiv eG", "Tomás Villanueva Ortega", overdue + 5, 610, overdue),
        _pays("harbour", "Harbourlight Tutoring", "Siobhán Fitzgerald", 62, 540, 58),
        _pays("pixel", "Pixelschmiede Ruhr", "Yusuf Demir", 50, 800, 47),
        _pays("tallinn", "Tallinn Tram Trivia", "Kadri Tamm", 79, 260, 75),
        _pays("zeitgeist", "Café Zeitgeist", "Lena Obermüller", 24, 330, 20),
        _pays("travel", "Blue Yonder Travel Club", "Oliver Haverford", 19, 350, 15),
        _pays("wolken", "Wolkenkuckucksheim Games", "Zsófia Horváth", 66, 1500, 63),
        _pays("quellcode", "Quellcode Genossenschaft eG", "Wiebke Petersen", 70, 900, 66, "year"),
        _pays("tidepool", "Tidepool Language School", "Aiko Nakamura", 40, 700, 38),
        _pays("ahlstroem", "Ahlström & Partner Advokater", "Magnus Ahlström", 55, 1200, 52),
        _pays("lindenthal", "Klinikum Lindenthal, Forschung", "Prof. Dr. Ulrike Lindenthal", 57, 1700, 54),
        _free("orgelbau", "Meisterwerk Orgelbau", "Johannes Silbermann", 48, 16),
        _free("stadtwerke", "Stadtwerke Fürstenfeldbruck", "Xaver Huber", 15, 20),
        _free("grimoire", "Grimoire Fan Wiki", "Tariq Fairweather", 45, 12),
        _free("garten", "Kleingartenverein Morgenröte e.V.", "Ingeborg Achterberg", 60, 14),
        _free("echolot", "Echolot Podcasts", "Wei Chen", 41, 33),
        _free("kettle", "Kettle & Crane Leads", "Dexter Crane", 30, 90),
        _free("sternwarte", "Sternwarte Kremsblick", "Clemens Brandstätter", 52, 118),
        _free("seefeld", "Universitätsspital Seefeld", "Dr. Noémie Laurent", 73, 40),
        _free("diary", "Open Source Diary", "Emeka Okafor", 68, 30),
        _free("papier", "Papierflieger", "Mila Novak", 33, 9),
    )


def scenes(staff: Staff, today: datetime) -> tuple[Scene, ...]:
    """What happens beside signing up and buying the first plan; on one day in this order."""
    declined = "Your wiki is well served by the shared instance. Ask again once it is public."
    published = (
        "One of your keys stands in a public repository and strangers use it. "
        "Revoke it, then write to us: we resume the account at once."
    )
    contract = {"included": {"calls": 2_000_000}, "rate": 200, "burst": 400, "keys": 60}
    fails = money.new_card("pm_card_chargeCustomerFail")
    told = (
        # A customer of long standing, whose team grew and whose plan is nearly used up.
        (80, "nordlicht", people.invite("Jonas Abel", "developer")),
        (79, "nordlicht", keys.mint("Laptop Jonas")),
        (78, "nordlicht", keys.mint("Staging", environment="test")),
        (75, "nordlicht", usage.tries(140)),
        (70, "nordlicht", people.invite("Mareike Voß", "billing")),
        (62, "nordlicht", money.buy("support-priority")),
        (41, "nordlicht", keys.revoke("Laptop Jonas")),
        (40, "nordlicht", people.invite("Thilo Brandes", "admin")),
        (21, "nordlicht", _nightly_import(30)),
        (14, "nordlicht", keys.mint("Kiosk prototype", used=False)),
        (6, "nordlicht", usage.tries(95)),
        (3, "nordlicht", keys.rotate("Production", 7)),
        (2, "nordlicht", people.invite("Sven Kühl", "viewer", joins=False)),
        (1, "nordlicht", people.sign_in()),
        (0, "nordlicht", usage.reach(0.81)),
        # Payments that fail: within grace, past it, and mended by a new card.
        (4, "brotzeit", fails),
        (10, "lumen", fails),
        (31, "harbour", fails),
        (renewed_after(today, 58) - 2, "harbour", money.new_card("pm_card_mastercard")),
        # Plans that change, end, or come back.
        (6, "pixel", money.cancel("api")),
        (68, "tallinn", money.cancel("api")),
        (21, "wolken", money.change("api-pro", "year")),
        (9, "quellcode", money.change("api-pro", "month")),
        (50, "ahlstroem", money.buy("support-priority")),
        (17, "ahlstroem", money.cancel("support")),
        (16, "ahlstroem", money.resume("support")),
        (44, "orgelbau", money.buy("support-priority")),
        # Money that goes back.
        (12, "zeitgeist", money.refund(950)),
        (5, "travel", money.dispute("product_not_received")),
        # What staff carry out first.
        (50, "lindenthal", money.ask_for("hosting-pro")),
        (48, "lindenthal", money.fulfil(staff)),
        (47, "lindenthal", money.buy("hosting-pro")),
        (33, "grimoire", money.ask_for("hosting-pro")),
        (31, "grimoire", money.decline(staff, declined)),
        (2, "stadtwerke", money.ask_for("hosting-pro", "year")),
        # By contract, and among friends.
        (71, "seefeld", money.grant(staff, "api-enterprise", "contract", **contract)),
        (71, "seefeld", money.grant(staff, "support-enterprise", "contract")),
        (66, "diary", money.grant(staff, "api-pro")),
        # Instances of their own.
        (60, "seefeld", money.grant(staff, "hosting-pro", "contract")),
        (55, "diary", money.grant(staff, "hosting-pro")),
        # Limits, and what the operator does about them.
        (12, "sternwarte", people.observe(staff)),
        (9, "kettle", people.suspend(staff, published)),
        (7, "quellcode", usage.gift(staff, 20_000, "For the week in which their import runs twice.")),
        (0, "echolot", usage.reach(1.0)),
        (0, "garten", usage.reach(0.82)),
        (20, "papier", people.sign_in(1)),
        (5, "papier", people.leave()),
    )
    return tuple(Scene(*scene) for scene in told)


def renewed(today: datetime, days_ago: int, months_paid: tuple[int, ...] = (2, 1)) -> int:
    """Since how many days somebody pays by the month whose latest renewal was so many days ago."""
    wanted = today - timedelta(days=days_ago)
    for months in months_paid:
        began = add_months(wanted, -months)
        if add_months(began, months) == wanted:
            break  # the 30th of February is nobody's: then they came another month
    return (today - began).days


def renewed_after(today: datetime, paying_days: int) -> int:
    """How many days ago the first renewal was of somebody who pays since so many."""
    return (today - add_months(today - timedelta(days=paying_days), 1)).days


def _nightly_import(days: int) -> Act:
    scopes = ("memories:read", "memories:write")
    return keys.mint("Nightly import", scopes=scopes, networks=("192.0.2.0/24",), expires_days=days)


def _pays(
    slug: str,
    account: str,
    owner: str,
    joins: int,
    calls: int,
    pays: int,
    interval: str = "month",
    habit: str = "pays",
) -> Part:
    address = f"{_first(owner)}@{slug}.example.com"
    return Part(slug, account, owner, address, joins, habit, calls=calls, pays=pays, interval=interval)


def _free(slug: str, account: str, owner: str, joins: int, calls: int) -> Part:
    habit = "floods" if calls > 50 else "builds"
    return Part(slug, account, owner, f"{_first(owner)}@{slug}.example.org", joins, habit, calls=calls)


def _first(owner: str) -> str:
    given = next(word for word in owner.split() if not word.endswith("."))
    return cast.plain(given).replace(" ", "-")
