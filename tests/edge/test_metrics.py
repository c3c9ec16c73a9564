"""Metrics of several processes: one scrape tells of all of them."""

import os
import subprocess
import sys

THREE_PROCESSES_AND_A_SCRAPE = """
import os
from sqlalchemy import create_engine
from sqlalchemy.orm import Session
from portal.web import metrics
for _ in range(3):
    if os.fork() == 0:
        metrics.told("/v1/keys/verify", 200, "VALID", 0.002)
        os._exit(0)
    os.wait()
with Session(create_engine("postgresql+psycopg://nobody@127.0.0.1:1/nothing")) as session:
    print(metrics.scrape(session).decode())
"""


def test_what_several_processes_counted_is_told_by_any_of_them(tmp_path):
    told = subprocess.run(
        [sys.executable, "-c", THREE_PROCESSES_AND_A_SCRAPE],
        env=os.environ | {"PROMETHEUS_MULTIPROC_DIR": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    assert 'upkeep_verdicts_total{address="/v1/keys/verify",code="VALID"} 3.0' in told
    assert 'upkeep_answer_seconds_bucket{address="/v1/keys/verify",le="0.0025"} 3.0' in told
    assert "upkeep_metrics_processes 0.0" in told
