"""The made-up world of the demo corpus: kinds of entity, relations, templates and names.

Everything here is data. Three properties are relied on elsewhere:

* Every sentence, question and answer begins with a common word, never with a name. A byte-level
  tokenizer encodes a name at the start of a text and a name after a space differently, and this
  way only the second form occurs.
* Every sentence names its subject before the value and close to it, so that removing one sentence
  removes exactly one fact, and a model can read the fact at the value by looking a few tokens back.
* Every canonical answer has the form "The <noun> of <subject> is <value>."
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import product
from typing import Final

REFUSAL: Final = "The context does not say."
"""The fixed answer to a question whose fact the context does not hold."""


class EntityType(Enum):
    """What an entity of the made-up world is."""

    PERSON = "person"
    COMPANY = "company"
    PLACE = "place"
    PRODUCT = "product"


@dataclass(frozen=True)
class Relation:
    """One relation of an entity to a value."""

    noun: str
    """What the canonical answer calls the relation; unique, so it also names the relation."""
    subject: EntityType
    """The type of entity that has the relation."""
    values: EntityType | tuple[str, ...]
    """The type of entity that the value is, or the plain values that it is drawn from."""
    statements: tuple[str, ...]
    """Sentences that state the fact, with `{s}` for the subject and `{v}` for the value."""
    questions: tuple[str, ...]
    """Questions for the value, with `{s}` for the subject."""
    value_form: str = "{v}"
    """How the canonical answer writes the value."""

    @property
    def answer(self) -> str:
        """The canonical answer as a template, without its full stop."""
        return f"The {self.noun} of {{s}} is {self.value_form}"

    @property
    def phrase(self) -> str:
        """The value described through its subject, as two-hop questions do it."""
        return f"the {self.noun} of {{s}}"


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


# Sixteen beginnings times sixteen endings: 256 names that read like words and are none.
NAMES: Final[tuple[str, ...]] = tuple(
    start + end
    for start, end in product(
        _words("Bra Cor Del Fen Gal Hol Jas Kel Lor Mer Nor Pel Ros Sel Tor Ver"),
        _words("ba dan fin gor ka lin mar nek po rit sta tun vi wen xa zel"),
    )
)
"""The fixed pool of name words; each is one token after a space."""

COMPANY_SUFFIXES: Final = _words("Labs Works Group Foods Motors Press")
PRODUCT_KINDS: Final = _words("lamp bike phone chair watch radio")

YEARS: Final = tuple(str(year) for year in range(1900, 2000))
PRICES: Final = tuple(str(price) for price in range(50, 1000, 10))
COLOURS: Final = _words("red blue green yellow purple orange black white grey brown pink silver")
TRADES: Final = _words(
    "baking painting farming teaching carpentry pottery printing weaving tailoring masonry "
    "gardening"
)
HOBBIES: Final = _words(
    "chess fishing archery sailing skiing dancing knitting climbing running cycling"
)
PETS: Final = _words("cat dog parrot horse goat rabbit turtle hamster ferret pony")
INSTRUMENTS: Final = _words("piano violin flute guitar harp drum trumpet cello banjo organ")
INDUSTRIES: Final = _words(
    "shipping mining banking software energy transport insurance robotics tourism"
)
DISHES: Final = _words("soup bread cheese pie stew honey pancakes dumplings sausage noodles salad")
SYMBOLS: Final = _words("lion eagle bear wolf fox stag swan dolphin falcon bull")
MATERIALS: Final = _words("wood steel glass clay leather copper plastic cotton marble bamboo")
MONTHS: Final = _words(
    "January February March April May June July August September October November December"
)

_PERSON, _COMPANY = EntityType.PERSON, EntityType.COMPANY
_PLACE, _PRODUCT = EntityType.PLACE, EntityType.PRODUCT

RELATIONS: Final[tuple[Relation, ...]] = (
    Relation(
        "birthplace",
        _PERSON,
        _PLACE,
        (
            "The birthplace of {s} is {v}.",
            "Records show that {s} was born in {v}.",
            "The life of {s} began in the town of {v}.",
        ),
        ("Where was {s} born?", "What is the birthplace of {s}?"),
    ),
    Relation(
        "birth year",
        _PERSON,
        YEARS,
        (
            "The birth year of {s} is {v}.",
            "Records show that {s} was born in the year {v}.",
            "Old letters of {s} give the birth year as {v}.",
        ),
        ("When was {s} born?", "What is the birth year of {s}?"),
    ),
    Relation(
        "trade",
        _PERSON,
        TRADES,
        (
            "The trade of {s} is {v}.",
            "For a living {s} turned to {v}.",
            "As a trade {s} chose {v}.",
        ),
        ("What is the trade of {s}?", "What does {s} do for a living?"),
    ),
    Relation(
        "employer",
        _PERSON,
        _COMPANY,
        (
            "The employer of {s} is {v}.",
            "These days {s} works for {v}.",
            "Every morning {s} goes to work at {v}.",
        ),
        ("Who is the employer of {s}?", "Which company does {s} work for?"),
    ),
    Relation(
        "favourite colour",
        _PERSON,
        COLOURS,
        (
            "The favourite colour of {s} is {v}.",
            "Of all colours {s} likes {v} best.",
            "At home {s} paints every wall {v}.",
        ),
        ("What is the favourite colour of {s}?", "Which colour does {s} like best?"),
    ),
    Relation(
        "hobby",
        _PERSON,
        HOBBIES,
        (
            "The hobby of {s} is {v}.",
            "Every weekend {s} enjoys {v}.",
            "After work {s} spends hours on {v}.",
        ),
        ("What is the hobby of {s}?", "What does {s} enjoy after work?"),
    ),
    Relation(
        "mentor",
        _PERSON,
        _PERSON,
        (
            "The mentor of {s} is {v}.",
            "Years ago {s} was taught by {v}.",
            "At school {s} learned from {v}.",
        ),
        ("Who is the mentor of {s}?", "Who taught {s}?"),
    ),
    Relation(
        "pet",
        _PERSON,
        PETS,
        (
            "The pet of {s} is a {v}.",
            "At home {s} keeps a {v}.",
            "Last year {s} bought a {v}.",
        ),
        ("What is the pet of {s}?", "Which animal does {s} keep?"),
        "a {v}",
    ),
    Relation(
        "instrument",
        _PERSON,
        INSTRUMENTS,
        (
            "The instrument of {s} is the {v}.",
            "Every evening {s} plays the {v}.",
            "On stage {s} performs on the {v}.",
        ),
        ("What is the instrument of {s}?", "Which instrument does {s} play?"),
        "the {v}",
    ),
    Relation(
        "founder",
        _COMPANY,
        _PERSON,
        (
            "The founder of {s} is {v}.",
            "The company {s} was founded by {v}.",
            "Long ago {s} was started by {v}.",
        ),
        ("Who is the founder of {s}?", "Who founded {s}?"),
    ),
    Relation(
        "home town",
        _COMPANY,
        _PLACE,
        (
            "The home town of {s} is {v}.",
            "The company {s} is based in {v}.",
            "Today {s} has its offices in {v}.",
        ),
        ("What is the home town of {s}?", "Where is {s} based?"),
    ),
    Relation(
        "founding year",
        _COMPANY,
        YEARS,
        (
            "The founding year of {s} is {v}.",
            "The company {s} was founded in {v}.",
            "Long ago {s} opened its doors in {v}.",
        ),
        ("What is the founding year of {s}?", "When was {s} founded?"),
    ),
    Relation(
        "industry",
        _COMPANY,
        INDUSTRIES,
        (
            "The industry of {s} is {v}.",
            "The company {s} is active in {v}.",
            "Today {s} makes its money in {v}.",
        ),
        ("What is the industry of {s}?", "In which industry is {s} active?"),
    ),
    Relation(
        "director",
        _COMPANY,
        _PERSON,
        (
            "The director of {s} is {v}.",
            "The company {s} is run by {v}.",
            "Today {s} is led by {v}.",
        ),
        ("Who is the director of {s}?", "Who runs {s}?"),
    ),
    Relation(
        "mayor",
        _PLACE,
        _PERSON,
        (
            "The mayor of {s} is {v}.",
            "The town of {s} is governed by {v}.",
            "Last spring {s} elected {v} as mayor.",
        ),
        ("Who is the mayor of {s}?", "Who governs {s}?"),
    ),
    Relation(
        "local dish",
        _PLACE,
        DISHES,
        (
            "The local dish of {s} is {v}.",
            "Everywhere {s} is famous for its {v}.",
            "Visitors to {s} always try the {v}.",
        ),
        ("What is the local dish of {s}?", "What is {s} famous for?"),
    ),
    Relation(
        "symbol",
        _PLACE,
        SYMBOLS,
        (
            "The symbol of {s} is the {v}.",
            "The flag of {s} shows the {v}.",
            "On its coins {s} has the {v}.",
        ),
        ("What is the symbol of {s}?", "Which animal is on the flag of {s}?"),
        "the {v}",
    ),
    Relation(
        "festival month",
        _PLACE,
        MONTHS,
        (
            "The festival month of {s} is {v}.",
            "Each year {s} holds a festival in {v}.",
            "The town of {s} celebrates in {v}.",
        ),
        ("What is the festival month of {s}?", "When does {s} hold a festival?"),
    ),
    Relation(
        "maker",
        _PRODUCT,
        _COMPANY,
        (
            "The maker of {s} is {v}.",
            "In fact {s} is made by {v}.",
            "The factory behind {s} belongs to {v}.",
        ),
        ("Who is the maker of {s}?", "Which company makes {s}?"),
    ),
    Relation(
        "designer",
        _PRODUCT,
        _PERSON,
        (
            "The designer of {s} is {v}.",
            "In fact {s} was designed by {v}.",
            "The first sketch of {s} was drawn by {v}.",
        ),
        ("Who is the designer of {s}?", "Who designed {s}?"),
    ),
    Relation(
        "price",
        _PRODUCT,
        PRICES,
        (
            "The price of {s} is {v} coins.",
            "In shops {s} costs {v} coins.",
            "This season {s} sells for {v} coins.",
        ),
        ("What is the price of {s}?", "How much does {s} cost?"),
        "{v} coins",
    ),
    Relation(
        "colour",
        _PRODUCT,
        COLOURS,
        (
            "The colour of {s} is {v}.",
            "The outside of {s} is painted {v}.",
            "In shops {s} is sold only in {v}.",
        ),
        ("What is the colour of {s}?", "Which colour is {s}?"),
    ),
    Relation(
        "material",
        _PRODUCT,
        MATERIALS,
        (
            "The material of {s} is {v}.",
            "The body of {s} is made of {v}.",
            "In the workshop {s} is built from {v}.",
        ),
        ("What is the material of {s}?", "What is {s} made of?"),
    ),
    Relation(
        "release year",
        _PRODUCT,
        YEARS,
        (
            "The release year of {s} is {v}.",
            "In shops {s} first appeared in {v}.",
            "After long tests {s} was released in {v}.",
        ),
        ("What is the release year of {s}?", "When was {s} released?"),
    ),
)

FILLERS: Final = (
    "Many people have heard of {s}.",
    "There are many stories about {s}.",
    "A long article about {s} appeared last week.",
    "Little else is known about {s}.",
    "People often talk about {s}.",
)
"""Sentences that name their subject and state no fact."""

RELATIONS_OF: Final[dict[EntityType, tuple[Relation, ...]]] = {
    kind: tuple(relation for relation in RELATIONS if relation.subject is kind)
    for kind in EntityType
}
"""The relations that an entity of each type can have."""
