/** BPF_MAP_TYPE_LPM_TRIE: user side of the trie in the core. */
import { ERRNO } from '../../uapi/errno.ts';
import type { MapDesc } from '../rules/map-desc.ts';
import type { MapEnv } from './env.ts';
import type { BpfMap } from '../object/map.ts';
import { type CoreMapOps, withSizedLookup } from './core-ops.ts';
import { type Mutable, StoredMap, roundUp8 } from './stored-map.ts';

const OPS = { lookup: 'lpm_lookup', update: 'lpm_update', delete: 'lpm_delete' } as const satisfies CoreMapOps;

/** left, right, prefix length, branch flag. */
const NODE_HEADER = 16;

export class LpmTrieMap extends StoredMap {
  override readonly batch: BpfMap['batch'] = 'by-key';
  readonly #valueOff: number;

  constructor(env: MapEnv, desc: MapDesc) {
    super(env, desc);
    this.#valueOff = NODE_HEADER + roundUp8(desc.keySize - 4);
    (this.desc as Mutable<MapDesc>).core = withSizedLookup(OPS, 'lpm#_lookup', [8], desc.keySize);
    this.set('valueOff', this.#valueOff);
    this.set('stride', this.#valueOff + roundUp8(desc.valueSize));
  }

  protected doLookup(key: Uint8Array): Uint8Array | number {
    const addr = this.env.core.lpm_lookup(this.addr, this.env.scratch.key(key)) >>> 0;
    return addr === 0 ? -ERRNO.ENOENT : this.readValue(addr);
  }

  protected doUpdate(key: Uint8Array, value: Uint8Array, flags: number): number {
    const { scratch, core } = this.env;
    return core.lpm_update(this.addr, scratch.key(key), scratch.value(value, this.desc.valueSize), flags);
  }

  protected doDelete(key: Uint8Array): number {
    return this.env.core.lpm_delete(this.addr, this.env.scratch.key(key));
  }

  protected doNextKey(key: Uint8Array | null): Uint8Array | number {
    const { core, scratch, mem } = this.env;
    const out = scratch.out(this.desc.keySize);
    const result = core.lpm_next_key(this.addr, key ? scratch.key(key) : 0, out);
    return result < 0 ? result : mem.read(out, this.desc.keySize);
  }
}
