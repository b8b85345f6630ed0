/** One struct sk_buff with its data, struct sock and skb_shared_info in kernel memory, made once and refilled for each packet. */
import { ETH_HLEN, ETH_P_802_2, ETH_P_802_3, ETH_P_802_3_MIN, ETH_P_IP, ETH_P_IPV6 } from './if-ether.ts';
import { SHARED_INFO_SIZE, SKB_HEAD_NOTE, skbOffsets, SkbView } from './packet.ts';
import type { Restore, Saved } from '../../mem/saved.ts';
import type { WorldEnv } from '../env.ts';
import type { NetDevice } from './device.ts';

export const NET_SKB_PAD = 64;
/** Bytes of a packet in a page-sized buffer. */
export const SKB_MAX_LINEAR = 4096 - NET_SKB_PAD - SHARED_INFO_SIZE;

const AF_INET = 2;
const AF_INET6 = 10;
const PACKET = { HOST: 0, BROADCAST: 1, MULTICAST: 2, OTHERHOST: 3 } as const;

/** Offsets of the members that a driver fills beside those that helpers use, read once from the target's BTF. */
function driverOffsets(env: WorldEnv) {
  const skb = env.layouts.struct('sk_buff');
  const cb = skb.offset('cb');
  const qdisc = env.layouts.struct('qdisc_skb_cb');
  const shinfo = env.layouts.struct('skb_shared_info');
  const sock = env.layouts.struct('sock');
  return {
    ...skbOffsets(env.layouts),
    size: skb.size,
    tstamp: skb.offset('tstamp'),
    mark: skb.offset('mark'),
    priority: skb.offset('priority'),
    iif: skb.offset('skb_iif'),
    truesize: skb.offset('truesize'),
    users: skb.offset('users'),
    cbPktLen: cb + qdisc.offset('pkt_len'),
    cbData: cb + qdisc.offset('data'),
    gsoSize: shinfo.offset('gso_size'),
    gsoSegs: shinfo.offset('gso_segs'),
    hwtstamp: shinfo.offset('hwtstamps'),
    /** The part that a driver clears for each packet; the fragments behind it are counted by nr_frags. */
    shinfoHead: shinfo.offset('frags'),
    sockSize: sock.size,
    sockFamily: sock.offset('__sk_common.skc_family'),
    sockSaddr: sock.offset('__sk_common.skc_rcv_saddr'),
    sockDaddr: sock.offset('__sk_common.skc_daddr'),
    sockV6Saddr: sock.offset('__sk_common.skc_v6_rcv_saddr'),
    sockV6Daddr: sock.offset('__sk_common.skc_v6_daddr'),
  };
}

export class SkBuff implements Saved {
  /** Guest address of struct sk_buff: the context of a run. */
  readonly addr: number;
  readonly off: ReturnType<typeof driverOffsets>;
  readonly #fields: SkbView;
  readonly capacity: number;
  readonly #env: WorldEnv;
  readonly #blocks: readonly number[];
  readonly #head: number;
  readonly #template: number;
  readonly #shinfoWord: number;
  readonly #headWord: number;
  #from: NetDevice | undefined;
  #l2 = false;
  #sockSet = false;
  readonly #sock: number;
  readonly #view: DataView;

  /** @param addr where struct sk_buff is to lie, when the caller has room for it */
  constructor(env: WorldEnv, capacity = SKB_MAX_LINEAR, addr = 0) {
    const off = driverOffsets(env);
    this.#fields = new SkbView(env.mem, off);
    this.#env = env;
    this.#view = env.mem.view;
    this.off = off;
    // skb_shared_info follows the packet and is aligned as the kernel aligns it.
    this.capacity = ((capacity + NET_SKB_PAD + 63) & ~63) - NET_SKB_PAD;
    this.addr = addr || env.heap.alloc(off.size, 64);
    this.#sock = env.heap.alloc(off.sockSize, 64);
    const block = env.heap.alloc(SKB_HEAD_NOTE + NET_SKB_PAD + this.capacity + SHARED_INFO_SIZE, 64);
    this.#head = block + SKB_HEAD_NOTE;
    this.#template = env.heap.alloc(off.size, 64);
    this.#shinfoWord = (this.#head + NET_SKB_PAD + this.capacity) >>> 2;
    if (this.addr === 0 || this.#sock === 0 || block === 0 || this.#template === 0)
      throw new RangeError(`no memory for a packet of ${capacity} bytes`);
    this.#blocks = [this.#sock, block, this.#template, ...(addr === 0 ? [this.addr] : [])];
    env.mem.u32[block >>> 2] = 0;
    this.#headWord = (this.addr + off.head) >>> 2;
    env.mem.u32[this.#headWord] = this.#head;
  }

  /**
   * Fills the sk_buff from an Ethernet frame as if it came in on `device` (eth_type_trans). With `l2` the data begin at the
   * Ethernet header, as tc programs see them; otherwise at the network header.
   */
  load(frame: Uint8Array, device: NetDevice, l2: boolean): void {
    const { off, addr } = this;
    const { u8, u32 } = this.#env.mem;
    if (frame.length > this.capacity || frame.length < ETH_HLEN)
      throw new RangeError(`a packet of ${frame.length} bytes is not in ${ETH_HLEN}..${this.capacity}`);
    if (u32[this.#headWord] !== this.#head) this.#freeGrown();
    if (this.#from !== device || this.#l2 !== l2) this.#fillTemplate(device, l2);
    u8.copyWithin(addr, this.#template, this.#template + off.size);
    const data = this.#head + NET_SKB_PAD;
    u8.set(frame, data);
    u32.fill(0, this.#shinfoWord, this.#shinfoWord + (off.shinfoHead >>> 2));
    const length = frame.length - (l2 ? 0 : ETH_HLEN);
    u32[(addr + off.tail) >>> 2] = NET_SKB_PAD + frame.length;
    u32[(addr + off.len) >>> 2] = length;
    u32[(addr + off.cbPktLen) >>> 2] = length;
    // Not a multiple of four from its start in every kernel, hence the view.
    this.#view.setUint32(addr + off.cbDataEnd, data + frame.length, true);
    const protocol = etherProtocol(frame);
    u8[addr + off.protocol] = protocol >>> 8;
    u8[addr + off.protocol + 1] = protocol;
    u8[addr + off.__pkt_type_offset] |= packetType(frame, device);
    this.#fillSock(frame, protocol);
  }

  /** Everything that is the same for all packets of a device. */
  #fillTemplate(device: NetDevice, l2: boolean): void {
    const { off } = this;
    const view = this.#view;
    const at = this.#template;
    const end = NET_SKB_PAD + this.capacity;
    const data = this.#head + NET_SKB_PAD + (l2 ? 0 : ETH_HLEN);
    view.setUint32(at + off.head, this.#head, true);
    view.setUint32(at + off.data, data, true);
    view.setUint32(at + off.cbDataMeta, data, true);
    view.setUint32(at + off.end, end, true);
    view.setUint32(at + off.truesize, end + SHARED_INFO_SIZE + off.size, true);
    view.setUint32(at + off.users, 1, true);
    view.setUint32(at + off.dev, device.addr, true);
    view.setUint32(at + off.sk, this.#sock, true);
    view.setUint16(at + off.mac_header, NET_SKB_PAD, true);
    view.setUint16(at + off.network_header, NET_SKB_PAD + ETH_HLEN, true);
    view.setUint16(at + off.mac_len, ETH_HLEN, true);
    this.#from = device;
    this.#l2 = l2;
  }

  /** Family and addresses of the socket that the kernel lends the packet. */
  #fillSock(frame: Uint8Array, protocol: number): void {
    const { off } = this;
    const { u8 } = this.#env.mem;
    const sock = this.#sock;
    const v4 = protocol === ETH_P_IP;
    const v6 = protocol === ETH_P_IPV6;
    u8[sock + off.sockFamily] = v4 ? AF_INET : v6 ? AF_INET6 : 0;
    const has4 = v4 && frame.length >= ETH_HLEN + 20;
    const has6 = v6 && frame.length >= ETH_HLEN + 40;
    if (!has4 && !has6 && !this.#sockSet) return;
    for (let i = 0; i < 4; i++) {
      u8[sock + off.sockSaddr + i] = has4 ? frame[26 + i] : 0;
      u8[sock + off.sockDaddr + i] = has4 ? frame[30 + i] : 0;
    }
    for (let i = 0; i < 16; i++) {
      u8[sock + off.sockV6Saddr + i] = has6 ? frame[22 + i] : 0;
      u8[sock + off.sockV6Daddr + i] = has6 ? frame[38 + i] : 0;
    }
    this.#sockSet = has4 || has6;
  }

  /** Frees the larger buffer that a helper moved the packet to. */
  #freeGrown(): void {
    const { heap, mem } = this.#env;
    heap.free(mem.u32[this.#headWord] - SKB_HEAD_NOTE);
    mem.u32[this.#headWord] = this.#head;
  }

  get len(): number {
    return this.#fields.get32(this.addr, 'len');
  }
  get data(): number {
    return this.#fields.get32(this.addr, 'data');
  }
  /** Guest address of struct skb_shared_info. */
  get shinfo(): number {
    return this.#fields.get32(this.addr, 'head') + this.#fields.get32(this.addr, 'end');
  }
  /** Moves the start of the data back by `n` bytes of zeros; false when there is no memory for them. */
  pushZeros(n: number): boolean {
    const { heap, mem } = this.#env;
    const room = {
      alloc: (size: number, align = 8) => heap.alloc(size, align),
      free: (addr: number) => heap.free(addr),
    };
    if (this.#fields.headroom(this.addr) < n && !this.#fields.expand(room, this.addr, n, 0)) return false;
    this.#fields.push(this.addr, n);
    mem.u8.fill(0, this.data, this.data + n);
    return true;
  }

  /** The linear packet as it lies in memory now: valid until the next load. */
  packet(): Uint8Array {
    return this.#env.mem.u8.subarray(this.data, this.data + this.#fields.headlen(this.addr));
  }

  /** What it knows of its packet beside the memory. */
  save(): Restore {
    const [from, l2, sockSet] = [this.#from, this.#l2, this.#sockSet];
    return () => {
      this.#from = from;
      this.#l2 = l2;
      this.#sockSet = sockSet;
    };
  }

  dispose(): void {
    const { heap, mem, rcu } = this.#env;
    rcu.call(() => {
      if (mem.u32[this.#headWord] !== this.#head) this.#freeGrown();
      for (const block of this.#blocks) heap.free(block);
    });
  }
}

/** The protocol of a frame, 802.2 and raw 802.3 included (eth_type_trans). */
function etherProtocol(frame: Uint8Array): number {
  const type = (frame[12] << 8) | frame[13];
  if (type >= ETH_P_802_3_MIN) return type;
  return frame[14] === 0xff && frame[15] === 0xff ? ETH_P_802_3 : ETH_P_802_2;
}

function packetType(frame: Uint8Array, device: NetDevice): number {
  const { mac } = device;
  let same = true;
  let ones = 0xff;
  for (let i = 0; i < 6; i++) {
    if (mac[i] !== frame[i]) same = false;
    ones &= frame[i];
  }
  if (same) return PACKET.HOST;
  if ((frame[0] & 1) === 0) return PACKET.OTHERHOST;
  // The loopback device's broadcast address is zero.
  return ones === 0xff && device.ifindex !== 1 ? PACKET.BROADCAST : PACKET.MULTICAST;
}
