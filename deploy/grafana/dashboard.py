"""The dashboard as code: `python deploy/grafana/dashboard.py` writes svc-user.json beside it.

With `--check` it exits with 1 if what is there is not what would be written. Grafana reads the JSON
through the files in provisioning/; nobody edits it by hand.
"""

import itertools
import sys
from dataclasses import dataclass
from pathlib import Path
from string import ascii_uppercase

from grafana_foundation_sdk.builders import common, dashboard, prometheus, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models.common import LegendDisplayMode, LegendPlacement
from grafana_foundation_sdk.models.dashboard import DataSourceRef

FILE = Path(__file__).with_name("svc-user.json")

_SOURCE = DataSourceRef(type_val="prometheus", uid="${source}")
_WIDTH, _HEIGHT = 8, 7


@dataclass(frozen=True)
class Panel:
    """A panel: its title, its unit as Grafana names it, and expressions by their legends."""

    title: str
    unit: str
    about: str
    lines: dict[str, str]


ROWS: dict[str, list[Panel]] = {
    "Requests": [
        Panel(
            "Requests a second",
            "reqps",
            "By status: 4xx are the callers' own doing, 5xx are not.",
            {"{{status}}": "sum by (status) (rate(svc_user_requests_total[$__rate_interval]))"},
        ),
        Panel(
            "Duration",
            "s",
            "From a request's arrival to its answer.",
            {
                f"p{percent}": f"histogram_quantile({percent / 100}, sum by (le) "
                "(rate(svc_user_request_duration_seconds_bucket[$__rate_interval])))"
                for percent in (50, 95, 99)
            },
        ),
        Panel(
            "In flight",
            "short",
            "Running, or waiting for their turn; beyond the bound requests are refused.",
            {
                "{{state}}": "sum by (state) (svc_user_requests_in_flight)",
                "bound": "sum(svc_user_requests_in_flight_limit)",
            },
        ),
        Panel(
            "Busiest operations",
            "reqps",
            "The eight that are asked for most.",
            {
                "{{operation}}": "topk(8, sum by (operation) "
                "(rate(svc_user_requests_total[$__rate_interval])))"
            },
        ),
        Panel(
            "Slowest operations, p99",
            "s",
            "The eight with the longest waits.",
            {
                "{{operation}}": "topk(8, histogram_quantile(0.99, sum by (operation, le) "
                "(rate(svc_user_request_duration_seconds_bucket[$__rate_interval]))))"
            },
        ),
        Panel(
            "Share of requests that fail",
            "percentunit",
            "Answers with 5xx; an alert is at 1 %.",
            {
                "failing": 'sum(rate(svc_user_requests_total{status=~"5.."}[$__rate_interval])) '
                "/ sum(rate(svc_user_requests_total[$__rate_interval]))"
            },
        ),
    ],
    "Events": [
        Panel(
            "Events a second",
            "short",
            "That the stream has acknowledged.",
            {"acknowledged": "sum(rate(svc_user_relay_lag_seconds_count[$__rate_interval]))"},
        ),
        Panel(
            "Relay lag",
            "s",
            "From a change to the stream's acknowledgement of its event.",
            {
                f"p{percent}": f"histogram_quantile({percent / 100}, sum by (le) "
                "(rate(svc_user_relay_lag_seconds_bucket[$__rate_interval])))"
                for percent in (50, 99)
            },
        ),
        Panel(
            "Waiting in outboxes",
            "short",
            "Aggregates with events that the stream does not have yet; every worker sees them all.",
            {"{{collection}}": "max by (collection) (svc_user_outbox_aggregates) > 0"},
        ),
        Panel(
            "Age of the oldest waiting event",
            "s",
            "An alert is at 60 s.",
            {"oldest": "max(svc_user_outbox_oldest_age_seconds)"},
        ),
        Panel(
            "Found by sweeps, given up by relays",
            "short",
            "Aggregates a second; a sweep brings what a crash or an outage left.",
            {
                "found": "sum(rate(svc_user_sweep_found_total[$__rate_interval]))",
                "given up": "sum(rate(svc_user_relay_given_up_total[$__rate_interval]))",
            },
        ),
        Panel(
            "Under way",
            "short",
            "Aggregates with events that a worker is publishing.",
            {"{{instance}}": "svc_user_relay_aggregates"},
        ),
    ],
    "MongoDB and NATS": [
        Panel(
            "Requests in a round trip",
            "short",
            "Mean size of the batches: the more requests at once, the larger.",
            {
                "{{operation}}": "sum by (operation) "
                "(rate(svc_user_batch_size_sum[$__rate_interval])) / sum by (operation) "
                "(rate(svc_user_batch_size_count[$__rate_interval]))"
            },
        ),
        Panel(
            "Round trips to MongoDB, p99",
            "s",
            "Time that a batch takes.",
            {
                "{{operation}}": "histogram_quantile(0.99, sum by (operation, le) "
                "(rate(svc_user_batch_duration_seconds_bucket[$__rate_interval])))"
            },
        ),
        Panel(
            "Reconnects",
            "short",
            "In five minutes.",
            {
                "NATS {{instance}}": "increase(svc_user_nats_reconnects_total[5m])",
                "MongoDB {{instance}}": "increase(svc_user_mongo_reconnects_total[5m])",
            },
        ),
    ],
    "Workers": [
        Panel(
            "Ready",
            "short",
            "Workers that are ready, of those that are there.",
            {
                "ready": "sum(svc_user_ready)",
                "with NATS": "sum(svc_user_nats_connected)",
                "with MongoDB": "sum(svc_user_mongo_writable)",
                "all": "sum(svc_user_build_info)",
            },
        ),
        Panel(
            "Processor",
            "percentunit",
            "Of one core: a worker uses one for its loop, and a little of others.",
            {"{{instance}}": "rate(process_cpu_seconds_total[$__rate_interval])"},
        ),
        Panel(
            "Memory and the loop's delay",
            "short",
            "Resident MiB, and milliseconds by which the loop was late.",
            {
                "MiB {{instance}}": "process_resident_memory_bytes / 1048576",
                "ms {{instance}}": "svc_user_loop_lag_seconds * 1000",
            },
        ),
    ],
}
"""What is shown, from top to bottom; `$__rate_interval` is Grafana's."""


def dashboard_json() -> str:
    """The dashboard as Grafana reads it."""
    builder = (
        dashboard.Dashboard("svc-user")
        .uid("svc-user")
        .tags(["svc-user"])
        .refresh("15s")
        .time("now-1h", "now")
        .timezone("browser")
        .readonly()
        .with_variable(
            dashboard.DatasourceVariable("source").label("Prometheus").type("prometheus")
        )
    )
    ids = itertools.count(1)
    for title, panels in ROWS.items():
        builder = builder.with_row(dashboard.Row(title).id(next(ids)))
        for panel in panels:
            builder = builder.with_panel(_panel(panel).id(next(ids)))
    return JSONEncoder(sort_keys=True, indent=2).encode(builder.build()) + "\n"


def _panel(panel: Panel) -> timeseries.Panel:
    legend = (
        common.VizLegendOptions()
        .show_legend(True)
        .display_mode(LegendDisplayMode.LIST)
        .placement(LegendPlacement.BOTTOM)
    )
    built = (
        timeseries.Panel()
        .title(panel.title)
        .description(panel.about)
        .datasource(_SOURCE)
        .unit(panel.unit)
        .min(0)
        .span(_WIDTH)
        .height(_HEIGHT)
        .fill_opacity(8)
        .legend(legend)
    )
    for letter, (name, expression) in zip(ascii_uppercase, panel.lines.items(), strict=False):
        query = prometheus.Dataquery().ref_id(letter).datasource(_SOURCE)
        built = built.with_target(query.expr(expression).legend_format(name))
    return built


def main() -> int:
    """Write the file, or compare it."""
    if "--check" not in sys.argv[1:]:
        FILE.write_text(dashboard_json())
    elif FILE.read_text() != dashboard_json():
        sys.stderr.write(f"{FILE.name} is out of step: run `make dashboard`.\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
