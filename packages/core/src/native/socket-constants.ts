/** Numbers of the Linux socket interface (socket(7), ip(7), ipv6(7), tcp(7)). */
export const LEVEL_SOCKET = 1;
export const LEVEL_IP = 0;
export const LEVEL_IPV6 = 41;
export const LEVEL_TCP = 6;

export const SO_REUSEADDR = 2;
export const SO_RECEIVE_BUFFER = 8;
export const SO_KEEPALIVE = 9;
export const SO_REUSEPORT = 15;
export const SO_BINDTODEVICE = 25;
export const SO_MARK = 36;

export const IP_TOS = 1;
export const IP_RECEIVE_TOS = 13;
export const IP_TRANSPARENT = 19;
/** Of IP sockets to ask for the original destination, and of the control message that tells it. */
export const IP_ORIGINAL_DESTINATION = 20;

export const IPV6_ONLY = 26;
export const IPV6_RECEIVE_TRAFFIC_CLASS = 66;
export const IPV6_TRAFFIC_CLASS = 67;
export const IPV6_ORIGINAL_DESTINATION = 74;
export const IPV6_TRANSPARENT = 75;

/** Of netfilter: where a redirected connection was going, on both levels. */
export const SO_ORIGINAL_DESTINATION = 80;

export const TCP_NODELAY = 1;
export const TCP_KEEP_IDLE = 4;
export const TCP_KEEP_INTERVAL = 5;
export const TCP_FAST_OPEN = 23;
export const TCP_FAST_OPEN_CONNECT = 30;

export const PROTOCOL_MPTCP = 262;
