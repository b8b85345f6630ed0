/** The list of benchmark programs: object and source in bench/programs, and what kind of work each measures. */
export const PROGRAMS = [
  { name: 'alu64', kinds: ['compute'] },
  { name: 'alu32', kinds: ['compute'] },
  { name: 'siphash', kinds: ['compute'] },
  { name: 'sort', kinds: ['compute'] },
  { name: 'csum64', kinds: ['compute'] },
  { name: 'csum512', kinds: ['compute'] },
  { name: 'csum1500', kinds: ['compute'] },
  { name: 'headers', kinds: ['compute'] },
  { name: 'branchy', kinds: ['compute'] },
  { name: 'opcodes', kinds: ['compute'] },
  { name: 'parser', kinds: ['compute'] },
  { name: 'vm', kinds: ['compute'] },
  { name: 'strings', kinds: ['compute'] },
  { name: 'tables', kinds: ['compute'] },
  { name: 'counter', kinds: ['map'] },
  { name: 'percpu', kinds: ['map'] },
  { name: 'hash', kinds: ['map', 'helper'] },
  { name: 'lru', kinds: ['map', 'helper'] },
  { name: 'lpm', kinds: ['map', 'helper'] },
  { name: 'lb', kinds: ['map', 'helper'] },
  { name: 'ringbuf', kinds: ['helper'], ringBytes: { size: 1 << 23, run: 4 * 56 } },
  { name: 'helpers', kinds: ['helper'] },
  { name: 'callback', kinds: ['call', 'helper'] },
  { name: 'calls', kinds: ['call'] },
  { name: 'chain', kinds: ['call'] },
  { name: 'atomic', kinds: ['atomic'] },
  { name: 'atomic32', kinds: ['atomic'] },
];

/** Programs run once a packet over a capture in memory: packets a second are what counts. */
export const THROUGHPUT = ['xdpcount', 'xdplb'];
