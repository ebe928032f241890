"""The demo's people and conversations: a small shop for coffee machines and its helpdesk."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal, TypeAlias

from emberone.domain.enums import Priority

#: A step of a conversation: what somebody does. `reply` and its kin are the ticket's agent's.
Act: TypeAlias = Literal[
    "reply", "reply_and_wait", "reply_and_close", "note", "customer", "close", "rate", "assign"
]

TEAMS = ("Orders & billing", "Technical support")

#: key → name, address without its host, teams, capacity, skills. The first has a sign-in.
AGENTS = {
    "ben": ("Ben Okafor", None, ("Technical support",), 20, ("network", "machines")),
    "mira": ("Mira Lindqvist", "mira", ("Orders & billing",), 12, ("refunds",)),
    "tomas": ("Tomás Herrera", "tomas", ("Technical support",), 8, ("machines",)),
    "yuki": ("Yuki Tanaka", "yuki", TEAMS, 6, ("refunds", "network")),
}

#: Tags that the ticket's agent must master.
SKILLS = ("network", "refunds", "machines")

#: key → name, address. The first has a sign-in.
CUSTOMERS = {
    "ana": ("Ana Costa", None),
    "hotel": ("Priya Raman, Hotel Meridian", "priya@hotel-meridian.example"),
    "bakery": ("Jonas Weber, Bäckerei Weber", "jonas@baeckerei-weber.example"),
    "school": ("Claire Dubois, Lycée Voltaire", "c.dubois@lycee-voltaire.example"),
    "studio": ("Sam Whitfield, Studio North", "sam@studio-north.example"),
    "clinic": ("Dr. Leila Haddad", "reception@haddad-clinic.example"),
    "marta": ("Marta Kowalska", "marta.kowalska@example.org"),
    "owen": ("Owen Price", "owen.price@example.net"),
    "ines": ("Inês Carvalho", "ines.carvalho@example.org"),
    "david": ("David Mensah", "david.mensah@example.net"),
    "sofia": ("Sofia Marino", "sofia.marino@example.org"),
    "erik": ("Erik Halvorsen", "erik.halvorsen@example.net"),
}

HOUR = timedelta(hours=1)
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """One thing that happened after the ticket was opened, and how long after."""

    after: timedelta
    act: Act
    text: str = ""
    #: Key of the agent who does it, or who is given the ticket.
    by: str | None = None
    rating: int = 0


@dataclass(frozen=True, slots=True)
class Story:
    """One ticket from its opening on."""

    customer: str
    age: timedelta
    title: str
    description: str
    team: str | None = None
    tags: tuple[str, ...] = ()
    priority: Priority = Priority.MEDIUM
    turns: tuple[Turn, ...] = ()


_ORDERS, _TECHNICAL = TEAMS

STORIES = (
    Story(
        "hotel",
        9 * DAY,
        "Two invoices for order 20381",
        "Our bookkeeping received invoices 7714 and 7719 for the same order of twelve grinders."
        " Which one should we pay?\n\nPriya Raman",
        _ORDERS,
        ("invoice",),
        turns=(
            Turn(
                38 * MINUTE,
                "reply",
                "Hello Priya, 7719 was made when the delivery was split and should have replaced"
                " 7714. I am checking with the warehouse that nothing was shipped twice.",
                "mira",
            ),
            Turn(
                3 * HOUR,
                "reply_and_close",
                "It was one delivery. Please pay 7719; I have cancelled 7714 and attached the credit"
                " note to your account. Sorry for the confusion.",
                "mira",
            ),
            Turn(7 * HOUR, "rate", "Quick and clear, thank you.", rating=5),
        ),
    ),
    Story(
        "ana",
        8 * DAY,
        "How do I descale the Piccolo?",
        "The light is orange and the booklet is in a language I cannot read. What do I do?",
        _TECHNICAL,
        ("how-to", "machines"),
        Priority.LOW,
        (
            Turn(
                2 * HOUR,
                "reply_and_wait",
                "Hello Ana, hold both buttons for five seconds, then run one tank with the sachet"
                " and two with clear water. Did the light turn white?",
                "tomas",
            ),
            Turn(26 * HOUR, "customer", "White again, and the coffee is better too!"),
            Turn(27 * HOUR, "reply_and_close", "Glad to hear it. Enjoy your coffee!", "tomas"),
            Turn(30 * HOUR, "rate", "", rating=5),
        ),
    ),
    Story(
        "studio",
        6 * DAY,
        "Subscription charged after we cancelled",
        "We cancelled the bean subscription on the 2nd and were charged 64.00 on the 5th."
        " Please return the money.",
        _ORDERS,
        ("refunds",),
        Priority.HIGH,
        (
            Turn(
                25 * MINUTE,
                "reply",
                "Hello Sam, you are right: the cancellation came in time. I have asked for the"
                " refund, which usually takes two working days.",
                "yuki",
            ),
            Turn(4 * HOUR, "note", "Payment provider confirms, reference in the ledger.", "yuki"),
            Turn(5 * HOUR, "reply_and_close", "64.00 is on its way back to your card.", "yuki"),
            Turn(9 * HOUR, "rate", "Fine, but it should not have happened.", rating=4),
        ),
    ),
    Story(
        "clinic",
        5 * DAY,
        "Machine in the waiting room leaks",
        "There is a puddle under the Grande every morning. It is six weeks old.",
        _TECHNICAL,
        ("machines", "warranty"),
        Priority.HIGH,
        (
            Turn(
                40 * MINUTE,
                "reply_and_wait",
                "That should not be. Could you tell us the serial number on the back, and whether"
                " the water is clear or brown?",
                "ben",
            ),
            Turn(3 * HOUR, "customer", "GR-2207-118, and the water is clear."),
            Turn(
                4 * HOUR,
                "reply",
                "Then it is the seal of the tank. A new one is in the post today, with a drawing of"
                " how to change it; no tools needed.",
                "ben",
            ),
            Turn(6 * HOUR, "close", by="ben"),
        ),
    ),
    Story(
        "marta",
        4 * DAY,
        "Wrong address on my order",
        "I moved and forgot to change the address. Order 20455 goes to my old flat!",
        _ORDERS,
        ("delivery",),
        turns=(
            Turn(
                20 * MINUTE,
                "reply_and_wait",
                "It has not left yet. What is the new address?",
                "mira",
            ),
            Turn(45 * MINUTE, "customer", "ul. Lipowa 8, 30-702 Kraków. You are saving my week."),
            Turn(70 * MINUTE, "reply_and_close", "Changed. It leaves tomorrow morning.", "mira"),
        ),
    ),
    Story(
        "school",
        3 * DAY,
        "Quote for three machines with tax exemption",
        "We would like three Grande machines for the staff rooms. As a public school we buy without"
        " tax; which papers do you need?",
        _ORDERS,
        ("quote",),
        Priority.LOW,
        (
            Turn(
                5 * HOUR,
                "reply_and_wait",
                "With pleasure. Please send us the exemption certificate of this year; the quote"
                " follows the same day.",
                "mira",
            ),
        ),
    ),
    Story(
        "owen",
        52 * HOUR,
        "Cannot sign in since the new web site",
        "It says that my password is wrong, and the link for a new one never arrives.",
        _TECHNICAL,
        ("sign-in",),
        turns=(
            Turn(
                50 * MINUTE,
                "reply",
                "Your account was made with an address that ends in .con. I have corrected it; the"
                " link works now.",
                "ben",
            ),
            Turn(2 * HOUR, "customer", "It does. I must have typed that years ago!"),
            Turn(2.2 * HOUR, "reply_and_close", "Welcome back.", "ben"),
            Turn(3 * HOUR, "rate", "Funny and fast.", rating=5),
        ),
    ),
    Story(
        "bakery",
        47 * HOUR,
        "Grinder stops after three minutes",
        "Always after three minutes, then it needs a quarter of an hour. We open at five.",
        _TECHNICAL,
        ("machines",),
        Priority.HIGH,
        (
            Turn(
                30 * MINUTE,
                "reply_and_wait",
                "That is the heat switch. Please blow out the vents at the back with the brush from"
                " the box and try one kilogram at half speed.",
                "tomas",
            ),
            Turn(
                26 * HOUR,
                "customer",
                "Done, and now it stops after five minutes instead of three.",
            ),
            Turn(
                27 * HOUR,
                "note",
                "Third grinder of the March series with this. Asked the workshop for a new motor.",
                "tomas",
            ),
            Turn(
                27.5 * HOUR,
                "reply_and_wait",
                "Thank you for trying. We exchange the motor: may the technician come on Thursday"
                " between two and four?",
                "tomas",
            ),
        ),
    ),
    Story(
        "ines",
        30 * HOUR,
        "Gift voucher is refused",
        "The code COFFEE-8841 is 'not known'. It was a present.",
        _ORDERS,
        ("voucher",),
        turns=(
            Turn(
                90 * MINUTE,
                "reply_and_close",
                "The O is a zero on the card, which is our fault. It works with C0FFEE-8841, and I"
                " have added 5.00 for the trouble.",
                "yuki",
            ),
            Turn(10 * HOUR, "rate", "", rating=4),
        ),
    ),
    Story(
        "david",
        27 * HOUR,
        "Delivery marked as received, but nothing came",
        "Tracking says 'handed over' on Friday at 14:10. I was at work and the neighbours have"
        " nothing.",
        _ORDERS,
        ("delivery",),
        Priority.HIGH,
        (
            Turn(
                35 * MINUTE,
                "reply",
                "I have opened a search with the carrier. If it is not found within two days we send"
                " it again at our cost.",
                "mira",
            ),
            Turn(2 * HOUR, "note", "Carrier case 5567-A; driver is asked tomorrow.", "mira"),
        ),
    ),
    Story(
        "sofia",
        22 * HOUR,
        "Return of an unopened machine",
        "Wrong colour, my mistake. It is still sealed. How do I send it back?",
        _ORDERS,
        ("refunds",),
        turns=(
            Turn(
                2 * HOUR,
                "reply_and_wait",
                "No problem within thirty days. Would you rather have the money or the other colour?"
                " The label comes with your answer.",
                "yuki",
            ),
            Turn(20 * HOUR, "customer", "The dark green one, please."),
        ),
    ),
    Story(
        "ana",
        20 * HOUR,
        "App shows yesterday's brews twice",
        "Since the update every coffee of yesterday is there two times.",
        _TECHNICAL,
        ("app",),
        Priority.LOW,
        (
            Turn(
                3 * HOUR,
                "reply_and_wait",
                "Could you tell us the version from the menu 'About', and whether the machine was"
                " offline yesterday?",
                "ben",
            ),
        ),
    ),
    Story(
        "erik",
        7 * HOUR,
        "Beans arrived stale",
        "Roasted in March according to the bag, and they taste of it.",
        _ORDERS,
        ("quality",),
        turns=(
            Turn(
                50 * MINUTE,
                "reply",
                "That bag should never have left us. A fresh kilogram leaves today; please keep the"
                " old one for the compost.",
                "mira",
            ),
        ),
    ),
    Story(
        "hotel",
        5 * HOUR,
        "All six machines on the second floor are offline",
        "Since eight this morning none of them takes an order from the tablets. The network itself"
        " works. Breakfast was not pretty.",
        _TECHNICAL,
        ("network", "outage"),
        Priority.CRITICAL,
        (
            Turn(
                9 * MINUTE,
                "reply",
                "We see them drop off at 07:58, all at once. Was anything changed on your side then?",
                "ben",
            ),
            Turn(25 * MINUTE, "customer", "Our provider changed the router last night."),
            Turn(
                33 * MINUTE,
                "note",
                "New router hands out a /28, six machines no longer get an address.",
                "ben",
            ),
            Turn(
                41 * MINUTE,
                "reply_and_wait",
                "Found it: the new router has only fourteen addresses to give. Please ask your"
                " provider for at least sixty; it takes them a minute.",
                "ben",
            ),
        ),
    ),
    Story(
        "studio",
        3.5 * HOUR,
        "Second user for our account",
        "Can my colleague order with our conditions without using my password?",
        _ORDERS,
        ("account",),
        Priority.LOW,
    ),
    Story(
        "clinic",
        2.6 * HOUR,
        "Invoice without our tax number",
        "Invoice 7802 needs our tax number, otherwise it is sent back to us every time.",
        _ORDERS,
        ("invoice",),
        turns=(Turn(10 * MINUTE, "assign", by="mira"),),
    ),
    Story(
        "marta",
        2 * HOUR,
        "The steam wand whistles",
        "It froths well, but the cat leaves the room.",
        _TECHNICAL,
        ("machines",),
        turns=(
            Turn(
                30 * MINUTE,
                "reply_and_wait",
                "Poor cat! Please unscrew the tip and look whether one of the four holes is closed.",
                "tomas",
            ),
        ),
    ),
    Story(
        "owen",
        50 * MINUTE,
        "Payment page turns in circles",
        "After the bank's confirmation I am back at the basket. Three times now, was I charged?",
        _ORDERS,
        ("payment",),
        Priority.HIGH,
    ),
    Story(
        "school",
        25 * MINUTE,
        "Machine does not join our wireless network",
        "It finds the network and then says 'not allowed'. The network asks for a certificate.",
        _TECHNICAL,
        ("network",),
    ),
    Story(
        "ana",
        8 * MINUTE,
        "Where is order 20512?",
        "It was to arrive yesterday and the tracking number is not known to the carrier.",
    ),
)
