"""schemathesis over the OpenAPI document, once for each role, each on a server and a folder of its own.

    tests/api/walk.py BINARY [ROLE…]

BUCKLER_API_EXAMPLES asks each route more often, BUCKLER_API_SEED asks something else.
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
import uuid

ROLES = ["stranger", "owner", "shared", "guest", "operator", "supervisor"]
# A stream has no end.
LEFT_OUT = ["--exclude-path-regex", "/events$"]
# Who signs out asks nothing more; the tool finds its own session in the list of devices, and ends it.
SIGNED_IN_LEFT_OUT = ["--exclude-path-regex", r"/events$|/api/v1/session$|/api/v1/sessions/\{session\}$"]
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


def ask(url: str, body: dict | None = None):
    data = None if body is None else json.dumps(body).encode()
    return urllib.request.urlopen(urllib.request.Request(url, data, {"content-type": "application/json"}), timeout=10)


def ready(url: str) -> None:
    until = time.monotonic() + 20
    while True:
        try:
            return ask(f"{url}/healthz").close()
        except OSError:
            if time.monotonic() > until:
                raise


def known(url: str) -> dict[str, str]:
    """Ids that there are, so that not everything ends at “nothing here”."""
    answer = ask(f"{url}/api/v1/session", {"email": "owner@demo.test", "password": "buckler-demo"})
    cookie = {"cookie": answer.headers["set-cookie"].split(";")[0], "content-type": "application/json"}

    def read(path: str, body: dict | None = None):
        data = None if body is None else json.dumps(body).encode()
        return json.load(urllib.request.urlopen(urllib.request.Request(url + path, data, cookie), timeout=10))

    home = read("/api/v1/homes/maple-street")
    now = read("/api/v1/me")["server_time"]
    incident = str(uuid.uuid4())
    raised = {"id": incident, "request": "siren", "mode": "drill", "source": {"surface": "dashboard"}, "sent_at": now}
    read("/api/v1/homes/maple-street/incidents", raised)
    return {
        "home": "maple-street",
        "id": incident,
        "contact": home["contacts"][0]["id"],
        "device": home["devices"][1]["id"],
        "camera": home["cameras"][0]["id"],
        "person": "guest",
        "token": home["contacts"][0]["phone_link"].removeprefix("/contact/"),
    }


def is_signed_in(url: str, cookie: str) -> bool:
    request = urllib.request.Request(f"{url}/api/v1/me", headers={"cookie": cookie})
    try:
        return urllib.request.urlopen(request, timeout=10).status == 200
    except urllib.error.HTTPError as refused:
        print(f"the session did not last: {refused}")
        return False


def config(ids: dict[str, str]) -> str:
    """Most requests name what there is; the rest name whatever comes to the fuzzer's mind."""
    text = CONFIG
    for name, value in ids.items():
        text += f'[dictionaries.{name}]\nvalues = ["{value}"]\n[parameters."path.{name}"]\ndictionary = "{name}"\nprobability = 0.8\n'
    return text


def walk(binary: str, role: str, folder: str) -> bool:
    url = f"http://127.0.0.1:{free_port()}"
    command = [binary, "serve", "--demo", "--data", f"{folder}/data", "--listen", url.removeprefix("http://"), "--proof-lasts", "1h"]
    with open(f"{folder}/server.log", "w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        ready(url)
        if role == "supervisor":
            subprocess.run([binary, "user", "center", "operator@demo.test", "--role", role, "--data", f"{folder}/data"], check=True, stdout=subprocess.DEVNULL)
        sign_in = []
        if role != "stranger":
            name = "operator" if role == "supervisor" else role
            answer = ask(f"{url}/api/v1/session", {"email": f"{name}@demo.test", "password": "buckler-demo"})
            sign_in = ["--header", f"Cookie: {answer.headers['set-cookie'].split(';')[0]}"]
        tool = pathlib.Path(sys.executable).parent / "schemathesis"
        pathlib.Path(folder, "schemathesis.toml").write_text(config(known(url)))
        run = [tool, "run", f"{url}/api/openapi.json", "--checks", "all", "--max-examples", EXAMPLES, "--seed", SEED, "--phases", "examples,coverage,fuzzing"]
        run += SIGNED_IN_LEFT_OUT if sign_in else LEFT_OUT
        done = subprocess.run([*run, *sign_in], cwd=folder, timeout=900, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        good = done.returncode == 0
        # Of what is as it should be only the sum.
        print("\n".join(done.stdout.splitlines() if not good else [line for line in done.stdout.splitlines() if " generated, " in line]), flush=True)
        # Whoever was signed out on the way was refused by every route, which proves nothing.
        return good and (not sign_in or is_signed_in(url, sign_in[1].removeprefix("Cookie: ")))
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
