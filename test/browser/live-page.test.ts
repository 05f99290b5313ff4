import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser } from 'playwright-core';
import { HUB_THING, LocalSystem } from '../../scripts/local/system.ts';
import { launchBrowser, skip } from './chromium.ts';

/** What a person sees who opens the ThingWorx address that `npm start` prints. */
describe('the live page', { skip }, () => {
  const system = new LocalSystem({ devices: 2 });
  let browser: Browser;

  before(async () => {
    await system.start();
    browser = await launchBrowser();
  });
  after(async () => {
    await browser?.close();
    await system.stop();
  });

  test('shows the values of device Things, and changes with them', async () => {
    const page = await browser.newPage();
    const faults: string[] = [];
    page.on('pageerror', (error) => faults.push(error.message));
    await page.goto(system.cloud.thingworxUrl.replace(/Thingworx$/, ''));
    const [device] = system.devices;
    assert.ok(device);
    for (let count = 1; count <= 2; count += 1) {
      await device.sendReading();
      await page.getByText(`${device.deviceId} #${count}`).first().waitFor({ timeout: 30_000 });
    }
    if (process.env['SCREENSHOT']) await page.screenshot({ path: process.env['SCREENSHOT'], fullPage: true });
    assert.deepEqual(faults, []);
  });

  test('says in plain words what is wrong', async () => {
    const page = await browser.newPage();
    await page.goto(system.cloud.thingworxUrl.replace(/Thingworx$/, ''));
    await page.getByText(/warnings and (no )?errors$/).waitFor();
    const [text = ''] = await page.locator('body').allInnerTexts();
    assert.match(text, /No warnings and no errors/);
    const rejected = system.platform.invoke(HUB_THING, 'GetDevice', { deviceId: 'nobody' });
    await assert.rejects(rejected, /DEVICE_NOT_FOUND/);
    await page
      .getByText(/Reading the device nobody/)
      .first()
      .waitFor();
    const control = system.cloud.thingworxControlUrl;
    const fault = JSON.stringify({ action: 'delay', delayMs: 1, path: '/never' });
    await fetch(`${control}/faults`, { method: 'POST', body: fault });
    await page.getByText('A fault is switched on: delay 1 ms for any request to /never').waitFor();
    await fetch(`${control}/faults`, { method: 'POST', body: JSON.stringify({ action: 'refuse' }) });
    await page.getByText('It has been stopped, or told to refuse connections.').waitFor();
    await fetch(`${control}/faults`, { method: 'DELETE' });
    await page.getByText('running, version').waitFor();
  });
});
