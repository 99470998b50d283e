"""Metrics: what Prometheus reads of a worker, made of the counts that its parts keep anyway.

Nothing is counted here, and nothing twice: the hot path raises plain numbers (`service.counting`),
`$SRV.STATS` and this read the same ones. It is read from the HTTP port's thread, so whatever may
grow meanwhile is copied first. No label holds a partner, a user or an id: each has a handful of
values that the code knows.
"""

from collections.abc import Callable, Iterator, Mapping

from prometheus_client import CollectorRegistry, GCCollector, PlatformCollector, ProcessCollector
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    Metric,
)
from prometheus_client.exposition import choose_encoder
from prometheus_client.registry import Collector

from service import __version__
from service.bus.connection import Connection
from service.bus.relay import Relay
from service.bus.server import Endpoint, Server
from service.counting import Histogram
from service.monitor.backlog import Backlog
from service.monitor.health import Health, is_well
from service.monitor.http import Page
from service.storage.mongo import Mongo
from service.storage.sweep import Sweep

_NANOSECONDS = 1_000_000_000

Buckets = list[tuple[str, float]]


class WorkerCollector(Collector):
    """The metrics of one worker."""

    def __init__(
        self,
        server: Server,
        relay: Relay,
        sweep: Sweep,
        backlog: Backlog,
        connection: Connection,
        mongo: Mongo,
        health: Health,
    ) -> None:
        self._server = server
        self._relay = relay
        self._sweep = sweep
        self._backlog = backlog
        self._connection = connection
        self._mongo = mongo
        self._health = health

    def collect(self) -> Iterator[Metric]:
        """Every family, also one that has nothing to tell yet."""
        yield from self._requests()
        yield from self._batches()
        yield from self._events()
        yield from self._servers()
        yield from self._worker()

    def _requests(self) -> Iterator[Metric]:
        endpoints = self._server.endpoints
        requests = CounterMetricFamily(
            "svc_user_requests",
            "Requests answered, by operation and by the status of the answer.",
            labels=["operation", "status"],
        )
        durations = HistogramMetricFamily(
            "svc_user_request_duration_seconds",
            "Time from a request's arrival to its answer.",
            labels=["operation"],
        )
        for endpoint in endpoints:
            title = endpoint.operation.title
            for status, count in _by_status(endpoint).items():
                requests.add_metric([title, str(status)], count)
            if endpoint.requests:
                durations.add_metric([title], *_seconds(endpoint.durations))
        yield requests
        yield durations
        in_flight = GaugeMetricFamily(
            "svc_user_requests_in_flight",
            "Requests that came and are not answered yet: running, or waiting for their turn.",
            labels=["state"],
        )
        in_flight.add_metric(["running"], self._server.running)
        in_flight.add_metric(["waiting"], self._server.waiting)
        yield in_flight
        yield _gauge(
            "svc_user_requests_in_flight_limit",
            "Requests in flight beyond which more are refused (SVC_USER_BOUND).",
            self._server.bound,
        )

    def _batches(self) -> Iterator[Metric]:
        labels = ["collection", "operation"]
        sizes = HistogramMetricFamily(
            "svc_user_batch_size", "Requests that shared a round trip to MongoDB.", labels=labels
        )
        durations = HistogramMetricFamily(
            "svc_user_batch_duration_seconds",
            "Time that such a round trip took, or several of one batch.",
            labels=labels,
        )
        for (collection, operation), tally in self._mongo.tallies.copy().items():
            if tally.sizes.count:
                values = [collection or "several", operation]
                sizes.add_metric(values, *_units(tally.sizes))
                durations.add_metric(values, *_seconds(tally.durations))
        yield sizes
        yield durations

    def _events(self) -> Iterator[Metric]:
        waiting = GaugeMetricFamily(
            "svc_user_outbox_aggregates",
            "Aggregates with events that the stream has not acknowledged; 10,000 may be more.",
            labels=["collection"],
        )
        oldest = GaugeMetricFamily(
            "svc_user_outbox_oldest_age_seconds",
            "How long the oldest of these events had waited when the worker last looked.",
            labels=["collection"],
        )
        for collection, found in self._backlog.found.items():
            waiting.add_metric([collection], found.aggregates)
            oldest.add_metric([collection], found.oldest)
        yield waiting
        yield oldest
        yield _histogram(
            "svc_user_relay_lag_seconds",
            "Time from a change to the stream's acknowledgement of its event.",
            self._relay.lag,
        )
        yield _gauge(
            "svc_user_relay_aggregates",
            "Aggregates with events that this worker is publishing.",
            self._relay.backlog,
        )
        yield _counter(
            "svc_user_relay_given_up",
            "Times that an aggregate's events were left to a sweep.",
            self._relay.given_up,
        )
        yield _counter(
            "svc_user_sweep_found",
            "Aggregates whose old events a sweep has found.",
            self._sweep.found,
        )

    def _servers(self) -> Iterator[Metric]:
        yield _gauge(
            "svc_user_nats_connected",
            "Whether the worker is connected to NATS.",
            self._connection.is_connected,
        )
        yield _counter(
            "svc_user_nats_reconnects",
            "Times that the connection to NATS was lost and is there again.",
            self._connection.stats["reconnects"],
        )
        yield _gauge(
            "svc_user_mongo_writable",
            "Whether the driver knows a MongoDB server that takes writes.",
            self._mongo.topology.writable,
        )
        yield _counter(
            "svc_user_mongo_reconnects",
            "Times that there was such a server again, after there had been none.",
            self._mongo.topology.reconnects,
        )

    def _worker(self) -> Iterator[Metric]:
        yield _gauge(
            "svc_user_ready",
            "Whether /readyz says so: 0 while starting or ending, or without a server it needs.",
            is_well(self._health.ready()),
        )
        yield _gauge(
            "svc_user_loop_lag_seconds",
            "Time by which the loop was late when it last had a date; grows while it hangs.",
            max(self._health.late, self._health.silent - 1.0),
        )
        info = GaugeMetricFamily(
            "svc_user_build_info", "Always 1, of this version.", labels=["version", "driver"]
        )
        info.add_metric([__version__, self._mongo.driver], 1)
        yield info


def registry_of(collector: Collector) -> CollectorRegistry:
    """The worker's metrics, and what the client library knows of the process."""
    registry = CollectorRegistry()
    registry.register(collector)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    return registry


def metrics_page(registry: CollectorRegistry) -> Callable[[str], Page]:
    """Shows the registry in the form that the scraper accepts: Prometheus's own or OpenMetrics."""

    def show(accept: str) -> Page:
        encode, content_type = choose_encoder(accept)
        return Page(200, encode(registry), content_type)

    return show


def _by_status(endpoint: Endpoint) -> Mapping[int, int]:
    """Answers by status. That of success is told from the start: a rate needs a zero before."""
    refusals = endpoint.refusals.copy()
    return {200: max(0, endpoint.requests - sum(refusals.values())), **refusals}


def _seconds(histogram: Histogram) -> tuple[Buckets, float]:
    return _cumulated(histogram, _NANOSECONDS), histogram.sum / _NANOSECONDS


def _units(histogram: Histogram) -> tuple[Buckets, float]:
    return _cumulated(histogram, 1), histogram.sum


def _cumulated(histogram: Histogram, unit: int) -> Buckets:
    """Each bound with how many values were within it, as Prometheus has it."""
    bounds = [*(repr(bound / unit) for bound in histogram.bounds), "+Inf"]
    total = 0
    buckets: Buckets = []
    for bound, count in zip(bounds, histogram.counts.copy(), strict=True):
        total += count
        buckets.append((bound, total))
    return buckets


def _gauge(name: str, help: str, value: float) -> Metric:  # noqa: A002  # the library's word
    return GaugeMetricFamily(name, help, value=value)


def _counter(name: str, help: str, value: float) -> Metric:  # noqa: A002  # the library's word
    return CounterMetricFamily(name, help, value=value)


def _histogram(name: str, help: str, histogram: Histogram) -> Metric:  # noqa: A002
    buckets, total = _seconds(histogram)
    return HistogramMetricFamily(name, help, buckets=buckets, sum_value=total)
