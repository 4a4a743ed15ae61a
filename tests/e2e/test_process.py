"""The process of `tracbridge serve` as others on its machine and its network meet it."""

import os
import re
import shutil
import socket
import struct
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from tests.api.asking import bearer
from tests.e2e.site import Place, Site
from tests.faults.service import Service, serving
from tests.harness import Server, World, doc, order

SERVE = ("serve", "--allow-root", "--port", "0", "--every", "0.5")

NOBODY = 65_534

SECRETS = {name: f"canary-{name.lower()}-of-forty-characters-or-so" for name in ("IN", "OUT")} | {
    "TRACBRIDGE_PEPPER": "canary-pepper-of-forty-characters-or-more"
}
"""What the environment keeps secret."""

HOOKS = """\
hooks:
  in: {secret: "${env:IN}"}
  out: [{url: "http://127.0.0.1:9/", networks: [127.0.0.0/8], secret: "${env:OUT}"}]
"""


@dataclass
class Running:
    """The service, with a connection that works and a key for admins."""

    site: Site
    acme: Place
    service: Service
    address: str
    key: str
    number: int = 0

    def get(self, path: str) -> httpx2.Response:
        return httpx2.get(f"{self.address}{path}", headers=bearer(self.key), timeout=30)

    def works(self) -> None:
        """Orders go both ways, and somebody who asks is answered."""
        self.number += 2
        self.acme.drop(order(self.number))
        self.acme.plant(doc(self.number + 1))
        self.service.until(lambda: self.acme.doc(self.number))
        sent = self.acme.outbound / f"workorder_{self.number + 1}.json"
        self.service.until(sent.exists)
        assert self.get("/api/v1/connections/acme").status_code == 200

    def dial(self) -> socket.socket:
        """A bare connection."""
        where = urlsplit(self.address)
        return socket.create_connection((where.hostname, where.port), timeout=30)


@contextmanager
def running(site: Site, *before: str) -> Iterator[Running]:
    """The service, gone afterwards."""
    acme = site.connect("acme", HOOKS)
    site.extra = SECRETS
    key = site.cli("keys", "create", "Ana", "--role", "admin", "--json").json()["key"]
    site.before = before
    with serving(site, *SERVE) as service:
        service.until(lambda: "api.listening" in service.text)
        found = re.search(r"http://127\.0\.0\.1:\d+", service.text)
        assert found
        yield Running(site, acme, service, found[0], key)


@pytest.fixture(scope="module")
def at(replica_set: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    site = Site(replica_set, tmp_path_factory.mktemp("process"))
    with running(site) as at:
        yield at
    site.close()


# -- what is open --------------------------------------------------------------------------------


def sockets(pid: int) -> set[str]:
    """The inodes of the sockets that a process holds."""
    links = [str(path.readlink()) for path in Path(f"/proc/{pid}/fd").iterdir()]
    return {link[8:-1] for link in links if link.startswith("socket:[")}


def listening(pid: int) -> list[tuple[str, int]]:
    """Where a process takes what comes from others, over TCP and UDP."""
    found, own = [], sockets(pid)
    for name, states in (("tcp", {"0A"}), ("tcp6", {"0A"}), ("udp", {"07"}), ("udp6", {"07"})):
        for line in Path(f"/proc/{pid}/net/{name}").read_text().splitlines()[1:]:
            local, state, inode = (line.split()[place] for place in (1, 3, 9))
            if inode in own and state in states:
                host, port = local.split(":")
                packed = struct.pack("<I", int(host, 16)) if len(host) == 8 else b""
                found.append((socket.inet_ntoa(packed) if packed else host, int(port, 16)))
    return found


@pytest.mark.skipif(not Path("/proc/self/net/tcp").exists(), reason="needs /proc")
def test_only_the_one_port_is_open_and_to_this_machine_alone(at: Running) -> None:
    at.works()
    assert listening(at.service.process.pid) == [("127.0.0.1", urlsplit(at.address).port)]


def test_without_a_key_nothing_is_told_but_that_it_lives(at: Running) -> None:
    for path in ("/metrics", "/api/v1/openapi.json", "/api/v1/connections", "/api/v1/audit"):
        assert httpx2.get(f"{at.address}{path}").status_code == 401, path
    for path in ("/docs", "/redoc", "/openapi.json", "/debug"):
        answer = httpx2.get(f"{at.address}{path}", follow_redirects=True)
        assert "acme" not in answer.text, path
        assert "openapi" not in answer.text, path
    for path in ("/health/live", "/health/ready"):
        assert set(httpx2.get(f"{at.address}{path}").json()) == {"status"}


def told(at: Running) -> Iterator[tuple[str, str]]:
    """All that it tells: by each route that only looks, on its pages, in its log and memory."""
    said = at.get("/api/v1/openapi.json").json()["paths"]
    looks = [path for path, methods in said.items() if "get" in methods and "/live" not in path]
    for path in (*looks, "/metrics", "/health/ready"):
        filled = path.replace("{connection}", "acme").replace("{number}", "2")
        yield path, at.get(re.sub(r"\{[^}]+\}", "1", filled)).text
    with httpx2.Client(base_url=at.address, follow_redirects=True) as visitor:
        token = re.search(r'name="token" value="([^"]+)"', visitor.get("/login").text)
        assert token
        form = {"key": at.key, "token": token[1]}
        assert visitor.post("/login", data=form, headers={"Origin": at.address}).is_success
        for path in ("/", "/attention", "/mappings", "/audit", "/connections/acme"):
            yield path, visitor.get(path).text
    yield "the log", at.service.text
    state = at.site.server.client[at.site.state]
    for name in state.list_collection_names():
        yield name, repr(list(state[name].find()))


def test_no_secret_is_told_anywhere(at: Running) -> None:
    at.works()
    assert at.get("/api/v1/connections/acme/orders/2").status_code == 200
    httpx2.get(f"{at.address}/api/v1/connections", headers=bearer(at.key + "x"))
    places = list(told(at))
    assert len(places) > 30
    for place, text in places:
        for secret in (*SECRETS.values(), at.key):
            assert secret not in text, place
    words = Path(f"/proc/{at.service.process.pid}/cmdline")
    assert not words.exists() or b"canary" not in words.read_bytes()


# -- requests that are none, or never end --------------------------------------------------------

HEAD = b"POST /api/v1/hooks/acme HTTP/1.1\r\nHost: here\r\n"

NONSENSE = {
    "headers without an end": b"GET / HTTP/1.1\r\nHost: here\r\nX: " + b"x" * 100_000,
    "very many headers": b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 20_000,
    "a line without an end": b"GET /" + b"x" * 100_000,
    "no HTTP": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "a body of two lengths": HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\n{}",
    "a negative length": HEAD + b"Content-Length: -1\r\n\r\n{}",
    "both lengths": HEAD + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "an unknown encoding": HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "a chunk that is none": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
}


@pytest.mark.parametrize("what", NONSENSE)
def test_what_is_no_request_is_refused_and_its_connection_closed(at: Running, what: str) -> None:
    with at.dial() as one:
        try:
            one.sendall(NONSENSE[what])
            one.shutdown(socket.SHUT_WR)
            answer = one.makefile("rb").read()
        except (ConnectionResetError, BrokenPipeError):
            answer = b"HTTP/1.1 400"  # it was closed before all had been sent
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer)[-1] == b"400", answer[:200]
    assert at.get("/health/live").status_code == 200


def test_a_body_that_is_too_large_is_refused_on_pages_too(at: Running) -> None:
    for path in ("/login", "/logout", "/nowhere", "/api/v1/hooks/acme"):
        answer = httpx2.post(f"{at.address}{path}", content=b"x" * 1_000_001)
        assert answer.status_code == 413, path


def test_clients_that_never_end_their_requests_keep_nobody_waiting(at: Running) -> None:
    """How long they may is tested beside the limits: ``test_inputs.py``."""
    begun = (b"GET /api/v1/connections HTTP/1.1\r\nHost: here\r\nX-Slow: ", HEAD + b"Content-")
    slow = HEAD + b"Content-Length: 1000\r\n\r\n{"
    with ExitStack() as stack:
        for number in range(150):
            one = stack.enter_context(at.dial())
            one.sendall((*begun, slow)[number % 3])
        at.works()


@pytest.mark.faults
def test_more_connections_than_there_are_handles_leave_the_work_its_own(
    replica_set: Server, tmp_path: Path
) -> None:
    """Without a limit their handles would be the last ones, and no order would move."""
    if not shutil.which("prlimit"):
        pytest.skip("there is no prlimit here")
    site = Site(replica_set, tmp_path)
    with running(site, "prlimit", "--nofile=256:256") as at:
        with ExitStack() as stack:
            for _ in range(400):
                stack.enter_context(at.dial())
            at.acme.drop(order(7))
            at.acme.plant(doc(8))
            at.service.until(lambda: at.acme.doc(7))
            at.service.until((at.acme.outbound / "workorder_8.json").exists)
        at.service.until(lambda: at.get("/health/live").status_code == 200)
        assert "Too many open files" not in at.service.text
        at.service.stop()
    site.close()


# -- a wrong file, and the end -------------------------------------------------------------------


def test_a_file_that_gets_a_mistake_changes_nothing_and_is_named_with_key_and_line(
    at: Running,
) -> None:
    path = at.site.root / "connections" / "acme.yaml"
    good = path.read_text()
    path.write_text(good + "conflict: {}\n")
    line = good.count("\n") + 1
    mistake = f"connections/acme.yaml:{line}: connections.acme.conflict: is no key here."
    at.service.until(lambda: mistake in at.service.text)
    at.works()
    path.write_text(good + "conflicts: {policy: ask}\n")
    at.service.until(lambda: "connection=acme what=changed" in at.service.text)
    at.works()


def test_it_ends_in_order_although_clients_hang_on(replica_set: Server, tmp_path: Path) -> None:
    site = Site(replica_set, tmp_path)
    with running(site) as at, ExitStack() as stack:
        live = f"GET /api/v1/live HTTP/1.1\r\nHost: here\r\nAuthorization: Bearer {at.key}\r\n\r\n"
        for text in (live.encode(), HEAD + b"Content-Length: 1000\r\n\r\n{", b"GET / HT"):
            one = stack.enter_context(at.dial())
            one.sendall(text)
        at.service.stop()
    site.close()


# -- root ----------------------------------------------------------------------------------------


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be root in another's folder")
def test_root_is_warned_in_a_folder_of_somebody_else(world: World) -> None:
    said = world.cli("mapping", "list")
    assert (said.code, said.err) == (0, "")
    os.chown(world.root, NOBODY, NOBODY)
    warned = world.cli("mapping", "list")
    assert (warned.code, warned.out) == (0, said.out)
    assert "you are root in a folder of nobody" in warned.err
