// What is missing is said plainly, and only what is missing. That the box counts it is the recorder's
// test: no disk here is slow enough. So the box's own answers are served with other counts in them.

import assert from 'node:assert/strict';
import { looksRightInAll } from './looks.mjs';
import { inPanel, READY } from './recording.mjs';

const RECORDING = {
  en: '1,234 packets were not written because the disk was too slow.',
  de: '1.234 Pakete wurden nicht geschrieben, weil die Platte zu langsam war.',
};
const BOX = {
  en: 'Since this box started, 1 packet was not written because the disk was too slow.',
  de: 'Seit dem Start dieser Box wurde 1 Paket nicht geschrieben, weil die Platte zu langsam war.',
};
const WHOLE = { en: 'Nothing is missing.', de: 'Nichts fehlt.' };
const SLOW = /too slow|zu langsam/;

export async function losses(steps, world) {
  const { panel } = world;

  await steps.run('nothing is said to be missing where nothing is', async () => {
    assert.equal(world.seen.dropped_packets, 0, 'the recording of this test lost something');
    assert.equal((await inPanel(world, '/status')).recorder_drops, 0);
    await panel.goto(`/panel/recordings/${world.recording}`);
    await panel.getByText(WHOLE.en).waitFor();
    assert.equal(await panel.getByText(SLOW).count(), 0);
    await panel.goto('/panel/status');
    await panel.locator('.disk-bar').waitFor();
    assert.equal(await panel.getByText(SLOW).count(), 0);
  }, { needs: [READY] });

  await steps.run('packets that a slow disk cost are told, with all that went wrong', async () => {
    const job = { ...world.seen.job, state: 'parked', attempts: 5, error: 'no encoder', progress: null };
    const page = await world.owner.newPage();
    await amended(page, `recordings/${world.recording}`, {
      ...{ dropped_packets: 1234, gaps: 2, interruptions: [{ at_ms: 2_000, lost_ms: 1_500 }] },
      ...{ end_reason: 'disk_low', state: 'parked', files: [], job },
    });
    await amended(page, 'jobs', { items: [job] });
    await page.goto(`/panel/recordings/${world.recording}`);
    await looksRightInAll(page, 'losses', async (page, language) => {
      await page.getByText(RECORDING[language], { exact: true }).waitFor();
      assert.equal(await page.getByText(WHOLE[language]).count(), 0);
    });
    await amended(page, 'status', { recorder_drops: 1 });
    await page.routeWebSocket(/\/api\/v1\/events/, (socket) => {
      const box = socket.connectToServer();
      box.onMessage((text) => {
        const event = JSON.parse(text);
        if (event.type === 'status.sampled') event.data.recorder_drops = 1;
        socket.send(JSON.stringify(event));
      });
    });
    await page.goto('/panel/status');
    await looksRightInAll(page, 'status-losses', async (page, language) => {
      await page.getByText(BOX[language], { exact: true }).waitFor();
    });
    await page.close();
  }, { needs: [READY] });
}

/** The box's answer with other values in it. */
async function amended(page, route, values) {
  await page.route(`**/api/v1/${route}`, async (asked) => {
    const response = await asked.fetch();
    await asked.fulfill({ response, json: { ...(await response.json()), ...values } });
  });
}
