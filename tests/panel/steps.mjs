// Runs steps one after the other and counts them. A page that complains fails the step it did so in.

export class Steps {
  counts = { passed: 0, failed: 0, skipped: 0 };
  broken = new Set();

  constructor(browser) {
    this.browser = browser;
  }

  /** `needs` names steps without which this one means nothing. */
  async run(name, work, { needs = [], expects = [] } = {}) {
    const missing = needs.find((need) => this.broken.has(need));
    if (missing) {
      this.broken.add(name);
      this.counts.skipped += 1;
      console.log(`SKIPPED ${name}: needs "${missing}"`);
      return;
    }
    const begun = performance.now();
    const seconds = () => `${((performance.now() - begun) / 1000).toFixed(1)} s`;
    this.browser.expects = expects;
    try {
      await work();
      const complaints = this.browser.takeComplaints();
      if (complaints.length > 0) throw new Error(`the pages complained:\n${complaints.join('\n')}`);
      this.counts.passed += 1;
      console.log(`ok      ${name} (${seconds()})`);
    } catch (error) {
      this.broken.add(name);
      this.counts.failed += 1;
      console.log(`FAILED  ${name} (${seconds()})\n${indented(error.stack ?? String(error))}`);
      console.log(indented(this.browser.takeComplaints().join('\n')));
      console.log(indented(await this.browser.picture(`failed ${name}`)));
    }
  }

  end() {
    const { passed, failed, skipped } = this.counts;
    console.log(`${passed} passed, ${failed} failed, ${skipped} skipped`);
    return failed === 0 ? 0 : 1;
  }
}

function indented(text) {
  return text.replace(/^/gm, '    ');
}
