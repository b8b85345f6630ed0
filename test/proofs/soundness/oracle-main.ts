/** Command: the state oracle over the project's objects, `--objects FOLDER`, and generated programs; `--inputs N` runs of each. */
import { main } from './command.ts';
import { ORACLE } from './oracle.ts';

await main(ORACLE);
