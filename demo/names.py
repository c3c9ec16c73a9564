"""Names, as people and organisations bear them. Whoever is meant by one is made up."""

import random
from typing import Final


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


FIRST: Final = _words("""
    Aaliyah Adaeze Agnieszka Aiko Alejandro Amélie Anders Aniket Anna Antje Astrid Ayşe Beatriz Benedikt
    Bilal Birgit Bogdan Camille Chiara Chukwuemeka Claire Clemens Daniela David Deepa Dietlinde Dmytro
    Eilidh Elif Emeka Emil Eszter Fatima Felix Finn Florian Franziska Freya Gabriel Giulia Greta Hannah
    Haruto Heike Hugo Ibrahim Ines Ingeborg Ioana Isabel Jakub Jan Jasmin Joana Johannes Jonas Julia Kaito
    Karl Katarzyna Kerstin Kofi Konstantin Lars Laura Leila Lena Lukas Magnus Mareike Maria Marta Mateusz
    Matthias Mei Mila Miriam Mohammed Nadia Naomi Nele Nikhil Nora Noémie Oskar Paula Pedro Petra Philipp
    Priya Rafael Rania Rosa Saoirse Sebastian Siobhán Sofia Søren Stefan Susanne Tariq Thandiwe Theresa
    Thomas Tomás Ulrike Valentina Viktor Wei Wiebke Xaver Yara Yusuf Zoë Zsófia
""")

LAST: Final = _words("""
    Abrahamsen Achterberg Adeyemi Albrecht Andersson Aydın Bauer Becker Bergström Bianchi Böhm
    Brandstätter Castellanos Chatterjee Chen Costa Danso Dąbrowski Delacroix Demir Dietrich Eberhardt
    Ekström Fairweather Ferreira Fischer Fitzgerald Fleischhacker Fontaine Friedrich García Gebhardt
    Grünwald Gupta Haddad Hartmann Herzog Hoffmann Horváth Huber Ionescu Iyer Jankowski Jensen Kaczmarek
    Kaya Keller Khalil Kim Kowalczyk Krämer Krüger Kumar Lange Laurent Lehmann Lindqvist Löffler MacLeod
    Maier Marchetti Mbeki Mehta Mendoza Moreau Müller Murphy Nakamura Nguyen Novák Nowak Obermüller Okafor
    Okonkwo O’Sullivan Owusu Papadopoulos Park Patel Pereira Petrov Pfeiffer Popescu Quist Ramírez
    Rasmussen Reinhardt Richter Romano Rossi Sandoval Santos Schäfer Schmidt Schneider Schröder Schwarz
    Seidel Silva Singh Sørensen Stöckl Suzuki Szabó Takahashi Tanaka Teixeira Thompson Tóth Vandenberghe
    Vogel Voß Wagner Walsh Weber Weiß Wiśniewski Yamamoto Yıldız Zimmermann
""")

HEADS: Final = _words("""
    Abendrot Alpenblick Amaranth Ardenne Aurelia Basalt Birkenhain Blauwal Bluestem Brightwater Cardamom
    Cedarline Clearbrook Cobalt Copperfield Deichkind Driftwood Echolot Eichhorn Elderflower Elbufer
    Everglade Falkenstein Fathom Fennel Fjordlys Foxglove Gezeiten Glasperle Goldregen Greyfriars Halyard
    Harbour Hollerbusch Hummingbird Indigo Isar Jasmine Juniper Kaleido Kestrel Kieselstein Lanterne
    Larkspur Lavender Leuchtfeuer Lichtung Lodestar Lumière Magnolia Marigold Meridian Mondsee Moosgrün
    Morgentau Northgate Nebelhorn Obsidian Oleander Orchard Osprey Pampelmuse Paperkite Pendulum
    Pfefferminz Quellwasser Quillon Ravensburg Redwood Rosmarin Saffron Sandbank Schneeball Seagrass
    Silberpfeil Skylark Sonnenhut Sparrow Steinadler Sternwarte Sturmvogel Tamarind Thistle Tidewater
    Turmfalke Umbra Vogelweide Wacholder Waldmeister Watershed Wetterstein Willow Windrose Wintergreen
    Zeitgeist Zimtstern Zugspitz
""")

TAILS: Final = (
    *("AI", "Labs", "Software GmbH", "Studio", "Research", "Analytics", "Robotics", "Systems", "Health"),
    *("Digital GmbH & Co. KG", "Learning", "Works", "Assist", "Legal Tech", "Consulting", "Interactive"),
    *("Werkstatt", "e.V.", "Ltd", "S.A.S.", "Logistics", "Verlag", "Media", "Data Cooperative", "Care"),
)


def person(chance: random.Random) -> str:
    """Somebody's name."""
    last = chance.choice(LAST)
    if chance.random() < 0.06:
        last = f"{last}-{chance.choice(LAST)}"
    title = "Dr. " if chance.random() < 0.04 else ""
    return f"{title}{chance.choice(FIRST)} {last}"


def organisation(chance: random.Random) -> str:
    """The name of a company, a club or a lab."""
    return f"{chance.choice(HEADS)} {chance.choice(TAILS)}"
