// People in the page, each an unmodified livekit-client Room. The functions of `people` do and
// measure; what the numbers must be is for the Python tests to say.

const { Room, RoomEvent, Track, VideoQuality, ExternalE2EEKeyProvider } = LivekitClient;
LivekitClient.setLogLevel('warn');

const rooms = new Map();
const tiles = document.getElementById('tiles');

// Looks again on every event of any room, and each 50 ms for what has no event.
function until(what, seconds, why) {
  return new Promise((resolve, reject) => {
    const end = performance.now() + seconds * 1000;
    const look = async () => {
      let found;
      try { found = await what(); } catch (error) { return reject(error); }
      if (found) return resolve(found);
      if (performance.now() > end) return reject(new Error(`waited ${seconds} s for ${typeof why === 'function' ? why() : why}`));
      setTimeout(look, 50);
    };
    look();
  });
}

function person(name) {
  const found = rooms.get(name);
  if (!found) throw new Error(`nobody is called ${name}`);
  return found;
}

function publication(name, of, source) {
  const remote = person(name).room.remoteParticipants.get(of);
  return remote?.getTrackPublication(source);
}

// What the browser's receiver says of one track.
async function receiver(name, of, source) {
  const track = publication(name, of, source)?.track;
  const report = await track?.receiver?.getStats();
  let found = null;
  let codecs = {};
  report?.forEach((s) => {
    if (s.type === 'inbound-rtp') found = s;
    if (s.type === 'codec') codecs[s.id] = s.mimeType;
  });
  if (!found) return null;
  return {
    frames: found.framesDecoded ?? 0,
    received: found.framesReceived ?? 0,
    width: found.frameWidth ?? 0,
    height: found.frameHeight ?? 0,
    rate: found.framesPerSecond ?? 0,
    freezes: found.freezeCount ?? 0,
    freezeSeconds: found.totalFreezesDuration ?? 0,
    packets: found.packetsReceived ?? 0,
    bytes: found.bytesReceived ?? 0,
    lost: found.packetsLost ?? 0,
    nacks: found.nackCount ?? 0,
    retransmitted: found.retransmittedPacketsReceived ?? 0,
    plis: found.pliCount ?? 0,
    audio: found.totalAudioEnergy ?? 0,
    concealed: found.concealedSamples ?? 0,
    samples: found.totalSamplesReceived ?? 0,
    codec: codecs[found.codecId] ?? '',
  };
}

// A picture that moves, at any size: canvas, so that both browsers send the same.
// A busy one takes all the bits that it may have.
function picture(width, height, busy = false, fps = 25) {
  const canvas = Object.assign(document.createElement('canvas'), { width, height });
  const pen = canvas.getContext('2d');
  let n = 0;
  const timer = setInterval(() => {
    n += 1;
    pen.fillStyle = `hsl(${(n * 3) % 360} 80% 50%)`;
    pen.fillRect(0, 0, width, height);
    pen.fillStyle = 'white';
    pen.fillRect((n * 8) % width, height / 3, width / 8, height / 4);
    for (let block = 0; busy && block < 40; block += 1) {
      pen.fillStyle = `hsl(${Math.random() * 360} 80% 50%)`;
      pen.fillRect(Math.random() * width, Math.random() * height, width / 16, width / 16);
    }
  }, 1000 / fps);
  const track = canvas.captureStream(fps).getVideoTracks()[0];
  track.addEventListener('ended', () => clearInterval(timer));
  return track;
}

function tone(frequency) {
  const context = new AudioContext();
  const oscillator = new OscillatorNode(context, { frequency });
  const out = context.createMediaStreamDestination();
  oscillator.connect(out);
  oscillator.start();
  return out.stream.getAudioTracks()[0];
}

// Has a browser's connections that are made meanwhile do without a codec, as other browsers' do.
async function without(codec, work) {
  const Whole = window.RTCPeerConnection;
  const { codecs } = RTCRtpReceiver.getCapabilities('video');
  const left = codecs.filter((c) => c.mimeType.toLowerCase() !== `video/${codec}`);
  window.RTCPeerConnection = class extends Whole {
    addTransceiver(kind, init) {
      const transceiver = super.addTransceiver(kind, init);
      if (kind === 'video') transceiver.setCodecPreferences(left);
      return transceiver;
    }
  };
  try {
    await work();
  } finally {
    window.RTCPeerConnection = Whole;
  }
}

window.people = {
  async join(name, url, token, options = {}) {
    const { key, lacks, ...roomOptions } = options;
    if (key) {
      const keyProvider = new ExternalE2EEKeyProvider();
      await keyProvider.setKey(key);
      const worker = new Worker('/e2ee.worker.mjs', { type: 'module' });
      roomOptions.encryption = { keyProvider, worker };
    }
    const room = new Room(roomOptions);
    const events = [];
    for (const event of Object.values(RoomEvent)) {
      room.on(event, (...args) => {
        const text = args.map((a) => a?.identity ?? a?.trackSid ?? a?.sid ?? (typeof a === 'object' ? null : a));
        events.push([event, ...text]);
        if (events.length > 2000) events.splice(0, 1000);
      });
    }
    room.on(RoomEvent.TrackSubscribed, (track) => {
      const element = track.attach();
      element.muted = true;
      element.style.width = '320px';
      tiles.append(element);
    });
    room.on(RoomEvent.TrackUnsubscribed, (track) => track.detach().forEach((e) => e.remove()));
    rooms.set(name, { room, events });
    if (key) await room.setE2EEEnabled(true);
    const begun = performance.now();
    const connect = () => room.connect(url, token, { autoSubscribe: true });
    await (lacks ? without(lacks, connect) : connect());
    return performance.now() - begun;
  },

  async leave(name) {
    await person(name).room.disconnect();
    rooms.delete(name);
  },

  async leaveAll() {
    for (const name of [...rooms.keys()]) await window.people.leave(name);
    tiles.replaceChildren();
  },

  async publishVideo(name, { codec = 'vp8', width = 640, height = 360, simulcast = false, screen = false,
    device = false, busy = false, backup = false, scalabilityMode } = {}) {
    let track;
    if (device) {
      track = await LivekitClient.createLocalVideoTrack({ resolution: { width, height, frameRate: 25 } });
    } else {
      track = picture(width, height, busy);
    }
    const published = await person(name).room.localParticipant.publishTrack(track, {
      videoCodec: codec,
      backupCodec: backup,
      simulcast,
      ...(scalabilityMode && { scalabilityMode }),
      source: screen ? Track.Source.ScreenShare : Track.Source.Camera,
      videoEncoding: { maxBitrate: 1_500_000, maxFramerate: 25 },
    });
    return published.trackSid;
  },

  canSend: (codec) => RTCRtpSender.getCapabilities('video').codecs
    .some((c) => c.mimeType.toLowerCase() === `video/${codec}`),

  async publishAudio(name, { device = false, frequency = 440 } = {}) {
    const track = device ? await LivekitClient.createLocalAudioTrack() : tone(frequency);
    const published = await person(name).room.localParticipant.publishTrack(track, {
      source: Track.Source.Microphone,
    });
    return published.trackSid;
  },

  async unpublish(name, source) {
    const { localParticipant } = person(name).room;
    const published = localParticipant.getTrackPublication(source);
    await localParticipant.unpublishTrack(published.track, true);
  },

  // Codecs in which somebody's pictures leave, second ones as well.
  async sends(name) {
    const found = new Set();
    for (const { track } of person(name).room.localParticipant.videoTrackPublications.values()) {
      const senders = [track.sender, ...[...track.simulcastCodecs.values()].map((second) => second.sender)];
      for (const sender of senders.filter(Boolean)) {
        const report = await sender.getStats();
        report.forEach((s) => s.type === 'outbound-rtp' && found.add(report.get(s.codecId)?.mimeType));
      }
    }
    return [...found].filter(Boolean).sort();
  },

  stats: receiver,

  // Statistics once `more` frames (audio: packets) have come since now.
  async receives(name, of, source, more = 20, seconds = 15) {
    const count = (s) => (source === 'microphone' ? s?.packets : s?.frames) ?? 0;
    // From the first sight of the track on: what the receiver counted before is not news.
    const before = count(await receiver(name, of, source));
    await until(async () => {
      const now = count(await receiver(name, of, source));
      return now - before >= more || (now < before && now >= more);
    }, seconds, () => `${more} of ${of}'s ${source} at ${name}; had ${JSON.stringify(person(name).events.slice(-12))}`);
    return receiver(name, of, source);
  },

  async gone(name, of, source, seconds = 10) {
    await until(() => !publication(name, of, source), seconds, `end of ${of}'s ${source} at ${name}`);
  },

  async setQuality(name, of, quality, height, seconds = 12) {
    const begun = performance.now();
    publication(name, of, 'camera').setVideoQuality(VideoQuality[quality]);
    await until(async () => (await receiver(name, of, 'camera'))?.height === height, seconds,
      `height ${height}`);
    return performance.now() - begun;
  },

  // Wishes for so many frames a second; waits until the decoder shows a rate between the two.
  async setFps(name, of, fps, [least, most], seconds = 20) {
    publication(name, of, 'camera').setVideoFPS(fps);
    let rate;
    await until(async () => {
      rate = (await receiver(name, of, 'camera'))?.rate ?? 0;
      return rate >= least && rate <= most;
    }, seconds, () => `${least} to ${most} frames a second, not ${rate}`);
  },

  async setSubscribed(name, of, source, on, seconds = 10) {
    publication(name, of, source).setSubscribed(on);
    await until(() => publication(name, of, source)?.isSubscribed === on, seconds, `subscribed=${on}`);
  },

  async setMuted(name, source, muted) {
    const published = person(name).room.localParticipant.getTrackPublication(source);
    await (muted ? published.mute() : published.unmute());
  },

  async isMuted(name, of, source, muted, seconds = 10) {
    await until(() => publication(name, of, source)?.isMuted === muted, seconds, `muted=${muted}`);
  },

  async simulate(name, scenario, argument) {
    await person(name).room.simulateScenario(scenario, argument);
  },

  // Waits until a picture has one of these heights.
  async heightBecomes(name, of, heights, seconds) {
    let height;
    await until(async () => {
      height = (await receiver(name, of, 'camera'))?.height;
      return heights.includes(height);
    }, seconds, () => `height ${heights.join(' or ')}, not ${height}`);
  },

  // What carries the connection that a track comes by: udp or tcp.
  async carrier(name, of, source) {
    const report = await publication(name, of, source).track.receiver.getStats();
    const all = new Map();
    report.forEach((s) => all.set(s.id, s));
    const transport = [...all.values()].find((s) => s.type === 'transport');
    const pair = all.get(transport.selectedCandidatePairId);
    return all.get(pair.localCandidateId).protocol;
  },

  async happens(name, event, seconds = 20, since = 0) {
    const { events } = person(name);
    await until(() => events.slice(since).some((e) => e[0] === event), seconds,
      () => `${event} at ${name}; had ${JSON.stringify(events.slice(-15))}`);
    return events.length;
  },

  events: (name) => person(name).events.map((e) => e),
  others: (name) => [...person(name).room.remoteParticipants.keys()],
  state: (name) => person(name).room.state,

  // Waits until the browser's sender encodes exactly these simulcast layers.
  async sendsLayers(name, source, rids, seconds) {
    const track = person(name).room.localParticipant.getTrackPublication(source).track;
    const active = () => track.sender.getParameters().encodings
      .filter((encoding) => encoding.active).map((encoding) => encoding.rid).sort().join();
    const wanted = [...rids].sort().join();
    await until(() => active() === wanted, seconds, () => `layers "${wanted}", not "${active()}"`);
  },

  tileWidth(width) {
    for (const element of tiles.children) element.style.width = `${width}px`;
  },

  async data(from, to, size, count) {
    const got = [];
    const take = (payload) => got.push(payload);
    person(to).room.on(RoomEvent.DataReceived, take);
    for (let n = 0; n < count; n += 1) {
      const payload = new Uint8Array(size).fill(n & 0xff);
      await person(from).room.localParticipant.publishData(payload, { reliable: true });
    }
    await until(() => got.length >= count, 15, `${count} messages, got ${got.length}`);
    person(to).room.off(RoomEvent.DataReceived, take);
    return got.every((p, n) => p.length === size && p[0] === (n & 0xff));
  },

  // Texts of reliable messages, from now on.
  collect(name) {
    const { room } = person(name);
    const texts = [];
    person(name).texts = texts;
    room.on(RoomEvent.DataReceived, (payload) => texts.push(new TextDecoder().decode(payload)));
  },

  collected: (name) => person(name).texts,

  async say(name, text) {
    const me = person(name).room.localParticipant;
    await me.publishData(new TextEncoder().encode(text), { reliable: true });
  },

  async rpc(from, to, size) {
    person(to).room.registerRpcMethod('reverse', async (call) => [...call.payload].reverse().join(''));
    const payload = Array.from({ length: size }, (_, n) => String.fromCharCode(97 + (n % 26))).join('');
    const answer = await person(from).room.localParticipant.performRpc({
      destinationIdentity: to, method: 'reverse', payload,
    });
    person(to).room.unregisterRpcMethod('reverse');
    return answer === [...payload].reverse().join('');
  },

  // Reverses what it is called with, whoever calls.
  answersCalls(name) {
    person(name).room.registerRpcMethod('reverse', async (call) => [...call.payload].reverse().join(''));
  },

  async text(from, to, size) {
    let got = null;
    person(to).room.registerTextStreamHandler('book', async (reader) => { got = await reader.readAll(); });
    const text = 'äb'.repeat(size / 3);
    await person(from).room.localParticipant.sendText(text, { topic: 'book' });
    await until(() => got !== null, 15, 'the text');
    person(to).room.unregisterTextStreamHandler('book');
    return got === text;
  },

  async metadata(from, to) {
    await person(from).room.localParticipant.setMetadata('m2');
    await person(from).room.localParticipant.setAttributes({ hand: 'up' });
    await until(() => {
      const seen = person(to).room.remoteParticipants.get(from);
      return seen?.metadata === 'm2' && seen?.attributes.hand === 'up';
    }, 10, 'metadata');
  },
};
