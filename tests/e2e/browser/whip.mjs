// Eyevinn's WHIP client and WHEP player, unmodified, and a sender of layers by the browser's own
// means; bundled by driver.mjs. What the numbers must be is for the Python tests to say.

import { WHIPClient } from '@eyevinn/whip-web-client';
import { WebRTCPlayer } from '@eyevinn/webrtc-player';

const sessions = new Map();

function picture(width, height) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const paint = canvas.getContext('2d');
  let turn = 0;
  setInterval(() => {
    turn += 1;
    for (let x = 0; x < width; x += 8) {
      const shade = (x + 7 * turn) % 256;
      paint.fillStyle = `rgb(${shade},${shade},${shade})`;
      paint.fillRect(x, 0, 8, height);
    }
  }, 50);
  return canvas.captureStream(20).getVideoTracks()[0];
}

function tone(frequency) {
  const context = new AudioContext();
  const source = new OscillatorNode(context, { frequency });
  const sink = context.createMediaStreamDestination();
  source.connect(sink);
  source.start();
  return sink.stream.getAudioTracks()[0];
}

async function until(what, seconds, why) {
  const end = performance.now() + seconds * 1000;
  for (;;) {
    const found = await what();
    if (found) return found;
    if (performance.now() > end) throw new Error(`waited ${seconds} s for ${why}`);
    await new Promise((later) => setTimeout(later, 50));
  }
}

async function received(peer, kind) {
  let found = null;
  (await peer.getStats()).forEach((s) => {
    if (s.type === 'inbound-rtp' && s.kind === kind) found = s;
  });
  return found;
}

Object.assign(window.people, {
  async whipSend(name, endpoint, authkey) {
    const client = new WHIPClient({ endpoint, opts: { authkey, iceServers: [], noTrickleIce: false } });
    sessions.set(name, { client });
    await client.ingest(new MediaStream([tone(440), picture(640, 360)]));
    await until(() => client.getICEConnectionState() === 'connected', 15, 'ICE');
  },

  whipStop: (name) => sessions.get(name).client.destroy(),

  // Three layers, as RFC 9725 has them: one section with rids.
  async whipLayers(name, endpoint, token) {
    const peer = new RTCPeerConnection();
    peer.addTransceiver(picture(1280, 720), {
      direction: 'sendonly',
      sendEncodings: [
        { rid: 'h', maxBitrate: 1_500_000 },
        { rid: 'm', scaleResolutionDownBy: 2, maxBitrate: 500_000 },
        { rid: 'l', scaleResolutionDownBy: 4, maxBitrate: 150_000 },
      ],
    });
    await peer.setLocalDescription();
    const authorization = { authorization: `Bearer ${token}` };
    const answer = await fetch(endpoint, {
      method: 'POST',
      headers: { ...authorization, 'content-type': 'application/sdp' },
      body: peer.localDescription.sdp,
    });
    if (answer.status !== 201) throw new Error(await answer.text());
    await peer.setRemoteDescription({ type: 'answer', sdp: await answer.text() });
    const resource = new URL(answer.headers.get('location'), endpoint).href;
    sessions.set(name, { peer, resource, authorization });
    await until(() => peer.connectionState === 'connected', 15, 'the connection');
  },

  // RFC 9725 §4.3.3, by the browser's own means.
  async whipRestartIce(name) {
    const { peer, resource, authorization } = sessions.get(name);
    peer.restartIce();
    await peer.setLocalDescription();
    const of = (sdp, what) => sdp.match(new RegExp(`a=${what}:(.*)\r\n`))[1];
    const mine = peer.localDescription.sdp;
    const answer = await fetch(resource, {
      method: 'PATCH',
      headers: { ...authorization, 'content-type': 'application/trickle-ice-sdpfrag', 'if-match': '*' },
      body: `a=ice-ufrag:${of(mine, 'ice-ufrag')}\r\na=ice-pwd:${of(mine, 'ice-pwd')}\r\n`,
    });
    if (answer.status !== 200) throw new Error(await answer.text());
    const theirs = await answer.text();
    const sdp = peer.remoteDescription.sdp
      .replace(/a=ice-ufrag:.*\r\n/g, `a=ice-ufrag:${of(theirs, 'ice-ufrag')}\r\n`)
      .replace(/a=ice-pwd:.*\r\n/g, `a=ice-pwd:${of(theirs, 'ice-pwd')}\r\n`);
    await peer.setRemoteDescription({ type: 'answer', sdp });
    const ufrag = of(mine, 'ice-ufrag');
    const pairs = async () => {
      const stats = await peer.getStats();
      let found = false;
      // There may be pairs of the old one beside it, and of UDP and TCP.
      stats.forEach((s) => {
        if (s.type === 'candidate-pair' && s.nominated && s.state === 'succeeded') {
          found ||= stats.get(s.localCandidateId)?.usernameFragment === ufrag;
        }
      });
      return found;
    };
    await until(pairs, 15, 'a pair of the new ICE session');
  },

  async whepPlay(name, endpoint, token) {
    const video = Object.assign(document.createElement('video'), { autoplay: true });
    document.body.append(video);
    const peers = [];
    const Real = window.RTCPeerConnection;
    window.RTCPeerConnection = class extends Real {
      constructor(...how) { super(...how); peers.push(this); }
    };
    const player = new WebRTCPlayer({ video, type: 'whep', iceServers: [], statsTypeFilter: '^$' });
    sessions.set(name, { player, video, peers });
    // It sends the text as it is.
    await player.load(new URL(endpoint), `Bearer ${token}`);
    window.RTCPeerConnection = Real;
  },

  // Frames that the page has shown since, and what was heard.
  async whepSees(name, frames, height, seconds = 20) {
    const { video, peers } = sessions.get(name);
    const shown = () => video.getVideoPlaybackQuality().totalVideoFrames;
    const before = shown();
    await until(
      () => shown() >= before + frames && (height === 0 || video.videoHeight === height),
      seconds, `${frames} frames of ${height} lines; ${shown() - before} of ${video.videoHeight}`);
    const audio = await until(async () => {
      const heard = await received(peers.at(-1), 'audio');
      return height < 0 || heard?.totalAudioEnergy > 0 ? heard : null;
    }, seconds, 'sound');
    return { height: video.videoHeight, energy: audio?.totalAudioEnergy ?? 0 };
  },

  async whepStop(name) {
    const { player } = sessions.get(name);
    await player.unload();
  },
});
