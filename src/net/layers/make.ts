/** Layers by calls: `packet(eth(), ipv4({ dst: '10.0.0.9' }), udp({ dport: 53 }), 'query')`. */
import type { HeaderFields, Layer, LayerName, Payload, Trailer } from './layers.ts';

const layer =
  <N extends LayerName>(name: N) =>
  (fields: Partial<HeaderFields[N]> = {}): Layer =>
    ({ layer: name, ...fields }) as unknown as Layer;

/** An Ethernet header. */
export const eth = layer('eth');
/** An IEEE 802.1Q tag. */
export const vlan = layer('vlan');
/** An MPLS label. */
export const mpls = layer('mpls');
/** ARP for IPv4. */
export const arp = layer('arp');
/** An IPv4 header. */
export const ipv4 = layer('ipv4');
/** An IPv6 header. */
export const ipv6 = layer('ipv6');
/** Hop-by-hop options of IPv6. */
export const hopopts = layer('hopopts');
/** Destination options of IPv6. */
export const dstopts = layer('dstopts');
/** A routing header of IPv6. */
export const routing = layer('routing');
/** A fragment header of IPv6. */
export const fragment = layer('fragment');
/** A TCP header. */
export const tcp = layer('tcp');
/** A UDP header. */
export const udp = layer('udp');
/** An ICMP message. */
export const icmp = layer('icmp');
/** An ICMPv6 message. */
export const icmp6 = layer('icmp6');
/** A GRE header. */
export const gre = layer('gre');
/** A VXLAN header. */
export const vxlan = layer('vxlan');
/** A Geneve header. */
export const geneve = layer('geneve');
/** What a packet carries. */
export const payload = (bytes: Uint8Array): Payload => ({ layer: 'payload', bytes });
/** Bytes behind a packet. */
export const trailer = (bytes: Uint8Array): Trailer => ({ layer: 'trailer', bytes });
