/** Ethernet: lengths and protocol numbers of packets (if_ether.h). */

/** Bytes of an address. */
export const ETH_ALEN = 6;
/** Bytes of a header. */
export const ETH_HLEN = 14;
/** Least protocol number that is no length (802.3). */
export const ETH_P_802_3_MIN = 0x0600;

export const ETH_P_802_3 = 0x0001;
export const ETH_P_802_2 = 0x0004;
export const ETH_P_IP = 0x0800;
export const ETH_P_8021Q = 0x8100;
export const ETH_P_IPV6 = 0x86dd;
export const ETH_P_8021AD = 0x88a8;
