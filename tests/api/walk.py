"""schemathesis over the OpenAPI document, once for each role, each on a server and a folder of its own.

    tests/api/walk.py BINARY [ROLE…]

A role that lost rights first asks each route once, and its table says which must be refused.
BUCKLER_API_EXAMPLES asks each route more often, BUCKLER_API_SEED asks something else.
"""

import base64
import hashlib
import json
import os
import pathlib
import re
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid

# A restricted device signed in by password to an account with a passkey; “recovering” signed in by a recovery code. The former ones were
# signed in when an owner removed them from all homes, or the administrator from the center.
ROLES = ["stranger", "owner", "shared", "guest", "operator", "supervisor", "restricted", "recovering", "former-member", "former-operator"]
# A stream has no end.
LEFT_OUT = ["--exclude-path-regex", "/events$"]
# Who signs out asks nothing more; the tool finds its own session in the list of devices, and ends it.
SIGNED_IN_LEFT_OUT = ["--exclude-path-regex", r"/events$|/api/v1/session$|/api/v1/sessions/\{session\}$"]
# The routes that a restricted device may use. The incident decides which requests of such a device it obeys.
RESTRICTED_MAY = pathlib.Path(__file__).parents[1].joinpath("fixtures", "restricted_device.txt").read_text().splitlines()
THE_INCIDENT_DECIDES = re.compile(r"POST /api/v1/(homes/\{home\}/incidents$|incidents/)|DELETE /api/v1/homes/\{home\}/requests/")
# For people with neither home nor role at the center, nothing under these exists.
OF_HOMES_AND_THE_CENTER = re.compile(r"/api/v1/(homes|incidents|cameras|center)/")
# What is right in form can be wrong in itself: that is said by 422.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", 401, 403, 404, 409, 422, 429]
"""
EXAMPLES = os.environ.get("BUCKLER_API_EXAMPLES", "15")
SEED = os.environ.get("BUCKLER_API_SEED", "1")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


class Person:
    """A browser, which keeps the cookie of its session."""

    def __init__(self, url: str, name: str | None = None):
        self.url, self.cookie = url, ""
        if name:
            self.must("POST", "/api/v1/session", {"email": f"{name}@demo.test", "password": "buckler-demo"})

    def ask(self, method: str, path: str, body=None) -> tuple[int, dict]:
        """The status and the JSON of the answer; the body of a stream is not read."""
        data = None if body is None else json.dumps(body).encode()
        headers = {"content-type": "application/json"} | ({"cookie": self.cookie} if self.cookie else {})
        try:
            answer = urllib.request.urlopen(urllib.request.Request(self.url + path, data, headers, method=method), timeout=10)
        except urllib.error.HTTPError as refused:
            answer = refused
        with answer:
            if new := answer.headers["set-cookie"]:
                self.cookie = new.split(";")[0]
            return answer.status, json.load(answer) if answer.headers.get_content_type().endswith("json") else {}

    def must(self, method: str, path: str, body=None) -> dict:
        status, answer = self.ask(method, path, body)
        assert status < 300, f"{method} {path}: {status} {answer}"
        return answer

    def asks_for(self, request: str, mode: str) -> tuple[int, dict]:
        """Requests help, or a drill of it, in Maple Street."""
        now = self.must("GET", "/api/v1/me")["server_time"]
        raised = {"id": str(uuid.uuid4()), "request": request, "mode": mode, "source": {"surface": "dashboard"}, "sent_at": now}
        return self.ask("POST", "/api/v1/homes/maple-street/incidents", raised)


def ready(url: str) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            Person(url).ask("GET", "/healthz")
            return
        except OSError:
            if time.monotonic() > until:
                raise


def known(owner: Person) -> dict[str, str]:
    """Ids that there are, so that not everything ends at “nothing here”."""
    home = owner.must("GET", "/api/v1/homes/maple-street")
    return {
        "home": "maple-street",
        "id": owner.asks_for("siren", "drill")[1]["id"],
        "contact": home["contacts"][0]["id"],
        "device": home["devices"][1]["id"],
        "camera": home["cameras"][0]["id"],
        "person": "guest",
        "token": home["contacts"][0]["phone_link"].removeprefix("/contact/"),
    }


def add_passkey(person: Person) -> None:
    """Registers a passkey. Its key is never used, so it is a well-known point of P-256: the generator (SEC 2, 2.4.2). Registration without
    attestation has no signature (WebAuthn 8.7)."""

    def text(data: bytes) -> str:
        return base64.urlsafe_b64encode(data).decode().rstrip("=")

    begun = person.must("POST", "/api/v1/passkeys/options", {})
    options = json.loads(begun["options"])
    x = bytes.fromhex("6b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296")
    y = bytes.fromhex("4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5")
    # COSE: EC2, ES256, P-256. Then WebAuthn 6.1: the host, the flags (present, verified, with a key), the counter, the key and its id.
    key = bytes.fromhex("a5010203262001215820") + x + bytes.fromhex("225820") + y
    credential = b"a test's passkey"
    about = bytes(16) + len(credential).to_bytes(2, "big") + credential + key
    data = hashlib.sha256(options["rp"]["id"].encode()).digest() + b"\x45" + (1).to_bytes(4, "big") + about
    client = {"type": "webauthn.create", "challenge": options["challenge"], "origin": "http://localhost:8080", "crossOrigin": False}
    response = {
        "attestationObject": text(b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58" + bytes([len(data)]) + data),
        "clientDataJSON": text(json.dumps(client).encode()),
    }
    answer = {"id": text(credential), "rawId": text(credential), "type": "public-key", "response": response, "clientExtensionResults": {}}
    person.must("POST", "/api/v1/passkeys", {"ceremony": begun["ceremony"], "credential": json.dumps(answer)})


def enter(role: str, url: str, user, owner: Person) -> Person:
    """Signs the role in; `user` runs `buckler user` beside the server."""
    if role == "stranger":
        return Person(url)
    if role == "supervisor":
        user("center", "operator@demo.test", "--role", role)
        return Person(url, "operator")
    if role in ("restricted", "recovering"):
        add_passkey(owner)
        if role == "restricted":
            return Person(url, "owner")
        person, codes = Person(url), owner.must("POST", "/api/v1/recovery-codes", {})["codes"]
        person.must("POST", "/api/v1/session/recovery", {"email": "owner@demo.test", "code": codes[0]})
        return person
    if role == "former-member":
        person = Person(url, "shared")
        for home in person.must("GET", "/api/v1/me")["homes"]:
            owner.must("DELETE", f"/api/v1/homes/{home['id']}/people/shared")
        return person
    if role == "former-operator":
        person = Person(url, "operator")
        user("center", "operator@demo.test", "--role", "none")
        return person
    return Person(url, role)


def is_held(answer: tuple[int, dict]) -> bool:
    return answer[0] == 403 and "device_held" in (answer[1].get("code"), answer[1].get("reason"))


def fault(role: str, route: str, status: int, answer: dict) -> str | None:
    """What is wrong with the answer of a route, by the role's table."""
    if role in ("restricted", "recovering"):
        is_wrong = not THE_INCIDENT_DECIDES.match(route) and is_held((status, answer)) == (route in RESTRICTED_MAY)
    elif OF_HOMES_AND_THE_CENTER.search(route):
        is_wrong = status != 404
    else:
        # A report needs a signature, whoever sends it.
        is_wrong = status == 403 or status == 401 and not route.endswith("{reporter}")
    return f"{route}: {status} {answer}" if is_wrong else None


def has_its_rights(role: str, person: Person, ids: dict[str, str]) -> bool:
    """Asks each route once, but the one that ends the session."""
    faults, asked = [], 0
    for path, operations in person.must("GET", "/api/openapi.json")["paths"].items():
        for method in map(str.upper, operations):
            if (method, path) == ("DELETE", "/api/v1/session"):
                continue
            filled = re.sub(r"\{(\w+)\}", lambda name: ids.get(name[1], "0"), path)
            answer = person.ask(method, filled, None if method == "GET" else {})
            faults += filter(None, [fault(role, f"{method} {path}", *answer)])
            asked += 1
    me = person.must("GET", "/api/v1/me")
    if role in ("restricted", "recovering"):
        for request, mode, is_refused in [("police", "live", True), ("police", "drill", False)]:
            answer = person.asks_for(request, mode)
            if is_held(answer) != is_refused or not is_refused and answer[0] >= 300:
                faults.append(f"{request}, {mode}: {answer}")
    elif me["homes"] or me["center_role"]:
        faults.append(f"it still has {me}")
    print(f"  {asked} routes asked, {len(faults)} answered against the table", *faults, sep="\n    ", flush=True)
    return asked > 80 and not faults


def config(ids: dict[str, str]) -> str:
    """Most requests name what there is; the rest name whatever comes to the fuzzer's mind."""
    text = CONFIG
    for name, value in ids.items():
        text += f'[dictionaries.{name}]\nvalues = ["{value}"]\n[parameters."path.{name}"]\ndictionary = "{name}"\nprobability = 0.8\n'
    return text


def walk(binary: str, role: str, folder: str) -> bool:
    url = f"http://127.0.0.1:{free_port()}"
    command = [binary, "serve", "--demo", "--data", f"{folder}/data", "--listen", url.removeprefix("http://"), "--proof-lasts", "1h"]

    def user(*words: str) -> None:
        subprocess.run([binary, "user", *words, "--data", f"{folder}/data"], check=True, stdout=subprocess.DEVNULL)

    with open(f"{folder}/server.log", "w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        ready(url)
        owner = Person(url, "owner")
        ids = known(owner)
        person = enter(role, url, user, owner)
        lost_rights = role in ("restricted", "recovering", "former-member", "former-operator")
        good = not lost_rights or has_its_rights(role, person, ids)
        tool = pathlib.Path(sys.executable).parent / "schemathesis"
        pathlib.Path(folder, "schemathesis.toml").write_text(config(ids))
        run = [tool, "run", f"{url}/api/openapi.json", "--checks", "all", "--max-examples", EXAMPLES, "--seed", SEED, "--phases", "examples,coverage,fuzzing"]
        run += [*SIGNED_IN_LEFT_OUT, "--header", f"Cookie: {person.cookie}"] if person.cookie else LEFT_OUT
        done = subprocess.run(run, cwd=folder, timeout=900, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        good &= done.returncode == 0
        # Of what is as it should be only the sum.
        print("\n".join(done.stdout.splitlines() if done.returncode else [line for line in done.stdout.splitlines() if " generated, " in line]), flush=True)
        # A session that ended on the way was refused by every route, which proves nothing.
        if person.cookie and (answer := person.ask("GET", "/api/v1/me"))[0] != 200:
            print(f"the session did not last: {answer}")
            return False
        return good
    finally:
        server.kill()
        server.wait()


def main() -> int:
    binary, *chosen = sys.argv[1:]
    good = 0
    roles = chosen or ROLES
    for role in roles:
        print(f"as {role}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            good += walk(str(pathlib.Path(binary).resolve()), role, folder)
    print(f"test result: {good} passed; {len(roles) - good} failed")
    return 0 if good == len(roles) else 1


if __name__ == "__main__":
    sys.exit(main())
