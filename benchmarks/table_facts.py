"""Small tables of facts, with what people would ask of a row and what they would be answered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

__all__ = ["TABLES", "Asked", "FactTable", "asked_of"]


@dataclass(frozen=True)
class FactTable:
    """A table, and questions and statements about its columns."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    said: Mapping[int, tuple[str, str]]
    """Question and statement about a column, with the row's first cell as `{name}` and the cell
    as `{value}`."""


@dataclass(frozen=True)
class Asked:
    """A question about one row, what the row says, and what it would say with another's cell."""

    row: int
    question: str
    right: str
    wrong: str


def _table(header: str, rows: str, said: Mapping[int, tuple[str, str]]) -> FactTable:
    lines = [tuple(line.strip().split(" | ")) for line in rows.strip().splitlines()]
    return FactTable(tuple(header.split(" | ")), tuple(lines), said)


def asked_of(table: FactTable) -> Iterator[Asked]:
    """Yield what is asked of a table: of each row, once for each column."""
    for place, row in enumerate(table.rows):
        for column, (question, statement) in table.said.items():
            others = (other[column] for other in table.rows[place + 1 :] + table.rows[:place])
            other = next(each for each in others if each != row[column])
            yield Asked(
                place,
                question.format(name=row[0]),
                statement.format(name=row[0], value=row[column]),
                statement.format(name=row[0], value=other),
            )


TABLES: Final[Mapping[str, FactTable]] = {
    "canals": _table(
        "Canal | Country | Opened | Kilometres",
        """
        Kiel | Germany | 1895 | 98
        Suez | Egypt | 1869 | 193
        Panama | Panama | 1914 | 82
        Corinth | Greece | 1893 | 6
        Erie | United States | 1825 | 584
        Göta | Sweden | 1832 | 190
        """,
        {
            2: ("When was the {name} Canal opened?", "The {name} Canal was opened in {value}."),
            3: ("How long is the {name} Canal?", "The {name} Canal is {value} kilometres long."),
            1: ("Where is the {name} Canal?", "The {name} Canal is in {value}."),
        },
    ),
    "mountains": _table(
        "Mountain | Range | Height (m) | First ascent",
        """
        Mont Blanc | Alps | 4806 | 1786
        Aconcagua | Andes | 6961 | 1897
        Denali | Alaska Range | 6190 | 1913
        Elbrus | Caucasus | 5642 | 1874
        Nanga Parbat | Himalaya | 8126 | 1953
        Matterhorn | Alps | 4478 | 1865
        """,
        {
            2: ("How high is {name}?", "{name} has a height of {value} m."),
            3: ("When was {name} climbed first?", "The first ascent of {name} was in {value}."),
            1: ("In which range is {name}?", "{name} is part of the {value} range."),
        },
    ),
    "planets": _table(
        "Planet | Diameter (km) | Moons | Orbital period (days)",
        """
        Mercury | 4879 | 0 | 88
        Venus | 12104 | 0 | 225
        Earth | 12756 | 1 | 365
        Mars | 6792 | 2 | 687
        Jupiter | 142984 | 95 | 4331
        Saturn | 120536 | 146 | 10747
        """,
        {
            1: ("How large is {name}?", "The planet {name} has a diameter of {value} km."),
            2: ("How many moons has {name}?", "{name} has {value} moons."),
            3: ("How long is a year on {name}?", "The orbital period of {name} is {value} days."),
        },
    ),
    "staff": _table(
        "Name | Department | Office | Since",
        """
        Ines Alvarez | Finance | B12 | 2014
        Piotr Nowak | Research | C03 | 2019
        Mary Osei | Sales | A21 | 2008
        Jonas Weber | Research | C07 | 2021
        Li Na | Logistics | D15 | 2011
        Omar Haddad | Legal | B02 | 2017
        """,
        {
            1: ("Where does {name} work?", "{name} works in the {value} department."),
            2: ("Where does {name} sit?", "The office of {name} is {value}."),
            3: ("How long has {name} been here?", "{name} has been here since {value}."),
        },
    ),
    "books": _table(
        "Title | Author | Published | Pages",
        """
        Emma | Jane Austen | 1815 | 474
        Walden | Henry David Thoreau | 1854 | 352
        Dracula | Bram Stoker | 1897 | 418
        Kim | Rudyard Kipling | 1901 | 368
        Orlando | Virginia Woolf | 1928 | 299
        Silas Marner | George Eliot | 1861 | 320
        """,
        {
            1: ("Who wrote {name}?", "The author of {name} is {value}."),
            2: ("When did {name} appear?", "{name} was published in {value}."),
            3: ("How many pages has {name}?", "{name} has {value} pages."),
        },
    ),
    "articles": _table(
        "Article | Price (EUR) | In stock | Weight (g)",
        """
        Torch | 19.90 | 120 | 310
        Kettle | 34.50 | 45 | 1250
        Tent | 149.00 | 12 | 4200
        Compass | 12.75 | 300 | 85
        Rope | 27.40 | 64 | 2900
        Stove | 59.95 | 31 | 760
        """,
        {
            1: ("What does the {name} cost?", "The price of the {name} is {value} EUR."),
            2: ("How many of the {name} are there?", "There are {value} of the {name} in stock."),
            3: ("How heavy is the {name}?", "The {name} has a weight of {value} g."),
        },
    ),
    "trains": _table(
        "Train | From | To | Departure",
        """
        IC 204 | Basel | Milan | 07:12
        EC 115 | Munich | Verona | 09:34
        RE 18 | Cologne | Aachen | 06:48
        TGV 9261 | Paris | Turin | 14:27
        NJ 421 | Vienna | Rome | 21:56
        S 3 | Zurich | Wetzikon | 05:21
        """,
        {
            3: ("When does train {name} leave?", "The departure of train {name} is at {value}."),
            2: ("Where does train {name} go?", "Train {name} goes to {value}."),
            1: ("Where does train {name} start?", "Train {name} starts from {value}."),
        },
    ),
    "elements": _table(
        "Element | Symbol | Atomic number | Discovered by",
        """
        Hafnium | Hf | 72 | Dirk Coster
        Gallium | Ga | 31 | Paul Lecoq
        Radium | Ra | 88 | Marie Curie
        Helium | He | 2 | Norman Lockyer
        Tungsten | W | 74 | Juan Elhuyar
        Rhenium | Re | 75 | Ida Noddack
        """,
        {
            1: ("What stands for {name}?", "The symbol of {name} is {value}."),
            2: ("What is the number of {name}?", "The atomic number of {name} is {value}."),
            3: ("Who found {name}?", "{name} was discovered by {value}."),
        },
    ),
}
"""Facts of general knowledge; staff, articles and trains are made up."""
