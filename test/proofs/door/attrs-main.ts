/** Command: random attributes at the door of the embedded kernel, none of which may make it throw. */
import { main } from '../soundness/command.ts';
import { ATTRS } from './attrs.ts';

await main(ATTRS);
