"""The image and the compose file: what can be proved of them without a container."""

import re
import shutil
import subprocess
import sys

import pytest

from deploy.local import services
from deploy.local.ports import free_port
from deploy.local.process import Process, Service
from deploy.local.services import ROOT
from tests.deploy.parts import DEPLOY, OURS, compose, environ, tool

LAST = "deploy/gunicorn.conf.py"


def instructions():
    """The Dockerfile's instructions, continued lines joined."""
    text = re.sub(r"^#.*\n", "", (DEPLOY / "Dockerfile").read_text(), flags=re.MULTILINE)
    return [line.split(None, 1) for line in text.replace("\\\n", " ").splitlines() if line.strip()]


def copied():
    """What the image copies from the project, as (sources, target)."""
    for verb, rest in instructions():
        if verb == "COPY" and not rest.startswith("--from"):
            *sources, target = rest.split()
            yield sources, target


def ignored():
    return re.findall(r"^!(\S+)", (DEPLOY / "Dockerfile.dockerignore").read_text(), re.MULTILINE)


def test_the_dockerfile_has_no_known_fault():
    done = subprocess.run([tool("hadolint"), DEPLOY / "Dockerfile"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_the_build_sees_what_it_copies_and_nothing_else():
    assert sorted({source for sources, _ in copied() for source in sources}) == sorted(ignored())


@pytest.mark.parametrize("name", [".env", "secrets", "backups"])
def test_what_an_operator_lays_beside_the_compose_file_gets_into_no_image_and_no_history(name):
    said = (DEPLOY / "compose.yaml").read_text()
    assert name in said
    assert f"deploy/{name}" in (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    assert f"/deploy/{name}" in [line.rstrip("/") for line in (ROOT / ".gitignore").read_text().splitlines()]


def test_packages_are_checked_against_their_hashes():
    install = next(rest for verb, rest in instructions() if verb == "RUN" and "pip install" in rest)
    assert "--require-hashes" in install and "--only-binary=:all:" in install


def test_the_image_runs_as_nobody_in_particular_and_says_whether_it_is_well():
    said = dict(instructions())  # of each verb the last one counts, as in the image
    assert said["USER"] == "10001:10001"
    assert said["HEALTHCHECK"].endswith('CMD ["python", "-m", "deploy.healthy"]')
    assert re.search(r"python:\d+\.\d+-slim-\w+", (DEPLOY / "Dockerfile").read_text())


@pytest.fixture
def image(tmp_path):
    """The tree of the image, without its packages: they are those of this test."""
    tree = tmp_path / "image"
    tree.mkdir()
    for sources, target in copied():
        for source in map(ROOT.joinpath, sources):
            if source.is_dir():
                shutil.copytree(source, tree / target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, tree / target)
    compiled = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    subprocess.run([*compiled, "portal", "worker", "deploy", "migrations", "wsgi.py"], cwd=tree, check=True)
    return tree


def test_what_the_image_copies_is_enough_to_serve(image, settings, redis, tmp_path):
    port = free_port()
    environment = environ(
        HOST="127.0.0.1",
        PORT=str(port),
        VAR=str(tmp_path / "state"),
        DATABASE_URL=settings.database_url,
        REDIS_URL=settings.redis_url,
        SECRET_KEY=settings.secret_key,
        KEY_PEPPERS="p1:" + settings.key_peppers[0].secret.hex(),
    )
    command = dict(instructions())["CMD"]
    assert command == f'["gunicorn", "--config", "{LAST}"]'

    def ask(*more):
        checked = [sys.executable, "-m", "deploy.healthy", *more]
        return subprocess.run(checked, cwd=image, env=environment, capture_output=True, text=True)

    web = Process(
        Service(
            name="web",
            command=[sys.executable, "-m", "gunicorn", "--config", LAST],
            log=tmp_path / "web.log",
            ready=lambda: ask().returncode == 0,
            environment=environment,
            folder=image,
        )
    )
    assert "does not answer" in ask().stderr
    web.start()
    try:
        assert ask("--wait", "5").stdout == "Ready\n"
        assert services.answers(f"http://127.0.0.1:{port}/signup"), "templates and static files are there"
        redis.config_set("maxmemory-policy", "allkeys-lru")
        assert ask().stderr.startswith("Not ready: Redis may throw counts away")
    finally:
        redis.config_set("maxmemory-policy", "noeviction")
        web.stop()


def test_docker_compose_understands_the_file(tmp_path):
    docker = tool("docker")
    if subprocess.run([docker, "compose", "version"], capture_output=True).returncode != 0:
        pytest.skip("docker has no compose here")
    folder = tmp_path / "deploy"
    shutil.copytree(DEPLOY, folder)
    shutil.copy(folder / "example.env", folder / ".env")
    done = subprocess.run(
        [docker, "compose", "config", "--quiet"], cwd=folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr


def test_everything_of_ours_is_one_image_that_can_write_nothing_but_its_state():
    for name in OURS:
        service = compose()["services"][name]
        assert service["image"] == "upkeep" and service["build"]["dockerfile"] == "deploy/Dockerfile"
        assert service["read_only"] and service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]


def test_only_caddy_and_the_post_can_be_reached_and_the_databases_reach_nobody():
    parts = compose()["services"]
    assert [name for name, part in parts.items() if "ports" in part] == ["caddy", "post"]
    assert parts["post"]["profiles"] == ["mail"], "off until somebody wants it"
    assert compose()["networks"]["back"]["internal"] is True
    for name in ("postgres", "redis"):
        assert parts[name]["networks"] == ["back"]


def test_the_one_trusted_proxy_is_caddy_at_its_own_address():
    front = compose()["networks"]["front"]["ipam"]["config"][0]
    address = compose()["services"]["caddy"]["networks"]["front"]["ipv4_address"]
    for name in OURS:
        assert compose()["services"][name]["environment"]["TRUSTED_PROXIES"] == f"{address}/32"
    assert address.startswith("172.30.99.") and front["ip_range"] == "172.30.99.128/25"


def test_nothing_starts_before_what_it_needs():
    parts = compose()["services"]
    for name in ("web", "worker", "beat"):
        assert parts[name]["depends_on"]["migrate"] == {"condition": "service_completed_successfully"}
    for name in OURS:
        for engine in ("postgres", "redis"):
            assert parts[name]["depends_on"][engine] == {"condition": "service_healthy"}
    assert parts["caddy"]["depends_on"]["web"] == {"condition": "service_healthy"}
    for name in ("postgres", "redis", "worker"):
        assert parts[name]["healthcheck"]["test"]


def test_only_what_changes_tables_knows_the_owner():
    knowing = [
        name
        for name, part in compose()["services"].items()
        if "owner_database_url" in part.get("secrets", ())
        or "OWNER_DATABASE_URL_FILE" in part.get("environment", {})
    ]
    assert knowing == ["migrate", "backup"]


def test_the_processes_are_started_as_on_one_machine(tmp_path):
    """The options that matter are decided once, in deploy/local/services.py."""
    parts = compose()["services"]
    for name, started in (("worker", services.worker), ("beat", services.beat)):
        command = list(started({}, tmp_path).command)
        assert parts[name]["command"] == command[command.index("celery") :]
    post = services.post({"POST_HOST": "0.0.0.0", "POST_PORT": "2525"}, tmp_path)
    assert parts["post"]["command"][1:] == list(post.command)[1:]
    assert parts["post"]["ports"] == [f"25:{parts['post']['environment']['POST_PORT']}"]


def test_images_are_pinned_to_a_version():
    for name, part in compose()["services"].items():
        assert name in OURS or re.search(r":\d+(\.\d+)*(-\w+)?$", part["image"]), part["image"]
