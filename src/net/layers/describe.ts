/** Packets as text: a line for each layer, and what is wrong in it. */
import { packet } from './build.ts';
import { decodePacket } from './decode.ts';
import { type DecodedLayer, type Layer, type LayerName, LAYERS } from './layers.ts';

/** What headers count for themselves: left out, they are made right. */
const COUNTED = ['ihl', 'totalLength', 'checksum', 'payloadLength', 'length', 'dataOffset', 'optionsLength'];

/** A field whose value is not what the rest of the packet makes it. */
export interface WrongField {
  /** Which layer, from 0. */
  readonly layer: number;
  readonly field: string;
  readonly value: number;
  /** What it would be. */
  readonly right: number;
}

/** Lengths and checksums of a packet that are wrong. A UDP checksum of 0, which is none, is not. */
export function wrongFields(layers: readonly DecodedLayer[]): WrongField[] {
  const wrong: WrongField[] = [];
  for (const [i, layer] of layers.entries()) {
    for (const field of COUNTED) {
      const value = (layer as unknown as Record<string, unknown>)[field];
      if (typeof value !== 'number' || (layer.layer === 'udp' && field === 'checksum' && value === 0)) continue;
      if (layer.layer === 'gre') continue;
      const right = rightValue(layers, i, field);
      if (right !== undefined && right !== value) wrong.push({ layer: i, field, value, right });
    }
  }
  return wrong;
}

/** The value of a field when everything else stays; undefined when the packet does not read the same then. */
function rightValue(layers: readonly DecodedLayer[], i: number, field: string): number | undefined {
  const without = layers.map((layer, j) => (j === i ? { ...layer, [field]: undefined } : layer));
  const first = layers[0].layer;
  if (first === 'payload' || first === 'trailer') return undefined;
  const again = decodePacket(packet(...(without as readonly Layer[])), first)[i];
  return again?.layer === layers[i].layer ? (again as unknown as Record<string, number>)[field] : undefined;
}

/** The text of a value: addresses and numbers as they are, flags in hexadecimal, bytes in hexadecimal, options as a list. */
function valueText(value: unknown, hex: boolean): string {
  if (value instanceof Uint8Array) return bytesText(value);
  if (Array.isArray(value)) return `[${value.map((v) => valueText(v, false)).join(', ')}]`;
  if (typeof value === 'object' && value !== null)
    return Object.entries(value)
      .map(([k, v]) => (v === true ? k : `${k} ${valueText(v, false)}`))
      .join(' ');
  return typeof value === 'number' && hex ? `0x${value.toString(16)}` : String(value);
}

function bytesText(bytes: Uint8Array): string {
  const shown = Array.from(bytes.subarray(0, 32), (b) => b.toString(16).padStart(2, '0')).join('');
  return `${bytes.length} bytes${bytes.length === 0 ? '' : ` ${shown}`}${bytes.length > 32 ? '...' : ''}`;
}

/** The fields of a layer as text, by name. */
function fieldTexts(layer: DecodedLayer): [name: string, text: string][] {
  const { layer: name, ...fields } = layer as unknown as Record<string, unknown>;
  const hex = new Set(LAYERS[name as LayerName]?.fields.filter((f) => f.hex).map((f) => f.name) ?? []);
  return Object.entries(fields).map(([field, value]) => [field, valueText(value, hex.has(field))]);
}

/** Text of packets: a line for each layer; what is wrong says what would be right. */
export function describePacket(bytes: Uint8Array, first: LayerName = 'eth'): string {
  const layers = decodePacket(bytes, first);
  const wrong = wrongFields(layers);
  return layers
    .map((layer, i) => {
      const texts = fieldTexts(layer).map(([field, text]) => {
        const bad = wrong.find((w) => w.layer === i && w.field === field);
        return `${field} ${text}${bad === undefined ? '' : ` (right: ${valueText(bad.right, field === 'checksum')})`}`;
      });
      return `${layer.layer.padEnd(8)} ${texts.join(', ')}`;
    })
    .join('\n');
}

/**
 * Where two packets differ, as lines of text: layers that are the same by name alone, of others the fields that differ, `-` what was
 * expected and `+` what is there. Empty when the bytes are the same.
 */
export function diffPackets(expected: Uint8Array, actual: Uint8Array, first: LayerName = 'eth'): string[] {
  if (expected.length === actual.length && expected.every((byte, i) => byte === actual[i])) return [];
  const [a, b] = [decodePacket(expected, first), decodePacket(actual, first)];
  const lines: string[] = [];
  for (let i = 0; i < Math.max(a.length, b.length); i++) {
    if (a[i]?.layer !== b[i]?.layer) {
      if (a[i] !== undefined) lines.push(`- ${lineOf(a[i])}`);
      if (b[i] !== undefined) lines.push(`+ ${lineOf(b[i])}`);
    } else lines.push(...diffLayers(a[i], b[i]));
  }
  return lines;
}

const lineOf = (layer: DecodedLayer): string =>
  `${layer.layer.padEnd(8)} ${fieldTexts(layer)
    .map(([field, text]) => `${field} ${text}`)
    .join(', ')}`;

function diffLayers(expected: DecodedLayer, actual: DecodedLayer): string[] {
  const [a, b] = [new Map(fieldTexts(expected)), new Map(fieldTexts(actual))];
  const lines = [`  ${expected.layer}`];
  for (const name of new Set([...a.keys(), ...b.keys()])) {
    if (a.get(name) === b.get(name)) continue;
    if (a.has(name)) lines.push(`-   ${name} ${a.get(name)}`);
    if (b.has(name)) lines.push(`+   ${name} ${b.get(name)}`);
  }
  return lines;
}
