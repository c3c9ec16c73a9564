"""The five proxies, as shipped, each with this test's ports in place of the example's."""

import http.client
import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from deploy.local.ports import free_port
from deploy.local.process import Process, Service
from tests.deploy.parts import DEPLOY, environ

NOT_RUN = "PROXY NOT RUN"
SHIPPED = DEPLOY / "proxies"
NGINX = """
daemon off;
pid {folder}/nginx.pid;
error_log stderr;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/api.conf;
}}
"""
TRAEFIK = """
entryPoints:
  web:
    address: "127.0.0.1:{port}"
providers:
  file:
    filename: {folder}/dynamic.yaml
global:
  checkNewVersion: false
  sendAnonymousUsage: false
log:
  level: WARN
"""


@dataclass(frozen=True)
class Ground:
    """Where a proxy stands: its folder, its port, the gate's, the API's, and the service key."""

    folder: Path
    port: int
    gate: int
    api: int
    service_key: str


def program(name):
    """A proxy's program. Without it its example is not tried, which CI calls a failure."""
    beside = Path(sys.executable).with_name(name)
    found = str(beside) if beside.exists() else shutil.which(name) or shutil.which(name, path="/usr/sbin")
    if found is None:
        sentence = f"{NOT_RUN}: {name} was not found (see .ci/run and pyproject.toml)"
        (pytest.fail if os.environ.get("CI") else pytest.skip)(sentence)
    return found


def shipped(name, ground, *changes):
    """A shipped file with pieces replaced, each of which must be there, written into the folder."""
    text = (SHIPPED / name).read_text()
    for old, new in (("127.0.0.1:8001", f"127.0.0.1:{ground.gate}"), *changes):
        assert old in text, f"{name} does not say {old}"
        text = text.replace(old, new)
    return text


def nginx(ground):
    folder = ground.folder
    key_file = folder / "upkeep-service-key"
    key_file.write_text(f'proxy_set_header X-Upkeep-Service-Key "{ground.service_key}";\n')
    (folder / "api.conf").write_text(
        shipped(
            "nginx.conf",
            ground,
            ("127.0.0.1:9000", f"127.0.0.1:{ground.api}"),
            ("listen 8080", f"listen 127.0.0.1:{ground.port}"),
            ("/etc/nginx/upkeep-service-key", str(key_file)),
        )
    )
    (folder / "nginx.conf").write_text(NGINX.format(folder=folder))
    return [program("nginx"), "-e", "stderr", "-p", str(folder), "-c", str(folder / "nginx.conf")], {}


def caddy(ground):
    folder = ground.folder
    (folder / "Caddyfile").write_text(
        "{\n\tadmin off\n\tauto_https off\n\tdefault_bind 127.0.0.1\n}\n"
        + (SHIPPED / "Caddyfile").read_text()
    )
    more = {
        "SITE": f"http://:{ground.port}",
        "UPKEEP_GATE": f"127.0.0.1:{ground.gate}",
        "API": f"127.0.0.1:{ground.api}",
        "UPKEEP_SERVICE_KEY": ground.service_key,
        "HOME": str(folder),
        "XDG_DATA_HOME": str(folder),
        "XDG_CONFIG_HOME": str(folder),
    }
    return [program("caddy"), "run", "--config", str(folder / "Caddyfile"), "--adapter", "caddyfile"], more


def traefik(ground):
    folder = ground.folder
    api = ("127.0.0.1:9000", f"127.0.0.1:{ground.api}")
    (folder / "dynamic.yaml").write_text(shipped("traefik.yaml", ground, api))
    (folder / "traefik.yaml").write_text(TRAEFIK.format(port=ground.port, folder=folder))
    command = [program("traefik"), f"--configFile={folder}/traefik.yaml"]
    return command, {"UPKEEP_SERVICE_KEY": ground.service_key}


def envoy(ground):
    file = ground.folder / "envoy.yaml"
    file.write_text(
        shipped(
            "envoy.yaml",
            ground,
            ("address: 127.0.0.1, port_value: 8001", f"address: 127.0.0.1, port_value: {ground.gate}"),
            ("address: 127.0.0.1, port_value: 9000", f"address: 127.0.0.1, port_value: {ground.api}"),
            ("address: 0.0.0.0, port_value: 8080", f"address: 127.0.0.1, port_value: {ground.port}"),
            ("value: UPKEEP_SERVICE_KEY", f"value: {ground.service_key}"),
        )
    )
    options = ["--concurrency", "1", "--disable-hot-restart", "--log-level", "warning"]
    return [program("envoy"), "--config-path", str(file), *options], {}


def haproxy(ground):
    folder = ground.folder
    shutil.copy(SHIPPED / "upkeep.lua", folder)
    (folder / "haproxy.cfg").write_text(
        shipped(
            "haproxy.cfg",
            ground,
            ("bind :8080", f"bind 127.0.0.1:{ground.port}"),
            ("127.0.0.1:9000", f"127.0.0.1:{ground.api}"),
            ("lua-load upkeep.lua", f"lua-load {folder}/upkeep.lua"),
        )
    )
    command = [program("haproxy"), "-db", "-f", str(folder / "haproxy.cfg")]
    return command, {"UPKEEP_SERVICE_KEY": ground.service_key}


ALL = {"nginx": nginx, "caddy": caddy, "traefik": traefik, "envoy": envoy, "haproxy": haproxy}


def standing(name, folder, *, gate, api, service_key):
    """The proxy as a process that can be started, and its port."""
    ground = Ground(folder, free_port(), gate, api, service_key)
    command, more = ALL[name](ground)
    process = Process(
        Service(
            name=name,
            command=command,
            log=folder / f"{name}.log",
            ready=lambda: _answers(ground.port),
            environment=environ(**more),
            folder=folder,
        )
    )
    return process, ground.port


def _answers(port):
    """Whether it has its configuration: Traefik listens before, and answers 404."""
    line = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        line.request("GET", "/")
        return line.getresponse().status != 404
    except (OSError, http.client.HTTPException):
        return False
    finally:
        line.close()
