/** Bytes to layers: what a header says is believed as far as the bytes go. */
import { readFields, sizeOf } from './fields.ts';
import { type DecodedLayer, type LayerName, LAYERS } from './layers.ts';

/**
 * The layers of a packet, the outermost first. What is no header that is known, or too short for one, is payload; bytes that headers do
 * not count are a trailer. Nothing is lost: built again, the layers are the same bytes.
 * @param first the layer that the bytes begin with. Default: `eth`
 */
export function decodePacket(bytes: Uint8Array, first: LayerName = 'eth'): DecodedLayer[] {
  const layers: DecodedLayer[] = [];
  let content = bytes;
  let trailer = bytes.subarray(bytes.length);
  for (let name: LayerName | undefined = first; name !== undefined; ) {
    const read = readLayer(name, content);
    if (read === undefined) break;
    layers.push(read.layer);
    content = content.subarray(read.headerSize);
    if (read.contentSize < content.length) {
      // The bytes behind stand together: those of an inner header come before those of an outer one.
      trailer = bytes.subarray(bytes.length - trailer.length - (content.length - read.contentSize));
      content = content.subarray(0, read.contentSize);
    }
    name = LAYERS[name].next(read.layer as never, content);
  }
  if (content.length > 0) layers.push({ layer: 'payload', bytes: content.slice() });
  if (trailer.length > 0) layers.push({ layer: 'trailer', bytes: trailer.slice() });
  return layers;
}

interface Read {
  readonly layer: DecodedLayer;
  readonly headerSize: number;
  readonly contentSize: number;
}

/** A header at the beginning of some bytes; undefined when it is none. */
function readLayer(name: LayerName, bytes: Uint8Array): Read | undefined {
  const def = LAYERS[name];
  const fixed = sizeOf(def.fields);
  if (bytes.length < fixed) return undefined;
  const values = readFields(def.fields, bytes);
  if (def.accepts?.(values) === false) return undefined;
  const rest = bytes.subarray(fixed);
  const tailSize = def.tail?.size(values, rest) ?? 0;
  if (tailSize < 0 || tailSize > rest.length) return undefined;
  const tail = def.tail?.read(rest.subarray(0, tailSize), values);
  const headerSize = fixed + tailSize;
  const available = bytes.length - headerSize;
  const said = def.contentSize?.(values, headerSize) ?? available;
  return {
    layer: { layer: name, ...values, ...tail } as unknown as DecodedLayer,
    headerSize,
    contentSize: said < 0 || said > available ? available : said,
  };
}
