/** Layers to bytes: from the inside out, so that lengths and checksums are those of what is there. */
import { internetChecksum, parseAddress } from '../address.ts';
import type { Checksum, LayerDef } from './def.ts';
import { type LayerValues, PacketError, sizeOf, writeFields } from './fields.ts';
import { type Layer, type LayerName, LAYERS } from './layers.ts';

/** What a packet is made of: layers from the outside in, and bytes or text as what they carry. */
export type PacketPart = Layer | Uint8Array | string;

/**
 * Builds a packet from its layers, the outermost first. Lengths, checksums and the numbers of what follows are made right where a layer
 * does not give them: a value that is given is written as it is, right or wrong. Throws PacketError, with layer and field.
 */
export function packet(...parts: readonly PacketPart[]): Uint8Array {
  const layers = parts.map(layerOf);
  const headers = layers.filter((l): l is Header => l.layer !== 'payload' && l.layer !== 'trailer');
  let content: Uint8Array = new Uint8Array(0);
  let trailer: Uint8Array = new Uint8Array(0);
  let inside = headers.length;
  for (const [i, layer] of [...layers.entries()].reverse()) {
    if (layer.layer === 'trailer') {
      if (content.length > 0 || inside < headers.length)
        throw new PacketError('trailer', 'it stands behind everything else');
      trailer = joined(layer.bytes, trailer);
    } else if (layer.layer === 'payload') {
      if (inside < headers.length)
        throw new PacketError('payload', `a layer ${headers[inside].layer} stands behind it`);
      content = joined(layer.bytes, content);
    } else {
      content = wrap(layer, { content, inside: headers.slice(inside).map((h) => h.layer), outer: layers.slice(0, i) });
      inside--;
    }
  }
  return joined(content, trailer);
}

type Header = Extract<Layer, { layer: LayerName }>;

function layerOf(part: PacketPart): Layer {
  if (typeof part === 'string') return { layer: 'payload', bytes: new TextEncoder().encode(part) };
  if (part instanceof Uint8Array) return { layer: 'payload', bytes: part };
  if (part.layer === 'payload' || part.layer === 'trailer') {
    if (part.bytes instanceof Uint8Array) return part;
    throw new PacketError(part.layer, 'its bytes are no Uint8Array');
  }
  const def = LAYERS[part.layer] as LayerDef | undefined;
  if (def === undefined) throw new PacketError(String(part.layer), 'there is no such layer');
  return part;
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((size, part) => size + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

interface Around {
  readonly content: Uint8Array;
  readonly inside: readonly LayerName[];
  readonly outer: readonly Layer[];
}

/** A header around its content. */
function wrap(layer: Header, { content, inside, outer }: Around): Uint8Array {
  const def = LAYERS[layer.layer];
  const given = layer as LayerValues;
  const tail = def.tail?.write(given) ?? new Uint8Array(0);
  const fixed = sizeOf(def.fields);
  const headerSize = fixed + tail.length;
  const place = { given, inside, contentSize: content.length, headerSize };
  const bytes = joined(new Uint8Array(fixed), tail, content);
  writeFields(layer.layer, def.fields, { ...def.defaults(place), ...defined(given) }, bytes);
  const { checksum } = def;
  if (checksum === undefined || given.checksum !== undefined) return bytes;
  const covered = checksum.covers === 'header' ? bytes.subarray(0, headerSize) : bytes;
  const sum = internetChecksum(pseudoHeader(checksum, covered.length, outer), covered);
  // A UDP checksum of 0 means that there is none.
  const written = sum === 0 && checksum.pseudo?.optional ? 0xffff : sum;
  bytes.set([written >>> 8, written & 255], checksum.at);
  return bytes;
}

const defined = (given: LayerValues): LayerValues =>
  Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined));

/** The addresses, protocol and length that checksums of transports cover, of the nearest IP around; empty without any. */
function pseudoHeader({ pseudo }: Checksum, length: number, outer: readonly Layer[]): Uint8Array {
  const ip = outer.findLast((l) => l.layer === 'ipv4' || l.layer === 'ipv6');
  if (pseudo === undefined || ip === undefined) return new Uint8Array(0);
  const { src, dst } = { ...LAYERS[ip.layer].defaults(NOWHERE), ...defined(ip) };
  const last = ip.layer === 'ipv6' ? finalDestination(outer.slice(outer.indexOf(ip))) : undefined;
  const addresses = joined(addressOf(ip.layer, 'src', src), last ?? addressOf(ip.layer, 'dst', dst));
  const { protocol } = pseudo;
  if (ip.layer === 'ipv4') return joined(addresses, Uint8Array.of(0, protocol, length >>> 8, length & 255));
  const size = [length >>> 24, (length >>> 16) & 255, (length >>> 8) & 255, length & 255];
  return joined(addresses, Uint8Array.from([...size, 0, 0, 0, protocol]));
}

/** Type of a segment routing header: its first segment is the last to be reached. */
const SEGMENT_ROUTING = 4;

/** Where a packet with a routing header goes in the end; undefined when it names no more places. */
function finalDestination(layers: readonly Layer[]): Uint8Array | undefined {
  const header = layers.find((l) => l.layer === 'routing');
  const { data = new Uint8Array(0), segmentsLeft = 0, type = SEGMENT_ROUTING } = header ?? {};
  if (segmentsLeft === 0 || data.length < 20) return undefined;
  return type === SEGMENT_ROUTING ? data.subarray(4, 20) : data.subarray(-16);
}

const NOWHERE = { given: {}, inside: [], contentSize: 0, headerSize: 0 };

function addressOf(layer: string, field: string, text: unknown): Uint8Array {
  try {
    return parseAddress(String(text));
  } catch {
    throw new PacketError(`${layer}.${field}`, `'${String(text)}' is no address`);
  }
}
