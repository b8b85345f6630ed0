/** Command: pruning ablation over the project's objects, `--objects FOLDER`, its example programs, and generated programs. */
import { ABLATION } from './ablation.ts';
import { main } from './command.ts';

await main(ABLATION);
