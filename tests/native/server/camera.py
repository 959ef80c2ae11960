"""A camera: GStreamer's RTSP server, whose pictures say when they were taken.

    camera.py PORT [--gop SECONDS] [--login USER:PASSWORD] [--rate PICTURES] [--size WxH] [--grow] [--noisy] [--udp] [--recorded]

It prints `ready`. In the top rows of each picture stand 48 blocks, light or dark: the time in milliseconds since the epoch, most significant
bit first. With --grow the pictures become larger every three seconds. With --udp it knows no other way.
The same in a quarter of the size is at /small. With --recorded it encodes once, as real cameras do it elsewhere, and sends that again and again. A line `drop` on standard input ends all connections.
"""
import argparse
import sys
import threading
import time

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstRtspServer", "1.0")
gi.require_version("GstRtsp", "1.0")
from gi.repository import GLib, Gst, GstRtsp, GstRtspServer  # noqa: E402

BITS = 48
options = argparse.ArgumentParser()
options.add_argument("port")
options.add_argument("--gop", type=float, default=1)
options.add_argument("--login")
options.add_argument("--rate", type=int, default=25)
options.add_argument("--size", default="640x360")
options.add_argument("--grow", action="store_true")
options.add_argument("--noisy", action="store_true")
options.add_argument("--udp", action="store_true")
options.add_argument("--recorded", action="store_true")
options = options.parse_args()
width, height = map(int, options.size.split("x"))
Gst.init(None)


def picture(width, height, number):
    """I420: the time in the top, and something that moves below."""
    now = int(time.time() * 1000)
    block = width // BITS
    bits = b"".join((b"\xe0" if now >> (BITS - 1 - n) & 1 else b"\x20") * block for n in range(BITS))
    top = (bits + b"\x20" * (width - len(bits))) * (height // 8)
    at = number * 4 % width
    row = b"\x60" * at + b"\xc0" * min(40, width - at) + b"\x60" * max(0, width - at - 40)
    return top + row * (height - height // 8) + b"\x80" * (width * height // 2)


def record(seconds=4):
    """Access units of a few seconds, beginning with a key frame."""
    frames, gop = int(seconds * options.rate), int(options.rate * options.gop)
    pipeline = Gst.parse_launch(
        f"videotestsrc num-buffers={frames} pattern=ball ! video/x-raw,width={width},height={height},framerate={options.rate}/1"
        f" ! x264enc tune=zerolatency speed-preset=ultrafast bitrate=1500 key-int-max={gop} ! {ENCODED} ! appsink name=sink sync=false"
    )
    sink, units = pipeline.get_by_name("sink"), []
    pipeline.set_state(Gst.State.PLAYING)
    while sample := sink.emit("pull-sample"):
        buffer = sample.get_buffer()
        units.append(buffer.extract_dup(0, buffer.get_size()))
    pipeline.set_state(Gst.State.NULL)
    return units


ENCODED = "video/x-h264,stream-format=byte-stream,alignment=au,profile=main"
recorded = record() if options.recorded else []


class Camera(GstRtspServer.RTSPMediaFactory):
    share = 1

    def do_create_element(self, url):
        if recorded:
            return Gst.parse_launch(f"( appsrc name=source is-live=true format=time caps={ENCODED} ! h264parse ! rtph264pay name=pay0 config-interval=-1 )")
        gop = int(options.rate * options.gop)
        return Gst.parse_launch(
            f"( appsrc name=source is-live=true format=time ! x264enc tune=zerolatency speed-preset=ultrafast bitrate=1500 key-int-max={gop}"
            " ! video/x-h264,profile=main ! rtph264pay name=pay0 config-interval=-1 )"
        )

    def do_configure(self, media):
        source = media.get_element().get_child_by_name("source")
        size = (width // self.share, height // self.share)
        if not recorded:
            caps(source, *size)
        ends = threading.Event()
        media.connect("unprepared", lambda _: ends.set())
        threading.Thread(target=feed, args=(source, ends, size), daemon=True).start()


def caps(source, width, height):
    source.set_property("caps", Gst.Caps.from_string(f"video/x-raw,format=I420,width={width},height={height},framerate={options.rate}/1"))


def feed(source, ends, usual):
    began, number, size = time.time(), 0, usual
    while not ends.is_set():
        grown = (usual[0] * 2, usual[1] * 2) if options.grow and number // (3 * options.rate) % 2 else usual
        if grown != size:
            size = grown
            caps(source, *size)
        buffer = Gst.Buffer.new_wrapped(recorded[number % len(recorded)] if recorded else picture(*size, number))
        buffer.pts = buffer.dts = int(number * Gst.SECOND / options.rate)
        buffer.duration = int(Gst.SECOND / options.rate)
        if source.emit("push-buffer", buffer) != Gst.FlowReturn.OK:
            return
        number += 1
        time.sleep(max(0, began + number / options.rate - time.time()))


server = GstRtspServer.RTSPServer()
server.set_address("127.0.0.1")
server.set_service(options.port)
cameras = {"/live": Camera(), "/small": Camera()}
cameras["/small"].share = 4
for camera in cameras.values():
    camera.set_shared(True)
    camera.set_latency(0)
    if options.udp:
        camera.set_protocols(GstRtsp.RTSPLowerTrans.UDP)
if options.login:
    user, password = options.login.split(":")
    auth = GstRtspServer.RTSPAuth()
    token = GstRtspServer.RTSPToken()
    token.set_string("media.factory.role", "viewer")
    auth.set_supported_methods(2)  # digest alone
    auth.add_digest(user, password, token)
    server.set_auth(auth)
    may = GstRtspServer.RTSPPermissions()
    may.add_permission_for_role("viewer", "media.factory.access", True)
    may.add_permission_for_role("viewer", "media.factory.construct", True)
    for camera in cameras.values():
        camera.set_permissions(may)
for path, camera in cameras.items():
    server.get_mount_points().add_factory(path, camera)
server.attach(None)


def listen():
    for line in sys.stdin:
        if line.strip() == "drop":
            GLib.idle_add(lambda: server.client_filter(lambda *_: GstRtspServer.RTSPFilterResult.REMOVE) and False)


threading.Thread(target=listen, daemon=True).start()
print("ready", flush=True)
GLib.MainLoop().run()
