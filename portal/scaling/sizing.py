"""Sizes, as decided: what is never half used can be half as large."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from portal.scaling.prices import Machine

QUANTILE = 0.999
PROCESSOR_FREE, MEMORY_FREE = 50.0, 40.0
"""Below which use, in percent, half the size is enough: a full processor is slow, full memory is the end."""

FULL = 2 * MEMORY_FREE / 100
LEAST_HOURS = 27 * 24
FARGATE_MEMORY = {
    256: (512, 1024, 2048),
    512: tuple(range(1024, 4096 + 1, 1024)),
    1024: tuple(range(2048, 8192 + 1, 1024)),
    2048: tuple(range(4096, 16384 + 1, 1024)),
    4096: tuple(range(8192, 30720 + 1, 1024)),
}
"""What a task on Fargate may have: for each cpu (1024 make a processor) its memory in MB."""


@dataclass(frozen=True)
class Use:
    """What of something was used over thirty days, in percent: on average, and at its quantile."""

    usual: float
    peak: float


def use(averages: Sequence[float], maxima: Sequence[float]) -> Use | None:
    """The use in these hours; None when there are too few of them to say."""
    if len(maxima) < LEAST_HOURS:
        return None
    return Use(float(np.mean(averages)), float(np.quantile(maxima, QUANTILE)))


def smaller_task(cpu: int, memory: int, processor: Use, held: Use) -> tuple[int, int] | None:
    """The next smaller task on Fargate that still holds what was used; None when there is none."""
    least = memory // 2 if held.peak < MEMORY_FREE else memory
    for wanted in (cpu // 2, cpu) if processor.peak < PROCESSOR_FREE else (cpu,):
        fitting = [size for size in FARGATE_MEMORY.get(wanted, ()) if size >= least]
        if fitting and fitting[0] <= memory and (wanted, fitting[0]) != (cpu, memory):
            return wanted, fitting[0]
    return None


def fits(smaller: Machine, processor: Use, memory_gb: float) -> bool:
    """Whether a smaller machine holds what was used: its processor, and so many GB of memory at most.

    What bursts may not use more on average than its share for long.
    """
    is_calm = smaller.baseline == 100 or processor.usual < FULL * smaller.baseline
    return processor.peak < PROCESSOR_FREE and memory_gb < FULL * smaller.memory and is_calm
