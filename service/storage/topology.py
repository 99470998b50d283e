"""What the driver knows of the servers: whether one takes writes, and how often it came back."""


class Topology:
    """Follows the driver's idea of the servers, by looking at it now and then.

    The driver would tell of each change, and have a thread or a loop of its own for that.
    """

    def __init__(self) -> None:
        self.writable = False
        """Whether there is a server that takes writes."""
        self.reconnects = 0
        """How often there was one again, after there had been none."""
        self._was_writable = False

    def note(self, writable: bool) -> None:
        """Note what the driver says now."""
        if writable and not self.writable:
            self.reconnects += self._was_writable
            self._was_writable = True
        self.writable = writable
