/** The report of `skep run`: the run's own result, then events, maps and global variables. */
import type { Collection } from '../../lib/collection.ts';
import type { ProgramSpec } from '../../lib/spec.ts';
import { type CollectionEvents, eventJson, printEvents } from '../session/events.ts';
import { type Io, visible } from '../shell/io.ts';
import { toJson, jsonText, plainText } from '../shell/json-text.ts';
import { declaredMaps, mapJson, printMap, readGlobals } from '../session/map-dump.ts';
import { progTypeName } from '../shell/names.ts';
import { duration, grouped } from '../verify/verdict-text.ts';

/** The part that differs between one run and a capture. */
export interface RunReport {
  /** Members of the JSON line. */
  readonly json: Readonly<Record<string, unknown>>;
  print(io: Io): void;
}

interface Context {
  readonly collection: Collection;
  readonly reader: CollectionEvents | undefined;
  readonly object: string;
  /** The one that ran, or all that were attached. */
  readonly programs: readonly ProgramSpec[];
}

export function writeReport(io: Io, report: RunReport, json: boolean, context: Context): void {
  if (json) io.out(`${reportJson(report, context)}\n`);
  else printReport(io, report, context);
}

function reportJson(report: RunReport, { collection, reader, object, programs }: Context): string {
  const each = programs.map((program) => ({
    program: program.key,
    type: progTypeName(program.type),
    engine: collection.program(program.key).embedded?.engine ?? 'kernel',
  }));
  const head = { object, ...(each.length === 1 ? each[0] : { programs: each }), ...report.json };
  const parts = Object.entries(head).map(([k, v]) => `${toJson(k)}:${toJson(v)}`);
  const maps = declaredMaps(collection).map((m) => `${toJson(m.name)}:${mapJson(m)}`);
  parts.push(`"maps":{${maps.join(',')}}`, `"globals":${jsonText(readGlobals(collection))}`);
  if (reader?.active) parts.push(`"records":${reader.total}`);
  if (reader !== undefined && reader.lost > 0) parts.push(`"lost":${reader.lost}`);
  if (reader !== undefined && reader.events.length > 0)
    parts.push(`"events":[${reader.events.map(eventJson).join(',')}]`);
  return `{${parts.join(',')}}`;
}

function printProgram(io: Io, collection: Collection, program: ProgramSpec): void {
  const live = collection.program(program.key).embedded;
  const stats = live?.stats;
  const facts =
    live === undefined || stats === undefined
      ? 'loaded into the real kernel'
      : `accepted: ${grouped(stats.insnsProcessed)} insns, ${grouped(stats.totalStates)} states, ${duration(stats.timeUs)}; ` +
        (live.engine === 'jit' ? `JIT, ${grouped(live.codeSize)} bytes of WebAssembly` : 'interpreter');
  io.out(`${io.style('bold', visible(program.key))} ${io.style('dim', `${progTypeName(program.type)}, ${facts}`)}\n`);
}

function printReport(io: Io, report: RunReport, { collection, reader, programs }: Context): void {
  for (const program of programs) printProgram(io, collection, program);
  report.print(io);
  printEvents(io, reader?.events ?? []);
  if (reader?.active) printRecords(io, reader);
  for (const map of declaredMaps(collection)) printMap(io, map);
  const globals = Object.entries(readGlobals(collection));
  if (globals.length > 0) io.out(`${io.style('bold', 'global variables')}\n`);
  for (const [name, value] of globals) io.out(`  ${io.style('cyan', visible(name))}  ${visible(plainText(value))}\n`);
}

function printRecords(io: Io, reader: CollectionEvents): void {
  const lost = reader.lost > 0 ? `, ${grouped(reader.lost)} lost` : '';
  const hint = reader.total > 0 && reader.events.length === 0 ? ' (--events shows them)' : '';
  io.out(io.style('dim', `${grouped(reader.total)} records sent to user space${lost}${hint}\n`));
}
