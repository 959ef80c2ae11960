"""The ONVIF face of a camera: that of ipycam, whose pictures come from a camera of camera.py.

    onvif.py HTTP_PORT RTSP_PORT NAME [--found] [--login USER:PASSWORD] [--digest] [--elsewhere]

It prints `ready`. With --found it answers who asks 127.0.0.1 whether it is a camera (WS-Discovery). With --digest it wants digest
authentication (RFC 7616) in HTTP already; with --elsewhere it names streams of a host outside of the house.
"""
import argparse
import hashlib
import http.server
import re
import socket
import sys
import threading
import types

# What ipycam would draw pictures with; none are drawn.
for name in ("cv2", "numpy"):
    sys.modules.setdefault(name, types.ModuleType(name))
sys.modules["numpy"].ndarray = object
from ipycam.config import CameraConfig  # noqa: E402
from ipycam.discovery import WSDiscoveryServer  # noqa: E402
from ipycam.onvif import ONVIFService  # noqa: E402

options = argparse.ArgumentParser()
options.add_argument("http", type=int)
options.add_argument("rtsp", type=int)
options.add_argument("name")
options.add_argument("--found", action="store_true")
options.add_argument("--login")
options.add_argument("--digest", action="store_true")
options.add_argument("--elsewhere", action="store_true")
options = options.parse_args()
user, password = options.login.split(":") if options.login else ("", "")
config = CameraConfig(
    name=options.name, local_ip="127.0.0.1", onvif_port=options.http, rtsp_port=options.rtsp, username=user, password=password,
    main_width=640, main_height=360, sub_width=320, sub_height=180, main_stream_name="live", sub_stream_name="small",
)
onvif = ONVIFService(config)


class Face(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def is_known(self, body):
        if not options.digest:
            return "GetSystemDateAndTime" in body or onvif.verify_usernametoken(body)
        proof = dict(re.findall(r'(\w+)="?([^",]+)"?', self.headers.get("Authorization", "")))
        md5 = lambda text: hashlib.md5(text.encode()).hexdigest()  # noqa: E731
        secret, asked = md5(f"{user}:cameras:{password}"), md5(f"POST:{self.path}")
        return proof.get("response") == md5(f"{secret}:once:{proof.get('nc')}:{proof.get('cnonce')}:auth:{asked}")

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        known = self.is_known(body)
        action = re.search(r'action="[^"]*/(\w+)"', self.headers["Content-Type"]).group(1)
        answer = onvif.handle_action(action, body) if known else onvif.fault("Sender not authorized")
        if options.elsewhere:
            answer = answer.replace(f"rtsp://127.0.0.1:{options.rtsp}", "rtsp://8.8.8.8")
        answer = answer.encode()
        self.send_response(200 if known else 401)
        if options.digest and not known:
            self.send_header("WWW-Authenticate", 'Digest realm="cameras", nonce="once", qop="auth", algorithm=MD5')
        self.send_header("Content-Type", "application/soap+xml; charset=utf-8")
        self.send_header("Content-Length", len(answer))
        self.end_headers()
        self.wfile.write(answer)


def answer_who_searches():
    """What ipycam answers, on this machine alone: ipycam itself would speak to all of the network."""
    while True:
        data, who = asked.recvfrom(65536)
        message = data.decode()
        if WSDiscoveryServer.PROBE_ACTION_URI in message:
            relates = re.search(r"MessageID>(.+?)</", message).group(1)
            asked.sendto(onvif.create_probe_match(relates).encode(), who)


server = http.server.ThreadingHTTPServer(("127.0.0.1", options.http), Face)
if options.found:
    asked = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    asked.bind(("127.0.0.1", WSDiscoveryServer.MULTICAST_PORT))
    threading.Thread(target=answer_who_searches, daemon=True).start()
print("ready", flush=True)
server.serve_forever()
