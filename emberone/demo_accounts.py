"""The accounts of the demo: who can sign in right after the first `emberone up`."""

DEMO_ADMIN = "admin@example.com"
DEMO_AGENT = "agent@example.com"
DEMO_CUSTOMER = "customer@example.com"

#: In the order in which they are shown.
DEMO_LOGINS = (DEMO_ADMIN, DEMO_AGENT, DEMO_CUSTOMER)

#: Known to everyone, which is why a demo is served on the loopback address only.
DEMO_PASSWORD = "emberone-demo"  # noqa: S105 - public by design

#: Subjects of the two tickets on which things happen by themselves right after the first start:
#: nobody answers the one in time, and the other's customer is asked to rate it.
DEMO_WATCHED = "Water is running out of the machine RIGHT NOW"
DEMO_RATED = "Can the travel cup go into the dishwasher?"
