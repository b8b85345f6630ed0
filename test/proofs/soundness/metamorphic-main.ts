/** Command: changes that keep the meaning of generated programs keep their verdicts; `--no-live` asks no kernel. */
import { main } from './command.ts';
import { METAMORPHIC } from './metamorphic.ts';

await main(METAMORPHIC);
