/** The layers of a packet, by name. */
import type { LayerDef } from './def.ts';
import { ARP, type ArpFields, ETH, type EthFields, MPLS, type MplsFields, VLAN, type VlanFields } from './ethernet.ts';
import { ICMP, ICMP6, type IcmpFields } from './icmp.ts';
import {
  DSTOPTS,
  FRAGMENT,
  type FragmentFields,
  HOPOPTS,
  IPV4,
  IPV6,
  type Ipv4Fields,
  type Ipv6Fields,
  type OptionsHeaderFields,
  ROUTING,
  type RoutingFields,
} from './ip.ts';
import { TCP, type TcpFields, UDP, type UdpFields } from './transport.ts';
import { GENEVE, type GeneveFields, GRE, type GreFields, VXLAN, type VxlanFields } from './tunnel.ts';

/** The fields of each kind of header. */
export interface HeaderFields {
  readonly eth: EthFields;
  readonly vlan: VlanFields;
  readonly mpls: MplsFields;
  readonly arp: ArpFields;
  readonly ipv4: Ipv4Fields;
  readonly ipv6: Ipv6Fields;
  readonly hopopts: OptionsHeaderFields;
  readonly dstopts: OptionsHeaderFields;
  readonly routing: RoutingFields;
  readonly fragment: FragmentFields;
  readonly tcp: TcpFields;
  readonly udp: UdpFields;
  readonly icmp: IcmpFields;
  readonly icmp6: IcmpFields;
  readonly gre: GreFields;
  readonly vxlan: VxlanFields;
  readonly geneve: GeneveFields;
}

/** The name of a kind of header. */
export type LayerName = keyof HeaderFields;

/** Bytes that are no header: what a packet carries. */
export interface Payload {
  readonly layer: 'payload';
  readonly bytes: Uint8Array;
}

/** Bytes behind the packet that its headers do not count, as the padding of short frames. */
export interface Trailer {
  readonly layer: 'trailer';
  readonly bytes: Uint8Array;
}

/** A layer to build: what is left out is what makes the packet right. */
export type Layer =
  | { readonly [N in LayerName]: { readonly layer: N } & Partial<HeaderFields[N]> }[LayerName]
  | Payload
  | Trailer;

/** A layer that was read, with all its fields; options are left out where there are none. */
export type DecodedLayer =
  | { readonly [N in LayerName]: { readonly layer: N } & HeaderFields[N] }[LayerName]
  | Payload
  | Trailer;

/** Every kind of header. */
export const LAYERS: Readonly<Record<LayerName, LayerDef>> = {
  eth: ETH,
  vlan: VLAN,
  mpls: MPLS,
  arp: ARP,
  ipv4: IPV4,
  ipv6: IPV6,
  hopopts: HOPOPTS,
  dstopts: DSTOPTS,
  routing: ROUTING,
  fragment: FRAGMENT,
  tcp: TCP,
  udp: UDP,
  icmp: ICMP,
  icmp6: ICMP6,
  gre: GRE,
  vxlan: VXLAN,
  geneve: GENEVE,
};
