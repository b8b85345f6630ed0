/** BPF_OBJ_GET_INFO_BY_FD for links: the common fields, those of the kind, and the texts and lists that pointers ask for. */
import type { InfoAttr } from '../../../uapi/attr/attr.ts';
import { claimedLength, faults, isNullBuffer } from '../../../uapi/attr/user-buffer.ts';
import { ERRNO } from '../../../uapi/errno.ts';
import { INFO_LAYOUTS, type InfoField, type InfoKind, type InfoValues } from '../../../uapi/info-layout.ts';
import type { LinkObject } from '../../object/link.ts';

type Given = Readonly<Record<string, Uint8Array>>;
const WORD = 8;

/** What fills the struct, or -errno: as much of each buffer as there is room for is written before that. */
export function linkInfo(
  link: LinkObject,
  { buffers = {} }: InfoAttr['info'],
): { readonly kind: InfoKind; readonly values: InfoValues } | number {
  const { kind, values, texts = {}, words = {} } = link.hook.info();
  const lengths: InfoValues = {};
  const fields: readonly InfoField[] = INFO_LAYOUTS[kind].fields;
  const countOf = (name: string): string => fields.find((f) => f.name === name)?.count ?? '';
  for (const [name, text] of Object.entries(texts)) {
    const bytes = new TextEncoder().encode(`${text}\0`);
    lengths[countOf(name)] = bytes.length;
    const bad = giveText(buffers[name], bytes, name === 'path');
    if (bad < 0) return bad;
  }
  const lists = Object.entries(words);
  const bad = lists.length === 0 ? 0 : giveWords(buffers, lists);
  if (bad < 0) return bad;
  for (const [name, list] of lists) lengths[countOf(name)] = list.length;
  return { kind, values: { type: link.type, id: link.id, prog_id: link.prog.id, ...values, ...lengths } };
}

/** A buffer and its length go together, and too little room gets what fits; of a path nothing. */
export function giveText(to: Uint8Array | undefined, text: Uint8Array, whole: boolean): number {
  const room = claimedLength(to);
  if (isNullBuffer(to) !== (room === 0)) return -ERRNO.EINVAL;
  if (to === undefined || room === 0) return 0;
  if (whole && room < text.length) return -ERRNO.ENAMETOOLONG;
  if (faults(to)) return -ERRNO.EFAULT;
  const fits = room >= text.length;
  to.set(fits ? text : text.subarray(0, room));
  if (!fits) to[room - 1] = 0;
  return fits ? 0 : -ERRNO.ENOSPC;
}

/** Lists of one length: the room of all is one number. */
function giveWords(given: Given, lists: readonly (readonly [name: string, list: readonly bigint[]])[]): number {
  const asked = lists.filter(([name]) => !isNullBuffer(given[name]));
  const room = Math.max(...lists.map(([name]) => claimedLength(given[name]) / WORD));
  if (asked.length > 0 && room === 0) return -ERRNO.EINVAL;
  // Addresses of functions are not left out where a number of them is said.
  if (room > 0 && lists.some(([name]) => name === 'addrs') && isNullBuffer(given['addrs'])) return -ERRNO.EINVAL;
  for (const [name, list] of asked) {
    const to = given[name];
    if (faults(to)) return -ERRNO.EFAULT;
    const view = new DataView(to.buffer, to.byteOffset, to.byteLength);
    for (let i = 0; i < Math.min(list.length, to.length / WORD); i++) view.setBigUint64(i * WORD, list[i], true);
  }
  return asked.some(([, list]) => room < list.length) ? -ERRNO.ENOSPC : 0;
}
