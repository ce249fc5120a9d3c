// Recordings that the box finds in its folder at its start: without media, so that nothing is rendered,
// and with people, so that there is something to find.

import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';

const LETTERS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** A ULID of this moment. */
function ulid(ms, number) {
  let time = '';
  for (let rest = ms; time.length < 10; rest = Math.floor(rest / 32)) {
    time = LETTERS[rest % 32] + time;
  }
  return time + String(number).padStart(16, '0');
}

let number = 0;

/** Puts one there, of a box that does not run at the moment. */
export async function putRecording(box, { room, at, people }) {
  const ms = at.getTime();
  const id = `rec_${ulid(ms, (number += 1))}`;
  const folder = path.join(box.data, 'recordings', id);
  const manifest = {
    version: 1,
    recording: id,
    room,
    started_unix_ms: ms,
    boot_id: '00000000-0000-0000-0000-000000000000',
    ended: { reason: 'stopped', at_us: 90_000_000 },
    parts: [],
    tracks: [],
  };
  const timeline = people.map((name, index) =>
    JSON.stringify({ t: index, e: 'join', participant: `PA_${index}`, identity: name, name }));
  await mkdir(folder, { recursive: true });
  await writeFile(path.join(folder, 'timeline.jsonl'), `${timeline.join('\n')}\n`);
  await writeFile(path.join(folder, 'manifest.json'), JSON.stringify(manifest));
  return id;
}
