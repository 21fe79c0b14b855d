// What somebody does on the first day, with the simulated plant: find, watch, set, look around.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, barriers } from "../browser.js";
import { Factree } from "../factree.js";

const SET_POINT = "/ns/Acme/Dallas/Paint/Line1/Oven1/Zone/1/SetPoint";
const PAGES = [
  "/",
  "/ns",
  SET_POINT,
  "/edge-nodes",
  "/edge-nodes?group=Acme%3ADallas%3APaint&edge_node=Line1",
  "/findings",
  "/unplaced",
  "/clients",
  "/clients?id=acme-mes",
];

/** Those that differ enough to be looked at again. */
const SOME_PAGES = ["/", SET_POINT, "/edge-nodes", "/clients?id=acme-mes"];

let factree;
let browser;

before(async () => {
  [factree, browser] = await Promise.all([Factree.start({ command: "demo" }), Browser.start()]);
});
after(async () => {
  await browser.close();
  await factree.close();
});

const open = (path, more) => browser.open(factree.url + path, more);

test("a metric is found by keyboard alone, and seen to change", async () => {
  const page = await open("/");
  await page.getByText("Edge Nodes online").waitFor();
  await page.keyboard.press("/");
  // What a meter adds up never rests.
  await page.keyboard.type("line1 meter1 energy active");
  await page.locator("[role=option]").first().waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/ns\/Acme\/.*Line1\/Meter1\/Energy\/Active$/);
  const row = page.locator(".row[aria-selected=true]");
  await row.waitFor();
  const reading = page.locator(".reading .big");
  const first = await reading.textContent();
  await page.waitForFunction((first) => document.querySelector(".reading .big")?.textContent !== first, first, {
    timeout: 60_000,
  });
  await page.locator(".chart .trace").waitFor();
  assert.match(await page.locator(".chart svg").getAttribute("aria-label"), /changes, from \d/);
  assert.equal(await row.locator(".unit").textContent(), "kWh");
  await page.context().close();
});

test("the tree is walked with the keys of a tree", async () => {
  const page = await open("/ns");
  const active = () =>
    page.evaluate(() => {
      const tree = document.querySelector("[role=tree]");
      const row = document.getElementById(tree.getAttribute("aria-activedescendant"));
      return {
        name: row?.querySelector("bdi")?.textContent,
        level: row?.ariaLevel,
        expanded: row?.ariaExpanded,
        place: `${row?.ariaPosInSet} of ${row?.ariaSetSize}`,
      };
    });
  const press = async (key, name) => {
    await page.keyboard.press(key);
    await page.waitForFunction((name) => {
      const tree = document.querySelector("[role=tree]");
      return (
        document.getElementById(tree.getAttribute("aria-activedescendant"))?.querySelector("bdi")?.textContent === name
      );
    }, name);
  };
  await page.getByText("Munich", { exact: true }).waitFor();
  await page.locator("[role=tree]").focus();
  await press("Home", "Acme");
  assert.deepEqual(await active(), { name: "Acme", level: "1", expanded: "true", place: "1 of 1" });
  await press("ArrowDown", "Dallas");
  await page.keyboard.press("ArrowRight");
  await page.getByText("Paint", { exact: true }).waitFor();
  await press("ArrowRight", "Paint");
  assert.deepEqual(await active(), { name: "Paint", level: "3", expanded: "false", place: "1 of 3" });
  await press("ArrowLeft", "Dallas");
  await page.keyboard.press("ArrowLeft");
  await page.getByText("Paint", { exact: true }).waitFor({ state: "detached" });
  await press("End", "Munich");
  await press("a", "Acme");
  await page.context().close();
});

test("a value is set, and the plant is seen to confirm it", async () => {
  const page = await open(SET_POINT);
  await page.getByLabel("New value").fill("not a number");
  await page.getByRole("button", { name: "Set…" }).click();
  await page.getByText("Float: a number", { exact: false }).nth(1).waitFor();
  assert.equal(await page.locator("dialog").count(), 0, "nothing to confirm");
  await page.getByLabel("New value").fill("171.5");
  await page.getByLabel("New value").press("Enter");
  const question = page.getByRole("dialog");
  await question.getByText("171.5 °C").waitFor();
  await question.getByText("Acme:Dallas:Paint / Line1 / Oven1", { exact: false }).waitFor();
  await question.getByRole("button", { name: "Send" }).click();
  await page.getByText("Confirmed").waitFor();
  await page.waitForFunction(() => document.querySelector(".reading .big")?.textContent === "171.5");
  const sample = await factree.get("/api/v1/values/Acme/Dallas/Paint/Line1/Oven1/Zone/1/SetPoint");
  assert.equal(sample.value, 171.5);
  await page.context().close();
});

test("what is not confirmed is not sent", async () => {
  const page = await open(SET_POINT);
  const before = await factree.get("/api/v1/values/Acme/Dallas/Paint/Line1/Oven1/Zone/1/SetPoint");
  await page.getByLabel("New value").fill("1");
  await page.getByRole("button", { name: "Set…" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const now = await factree.get("/api/v1/values/Acme/Dallas/Paint/Line1/Oven1/Zone/1/SetPoint");
  assert.equal(now.value, before.value);
  assert.equal(await page.getByText("Sent", { exact: true }).count(), 0);
  await page.context().close();
});

test("path, topic and curl are copied as they are", async () => {
  const page = await open(SET_POINT);
  const copied = async (button) => {
    await page.getByRole("button", { name: button }).click();
    await page.getByRole("button", { name: "Copied" }).waitFor();
    const text = await page.evaluate(() => navigator.clipboard.readText());
    await page.getByRole("button", { name: button }).waitFor();
    return text;
  };
  assert.equal(await copied("Copy path"), "Acme/Dallas/Paint/Line1/Oven1/Zone/1/SetPoint");
  assert.equal(await copied("Copy topic"), "spBv1.0/Acme:Dallas:Paint/DDATA/Line1/Oven1");
  assert.equal(
    await copied("Copy curl"),
    `curl -s '${factree.url}/api/v1/values/Acme/Dallas/Paint/Line1/Oven1/Zone/1/SetPoint'`,
  );
  await page.context().close();
});

test("a rebirth is asked for, and one more at once is refused in words", async () => {
  const page = await open("/edge-nodes?group=Acme%3ADallas%3APaint&edge_node=Line2");
  const ask = async () => {
    await page.getByRole("button", { name: "Ask for a rebirth…" }).click();
    await page.getByRole("dialog").getByRole("button", { name: "Ask" }).click();
  };
  await ask();
  await page.getByText("Asked", { exact: true }).waitFor();
  await ask();
  await page.getByText("A rebirth has just been asked for").waitFor();
  await page.context().close();
});

for (const [scheme, pages] of [
  ["light", PAGES],
  ["dark", SOME_PAGES],
]) {
  test(`nobody is kept out of a page, ${scheme}`, async () => {
    for (const path of pages) {
      const page = await open(path, { scheme });
      await page.locator("main h1, main [role=treeitem]").first().waitFor();
      await page.waitForFunction(() => document.querySelector("main")?.innerText.length > 60);
      assert.deepEqual(await barriers(page), [], `${path}, ${scheme}`);
      await page.context().close();
    }
  });
}

test("nobody is kept out on a phone, and nothing is wider than it", async () => {
  for (const path of PAGES) {
    const page = await open(path, { width: 390, height: 844, phone: true });
    await page.locator("main h1:visible, main [role=treeitem]:visible").first().waitFor();
    if (SOME_PAGES.includes(path)) assert.deepEqual(await barriers(page), [], path);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= 390, `${path} is ${width} wide`);
    await page.context().close();
  }
});
