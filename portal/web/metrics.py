"""Metrics: what the web processes count about themselves, for Prometheus.

With PROMETHEUS_MULTIPROC_DIR naming an empty folder, one scrape tells of all processes together.
Without it each process tells of itself alone, and `upkeep_metrics_processes` is 1 to say so.
"""

import os
import time
from collections.abc import Iterator

from flask import Flask, Response, g, request
from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

FOLDER = "PROMETHEUS_MULTIPROC_DIR"
NOBODY = "(none)"  # an address that no view answers: never as a label, or strangers would choose our labels
BACKLOGS = (
    (
        "upkeep_facts_waiting",
        "Facts that some reaction has not heard",
        "SELECT count(*) FROM fact WHERE done_at IS NULL",
    ),
    (
        "upkeep_facts_oldest_seconds",
        "Age of the oldest fact that waits",
        "SELECT coalesce(extract(epoch FROM now() - min(told_at)), 0) FROM fact WHERE done_at IS NULL",
    ),
    (
        "upkeep_letters_waiting",
        "Letters that are written and neither sent, failed nor kept",
        "SELECT count(*) FROM letter WHERE sent_at IS NULL AND failed_at IS NULL AND kept_at IS NULL",
    ),
)
_registry = CollectorRegistry()
_answers = Counter(
    "upkeep_answers", "Answers by address and status", ["address", "status"], registry=_registry
)
_verdicts = Counter(
    "upkeep_verdicts",
    "Answers of the gate's edge by address and code",
    ["address", "code"],
    registry=_registry,
)
_seconds = Histogram(
    "upkeep_answer_seconds",
    "How long answers took",
    ["address"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=_registry,
)


def told(address: str, status: int, code: str, seconds: float) -> None:
    """Count an answer of the edge."""
    _answers.labels(address, status).inc()
    _verdicts.labels(address, code).inc()
    _seconds.labels(address).observe(seconds)


def init(app: Flask) -> None:
    """Count every answer of the site."""

    @app.before_request
    def begin() -> None:
        g.begun = time.perf_counter()

    @app.after_request
    def end(response: Response) -> Response:
        address = request.endpoint or NOBODY
        _answers.labels(address, response.status_code).inc()
        _seconds.labels(address).observe(time.perf_counter() - g.get("begun", time.perf_counter()))
        return response


def scrape(session: Session) -> bytes:
    """Everything counted, in Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Backlog(session))
    if folder := os.environ.get(FOLDER):
        MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
        return generate_latest(registry)
    ProcessCollector(registry=registry)
    return generate_latest(registry) + generate_latest(_registry)


class _Backlog(Collector):
    """What waits in the database, read at the scrape: true whichever process is asked."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(
            "upkeep_metrics_processes",
            "1 when these numbers are those of one process, 0 when they are those of all",
            value=0 if os.environ.get(FOLDER) else 1,
        )
        try:
            for name, meaning, query in BACKLOGS:
                yield GaugeMetricFamily(name, meaning, value=float(self._session.scalar(text(query)) or 0))
        except SQLAlchemyError:
            self._session.rollback()
