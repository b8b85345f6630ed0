#!/usr/bin/env node
/** The executable: this process's arguments, streams and exit code. */
import * as nodeModule from 'node:module';
import { setFlagsFromString } from 'node:v8';
import { EXIT } from './shell/exit.ts';
import { processIo } from './shell/io.ts';

// A verification is over before code that inlines much has paid for its compilation. Before anything is cached: flags are part of the key.
if (process.argv[2] === 'verify') setFlagsFromString('--max-inlined-bytecode-size-cumulative=150');
// Newer Node keeps compiled code between runs, which halves the start.
const { enableCompileCache } = nodeModule as { enableCompileCache?: () => void };
enableCompileCache?.();

// A reader that has seen enough (head) is no error.
process.stdout.on('error', (e: NodeJS.ErrnoException) => process.exit(e.code === 'EPIPE' ? EXIT.ok : EXIT.input));
const { skep } = await import('./skep.ts');
process.exitCode = await skep(process.argv.slice(2), processIo());
