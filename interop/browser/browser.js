// A browser for the stories, and pages that fail their story when a script on them does.

import axe from "axe-core";
import { chromium } from "playwright-core";

export class Browser {
  static async start() {
    const browser = new Browser();
    // Root has no sandbox, and CI is root; the pages are our own.
    browser.chromium = await chromium.launch({
      executablePath: process.env.CHROMIUM,
      args: process.getuid?.() === 0 ? ["--no-sandbox"] : [],
    });
    browser.mistakes = [];
    return browser;
  }

  /** Opens an address in a window of its own. */
  async open(url, { scheme = "light", width = 1440, height = 900, phone = false } = {}) {
    const window = await this.chromium.newContext({
      viewport: { width, height },
      colorScheme: scheme,
      reducedMotion: "reduce",
      permissions: ["clipboard-read", "clipboard-write"],
      ...(phone ? { isMobile: true, hasTouch: true, deviceScaleFactor: 2 } : {}),
    });
    const page = await window.newPage();
    page.setDefaultTimeout(20_000);
    page.on("pageerror", (error) => this.mistakes.push(`${url}: ${error.stack}`));
    page.on("console", (message) => {
      // The browser itself says that a connection was refused; whether the page does is what stories are about.
      const isOfTheBrowser = /net::ERR_|WebSocket connection|status of 4\d\d/.test(message.text());
      if (["error", "warning"].includes(message.type()) && !isOfTheBrowser)
        this.mistakes.push(`${url}: ${message.text()}`);
    });
    await page.goto(url);
    return page;
  }

  async close() {
    await this.chromium.close();
    if (this.mistakes.length > 0) throw new Error(`on the pages: ${this.mistakes.join("\n")}`);
  }
}

/** What axe finds that is serious or critical, in words. */
export async function barriers(page) {
  await page.evaluate(axe.source);
  const { violations } = await page.evaluate(() =>
    globalThis.axe.run(document, {
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
  );
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ html, failureSummary }) => `${html.slice(0, 200)} ${failureSummary}`).join("; ")}`,
    );
}
