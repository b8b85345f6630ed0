/** Every cause that a diagnosis may name, by id; what has none here is called by the id of its rejection. */
import { ARGUMENT } from './argument.ts';
import { ARITHMETIC } from './arithmetic.ts';
import type { Cause } from './cause.ts';
import { CONTEXT } from './context.ts';
import { LOADER } from './loader.ts';
import { LOOPS } from './loops.ts';
import { PACKET } from './packet.ts';
import { POINTER } from './pointer.ts';
import { REGISTER } from './register.ts';
import { RESOURCE } from './resource.ts';
import { BOUNDS } from './sizes.ts';

export const CAUSES: Readonly<Record<string, Cause>> = {
  ...ARGUMENT,
  ...ARITHMETIC,
  ...BOUNDS,
  ...CONTEXT,
  ...LOADER,
  ...LOOPS,
  ...PACKET,
  ...POINTER,
  ...REGISTER,
  ...RESOURCE,
};
