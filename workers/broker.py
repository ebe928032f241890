"""kombu's Redis transport, made to survive the loss of the broker with a task at work.

In kombu 5.7.0 a message that is settled after its connection was given up asks
that connection for its address, and the AttributeError ends the whole worker
(seen: broker killed while a sweep ran). Such a message has nobody left to be
settled with: the broker forgot it, or delivers it again after the visibility
timeout, and beat repeats every sweep anyway.
"""

from typing import Any

from kombu.transport import TRANSPORT_ALIASES, redis, virtual


class QoS(redis.QoS):
    """Settles messages with the broker while there is one, and only here afterwards."""

    def ack(self, delivery_tag: str) -> None:
        """Tell the broker that the message is dealt with."""
        if self._has_broker():
            super().ack(delivery_tag)
        else:
            virtual.QoS.ack(self, delivery_tag)

    def reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Tell the broker that the message is not wanted, or not by us."""
        if self._has_broker():
            super().reject(delivery_tag, requeue=requeue)
        else:
            virtual.QoS.ack(self, delivery_tag)

    def restore_unacked(self, client: Any = None) -> None:
        """Give back what was fetched and not dealt with."""
        if self._has_broker():
            super().restore_unacked(client)
        else:
            self._delivered.clear()

    def _has_broker(self) -> bool:
        connection = self.channel.connection
        return connection is not None and connection.client is not None


class Channel(redis.Channel):
    """A channel that settles by the rule above."""

    QoS = QoS


class Transport(redis.Transport):
    """The transport of such channels."""

    Channel = Channel


def install() -> None:
    """Have kombu use it for redis:// and rediss://."""
    for scheme in ("redis", "rediss"):
        TRANSPORT_ALIASES[scheme] = f"{__name__}:Transport"
