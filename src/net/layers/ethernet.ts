/** Ethernet, its tags, MPLS and ARP. */
import { ETHERTYPES, type LayerDef, LOCAL_EXPERIMENT, num, type Place, SERVICE_TAG } from './def.ts';
import type { LayerName } from './layers.ts';

/** An Ethernet header, 14 bytes. */
export interface EthFields {
  /** Default: 02:00:00:00:00:02. */
  readonly dst: string;
  /** Default: 02:00:00:00:00:01. */
  readonly src: string;
  /** EtherType. Default: that of the next layer; 0x88a8 before two tags. */
  readonly type: number;
}

/** An IEEE 802.1Q tag, 4 bytes; two of them are QinQ. */
export interface VlanFields {
  /** Priority, 0 to 7. */
  readonly pcp: number;
  /** 1: may be dropped first. */
  readonly dei: number;
  /** VLAN id, 0 to 4095. */
  readonly id: number;
  /** EtherType of what follows. Default: that of the next layer. */
  readonly type: number;
}

/** An entry of an MPLS label stack, 4 bytes. */
export interface MplsFields {
  readonly label: number;
  /** Traffic class, 0 to 7. */
  readonly tc: number;
  /** Bottom of stack. Default: 1 when no other entry follows. */
  readonly bottom: number;
  /** Default: 64. */
  readonly ttl: number;
}

/** ARP for IPv4 over Ethernet, 28 bytes. */
export interface ArpFields {
  readonly hardware: number;
  readonly protocol: number;
  readonly hardwareSize: number;
  readonly protocolSize: number;
  /** 1 is a request, 2 a reply. Default: 1. */
  readonly op: number;
  readonly senderMac: string;
  readonly senderIp: string;
  readonly targetMac: string;
  readonly targetIp: string;
}

const MAC = { src: '02:00:00:00:00:01', dst: '02:00:00:00:00:02', none: '00:00:00:00:00:00' } as const;

const typeOf = ({ inside: [inner, second] }: Place): number =>
  inner === 'vlan' && second === 'vlan' ? SERVICE_TAG : (ETHERTYPES.of(inner) ?? LOCAL_EXPERIMENT);

export const ETH: LayerDef = {
  fields: [
    { name: 'dst', bits: 48, kind: 'mac' },
    { name: 'src', bits: 48, kind: 'mac' },
    { name: 'type', bits: 16, hex: true },
  ],
  defaults: (place) => ({ dst: MAC.dst, src: MAC.src, type: typeOf(place) }),
  next: ({ type }) => ETHERTYPES.layer(type),
};

export const VLAN: LayerDef = {
  fields: [
    { name: 'pcp', bits: 3 },
    { name: 'dei', bits: 1 },
    { name: 'id', bits: 12 },
    { name: 'type', bits: 16, hex: true },
  ],
  defaults: (place) => ({ type: typeOf(place) }),
  next: ({ type }) => ETHERTYPES.layer(type),
};

export const MPLS: LayerDef = {
  fields: [
    { name: 'label', bits: 20 },
    { name: 'tc', bits: 3 },
    { name: 'bottom', bits: 1 },
    { name: 'ttl', bits: 8 },
  ],
  defaults: ({ inside: [inner] }) => ({ bottom: inner === 'mpls' ? 0 : 1, ttl: 64 }),
  next: (values, content) => (num(values, 'bottom') === 0 ? 'mpls' : byVersion(content)),
};

/** MPLS does not say what it carries: IP shows by its version. */
function byVersion(content: Uint8Array): LayerName | undefined {
  const version = content[0] >>> 4;
  return version === 4 ? 'ipv4' : version === 6 ? 'ipv6' : undefined;
}

const FOR_IPV4 = { hardware: 1, protocol: 0x0800, hardwareSize: 6, protocolSize: 4 } as const;

export const ARP: LayerDef = {
  fields: [
    { name: 'hardware', bits: 16 },
    { name: 'protocol', bits: 16, hex: true },
    { name: 'hardwareSize', bits: 8 },
    { name: 'protocolSize', bits: 8 },
    { name: 'op', bits: 16 },
    { name: 'senderMac', bits: 48, kind: 'mac' },
    { name: 'senderIp', bits: 32, kind: 'ipv4' },
    { name: 'targetMac', bits: 48, kind: 'mac' },
    { name: 'targetIp', bits: 32, kind: 'ipv4' },
  ],
  defaults: () => ({
    ...FOR_IPV4,
    op: 1,
    senderMac: MAC.src,
    senderIp: '10.0.0.1',
    targetMac: MAC.none,
    targetIp: '10.0.0.2',
  }),
  accepts: (values) => Object.entries(FOR_IPV4).every(([name, value]) => values[name] === value),
  next: () => undefined,
};
