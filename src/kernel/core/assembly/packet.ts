/** Packet helpers that only copy: the layout of struct sk_buff and xdp_buff comes from the target's BTF. */
import { EINVAL, copyBytes } from './common';

const EFAULT: i32 = -14;
let skbData: u32 = 0;
let skbLen: u32 = 0;
let skbDataLen: u32 = 0;
let skbHead: u32 = 0;
let skbTail: u32 = 0;
let skbMacHeader: u32 = 0;
let skbNetworkHeader: u32 = 0;
let xdpData: u32 = 0;
let xdpDataEnd: u32 = 0;
let xdpHardStart: u32 = 0;
let xdpFrameSize: u32 = 0;
let xdpFlags: u32 = 0;
let sharedInfoSize: u32 = 0;
let sharedFragsSize: u32 = 0;
let sharedFrags: u32 = 0;

/** Byte offsets of the members named; guest pointers lie in the low halves. */
export function set_skb_layout(data: u32, len: u32, dataLen: u32): void {
  skbData = data;
  skbLen = len;
  skbDataLen = dataLen;
}
export function set_skb_header_layout(head: u32, tail: u32, macHeader: u32, networkHeader: u32): void {
  skbHead = head;
  skbTail = tail;
  skbMacHeader = macHeader;
  skbNetworkHeader = networkHeader;
}
export function set_xdp_layout(data: u32, dataEnd: u32): void {
  xdpData = data;
  xdpDataEnd = dataEnd;
}

export function set_xdp_frags_layout(hardStart: u32, frameSize: u32, flags: u32, infoSize: u32, fragsSize: u32, frags: u32): void {
  xdpHardStart = hardStart;
  xdpFrameSize = frameSize;
  xdpFlags = flags;
  sharedInfoSize = infoSize;
  sharedFragsSize = fragsSize;
  sharedFrags = frags;
}

/** bpf_skb_load_bytes: the destination is cleared when the packet is too short. */
export function skb_load_bytes(skb: u32, off: u32, to: u32, len: u32): i32 {
  const linear = load<u32>(skb + skbLen) - load<u32>(skb + skbDataLen);
  if (off > linear || len > linear - off) {
    memory.fill(to, 0, len);
    return EFAULT;
  }
  copyBytes(to, load<u32>(skb + skbData) + off, len);
  return 0;
}

/** SKF_NET_OFF, SKF_LL_OFF: negative offsets of LD_ABS and LD_IND count from the network or link-layer header. */
const SKF_NET_OFF: i32 = -0x100000;
const SKF_LL_OFF: i32 = -0x200000;
const HEADER_UNSET: u32 = 0xffff;

/** Where the `size` bytes of an LD_ABS or LD_IND lie; 0 when the packet does not hold them. */
function skbPointer(skb: u32, off: i32, size: i32): u32 {
  if (off >= 0) {
    const linear = <i32>(load<u32>(skb + skbLen) - load<u32>(skb + skbDataLen));
    return linear - off >= size ? load<u32>(skb + skbData) + off : 0;
  }
  if (off < SKF_LL_OFF) return 0;
  const net = off >= SKF_NET_OFF;
  const header: u32 = load<u16>(skb + (net ? skbNetworkHeader : skbMacHeader));
  if (!net && header === HEADER_UNSET) return 0;
  const at = <i32>header + off - (net ? SKF_NET_OFF : SKF_LL_OFF);
  return at + size <= <i32>load<u32>(skb + skbTail) ? load<u32>(skb + skbHead) + at : 0;
}
/** bpf_skb_load_helper_8, _16 and _32: the bytes at an offset in host order, or -EFAULT. */
export function skb_load_helper_8(skb: u32, off: i32): i32 {
  const p = skbPointer(skb, off, 1);
  return p === 0 ? EFAULT : <i32>load<u8>(p);
}
export function skb_load_helper_16(skb: u32, off: i32): i32 {
  const p = skbPointer(skb, off, 2);
  return p === 0 ? EFAULT : <i32>bswap<u16>(load<u16>(p));
}
export function skb_load_helper_32(skb: u32, off: i32): i64 {
  const p = skbPointer(skb, off, 4);
  return p === 0 ? EFAULT : <i64>bswap<u32>(load<u32>(p));
}

/** struct skb_frag: the page in 8 bytes, length, offset. */
const FRAG_SIZE: u32 = 16;
const FRAG_LENGTH: usize = 8;
const FRAG_OFFSET: usize = 12;
const XDP_HAS_FRAGS: u32 = 1;

// @ts-ignore: decorator
@inline function xdpShared(xdp: u32): u32 {
  return load<u32>(xdp + xdpHardStart) + load<u32>(xdp + xdpFrameSize) - sharedInfoSize;
}
// @ts-ignore: decorator
@inline function xdpLinear(xdp: u32): u32 {
  return load<u32>(xdp + xdpDataEnd) - load<u32>(xdp + xdpData);
}

/** Copies between a buffer and a packet of which some lies in fragments; the range is inside the packet. */
function xdpCopyFrags(xdp: u32, off: u32, buf: u32, len: u32, write: bool): void {
  let part = xdpLinear(xdp);
  let at = load<u32>(xdp + xdpData);
  let frag = xdpShared(xdp) + sharedFrags;
  while (len > 0) {
    if (off < part) {
      const n = min(len, part - off);
      if (write) memory.copy(at + off, buf, n);
      else memory.copy(buf, at + off, n);
      buf += n;
      len -= n;
      off += n;
    }
    off -= part;
    at = load<u32>(frag) + load<u32>(frag, FRAG_OFFSET);
    part = load<u32>(frag, FRAG_LENGTH);
    frag += FRAG_SIZE;
  }
}
/** What does not lie in the linear part. */
function xdpCopyBeyond(xdp: u32, off: u32, buf: u32, len: u32, write: bool): i32 {
  if (off + len > xdp_get_buff_len(xdp)) return EINVAL;
  xdpCopyFrags(xdp, off, buf, len, write);
  return 0;
}
export function xdp_load_bytes(xdp: u32, off: u32, buf: u32, len: u32): i32 {
  if (off > 0xffff || len > 0xffff) return EFAULT;
  const data = load<u32>(xdp + xdpData);
  if (off + len > load<u32>(xdp + xdpDataEnd) - data) return xdpCopyBeyond(xdp, off, buf, len, false);
  memory.copy(buf, data + off, len);
  return 0;
}
export function xdp_store_bytes(xdp: u32, off: u32, buf: u32, len: u32): i32 {
  if (off > 0xffff || len > 0xffff) return EFAULT;
  const data = load<u32>(xdp + xdpData);
  if (off + len > load<u32>(xdp + xdpDataEnd) - data) return xdpCopyBeyond(xdp, off, buf, len, true);
  memory.copy(data + off, buf, len);
  return 0;
}
export function xdp_get_buff_len(xdp: u32): u32 {
  const frags = load<u32>(xdp + xdpFlags) & XDP_HAS_FRAGS;
  return xdpLinear(xdp) + (frags ? load<u32>(xdpShared(xdp) + sharedFragsSize) : 0);
}
