/** Command: sizes of buffers against the live kernel. `--unchecked` leaves out the checks, to see that overruns are seen. */
import { main } from '../soundness/command.ts';
import { BUFFERS } from './buffers.ts';

await main(BUFFERS);
