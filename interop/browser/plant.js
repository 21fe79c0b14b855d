// What publishes in a story: Edge Nodes that can be killed, and plain MQTT clients.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import mqtt from "mqtt";

const here = dirname(fileURLToPath(import.meta.url));

/** Starts an Edge Node; it is born when this returns. */
export async function edgeNode(what) {
  const child = spawn(process.execPath, [join(here, "edge_node.js"), JSON.stringify(what)], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  for await (const line of createInterface({ input: child.stdout })) if (line === "born") break;
  child.stdout.resume();
  return {
    /** `deviceDies`: its Device does, and it goes on. @param {string} order */
    say(order) {
      child.stdin.write(`${order}\n`);
    },
    /** As the power would. */
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const ended = once(child, "exit");
      child.kill("SIGKILL");
      await ended;
    },
  };
}

/** A connected MQTT client. */
export async function connect(port, clientId, more = {}) {
  return mqtt.connectAsync({ host: "127.0.0.1", port, protocol: "mqtt", clientId, reconnectPeriod: 0, ...more });
}

/** A plant that has every kind of trouble: what is unplaced, disputed, dead, and against the rules. */
export async function troubledPlant(port) {
  const temperature = {
    name: "Temperature",
    type: "Double",
    value: 71.5,
    properties: { engUnit: { type: "String", value: "°C" } },
  };
  // Before the Edge Node is there: afterwards it would be refused what that owns.
  const other = await connect(port, "legacy-gateway");
  await other.publishAsync("Acme/Dallas/Press/Line9/Press1/Temperature", "70.1", { qos: 1 });
  const nodes = [
    await edgeNode({ port, group: "ULM_Paint", node: "PLC 7", nodeMetrics: [temperature] }),
    await edgeNode({
      port,
      group: "Acme:Dallas:Press",
      node: "Line9",
      device: "Press1",
      deviceMetrics: [temperature, { name: "Stroke", type: "Int32", value: 12 }],
      gap: true,
    }),
    await edgeNode({ port, group: "Acme:Dallas:Press", node: "Line8", device: "Press1", deviceMetrics: [temperature] }),
  ];
  await nodes[2].kill();
  return {
    async close() {
      await other.endAsync();
      for (const node of nodes) await node.kill();
    },
  };
}

/** Placement rules under which the Edge Nodes of Ulm have no place. */
export const RULES = `
[namespace]
levels = ["enterprise", "site", "area", "work_center", "work_unit"]

[[namespace.sparkplug]]
group  = "{enterprise}:{site}:{area}"
node   = "{work_center:Line[0-9]+}"
device = "{work_unit}"
kinds  = { work_center = "production_line" }
`;
