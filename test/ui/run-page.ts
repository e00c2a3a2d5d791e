import type { Frame, Page } from 'playwright-core';

/** The Web UI's page of one run, worked as an integrator works it. */
export interface RunPage {
  readonly page: Page;
  /** Opens one of the page's tabs, such as `User Metadata`. */
  open(tab: string): Promise<void>;
  /** The current details as the UI renders them, once they hold a text. Opens their tab. */
  details(holding: string): Promise<Frame>;
  /** Sends a signal by the form, once in a page: opened again, the form still holds what was sent before. */
  send(signal: string, data?: string): Promise<void>;
}

/** How long the page may take for what it fetches: milliseconds. */
const TIMEOUT_MS = 20_000;

/** @param url the execution's page, without a tab */
export async function openRunPage(page: Page, url: string): Promise<RunPage> {
  page.setDefaultTimeout(TIMEOUT_MS);
  await page.goto(url);
  const open = (tab: string) =>
    page
      .getByRole('tab', { name: tab })
      .or(page.getByRole('link', { name: tab }))
      .first()
      .click();
  return {
    page,
    open,
    details: async (holding) => {
      await open('User Metadata');
      for (const end = Date.now() + TIMEOUT_MS; Date.now() < end; ) {
        for (const frame of page.frames().filter((one) => one.url().includes('/render?'))) {
          const text = await frame
            .locator('body')
            .textContent({ timeout: 1_000 })
            .catch(() => '');
          if (text?.includes(holding)) return frame;
        }
        // The page fetches the details again on request.
        await page.keyboard.press('r');
        await page.waitForTimeout(500);
      }
      throw new Error(`the current details do not show "${holding}"`);
    },
    send: async (signal, data) => {
      await page.getByRole('button', { name: 'More Actions' }).click();
      await page.getByRole('menuitem', { name: 'Send a Signal' }).click();
      const dialog = page.getByRole('dialog');
      await dialog.getByTestId('signal-select-button').click();
      await dialog.getByRole('option', { name: new RegExp(`^${signal}\\b`) }).click();
      if (data !== undefined) {
        await dialog.getByRole('textbox', { name: 'Data' }).click();
        await page.keyboard.insertText(data);
      }
      // The box reformats what was typed and the button moves, so that the first click is often lost.
      const submit = dialog.getByRole('button', { name: 'Submit' });
      for (let tries = 0; tries < 5 && (await submit.isVisible()); tries += 1) {
        await submit.click({ timeout: 2_000 }).catch(() => undefined);
        await page.waitForTimeout(500);
      }
    },
  };
}
