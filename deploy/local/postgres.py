"""A private PostgreSQL in one folder."""

import hashlib
import shutil
import signal
import subprocess
from pathlib import Path

import psycopg
from psycopg import sql

from deploy.local import binaries, guise
from deploy.local.guise import Guise
from deploy.local.passwords import Passwords
from deploy.local.ports import HOST
from deploy.local.process import Process, Service, StackError

DATABASE = "upkeep"
OWNER = "upkeep_owner"
APP = "upkeep_app"


class Postgres(Process):
    """A PostgreSQL in `folder/pg<major>`, with the database, its owner and the application's role.

    `durable=False` trades safety after a power cut for speed: for tests. `namespaces=False` does without
    user namespaces. Raises StackError when there is no PostgreSQL for the data that is there.
    """

    def __init__(
        self,
        folder: Path,
        port: int,
        passwords: Passwords,
        *,
        durable: bool = True,
        namespaces: bool = True,
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = port
        self._passwords = passwords
        self._durable = durable
        away = _away(folder)
        found = binaries.postgres(_majors(folder) or _majors(away))
        namespaces = namespaces and not _majors(away)
        self.guise = guise.for_server(found.bin / "postgres", folder, namespaces=namespaces)
        if self.guise is Guise.NOBODY and _majors(folder):
            raise StackError(f"Root cannot run the data in {folder}: start as the user to whom it belongs.")
        shelter = _made(away) if self.guise is Guise.NOBODY else folder
        program = guise.reachable(found.root, found.bin / "postgres", shelter, self.guise)
        self._bin = program.parent
        self.data = shelter / f"pg{found.major}"
        super().__init__(
            Service(
                name="postgres",
                command=[str(program), "-D", str(self.data), *self._options()],
                log=folder / "log" / "postgres.log",
                ready=self._answers,
                folder=shelter,
                guise=self.guise,
                stop_signal=signal.SIGINT,  # a fast shutdown: clients are sent away
                urgent_signal=signal.SIGQUIT,  # an immediate one: it kills its own after five seconds
                orphan_signal=signal.SIGINT,
            )
        )

    def url(self, role: str = APP) -> str:
        """The address of the database for a role: upkeep_app, upkeep_owner or postgres."""
        password = {"postgres": self._passwords.superuser, OWNER: self._passwords.owner}.get(
            role, self._passwords.app
        )
        return f"postgresql://{role}:{password}@{HOST}:{self.port}/{DATABASE}"

    def start(self) -> None:
        """Start it; the first time, make the cluster, the roles and the database too."""
        self.service.log.parent.mkdir(exist_ok=True)
        if not self.data.exists():
            self._make_cluster()
        super().start()
        self._make_roles()

    def _options(self) -> list[str]:
        settings = {
            "port": str(self.port),
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
        }
        if not self._durable:
            settings |= {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _make_cluster(self) -> None:
        """Run initdb beside the final place, so that an interrupted first start leaves no half cluster."""
        draft = self.data.with_name(self.data.name + ".new")
        shutil.rmtree(draft, ignore_errors=True)
        password_file = draft.with_name("initial-password")
        password_file.touch(mode=0o600)
        password_file.write_text(self._passwords.superuser)
        guise.own(password_file, self.guise)
        command = [str(self._bin / "initdb"), "-D", str(draft), "-U", "postgres", "--encoding=UTF8"]
        command += ["--no-locale", "--auth=scram-sha-256", f"--pwfile={password_file}"]
        command += [] if self._durable else ["--no-sync"]
        try:
            done = subprocess.run(
                command,
                cwd=draft.parent,
                capture_output=True,
                text=True,
                preexec_fn=guise.before_exec(self.guise),
                **guise.user(self.guise),  # type: ignore[call-overload]
            )
        finally:
            password_file.unlink()
        if done.returncode != 0:
            raise StackError(f"PostgreSQL could not make its data folder: {done.stderr.strip()}")
        draft.rename(self.data)

    def _answers(self) -> bool:
        try:
            self._superuser("postgres").close()
        except psycopg.OperationalError as problem:
            if "password authentication failed" in str(problem):
                sentence = f"The data in {self.data} was made with other passwords than these."
                raise StackError(sentence) from None
            return False
        return True

    def _superuser(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=HOST,
            port=self.port,
            user="postgres",
            password=self._passwords.superuser,
            dbname=database,
            autocommit=True,
            connect_timeout=5,
        )

    def _make_roles(self) -> None:
        """Two roles: the owner migrates; the application neither owns a table nor passes row security."""
        with self._superuser("postgres") as connection:
            for role, password in ((OWNER, self._passwords.owner), (APP, self._passwords.app)):
                known = connection.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", [role]).fetchone()
                verb = sql.SQL("ALTER ROLE {} PASSWORD {}" if known else "CREATE ROLE {} LOGIN PASSWORD {}")
                connection.execute(verb.format(sql.Identifier(role), sql.Literal(password)))
            if not connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone():
                connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
        with self._superuser(DATABASE) as connection:
            for rights, things in (
                ("SELECT, INSERT, UPDATE, DELETE", "TABLES"),
                ("USAGE, SELECT, UPDATE", "SEQUENCES"),
            ):
                connection.execute(
                    f"ALTER DEFAULT PRIVILEGES FOR ROLE {OWNER} IN SCHEMA public "
                    f"GRANT {rights} ON {things} TO {APP}"
                )


def discard(folder: Path) -> None:
    """Delete the data that was kept for a folder, wherever it lies. Nothing may run on it."""
    for data in (*folder.glob("pg*"), _away(folder)):
        shutil.rmtree(data, ignore_errors=True)


def _majors(folder: Path) -> list[int]:
    """The versions whose data lies in a folder."""
    return sorted(int(path.name[2:]) for path in folder.glob("pg*") if path.name[2:].isdigit())


def _away(folder: Path) -> Path:
    """Where the system's nobody can keep what belongs to a folder that it cannot reach."""
    mark = hashlib.sha256(str(folder.resolve()).encode()).hexdigest()[:12]
    return Path("/var/tmp") / f"upkeep-{mark}"


def _made(shelter: Path) -> Path:
    """The shelter, made and given to nobody. Refused when another user was there first."""
    shelter.mkdir(mode=0o700, exist_ok=True)
    if shelter.is_symlink() or shelter.owner() not in ("root", guise.NOBODY):
        raise StackError(f"{shelter} belongs to another user.")
    guise.own(shelter, Guise.NOBODY)
    return shelter
