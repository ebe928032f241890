"""Who acts: a person in a role, or the product itself."""

from dataclasses import dataclass
from uuid import UUID

from emberone.domain.enums import Role, Source


@dataclass(frozen=True, slots=True)
class Actor:
    """The person (or the product) in whose name something is read or written."""

    #: None: the product itself, without a person.
    profile_id: UUID | None
    #: None: the product's own rights.
    role: Role | None

    @property
    def is_system(self) -> bool:
        """Whether the product acts with its own rights."""
        return self.role is None

    @property
    def is_staff(self) -> bool:
        """Whether an agent or an admin acts."""
        return self.role is not None and self.role.is_staff

    @property
    def is_customer(self) -> bool:
        """Whether a customer acts."""
        return self.role is Role.CUSTOMER

    @property
    def source(self) -> Source:
        """The kind of edge that history names for this actor."""
        if self.role is None:
            return Source.SYSTEM
        return Source.AGENT_DASHBOARD if self.role.is_staff else Source.CUSTOMER_PORTAL


#: Sign-in, registration, workers, imports and the command line.
SYSTEM = Actor(profile_id=None, role=None)


def system_for(profile_id: UUID | None) -> Actor:
    """The product acting with its own rights, recorded in the name of a person (imports)."""
    return Actor(profile_id=profile_id, role=None)
