"""A lossy path between clients and the box, in user space: no privileges, any kernel.

A WebSocket proxy passes the signalling on and puts its own UDP port into the box's ICE candidates;
a UDP relay behind that port drops datagrams with a seeded random. Clients stay unmodified.
"""

import asyncio
import random
import re
import threading

import aiohttp
from aiohttp import web
from livekit.protocol import rtc as signalling

from box import address

SEED = 20_26


class LossyPath:
    """`down` and `up` are shares of datagrams lost from and to the box once media flows: the
    first GRACE of each flow pass, so that it is media that is measured and not the handshake."""

    GRACE = 60

    def __init__(self, box, down=0.0, up=0.0, transcript=None):
        """`transcript` gets every client's join request and messages, as ("join" | "say", bytes)."""
        self.box, self.down, self.up = box, down, up
        self.transcript = transcript
        self.random = random.Random(SEED)
        self.dropped = 0
        self.ws = ""
        self.relays: dict[int, int] = {}
        self.transports = []

    def __enter__(self):
        self.loop = asyncio.new_event_loop()
        self.thread = threading.Thread(target=self.loop.run_forever, daemon=True)
        self.thread.start()
        self._run(self._start())
        return self

    def __exit__(self, *_):
        self._run(self._stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self.thread.join(5)

    def _run(self, work):
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(15)

    async def _start(self):
        app = web.Application(client_max_size=0)
        app.router.add_route("GET", "/{path:.*}", self._serve)
        self.runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self.runner.setup()
        site = web.TCPSite(self.runner, "127.0.0.1", 0)
        await site.start()
        self.ws = f"ws://127.0.0.1:{site._server.sockets[0].getsockname()[1]}"
        self.session = aiohttp.ClientSession()

    async def _stop(self):
        await self.session.close()
        await self.runner.cleanup()
        for transport in self.transports:
            transport.close()

    async def _serve(self, request):
        headers = {k: v for k, v in request.headers.items() if k == "Authorization"}
        if request.headers.get("Upgrade", "").lower() != "websocket":
            url = self.box.http + request.path_qs
            async with self.session.get(url, headers=headers) as answer:
                allow = {"Access-Control-Allow-Origin": "*"}
                return web.Response(status=answer.status, body=await answer.read(), headers=allow)
        url = self.box.ws + request.path_qs
        try:
            upstream = await self.session.ws_connect(url, headers=headers, max_msg_size=0)
        except aiohttp.WSServerHandshakeError as refused:
            return web.Response(status=refused.status)
        client = web.WebSocketResponse(max_msg_size=0)
        await client.prepare(request)

        async def pump(source, sink, change):
            async for message in source:
                if message.type == aiohttp.WSMsgType.BINARY:
                    await sink.send_bytes(await change(message.data))
            await sink.close()

        if self.transcript is not None and "join_request" in request.query:
            self.transcript.append(("join", request.query["join_request"].encode()))

        async def same(data):
            if self.transcript is not None:
                self.transcript.append(("say", data))
            return data

        await asyncio.gather(
            pump(client, upstream, same), pump(upstream, client, self._reroute),
            return_exceptions=True,
        )
        return client

    async def _reroute(self, data):
        response = signalling.SignalResponse.FromString(data)
        kind = response.WhichOneof("message")
        if kind not in ("answer", "offer"):
            return data
        description = getattr(response, kind)
        ports = {int(port) for port in CANDIDATE.findall(description.sdp)}
        for port in ports:
            if port not in self.relays:
                self.relays[port] = await self._relay(port)
        description.sdp = CANDIDATE_LINE.sub(
            lambda m: f"{m[1]}{self.relays[int(m[2])]}{m[3]}", description.sdp
        )
        return response.SerializeToString()

    async def _relay(self, port) -> int:
        transport, _ = await self.loop.create_datagram_endpoint(
            lambda: Front(self, (address(), port)), local_addr=(address(), 0)
        )
        self.transports.append(transport)
        return transport.get_extra_info("sockname")[1]

    def loses(self, share, count) -> bool:
        lost = count > self.GRACE and self.random.random() < share
        self.dropped += lost
        return lost


CANDIDATE = re.compile(r"a=candidate:\S+ \d+ \S+ \d+ \S+ (\d+) ")
CANDIDATE_LINE = re.compile(r"(a=candidate:\S+ \d+ \S+ \d+ \S+ )(\d+)( )")


class Front(asyncio.DatagramProtocol):
    """Where clients send; each gets a socket of its own towards the box."""

    def __init__(self, path, box):
        self.path, self.box = path, box
        self.flows: dict[tuple, asyncio.Future] = {}
        self.counts: dict[tuple, int] = {}

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, client):
        count = self.counts[client] = self.counts.get(client, 0) + 1
        if self.path.loses(self.path.up, count):
            return
        flow = self.flows.get(client)
        if flow is None:
            flow = self.flows[client] = asyncio.ensure_future(self._open(client))
        if flow.done():
            flow.result().sendto(data)
        else:
            flow.add_done_callback(lambda done: done.result().sendto(data))

    async def _open(self, client):
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
            lambda: Back(self, client), remote_addr=self.box
        )
        self.path.transports.append(transport)
        return transport


class Back(asyncio.DatagramProtocol):
    def __init__(self, front, client):
        self.front, self.client, self.count = front, client, 0

    def datagram_received(self, data, _):
        self.count += 1
        if not self.front.path.loses(self.front.path.down, self.count):
            self.front.transport.sendto(data, self.client)

    def error_received(self, error):
        pass  # The box has closed the port: clients notice by themselves.
