/** Packet helpers that only copy: the layout of struct sk_buff and xdp_buff comes from the target's BTF. */
import { EINVAL, copyBytes } from './common';

const EFAULT: i32 = -14;
let skbData: u32 = 0;
let skbLen: u32 = 0;
let skbDataLen: u32 = 0;
let xdpData: u32 = 0;
let xdpDataEnd: u32 = 0;

/** Byte offsets of the members named; guest pointers lie in the low halves. */
export function set_skb_layout(data: u32, len: u32, dataLen: u32): void {
  skbData = data;
  skbLen = len;
  skbDataLen = dataLen;
}
export function set_xdp_layout(data: u32, dataEnd: u32): void {
  xdpData = data;
  xdpDataEnd = dataEnd;
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

function xdpAt(xdp: u32, off: u32, len: u32): u32 {
  if (off > 0xffff || len > 0xffff) return <u32>EFAULT;
  const data = load<u32>(xdp + xdpData);
  if (off + len > load<u32>(xdp + xdpDataEnd) - data) return <u32>EINVAL;
  return data + off;
}
export function xdp_load_bytes(xdp: u32, off: u32, buf: u32, len: u32): i32 {
  const p = xdpAt(xdp, off, len);
  if (p >= 0xfffff001) return <i32>p;
  memory.copy(buf, p, len);
  return 0;
}
export function xdp_store_bytes(xdp: u32, off: u32, buf: u32, len: u32): i32 {
  const p = xdpAt(xdp, off, len);
  if (p >= 0xfffff001) return <i32>p;
  memory.copy(p, buf, len);
  return 0;
}
export function xdp_get_buff_len(xdp: u32): u32 { return load<u32>(xdp + xdpDataEnd) - load<u32>(xdp + xdpData); }
