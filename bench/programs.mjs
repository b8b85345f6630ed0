/** The list of benchmark programs: object in bench/programs, and what kind of work it measures. */
export const PROGRAMS = [
  { name: 'alu64', kinds: ['compute'] },
  { name: 'alu32', kinds: ['compute'] },
  { name: 'sort', kinds: ['compute'] },
  { name: 'csum', kinds: ['compute'] },
  { name: 'branchy', kinds: ['compute'] },
  { name: 'parser', kinds: ['compute'] },
  { name: 'counter', kinds: ['map'] },
  { name: 'hash', kinds: ['map', 'helper'] },
  { name: 'calls', kinds: ['call'] },
  { name: 'callback', kinds: ['call', 'helper'] },
  { name: 'atomic', kinds: ['atomic'] },
];
