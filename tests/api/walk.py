"""schemathesis over the OpenAPI document, once for each role, each on a server and a folder of its own.

    tests/api/walk.py BINARY [ROLE…]
"""

import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request

ROLES = ["stranger", "owner", "shared", "guest", "operator"]
# A stream has no end, and who signs out asks nothing more.
LEFT_OUT = ["--exclude-path-regex", "/events$"]
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


def walk(binary: str, role: str, folder: str) -> bool:
    url = f"http://127.0.0.1:{free_port()}"
    command = [binary, "serve", "--demo", "--data", f"{folder}/data", "--listen", url.removeprefix("http://"), "--proof-lasts", "1h"]
    with open(f"{folder}/server.log", "w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log)
    try:
        ready(url)
        sign_in = []
        if role != "stranger":
            answer = ask(f"{url}/api/v1/session", {"email": f"{role}@demo.test", "password": "buckler-demo"})
            sign_in = ["--header", f"Cookie: {answer.headers['set-cookie'].split(';')[0]}"]
        tool = pathlib.Path(sys.executable).parent / "schemathesis"
        run = [tool, "run", f"{url}/api/openapi.json", "--checks", "all", "--max-examples", EXAMPLES, "--seed", SEED, "--phases", "examples,coverage,fuzzing"]
        return subprocess.run([*run, *LEFT_OUT, *sign_in], cwd=folder, timeout=900).returncode == 0
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
