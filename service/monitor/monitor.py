"""The monitor: what the HTTP port of a worker shows, put together."""

from collections.abc import Callable

import orjson

from service.monitor.backlog import Backlog
from service.monitor.health import Checks, Health, is_well
from service.monitor.http import HttpPort, Page
from service.monitor.metrics import WorkerCollector, metrics_page, registry_of
from service.settings import Settings, WrongSetting

LIVE, READY, METRICS = "/healthz", "/readyz", "/metrics"


class Monitor:
    """Shows how one worker is."""

    def __init__(
        self, settings: Settings, health: Health, backlog: Backlog, collector: WorkerCollector
    ) -> None:
        self.health = health
        self.backlog = backlog
        self.registry = registry_of(collector)
        self.port: HttpPort | None = None
        """The HTTP port, from `open` on, where the settings name one."""
        self._settings = settings

    def open(self) -> None:
        """Show the pages from now on.

        Raises: WrongSetting, where the port cannot be had.
        """
        host, number = self._settings.http_host, self._settings.http_port
        if self.port is not None or number == 0:
            return
        pages = {
            LIVE: _checks_page(self.health.live),
            READY: _checks_page(self.health.ready),
            METRICS: metrics_page(self.registry),
        }
        port = HttpPort(host, number, pages)
        try:
            port.open()
        except OSError as error:
            raise WrongSetting(
                f"SVC_USER_HTTP_PORT is wrong: {host}:{number} cannot be had: {error.strerror}."
            ) from error
        self.port = port

    def close(self) -> None:
        """Show nothing any more."""
        if self.port is not None:
            self.port.close()


def _checks_page(look: Callable[[], Checks]) -> Callable[[str], Page]:
    """Status 200 where all is well, 503 where not; the body says what is how."""

    def show(_accept: str) -> Page:
        checks = look()
        well = is_well(checks)
        body = {"status": "ok" if well else "failing", "checks": checks}
        return Page(200 if well else 503, orjson.dumps(body) + b"\n", "application/json")

    return show
