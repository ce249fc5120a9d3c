// The plug is pulled in the middle of a meeting, and put in again.

import assert from 'node:assert/strict';
import { expectText, seesVideoOf } from './waiting.mjs';
import { MET } from './meeting.mjs';
import { PATIENCE_MS } from './browser.mjs';

export const LIVE_AGAIN = 'both are live again when the box is back, without a hand on them';
/** The client's own attempts come first, and wait longer each time. */
const RETURN_PATIENCE_MS = 2 * PATIENCE_MS;

/** What browsers and the LiveKit client say of a box that is not there. */
const LOST = [
  /ERR_(CONNECTION_REFUSED|CONNECTION_RESET|EMPTY_RESPONSE|INCOMPLETE_CHUNKED_ENCODING)/,
  /error reading from signal stream/,
  /Failed to fetch/,
  /Received leave request while trying to \(re\)connect/,
];

export async function restart(steps, world) {
  const lost = 'a panel whose box is gone says so, and the meeting too';

  await steps.run(lost, async () => {
    const { box, panel, ownerPage, guestPage } = world;
    await panel.goto('/panel/rooms');
    await panel.getByText('2 people').first().waitFor();
    await box.kill();
    await expectText(panel, 'Reconnecting…');
    for (const page of [ownerPage, guestPage]) {
      await page.getByText(/Reconnecting…|Bringing you back/).first().waitFor();
    }
  }, { needs: [MET], expects: LOST });

  await steps.run(LIVE_AGAIN, async () => {
    const { box, panel, ownerPage, guestPage } = world;
    await box.run();
    await panel.getByText('Reconnecting…').waitFor({ state: 'detached' });
    for (const page of [ownerPage, guestPage]) page.setDefaultTimeout(RETURN_PATIENCE_MS);
    await Promise.all([seesVideoOf(ownerPage, 'Grace'), seesVideoOf(guestPage, 'Ada')]);
    await panel.getByText('2 people').first().waitFor();
    const [room] = (await (await world.owner.request.get('/api/v1/rooms')).json()).items;
    assert.equal(room.id, world.room);
    assert.equal(room.meeting.participants, 2, 'somebody came back twice');
  }, { needs: [lost], expects: LOST });
}
