"""Metrics of several processes: one scrape tells of all of them."""

import os
import subprocess
import sys

COUNT = "from portal.web import metrics; metrics.told('/v1/keys/verify', 200, 'VALID', 0.002)"
SCRAPE = """
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from portal.web import metrics
with Session(create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")) as session:
    print(metrics.scrape(session).decode())
"""


def python(code, folder):
    environ = os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environ, check=True, capture_output=True, text=True
    ).stdout


def test_what_several_processes_counted_is_told_by_any_of_them(tmp_path):
    for _ in range(3):
        python(COUNT, tmp_path)
    told = python(SCRAPE, tmp_path)
    assert 'upkeep_verdicts_total{address="/v1/keys/verify",code="VALID"} 3.0' in told
    assert 'upkeep_answer_seconds_bucket{address="/v1/keys/verify",le="0.0025"} 3.0' in told
    assert "upkeep_metrics_processes 0.0" in told
