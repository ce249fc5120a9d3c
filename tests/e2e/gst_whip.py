#!/usr/bin/python3
"""GStreamer's webrtcbin as WHIP sender or WHEP player: `gst_whip.py send|play URL TOKEN`.

Runs in the system's Python, where GStreamer's bindings are. A player prints how many frames and
buffers of sound it has decoded, as JSON lines; both end when their standard input does.
"""

import hashlib
import json
import re
import ssl
import subprocess
import sys
import threading
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstWebRTC", "1.0")
gi.require_version("GstSdp", "1.0")
from gi.repository import GLib, Gst, GstSdp, GstWebRTC  # noqa: E402

SEND = """
webrtcbin name=peer bundle-policy=max-bundle
audiotestsrc is-live=true wave=sine freq=440 ! audioconvert ! audioresample ! opusenc ! rtpopuspay
    ! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! peer.
videotestsrc is-live=true pattern=ball ! video/x-raw,width=640,height=360,framerate=20/1
    ! videoconvert ! vp8enc deadline=1 cpu-used=8 keyframe-max-dist=40 ! rtpvp8pay picture-id-mode=15-bit
    ! application/x-rtp,media=video,encoding-name=VP8,payload=96 ! peer.
"""
RECEIVE = [
    "application/x-rtp,media=audio,encoding-name=OPUS,payload=97,clock-rate=48000,encoding-params=(string)2",
    "application/x-rtp,media=video,encoding-name=VP8,payload=96,clock-rate=90000",
]


class Peer:
    def __init__(self, role, url, token):
        self.url, self.token, self.counts = url, token, {"frames": 0, "sounds": 0}
        self.resource, self.asked = None, False
        if role == "send":
            self.pipeline = Gst.parse_launch(SEND)
            self.peer = self.pipeline.get_by_name("peer")
        else:
            self.pipeline = Gst.Pipeline()
            self.peer = Gst.ElementFactory.make("webrtcbin", "peer")
            self.peer.set_property("bundle-policy", GstWebRTC.WebRTCBundlePolicy.MAX_BUNDLE)
            self.pipeline.add(self.peer)
            for caps in RECEIVE:
                recvonly = GstWebRTC.WebRTCRTPTransceiverDirection.RECVONLY
                self.peer.emit("add-transceiver", recvonly, Gst.Caps.from_string(caps))
            self.peer.connect("pad-added", self.pad_added)
        self.certify()
        self.peer.connect("on-negotiation-needed", self.negotiate)
        self.peer.connect("notify::ice-gathering-state", self.gathered)
        self.pipeline.set_state(Gst.State.PLAYING)

    def certify(self):
        """This GStreamer makes itself an RSA certificate. The box takes what WebRTC demands (RFC 8827 §6.5):
        ECDSA with P-256."""
        make = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=peer -keyout - -out -"
        own = subprocess.run(["openssl", *make.split()], check=True, capture_output=True, text=True).stdout
        certificate = ssl.PEM_cert_to_DER_cert(own[own.index("-----BEGIN CERTIFICATE"):])
        digest = hashlib.sha256(certificate).hexdigest().upper()
        self.fingerprint = ":".join(digest[n:n + 2] for n in range(0, len(digest), 2))

        def found(element):
            if (made_by := element.get_factory()) and made_by.get_name() == "dtlssrtpdec":
                element.set_property("pem", own)

        self.peer.connect("deep-element-added", lambda _peer, _bin, element: found(element))
        inside = self.peer.iterate_recurse()
        while (step := inside.next())[0] == Gst.IteratorResult.OK:
            found(step[1])

    def negotiate(self, _):
        # webrtcbin's own thread must not wait.
        threading.Thread(target=self.offer, daemon=True).start()

    def offer(self):
        promise = Gst.Promise.new()
        self.peer.emit("create-offer", None, promise)
        promise.wait()
        reply = promise.get_reply()
        self.peer.emit("set-local-description", reply.get_value("offer"), Gst.Promise.new())

    def gathered(self, *_):
        complete = GstWebRTC.WebRTCICEGatheringState.COMPLETE
        if self.peer.get_property("ice-gathering-state") == complete and not self.asked:
            self.asked = True
            threading.Thread(target=self.ask, daemon=True).start()

    def ask(self):
        sdp = self.peer.get_property("local-description").sdp.as_text()
        # It takes the key for a part of the certificate.
        sdp = re.sub(r"(?<=a=fingerprint:sha-256 )\S+", self.fingerprint, sdp)
        print(json.dumps({"offer": sdp}), flush=True)
        headers = {"Content-Type": "application/sdp", "Authorization": f"Bearer {self.token}"}
        request = urllib.request.Request(self.url, sdp.encode(), headers, method="POST")
        with urllib.request.urlopen(request, timeout=15) as answer:
            self.resource = answer.headers["Location"]
            text = answer.read().decode()
        _, message = GstSdp.SDPMessage.new_from_text(text)
        description = GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message)
        self.peer.emit("set-remote-description", description, Gst.Promise.new())

    def pad_added(self, _, pad):
        if pad.direction != Gst.PadDirection.SRC:
            return
        decoder = Gst.ElementFactory.make("decodebin", None)
        decoder.connect("pad-added", self.decoded)
        self.pipeline.add(decoder)
        decoder.sync_state_with_parent()
        pad.link(decoder.get_static_pad("sink"))

    def decoded(self, _, pad):
        what = "frames" if pad.get_current_caps().to_string().startswith("video") else "sounds"
        sink = Gst.ElementFactory.make("fakesink", None)
        sink.set_property("signal-handoffs", True)
        sink.set_property("sync", False)

        def count(*_):
            self.counts[what] += 1
            if self.counts[what] % 10 == 0:
                # In one write: sound and picture are counted in threads of their own.
                print(json.dumps(self.counts) + "\n", end="", flush=True)

        sink.connect("handoff", count)
        self.pipeline.add(sink)
        sink.sync_state_with_parent()
        pad.link(sink.get_static_pad("sink"))

    def end(self):
        if self.resource:
            base = self.url.split("/whip")[0].split("/whep")[0]
            headers = {"Authorization": f"Bearer {self.token}"}
            request = urllib.request.Request(base + self.resource, headers=headers, method="DELETE")
            urllib.request.urlopen(request, timeout=15).close()
        self.pipeline.set_state(Gst.State.NULL)


def main():
    Gst.init(None)
    peer, loop = Peer(*sys.argv[1:4]), GLib.MainLoop()

    def until_told():
        sys.stdin.read()
        loop.quit()

    threading.Thread(target=until_told, daemon=True).start()
    loop.run()
    peer.end()


if __name__ == "__main__":
    main()
