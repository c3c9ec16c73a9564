"""Take a backup: `python -m deploy.backup FOLDER [--keep-days DAYS]`."""

import argparse
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

from deploy.backup import taking
from deploy.backup.programs import BackupError, NothingYet
from portal.kit.settings import SettingsError, load

NOTHING_YET = 3
CHECKLIST = """\
Not in it, and needed with it; keep them in another place:
  SECRET_KEY   without it nobody's second factor can be read and every link is void
  KEY_PEPPERS  without them no key is recognised again
  the catalogue ({plans_file}), your settings, and what Stripe gave you
Copy the backup to another machine, encrypted: it holds names and addresses."""


def main() -> int:
    """0 when a backup was written; 1 with one sentence when it was not; 3 when there is nothing yet."""
    parser = argparse.ArgumentParser(prog="python -m deploy.backup", description=__doc__)
    parser.add_argument("folder", type=Path, help="where backups are kept")
    parser.add_argument(
        "--keep-days", type=int, metavar="DAYS", help="then delete older ones, never the newest"
    )
    asked = parser.parse_args()
    now = datetime.now(UTC)
    os.umask(0o077)
    try:
        settings = load(os.environ)
        written = taking.take(settings, asked.folder, now=now)
    except NothingYet as problem:
        print(f"No backup was needed: {problem}")
        return NOTHING_YET
    except (BackupError, SettingsError) as problem:
        print(f"No backup was taken: {problem}", file=sys.stderr)
        return 1
    print(f"Backup    {written}")
    if asked.keep_days is not None:
        for path in taking.drop_old(asked.folder, asked.keep_days, now=now):
            print(f"Deleted   {path}")
    print(CHECKLIST.format(plans_file=settings.plans_file))
    return 0


sys.exit(main())
