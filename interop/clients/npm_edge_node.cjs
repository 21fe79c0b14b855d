// An Edge Node made of the npm package `sparkplug-client`, told what to do by a test.
//
// One JSON object per line on stdin is an order, one per line on stdout is something that happened. The package does
// the Sparkplug and the MQTT; this file only carries orders to it, so what the broker sees is what it does in a plant, and
// answers a command as a controller does: it takes the value and says so.
// 64-bit integers and times come and go as digits, bytes as hexadecimal digits.
// Knows nothing of Factree or of what the test expects.

'use strict';

const readline = require('node:readline');
const Long = require('long');
const sparkplug = require('sparkplug-client');

const WIDE = { Int64: false, UInt64: true, DateTime: true };

const QUALITY = { Good: 192, Bad: 0, Stale: 500 };

let client;
let options;
let node = [];
const devices = new Map();

const happened = (event, more = {}) => process.stdout.write(JSON.stringify({ event, ...more }) + '\n');

/** What the package wants as a metric: 64 bits as a Long, no number as a number. */
function metric({ name, type, value, alias, timestamp, unit, quality }) {
  const made = { name, type, value: valueOf(type, value), timestamp: timestamp ?? Date.now() };
  if (alias !== undefined) made.alias = alias;
  if (unit !== undefined) made.properties = { engUnit: { type: 'String', value: unit } };
  if (quality !== undefined) made.properties = { ...made.properties, Quality: { type: 'Int32', value: QUALITY[quality] } };
  return made;
}

function valueOf(type, value) {
  if (value === null) return null;
  if (type in WIDE) return Long.fromString(String(value), WIDE[type]);
  switch (type) {
    case 'Float':
    case 'Double':
      return Number(value);
    case 'Bytes':
    case 'File':
      return Buffer.from(value, 'hex');
    case 'DataSet':
      return { numOfColumns: value.columns.length, ...value };
    case 'Template':
      return template(value);
    default:
      return value;
  }
}

function template({ definition, ref, version, members, parameters = [] }) {
  const made = { isDefinition: definition ?? false, metrics: members.map(metric), parameters };
  if (ref !== undefined) made.templateRef = ref;
  if (version !== undefined) made.version = version;
  return made;
}

/** The package adds to what it is given (seq, bdSeq), so each message gets its own. */
const payload = (metrics) => ({ timestamp: Date.now(), metrics: metrics.map(metric) });

function birth() {
  const rebirth = { name: 'Node Control/Rebirth', type: 'Boolean', value: false };
  client.publishNodeBirth(payload([rebirth, ...node]), options);
  for (const [device, metrics] of devices) client.publishDeviceBirth(device, payload(metrics), options);
  happened('born');
}

/** A later Birth carries the latest values. */
function remember(known, metrics) {
  return known.map((metric) => ({ ...metric, ...metrics.find(({ name }) => name === metric.name) }));
}

const orders = {
  connect({ port, group, edge_node, client_id, keep_alive, reconnect, compress, node: metrics, devices: all }) {
    node = metrics;
    if (compress) options = { compress: true, algorithm: compress };
    for (const [device, metrics] of Object.entries(all)) devices.set(device, metrics);
    client = sparkplug.newClient({
      serverUrl: `tcp://127.0.0.1:${port}`, username: '', password: '', clientId: client_id,
      groupId: group, edgeNode: edge_node, publishDeath: true, keepalive: keep_alive,
      mqttOptions: { reconnectPeriod: reconnect ? 250 : 0 },
    });
    client.on('birth', birth);
    client.on('close', () => happened('closed'));
    client.on('error', (error) => happened('error', { error: String(error) }));
    client.on('ncmd', ({ metrics }) => command(undefined, metrics));
    client.on('dcmd', (device, { metrics }) => command(device, metrics));
  },
  node_data({ metrics }) {
    node = remember(node, metrics);
    client.publishNodeData(payload(metrics), options);
  },
  device_data({ device, metrics, by_alias }) {
    if (devices.has(device)) devices.set(device, remember(devices.get(device), metrics));
    const named = (metric) => (by_alias ? { ...metric, name: undefined } : metric);
    client.publishDeviceData(device, payload(metrics.map(named)), options);
  },
  device_birth({ device, metrics }) {
    devices.set(device, metrics);
    client.publishDeviceBirth(device, payload(metrics), options);
  },
  device_death({ device }) {
    devices.delete(device);
    client.publishDeviceDeath(device, { timestamp: Date.now(), metrics: [] });
  },
  /** A Device that is known here and that the broker has heard nothing of. */
  device_unborn({ device, metrics }) {
    devices.set(device, metrics);
  },
  stop() {
    client.on('close', () => process.exit(0));
    client.stop();
  },
};

/** What a command has brought, as `valueOf` takes it. */
function saidOf(type, value) {
  if (value === null || value === undefined) return null;
  if (Long.isLong(value)) return value.toString();
  switch (type) {
    case 'Bytes':
    case 'File':
      return Buffer.from(value).toString('hex');
    case 'DataSet':
      return { columns: value.columns, types: value.types, rows: value.rows };
    case 'Template': {
      const members = value.metrics.map(({ name, type, value }) => ({ name, type, value: saidOf(type, value) }));
      return { ref: value.templateRef, version: value.version ?? undefined, members };
    }
    default:
      return value;
  }
}

/** What is set is taken, told to the test and said again as data. */
function command(device, metrics) {
  const known = device === undefined ? node : (devices.get(device) ?? []);
  const told = [];
  const answer = [];
  for (const set of metrics) {
    const mine = known.find(({ name, alias }) => (set.name ? name === set.name : Long.fromValue(set.alias ?? -1).equals(alias ?? -2)));
    const value = saidOf(set.type, set.value);
    told.push({ name: mine?.name ?? set.name, type: set.type, value });
    if (mine !== undefined) answer.push({ ...mine, value, timestamp: undefined });
  }
  happened('command', { device, metrics: told });
  if (told.some(({ name, value }) => name === 'Node Control/Rebirth' && value === true)) birth();
  if (answer.length === 0) return;
  if (device === undefined) orders.node_data({ metrics: answer });
  else orders.device_data({ device, metrics: answer });
}

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const { order, ...what } = JSON.parse(line);
  orders[order](what);
  happened('done', { order });
}).on('close', () => process.exit(0));
