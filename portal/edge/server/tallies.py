"""Tallies: what one process of the gate server counts about itself, handed to Prometheus once a second.

The names are those of the web's metrics, so that one folder (PROMETHEUS_MULTIPROC_DIR) tells of all.
"""

import os
from bisect import bisect_left
from collections import defaultdict
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.process_collector import ProcessCollector

FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
BOUNDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)


class Tallies:
    """Counts answers in plain numbers; only `flush` pays for Prometheus'."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._answers = Counter(
            "upkeep_answers", "Answers by address and status", ["address", "status"], registry=self._registry
        )
        self._verdicts = Counter(
            "upkeep_verdicts",
            "Answers of the gate's edge by address and code",
            ["address", "code"],
            registry=self._registry,
        )
        self._seconds = _Seconds(
            "upkeep_answer_seconds",
            "How long answers took",
            ["address"],
            buckets=BOUNDS,
            registry=self._registry,
        )
        self._told: defaultdict[tuple[str, int, str], int] = defaultdict(int)
        self._took: dict[str, list[float]] = {}

    def told(self, address: str, status: int, code: str, seconds: float) -> None:
        """Count an answer of the edge."""
        self._told[address, status, code] += 1
        if (took := self._took.get(address)) is None:
            took = self._took[address] = [0.0] * (len(BOUNDS) + 2)
        took[bisect_left(BOUNDS, seconds)] += 1
        took[-1] += seconds

    def flush(self) -> None:
        """Hand on what was counted since the last time."""
        for (address, status, code), number in self._told.items():
            self._answers.labels(address, status).inc(number)
            self._verdicts.labels(address, code).inc(number)
        for address, (*counts, seconds) in self._took.items():
            self._seconds.labels(address).add(counts, seconds)
        self._told.clear()
        self._took.clear()

    def scrape(self) -> bytes:
        """Everything counted, in Prometheus' text format: of all processes where they share a folder."""
        registry = CollectorRegistry()
        if folder := os.environ.get(FOLDER):
            MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]
            return generate_latest(registry)
        ProcessCollector(registry=registry)
        return generate_latest(registry) + generate_latest(self._registry)


class _Seconds(Histogram):
    """A histogram that takes many observations at once."""

    def add(self, counts: list[float], seconds: float) -> None:
        for bucket, number in zip(self._buckets, counts, strict=True):
            if number:
                bucket.inc(number)
        self._sum.inc(seconds)
