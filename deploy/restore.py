"""Restore a backup: `python -m deploy.restore BACKUP` into an empty database."""

import argparse
import os
import sys
from pathlib import Path

from deploy.backup import restoring
from deploy.backup.programs import BackupError
from portal.kit.settings import SettingsError, load


def main() -> int:
    """0 when all of it is there again; 1 with one sentence when it is not."""
    parser = argparse.ArgumentParser(prog="python -m deploy.restore", description=__doc__)
    parser.add_argument("backup", type=Path, help="a folder that a backup wrote")
    parser.add_argument("--empty-redis", action="store_true", help="forget what the gate's Redis remembers")
    parser.add_argument("--other-secrets", action="store_true", help="go on although secrets have changed")
    asked = parser.parse_args()
    try:
        said = restoring.restore(
            load(os.environ), asked.backup, empty_redis=asked.empty_redis, other_secrets=asked.other_secrets
        )
    except (BackupError, SettingsError) as problem:
        print(f"Not restored: {problem}", file=sys.stderr)
        return 1
    print(f"Restored  {sum(said.rows.values())} rows in {len(said.rows)} tables, as of {said.taken_at}")
    print(f"Migration {said.migration}; run `alembic upgrade head`, then start the web and the workers.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
