"""Settings: read once, in a composition root, into a frozen object.

A wrong or missing value refuses to start with one sentence that names the variable. `NAME_FILE`
may hold any value. What the environment leaves out is taken from `$VAR/stack.json`, which a
running `make run` keeps, so that the operator's verbs find it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from portal.kit.replies import LOCAL_MOST, ReplyAddress
from portal.kit.tokens import Pepper

STACK_FILE = "stack.json"
GATE_MODES = ("enforce", "observe")
BLIND_MODES = ("deny",)
LEASE_MODES = ("on", "off")
CLUSTER_MODES = ("off", "on")
SPOT_MODES = ("dry-run", "off", "on")
STRIPE_BASE = "https://api.stripe.com"
STRIPE_KEYS = {
    "sk_sandbox_": "sandbox",
    "sk_test_": "test",
    "rk_test_": "test",
    "sk_live_": "live",
    "rk_live_": "live",
}
REPLY_LOCAL = re.compile(rf"[a-z0-9](?:[a-z0-9._-]{{0,{LOCAL_MOST - 2}}}[a-z0-9])?")
REPLY_DOMAIN = re.compile(r"[a-z0-9](?:[a-z0-9.-]{0,180}[a-z0-9])?")
SPOT_PAIR = re.compile(r"([\w-]{1,255})/([\w-]{1,255})\+([\w-]{1,255}):(\d{1,4}):(\d{1,4})", re.ASCII)
Network = IPv4Network | IPv6Network


class SettingsError(Exception):
    """A setting is missing or wrong; the sentence names the variable."""


@dataclass(frozen=True)
class Brand:
    """The platform's own face: customers see the platform, not Upkeep. Absent links are None."""

    name: str = "Upkeep"
    logo: Path | None = None
    api_url: str | None = None
    docs_url: str | None = None
    forum_url: str | None = None
    status_url: str | None = None
    terms_url: str | None = None
    privacy_url: str | None = None
    support_mail: str | None = None


@dataclass(frozen=True)
class Payments:
    """How money is taken: `mode` is "sandbox", "test" or "live", and decides where the key may go."""

    secret_key: str = field(repr=False)
    webhook_secrets: tuple[str, ...] = field(repr=False)
    api_base: str
    mode: str


@dataclass(frozen=True)
class Post:
    """Where answers to letters come in: their address, and where the listener stands.

    `certificate` and `certificate_key` are files; without them the listener offers no TLS.
    """

    address: ReplyAddress
    host: str = "127.0.0.1"
    port: int = 2525
    certificate: Path | None = None
    certificate_key: Path | None = None


@dataclass(frozen=True)
class SpotPair:
    """Two ECS services that do the same work: one on spot capacity, one on demand to stand in for it.

    The second runs at least `base` tasks, and is raised to at most `most`.
    """

    cluster: str
    spot: str
    on_demand: str
    base: int
    most: int


@dataclass(frozen=True)
class Aws:
    """How AWS is reached, and whether it is asked on a schedule. What is None is left to AWS's own ways."""

    region: str | None = None
    endpoint: str | None = None
    access_key_id: str | None = field(default=None, repr=False)
    secret_access_key: str | None = field(default=None, repr=False)
    session_token: str | None = field(default=None, repr=False)
    profile: str | None = None
    collects: bool = False
    spot_pairs: tuple[SpotPair, ...] = ()
    spot_mode: str = "dry-run"


@dataclass(frozen=True)
class Settings:
    """Everything that an installation may decide. Secrets never appear in its repr."""

    port: int
    var: Path
    public_url: str
    database_url: str = field(repr=False)
    owner_database_url: str = field(repr=False)
    redis_url: str = field(repr=False)
    broker_url: str = field(repr=False)
    throttle_url: str = field(repr=False)
    secret_key: str = field(repr=False)
    key_peppers: tuple[Pepper, ...] = field(repr=False)
    key_prefixes: tuple[str, ...] = ("upk",)
    trusted_proxies: tuple[Network, ...] = ()
    gate_mode: str = "enforce"
    gate_when_blind: str = "deny"
    gate_leases: bool = True
    gate_cluster: bool = False
    smtp_url: str | None = field(default=None, repr=False)
    mail_from: str = "noreply@localhost"
    post: Post | None = None
    plans_file: Path = Path("catalogue.toml")
    metrics_public: bool = False
    payments: Payments | None = None
    scanning_keys: str | None = None
    aws: Aws = Aws()
    brand: Brand = Brand()

    @property
    def clock_file(self) -> Path | None:
        """Where the one offset of a sandbox's clock is kept; None where time cannot be moved."""
        sandbox = self.payments is not None and self.payments.mode == "sandbox"
        return self.var / "clock" if sandbox else None

    @property
    def plans_file_is_made(self) -> bool:
        """Whether the catalogue is that of the state folder, which is made from the shipped one."""
        return self.plans_file == self.var / "catalogue.toml"

    @property
    def key_prefix(self) -> str:
        """The prefix that new keys are minted with."""
        return self.key_prefixes[0]

    @property
    def is_loopback(self) -> bool:
        """Whether the portal is reached on this machine alone."""
        return is_loopback(self.public_url)

    @property
    def secure_cookies(self) -> bool:
        """Whether the portal is reached over TLS, so that cookies may say so."""
        return self.public_url.startswith("https://")


def load(environ: Mapping[str, str]) -> Settings:
    """Read the settings of this process; SettingsError with one sentence when one is wrong."""
    var = Path(environ.get("VAR") or "var").resolve()
    read = _Reader(environ, _running(var))
    port = read.integer("PORT", 8000, 1, 65535)
    public_url = read.url("PUBLIC_URL", f"http://127.0.0.1:{port}", ("http", "https")).rstrip("/")
    host = urlsplit(public_url).hostname or "localhost"
    database_url = read.required("DATABASE_URL", "name a PostgreSQL database, or start `make run`")
    redis_url = read.required("REDIS_URL", "name a Redis server, or start `make run`")
    return Settings(
        port=port,
        var=var,
        public_url=public_url,
        database_url=database_url,
        owner_database_url=read.text("OWNER_DATABASE_URL") or database_url,
        redis_url=redis_url,
        broker_url=read.text("BROKER_URL") or redis_url,
        throttle_url=read.text("THROTTLE_URL") or redis_url,
        secret_key=read.secret("SECRET_KEY", 32),
        key_peppers=read.peppers("KEY_PEPPERS"),
        key_prefixes=read.prefixes("KEY_PREFIX"),
        trusted_proxies=read.networks("TRUSTED_PROXIES", "127.0.0.0/8, ::1/128"),
        gate_mode=read.choice("GATE_MODE", GATE_MODES),
        gate_when_blind=read.choice("GATE_WHEN_BLIND", BLIND_MODES),
        gate_leases=read.choice("GATE_LEASES", LEASE_MODES) == "on",
        gate_cluster=_cluster(read, redis_url),
        smtp_url=read.url("SMTP_URL", "", ("smtp", "smtps", "smtp+starttls")) or None,
        mail_from=read.text("MAIL_FROM") or f"noreply@{host}",
        post=_post(read),
        plans_file=Path(read.text("PLANS_FILE") or var / "catalogue.toml"),
        metrics_public=read.choice("METRICS", ("private", "public")) == "public",
        payments=_payments(read, public_url),
        scanning_keys=_scanning_keys(read),
        aws=_aws(read),
        brand=_brand(read),
    )


def _cluster(read: "_Reader", redis_url: str) -> bool:
    """Work and throttles cannot live in a cluster: they need a Redis, or a broker, of their own."""
    if read.choice("GATE_CLUSTER", CLUSTER_MODES) == "off":
        return False
    for name in ("BROKER_URL", "THROTTLE_URL"):
        if (read.text(name) or redis_url) == redis_url:
            raise SettingsError(f"{name} must name a server of its own with GATE_CLUSTER=on.")
    return True


def _payments(read: "_Reader", public_url: str) -> Payments | None:
    """The pairings: sandbox keys stay on this machine, real keys go to Stripe and nowhere else."""
    key = read.text("STRIPE_SECRET_KEY")
    base = read.url("STRIPE_API_BASE", "", ("http", "https")).rstrip("/")
    secrets = tuple(part.strip() for part in (read.text("STRIPE_WEBHOOK_SECRET") or "").split(","))
    if key is None:
        return None
    mode = next((mode for start, mode in STRIPE_KEYS.items() if key.startswith(start)), None)
    if mode is None or not key.isascii() or not key.isprintable() or " " in key:
        raise SettingsError(f"STRIPE_SECRET_KEY must begin with one of {', '.join(STRIPE_KEYS)}.")
    if not all(secrets):
        raise SettingsError("STRIPE_WEBHOOK_SECRET is not set: without it anyone could tell of payments.")
    if mode == "sandbox":
        if not is_loopback(base):
            raise SettingsError(
                "STRIPE_API_BASE must be the sandbox's address on this machine: "
                "a sk_sandbox_ key is good for nothing else."
            )
        if not is_loopback(public_url):
            raise SettingsError(
                "PUBLIC_URL must be an address on this machine with a sk_sandbox_ STRIPE_SECRET_KEY: "
                "nobody could really pay."
            )
    elif base not in ("", STRIPE_BASE):
        raise SettingsError(
            f"STRIPE_API_BASE must be left out with a STRIPE_SECRET_KEY of Stripe's own: "
            f"such a key goes to {STRIPE_BASE} alone."
        )
    return Payments(key, secrets, base or STRIPE_BASE, mode)


def _scanning_keys(read: "_Reader") -> str | None:
    """Where GitHub's public keys are: a file, or an address that nobody on the way can change."""
    value = read.text("GITHUB_SCANNING_KEYS")
    if value is None or Path(value).is_file():
        return value
    if urlsplit(value).scheme == "https" or (urlsplit(value).scheme == "http" and is_loopback(value)):
        return value
    raise SettingsError(f"GITHUB_SCANNING_KEYS must be a file or an https address, not {value!r}.")


def _aws(read: "_Reader") -> Aws:
    """By AWS's own names. Nothing is asked on a schedule unless somebody said so."""
    region = read.text("AWS_REGION") or read.text("AWS_DEFAULT_REGION")
    key, secret = read.text("AWS_ACCESS_KEY_ID"), read.text("AWS_SECRET_ACCESS_KEY")
    if (key is None) != (secret is None):
        raise SettingsError("AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY must be set together or not at all.")
    collects, pairs = read.choice("AWS_COLLECT", ("off", "on")) == "on", _spot_pairs(read)
    if (collects or pairs) and region is None:
        raise SettingsError("AWS_REGION must name a region, such as eu-central-1, for AWS to be asked.")
    return Aws(
        region=region,
        endpoint=read.url("AWS_ENDPOINT_URL", "", ("http", "https")) or None,
        access_key_id=key,
        secret_access_key=secret,
        session_token=read.text("AWS_SESSION_TOKEN"),
        profile=read.text("AWS_PROFILE"),
        collects=collects,
        spot_pairs=pairs,
        spot_mode=read.choice("SPOT_CONTROLLER", SPOT_MODES),
    )


def _spot_pairs(read: "_Reader") -> tuple[SpotPair, ...]:
    pairs = []
    for part in filter(None, (part.strip() for part in (read.text("SPOT_PAIRS") or "").split(","))):
        found = SPOT_PAIR.fullmatch(part)
        if found is None or found[2] == found[3] or int(found[4]) > int(found[5]):
            raise SettingsError(
                "SPOT_PAIRS must list pairs such as main/web-spot+web:1:4 (cluster, spot service, on-demand "
                f"service, its least and its most tasks), not {part!r}."
            )
        pairs.append(SpotPair(found[1], found[2], found[3], int(found[4]), int(found[5])))
    raised = [(pair.cluster, pair.on_demand) for pair in pairs]
    if len(set(raised)) != len(raised):
        raise SettingsError("SPOT_PAIRS names an on-demand service twice.")
    return tuple(pairs)


def _post(read: "_Reader") -> Post | None:
    """Replies by mail are off until their address is named."""
    host = read.text("POST_HOST") or Post.host
    port = read.integer("POST_PORT", Post.port, 1, 65535)
    certificate, key = read.file("POST_CERTIFICATE"), read.file("POST_CERTIFICATE_KEY")
    if (certificate is None) != (key is None):
        raise SettingsError("POST_CERTIFICATE and POST_CERTIFICATE_KEY must be set together or not at all.")
    if (address := read.text("REPLY_ADDRESS")) is None:
        return None
    local, _, domain = address.lower().rpartition("@")
    if not REPLY_LOCAL.fullmatch(local) or not REPLY_DOMAIN.fullmatch(domain):
        raise SettingsError(
            f"REPLY_ADDRESS must be an address such as reply@example.org, with at most {LOCAL_MOST} letters "
            f"and digits before the @, not {address!r}."
        )
    return Post(ReplyAddress(local, domain), host, port, certificate, key)


def _brand(read: "_Reader") -> Brand:
    links = {
        name.lower(): read.url(name, "", ("http", "https")) or None
        for name in ("API_URL", "DOCS_URL", "FORUM_URL", "STATUS_URL", "TERMS_URL", "PRIVACY_URL")
    }
    return Brand(
        name=read.text("BRAND_NAME") or Brand.name,
        logo=read.file("BRAND_LOGO"),
        support_mail=read.text("SUPPORT_MAIL"),
        **links,
    )


def _running(var: Path) -> Mapping[str, str]:
    try:
        return dict(json.loads((var / STACK_FILE).read_text()))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as problem:
        raise SettingsError(f"VAR names {var}, whose {STACK_FILE} cannot be read: {problem}.") from None


def is_loopback(url: str) -> bool:
    """Whether an address leads to this machine alone."""
    host = urlsplit(url).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@dataclass(frozen=True)
class _Reader:
    environ: Mapping[str, str]
    running: Mapping[str, str]

    def text(self, name: str) -> str | None:
        if value := self.environ.get(name, "").strip():
            return value
        if path := self.environ.get(f"{name}_FILE", "").strip():
            try:
                return Path(path).read_text().strip() or None
            except OSError as problem:
                raise SettingsError(f"{name}_FILE cannot be read: {problem}.") from None
        return self.running.get(name) or None

    def required(self, name: str, advice: str) -> str:
        if (value := self.text(name)) is None:
            raise SettingsError(f"{name} is not set: {advice}.")
        return value

    def secret(self, name: str, length: int) -> str:
        value = self.required(name, f"give it {length} or more random characters")
        if len(value) < length:
            raise SettingsError(f"{name} is too short: give it {length} or more random characters.")
        return value

    def integer(self, name: str, default: int, low: int, high: int) -> int:
        value = self.text(name)
        if value is None:
            return default
        if not value.isdecimal() or not low <= int(value) <= high:
            raise SettingsError(f"{name} must be a whole number from {low} to {high}, not {value!r}.")
        return int(value)

    def choice(self, name: str, choices: tuple[str, ...]) -> str:
        value = self.text(name) or choices[0]
        if value not in choices:
            raise SettingsError(f"{name} must be {' or '.join(choices)}, not {value!r}.")
        return value

    def url(self, name: str, default: str, schemes: tuple[str, ...]) -> str:
        value = self.text(name) or default
        if value and (urlsplit(value).scheme not in schemes or not urlsplit(value).hostname):
            raise SettingsError(f"{name} must be a {' or '.join(schemes)} address, not {value!r}.")
        return value

    def file(self, name: str) -> Path | None:
        value = self.text(name)
        if value is not None and not Path(value).is_file():
            raise SettingsError(f"{name} must name a file on this machine, not {value!r}.")
        return None if value is None else Path(value)

    def peppers(self, name: str) -> tuple[Pepper, ...]:
        advice = "list `id:hex` pairs, newest first, each hex part of 32 or more digits"
        peppers = []
        for part in self.required(name, advice).split(","):
            pepper_id, _, secret = part.strip().partition(":")
            try:
                value = bytes.fromhex(secret)
            except ValueError:
                value = b""
            if not pepper_id.isalnum() or len(value) < 16:
                raise SettingsError(f"{name} is not well formed: {advice}.")
            peppers.append(Pepper(pepper_id, value))
        if len({pepper.id for pepper in peppers}) != len(peppers):
            raise SettingsError(f"{name} names one id twice: {advice}.")
        return tuple(peppers)

    def prefixes(self, name: str) -> tuple[str, ...]:
        """The prefix for new keys first, then earlier ones that stay valid."""
        found = tuple(part.strip() for part in (self.text(name) or "upk").split(","))
        if not all(part.isalnum() and part.isascii() and len(part) <= 12 for part in found):
            raise SettingsError(
                f"{name} must be 1 to 12 letters and digits, earlier ones after a comma: {','.join(found)!r}."
            )
        return found

    def networks(self, name: str, default: str) -> tuple[Network, ...]:
        try:
            parts = (self.text(name) or default).split(",")
            return tuple(ip_network(part.strip()) for part in parts)
        except ValueError as problem:
            raise SettingsError(f"{name} must list networks such as 10.0.0.0/8: {problem}.") from None
