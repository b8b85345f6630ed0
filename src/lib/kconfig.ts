/** Values of kernel configuration externs (`extern int CONFIG_HZ __kconfig`) as bytes of the .kconfig map. */
import { loaderError } from './errors.ts';
import type { ExternSpec } from './spec.ts';

/** Configuration by name: `y`, `m`, `n`, a number, or text in double quotes, as in the kernel's config file. */
export type Kconfig = ReadonlyMap<string, string>;

/** Reads the text of /boot/config-* or /proc/config.gz, unpacked. */
export function parseKconfig(text: string): Map<string, string> {
  const out = new Map<string, string>();
  for (const line of text.split('\n')) {
    const eq = line.indexOf('=');
    if (eq > 0 && line.startsWith('CONFIG_')) out.set(line.slice(0, eq), line.slice(eq + 1).trim());
  }
  return out;
}

export interface KconfigInputs {
  readonly kconfig?: Kconfig;
  /** KERNEL_VERSION(a, b, c): `a << 16 | b << 8 | c`. */
  readonly kernelVersion: number;
  /** Syscall handlers take one struct pt_regs (CONFIG_ARCH_HAS_SYSCALL_WRAPPER). */
  readonly syscallWrapper: boolean;
}

/** The .kconfig map's contents. Throws BpfError for a value that is missing (unless weak) or does not fit its type. */
export function kconfigContents(externs: readonly ExternSpec[], size: number, inputs: KconfigInputs): Uint8Array {
  const out = new Uint8Array(size);
  for (const ext of externs) {
    if (ext.kconfig === undefined) continue;
    const text = virtualValue(ext.name, inputs) ?? inputs.kconfig?.get(ext.name);
    if (text === undefined) {
      if (ext.weak) continue;
      throw loaderError(
        `resolve ${ext.name}`,
        'ESRCH',
        `kernel configuration does not say ${ext.name}, and it is not weak`,
      );
    }
    writeValue(out, ext, text);
  }
  return out;
}

/** Values that the loader knows, without the kernel's configuration. */
export const isVirtual = (name: string): boolean =>
  virtualValue(name, { kernelVersion: 0, syscallWrapper: true }) !== undefined;

function virtualValue(name: string, inputs: KconfigInputs): string | undefined {
  switch (name) {
    case 'LINUX_KERNEL_VERSION':
      return String(inputs.kernelVersion);
    case 'LINUX_HAS_BPF_COOKIE':
      return '1';
    case 'LINUX_HAS_SYSCALL_WRAPPER':
      return inputs.syscallWrapper ? '1' : '0';
    default:
      return undefined;
  }
}

/** Longest text that is taken for a number. */
const MAX_DIGITS = 64;

function writeValue(out: Uint8Array, ext: ExternSpec, text: string): void {
  const { type, size, signed, offset } = ext.kconfig as NonNullable<ExternSpec['kconfig']>;
  const refuse = (why: string): never => {
    throw loaderError(`resolve ${ext.name}`, 'EINVAL', `value ${shortened(text)} ${why}`);
  };
  if (text.startsWith('"')) {
    if (type !== 'char array') refuse(`is a string, the extern is ${type}`);
    const bytes = new TextEncoder().encode(text.slice(1, text.endsWith('"') ? -1 : undefined));
    out.set(bytes.subarray(0, size - 1), offset);
    return;
  }
  if (text === 'y' || text === 'm' || text === 'n') {
    if (type === 'char') out[offset] = text.charCodeAt(0);
    else if (type === 'tristate') out[offset] = text === 'y' ? 1 : text === 'm' ? 2 : 0;
    else if (type === 'bool') out[offset] = text === 'm' ? refuse('does not fit a bool') : text === 'y' ? 1 : 0;
    else refuse(`does not fit ${type}`);
    return;
  }
  if (text.length > MAX_DIGITS) refuse('has too many digits');
  if (!/^-?(0x[0-9a-f]+|\d+)$/i.test(text)) refuse('is no number');
  if (type !== 'int' && type !== 'char' && type !== 'bool') refuse(`is a number, the extern is ${type}`);
  const value = text.startsWith('-') ? -BigInt(text.slice(1)) : BigInt(text);
  const bits = size * 8;
  const fits = signed || value < 0n ? value === BigInt.asIntN(bits, value) : value === BigInt.asUintN(bits, value);
  if (!fits || (type === 'bool' && value > 1n)) refuse(`does not fit ${size} bytes`);
  for (let i = 0; i < size; i++) out[offset + i] = Number((value >> BigInt(8 * i)) & 255n);
}

const shortened = (text: string): string => (text.length > MAX_DIGITS ? `${text.slice(0, MAX_DIGITS)}...` : text);
