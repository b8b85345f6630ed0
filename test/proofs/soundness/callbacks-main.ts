/** Command: hostile callback loops and their safe twins. */
import { CALLBACKS } from './callbacks.ts';
import { main } from './command.ts';

await main(CALLBACKS);
