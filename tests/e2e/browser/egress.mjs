// Orders a film with the JavaScript server SDK, as its documentation has it: starts one, lists it,
// changes its layout, stops it, and prints what each answer said as a line of JSON.
import { EgressClient, EncodedFileOutput } from 'livekit-server-sdk';

const [url, key, secret, room] = process.argv.slice(2);
const egress = new EgressClient(url, key, secret);
const say = ({ egressId, roomName, status, fileResults }) =>
  console.log(JSON.stringify({ egressId, roomName, status, filename: fileResults[0]?.filename }));

const file = new EncodedFileOutput({ filepath: 'films/{room_name}.mp4' });
const started = await egress.startRoomCompositeEgress(room, { file }, { layout: 'speaker' });
say(started);
const listed = await egress.listEgress({ roomName: room, active: true });
listed.forEach(say);
say(await egress.updateLayout(started.egressId, 'grid'));
// The same in the way that the SDK writes twice into its request.
say(await egress.startRoomCompositeEgress(room, new EncodedFileOutput({ filepath: 'again' }), 'grid'));
// A film of something: the test says when.
await new Promise((resolve) => process.stdin.once('data', resolve));
for (const { egressId } of await egress.listEgress({ roomName: room, active: true })) {
  say(await egress.stopEgress(egressId));
}
try {
  await egress.startWebEgress('https://example.org/', { file });
} catch (error) {
  console.log(JSON.stringify({ refused: error.message, status: error.status }));
}
process.stdin.destroy();
