/** The header and the extent of its two sections (btf_parse_hdr, btf_check_sec_info). */
import { ERRNO } from '../../uapi/errno.ts';
import { BTF_HEADER_SIZE, BTF_MAX_NAME_OFFSET, BTF_MAGIC, BTF_VERSION } from '../header.ts';
import type { CheckLog } from './log.ts';
import { Refused } from './log.ts';

/** Checks the header; returns the type section as words. */
export function checkHeader(bytes: Uint8Array, log: CheckLog): Uint32Array {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (bytes.length < 8) log.failBare('hdr_len not found');
  const length = view.getUint32(4, true);
  if (bytes.length < length) log.failBare('btf_header not found');
  // A later kernel's header is fine as long as it says nothing that this one does not know.
  for (let at = BTF_HEADER_SIZE; at < length; at++)
    if (bytes[at] !== 0) log.failBare('Unsupported btf_header', ERRNO.E2BIG);
  const header = new Uint8Array(BTF_HEADER_SIZE);
  header.set(bytes.subarray(0, Math.min(length, BTF_HEADER_SIZE)));
  const h = new DataView(header.buffer);
  const [typeOff, typeLen, strOff, strLen] = [8, 12, 16, 20].map((at) => h.getUint32(at, true));
  const hex = (v: number): string => `0x${v.toString(16)}`;
  log.good(() =>
    [
      `magic: ${hex(h.getUint16(0, true))}`,
      `version: ${h.getUint8(2)}`,
      `flags: ${hex(h.getUint8(3))}`,
      `hdr_len: ${h.getUint32(4, true)}`,
      `type_off: ${typeOff}`,
      `type_len: ${typeLen}`,
      `str_off: ${strOff}`,
      `str_len: ${strLen}`,
      `btf_total_size: ${bytes.length}`,
    ].join('\n'),
  );
  if (h.getUint16(0, true) !== BTF_MAGIC) log.failBare('Invalid magic');
  if (h.getUint8(2) !== BTF_VERSION) log.failBare('Unsupported version', ERRNO.ENOTSUPP);
  if (h.getUint8(3) !== 0) log.failBare('Unsupported flags', ERRNO.ENOTSUPP);
  if (bytes.length === length) log.failBare('No data');
  const sections = [
    { off: typeOff, len: typeLen },
    { off: strOff, len: strLen },
  ];
  checkSections(bytes.length - length, sections, log);
  checkStrings(bytes, length + strOff, strLen, log);
  if (typeOff & 3) log.failBare('Unaligned type_off');
  if (typeLen === 0) log.failBare('No type found');
  const words = new Uint32Array(typeLen >>> 2);
  for (let i = 0; i < words.length; i++) words[i] = view.getUint32(length + typeOff + i * 4, true);
  if (typeLen & 3) throw new Refused(ERRNO.EINVAL);
  return words;
}

/** Both sections, in order of offset, must fill what follows the header without gap or overlap. */
function checkSections(total: number, sections: { off: number; len: number }[], log: CheckLog): void {
  // The kernel sorts by the difference as an int: offsets beyond 2 GiB come first.
  sections.sort((a, b) => (a.off - b.off) | 0 || (a.len - b.len) | 0);
  let end = 0;
  for (const s of sections) {
    if (s.off > total) log.failBare('Invalid section offset');
    if (s.off > end) log.failBare('Unsupported section found');
    if (s.off < end) log.failBare('Section overlap found');
    if (s.len > total - end) log.failBare('Total section length too long');
    end += s.len;
  }
  if (end !== total) log.failBare('Unsupported section found');
}

function checkStrings(bytes: Uint8Array, start: number, length: number, log: CheckLog): void {
  if (start + length !== bytes.length) log.failBare('String section is not at the end');
  if (length === 0 || length - 1 > BTF_MAX_NAME_OFFSET || bytes[start + length - 1] !== 0)
    log.failBare('Invalid string section');
  if (bytes[start] !== 0) log.failBare('Invalid string section');
}
