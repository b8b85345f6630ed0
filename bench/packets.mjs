/** The packets of the benchmarks: 1,500 pseudo-random bytes each, the same on every machine. */
export function makePackets(count, size = 1500) {
  let x = 0x2545f491;
  return Array.from({ length: count }, () => {
    const packet = new Uint8Array(size);
    for (let i = 0; i < size; i++) {
      x ^= x << 13;
      x ^= x >>> 17;
      x ^= x << 5;
      packet[i] = x;
    }
    return packet;
  });
}
