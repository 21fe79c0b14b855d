// Where people have to log in: who may look, who may set, who may manage the others, and what becomes of a session that ends.

import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { Browser, barriers } from "../browser.js";
import { Factree } from "../factree.js";
import { edgeNode } from "../plant.js";

const CONFIG = `
[auth]

[audit]
commands_require_reason = true

[[auth.role]]
name = "watcher"
grants = ["read tree:#", "read area:conformance"]
`;
const USERS = [
  { name: "root", password: "of all evil, some", roles: ["admin"] },
  { name: "wanda", password: "watches the press", roles: ["watcher"] },
];
const SPEED = "/ns/Acme/Dallas/Press/Line1/Robot3/Speed";

let factree;
let browser;
let node;

before(async () => {
  [factree, browser] = await Promise.all([Factree.start({ config: CONFIG, users: USERS }), Browser.start()]);
  node = await edgeNode({
    port: factree.mqtt,
    group: "Acme:Dallas:Press",
    node: "Line1",
    device: "Robot3",
    login: { username: "root", password: USERS[0].password },
    deviceMetrics: [{ name: "Speed", type: "Double", value: 20 }],
  });
});
after(async () => {
  await node.kill();
  await browser.close();
  await factree.close();
});

async function logIn(page, { name, password }) {
  await page.getByLabel("Name").fill(name);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Log in" }).click();
}

test("nothing is shown before somebody has logged in, and then what was asked for", async () => {
  const page = await browser.open(factree.url + SPEED);
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  assert.deepEqual(await barriers(page), []);
  assert.equal(await page.getByText("Robot3").count(), 0);
  await logIn(page, { ...USERS[1], password: "guessed, and wrong" });
  await page.getByText("Name or password is wrong.").waitFor();
  await logIn(page, USERS[1]);
  await page.locator(".reading").getByText("Good").waitFor();
  assert.equal(page.url(), factree.url + SPEED);
  await page.getByText("Live", { exact: true }).waitFor();
  await page.context().close();
});

test("who may only look is offered nothing else", async () => {
  const page = await browser.open(factree.url + SPEED);
  await logIn(page, USERS[1]);
  await page.locator(".reading").getByText("Good").waitFor();
  assert.equal(await page.getByRole("button", { name: "Set…" }).count(), 0);
  const pages = await page.locator(".pages a:visible").allTextContents();
  assert.deepEqual(pages, ["Overview", "Namespace", "Edge Nodes", "Findings", "Unplaced"]);
  await page.goto(`${factree.url}/edge-nodes?group=Acme%3ADallas%3APress&edge_node=Line1`);
  await page.getByText("Online").first().waitFor();
  assert.equal(await page.getByRole("button", { name: "Ask for a rebirth…" }).count(), 0);
  await page.goto(`${factree.url}/`);
  await page.getByText("What happened last").waitFor();
  await page.getByText("Acme:Dallas:Press / Line1").first().waitFor();
  await page.locator("#who summary").click();
  await page.getByText("You may look, and set nothing.").waitFor();
  assert.deepEqual(await barriers(page), []);
  await page.getByRole("button", { name: "Log out" }).click();
  await page.getByRole("heading", { name: "Log in" }).waitFor();
  await page.context().close();
});

test("a value is set with a reason, and who did it stands in the audit log", async () => {
  const page = await browser.open(factree.url + SPEED);
  await logIn(page, USERS[0]);
  await page.getByLabel("New value").fill("21.5");
  await page.getByRole("button", { name: "Set…" }).click();
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByRole("alert").getByText("saying why", { exact: false }).waitFor();
  await page.getByLabel("Why?", { exact: false }).fill("It was too slow");
  await page.getByRole("button", { name: "Send" }).click();
  await page.getByText("Sent", { exact: true }).waitFor();
  await page.goto(`${factree.url}/audit?target=${encodeURIComponent("Acme/Dallas/Press")}`);
  const entry = page.locator("tbody tr", { hasText: "It was too slow" }).first();
  await entry.getByText("user:root").waitFor();
  await entry.getByText("21.5").first().waitFor();
  assert.deepEqual(await barriers(page), []);
  const csv = await page.getByRole("link", { name: "CSV" }).getAttribute("href");
  const text = await page.evaluate((csv) => fetch(csv).then((answer) => answer.text()), csv);
  assert.match(text, /It was too slow/);
  await page.context().close();
});

test("users are added and disabled, keys made and revoked, and a key is shown once", async () => {
  const page = await browser.open(`${factree.url}/access`);
  await logIn(page, USERS[0]);
  await page.getByRole("button", { name: "New user…" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Name").fill("otto");
  await dialog.getByLabel("Password", { exact: false }).fill("short");
  await dialog.getByLabel("watcher").check();
  await dialog.getByRole("button", { name: "Add" }).click();
  await dialog.getByRole("alert").getByText("8", { exact: false }).waitFor();
  await dialog.getByLabel("Password", { exact: false }).fill("long enough to do");
  await dialog.getByRole("button", { name: "Add" }).click();
  const otto = page.locator("tr", { hasText: "otto" }).first();
  await otto.getByText("watcher").waitFor();
  assert.deepEqual(await barriers(page), []);

  const his = await browser.open(factree.url + SPEED);
  await logIn(his, { name: "otto", password: "long enough to do" });
  await his.locator(".reading").getByText("Good").waitFor();
  await otto.getByRole("button", { name: "Disable…" }).click();
  await dialog.getByRole("button", { name: "Disable" }).click();
  await otto.getByText("Disabled").waitFor();
  await his.getByText("Your session has ended.").waitFor({ timeout: 15_000 });
  assert.equal(await his.locator(".reading").count(), 0, "what he saw is gone");
  await his.context().close();

  await page.locator("tr", { hasText: "root" }).first().getByRole("button", { name: "Disable…" }).click();
  await dialog.getByRole("button", { name: "Disable" }).click();
  await dialog.getByRole("alert").getByText("admin", { exact: false }).waitFor();
  await dialog.getByRole("button", { name: "Cancel" }).click();

  await page.getByRole("button", { name: "New key…" }).click();
  await dialog.getByLabel("What for").fill("historian");
  await dialog.getByLabel("Whose").fill("wanda");
  await dialog.getByRole("button", { name: "Make it" }).click();
  const secret = await dialog.locator(".secret").textContent();
  await dialog.getByRole("button", { name: "I have it" }).click();
  const reads = (key) =>
    fetch(`${factree.url}/api/v1/namespace`, { headers: { authorization: `Bearer ${key}` } }).then(
      ({ status }) => status,
    );
  assert.equal(await reads(secret), 200);
  const key = page.locator("tr", { hasText: "historian" });
  await key.getByRole("button", { name: "Revoke…" }).click();
  await dialog.getByRole("button", { name: "Revoke" }).click();
  await key.waitFor({ state: "detached" });
  assert.equal(await reads(secret), 401);
  await page.context().close();
});

test("a name in a token is shut out, and let in again", async () => {
  const page = await browser.open(`${factree.url}/access`);
  await logIn(page, USERS[0]);
  const dialog = page.getByRole("dialog");
  await page.getByRole("button", { name: "Shut out…" }).click();
  await dialog.getByLabel("Name").fill("carl / line 1");
  await dialog.getByLabel("Where it stands").selectOption("certificate");
  await dialog.getByRole("button", { name: "Shut out" }).click();
  const carl = page.locator("tr", { hasText: "certificate:carl / line 1" });
  await carl.waitFor();
  assert.deepEqual(await barriers(page), []);
  await carl.getByRole("button", { name: "Let in…" }).click();
  await dialog.getByRole("button", { name: "Let in" }).click();
  await page.getByText("Nobody.").waitFor();
  await page.context().close();
});

test("a password is changed by its owner, and what was open is logged out", async () => {
  const page = await browser.open(`${factree.url}/account`);
  await logIn(page, USERS[1]);
  await page.getByLabel("Current password").fill(USERS[1].password);
  await page.getByLabel("New password", { exact: false }).fill("watches two presses");
  await page.getByLabel("The same again").fill("watches two presses");
  await page.getByRole("button", { name: "Change it" }).click();
  await page.getByText("Your session has ended.").waitFor();
  await logIn(page, { name: "wanda", password: "watches two presses" });
  await page.getByRole("heading", { name: "Password and keys" }).waitFor();
  await page.context().close();
});

test("the pages of those who manage others keep nobody out, on a phone and in the dark", async () => {
  for (const [path, more] of [
    ["/access", { scheme: "dark" }],
    ["/account", { scheme: "dark" }],
    ["/audit", { width: 390, height: 844, phone: true }],
    ["/access", { width: 390, height: 844, phone: true }],
  ]) {
    const page = await browser.open(factree.url + path, more);
    await logIn(page, USERS[0]);
    await page.locator("tbody tr").first().waitFor();
    assert.deepEqual(await barriers(page), [], path);
    const width = await page.evaluate(() => document.documentElement.scrollWidth);
    assert.ok(width <= (more.width ?? 1440), `${path} is ${width} wide`);
    await page.context().close();
  }
});
